"""`Reading`: how a table is read, in one place for runs, steps, imports, campaigns and the command line.

What the options do is in `inkling.train.tables.assemble`, finding the table in `inkling.train.tables.sources`.
"""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from inkling.train.files.checked_json import Fields
from inkling.train.tables.csv_reader import Dialect
from inkling.train.tables.table import Choice

OPTIONS = {"test_file": "test"}
"""Names of options where they are not the fields' own."""
RARE = ("separator", "decimal")
"""Options that a command names only where they are not the usual ones."""


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
    separator, decimal : str
        What stands between fields of a text and before fractions, as in `inkling.train.tables.csv_reader.Dialect`.
    units_row : bool
        Whether the first line below the header of a text holds units.
    columns, drop : tuple of str
        The features that are read, () for all; columns that are not.
    group : str or None
        A column whose equal values keep rows on one side of the split; it is no feature.
    test_file : str or None
        A file with the test rows, which then are none of the table's.
    """

    source: str
    target: str | None = None
    seed: int = 42
    bits: int = 4
    ranges: str = "fitted"
    one_hot: bool = False
    drop_missing: bool = False
    separator: str = ""
    decimal: str = "."
    units_row: bool = False
    columns: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    group: str | None = None
    test_file: str | None = None

    @property
    def dialect(self) -> Dialect:
        """How a text is written. Raises InputError."""
        return Dialect(self.separator, self.decimal, self.units_row)

    @property
    def choice(self) -> Choice:
        """Which columns are read."""
        kept = () if self.target is None else (self.target,)
        return Choice(self.columns, self.drop, kept, () if self.group is None else (self.group,))

    def words(self, without: Collection[str] = ()) -> list[str]:
        """The table and options of `inkling run` that say the same, without the folders of this machine.

        without: options by name that a command has not, or says itself.
        """
        words = [Path(self.source).name]
        for field in fields(self)[1:]:
            value, option = getattr(self, field.name), "--" + OPTIONS.get(field.name, field.name.replace("_", "-"))
            if field.name in without or value in (None, False, ()) or (field.name in RARE and value == field.default):
                continue
            if isinstance(value, tuple):
                words += [word for item in value for word in (option, item)]
            elif value is True:
                words.append(option)
            else:
                words += [option, Path(value).name if field.name == "test_file" else str(value)]
        return words

    def to_json(self) -> dict[str, Any]:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @staticmethod
    def from_json(document: Fields) -> "Reading":
        """What `to_json` gave; an option that is not there has its default. Raises InputError."""
        read: dict[type, Callable[[str], Any]] = {
            str: document.text,
            int: document.integer,
            bool: document.flag,
            tuple: document.texts,
        }
        options: dict[str, Any] = {}
        for field in fields(Reading)[1:]:
            if document.has(field.name):
                options[field.name] = read[str if field.default is None else type(field.default)](field.name)
        return Reading(document.text("source"), **options)
