"""The one exception that means "the user's input is wrong"; the command line prints it and exits with 2."""

MOST_CHARACTERS = 2000


class InputError(ValueError):
    """Wrong input: the message is one line that says what is wrong, where, and what to do."""

    def __init__(self, message: str) -> None:
        line = " ".join(message.split())
        # What libraries say of hostile files can hold what moves a terminal's cursor, and can be endless.
        line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line[: MOST_CHARACTERS + 1])
        super().__init__(line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 3] + "...")
