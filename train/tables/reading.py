"""`Reading`: how a table is read, in one place for runs, steps, imports, campaigns and the command line.

What the options do is in `inkling.train.tables.assemble`, finding the table in `inkling.train.tables.sources`.
"""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from inkling.train.files.checked_json import Fields


@dataclass(frozen=True)
class Reading:
    """The options that decide about rows, split and codes.

    Attributes
    ----------
    source : str
        A named data set, or the path of a file.
    target : str or None
        The column of labels; None: the last one.
    seed : int
        Of the split, and of all that follows.
    bits : int
        Of the code of each feature, 1 to 8.
    ranges : str
        "span" quantises from the smallest to the largest training value; "fitted" puts the thresholds that matter on
        the leading bits.
    one_hot : bool
        Whether columns of texts become columns of 0 and 1.
    drop_missing : bool
        Whether rows with missing values are left out rather than refused.
    """

    source: str
    target: str | None = None
    seed: int = 42
    bits: int = 4
    ranges: str = "fitted"
    one_hot: bool = False
    drop_missing: bool = False

    def words(self, without: Collection[str] = ()) -> list[str]:
        """The table and options of `inkling run` that say the same, without the folders of this machine.

        without: options by name that a command has not, or says itself.
        """
        words = [Path(self.source).name]
        for field in fields(self)[1:]:
            value, option = getattr(self, field.name), "--" + field.name.replace("_", "-")
            if value is not None and value is not False and field.name not in without:
                words += [option] if value is True else [option, str(value)]
        return words

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(document: Fields) -> "Reading":
        """What `to_json` gave; an option that is not there has its default. Raises InputError."""
        read: dict[type, Callable[[str], Any]] = {str: document.text, int: document.integer, bool: document.flag}
        options: dict[str, Any] = {}
        for field in fields(Reading)[1:]:
            if document.has(field.name):
                options[field.name] = read[str if field.default is None else type(field.default)](field.name)
        return Reading(document.text("source"), **options)
