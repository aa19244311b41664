"""The exit statuses of the program. If signal n ends it, the status is 128 + n."""

DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
