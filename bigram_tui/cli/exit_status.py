"""What the program tells its caller when it ends; a signal n ends it with 128 + n."""

DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
