"""Tables that only list what there is: the named data sets."""

from rich.console import Console
from rich.table import Table

from train import sources


def show_datasets() -> None:
    """Print the named data sets."""
    table = Table("name", "rows", "features", "from")
    for item in sources.names():
        table.add_row(item.name, str(item.rows), str(item.columns), item.origin)
    Console().print(table)
