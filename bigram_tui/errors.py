"""What can go wrong by the user's hand rather than by ours."""


class UserError(Exception):
    """One line that says what is wrong and what to do; shown as it is, with exit status 2."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def one_line(text: object) -> str:
    """The text of a message, whose writer may have used several lines, in one."""
    return " ".join(str(text).split())
