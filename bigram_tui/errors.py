"""What can go wrong by the user's hand rather than by ours."""


class UserError(Exception):
    """One line that says what is wrong and what to do; shown as it is, with exit status 2."""
