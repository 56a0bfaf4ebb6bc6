"""The one exception that means "the user's input is wrong"; the command line prints it and exits with 2."""


class InputError(ValueError):
    """Wrong input: the message is one line that says what is wrong, where, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
