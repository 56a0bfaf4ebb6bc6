import io

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from inkling.reports.terminal.console import Terminal
from inkling.reports.terminal.table import Column, fit, show

COLUMNS = (Column("name", text=True), Column("kind", text=True, drop=2), Column("area\ncm2"), Column("n", drop=1))
texts = st.text(st.characters(codec="utf-8"), max_size=40)
figures = st.floats(0, 1e6).map(lambda x: f"{x:.3g}")
rows_of = st.lists(st.tuples(texts, texts, figures, figures), max_size=6)


def printed(rows: list[tuple[str, ...]], width: int, *, terminal: bool) -> list[str]:
    file = io.StringIO()
    show(COLUMNS, rows, Console(file=file, force_terminal=terminal, width=width, color_system=None))
    return file.getvalue().split("\n")


@given(rows_of, st.integers(30, 120))
def test_a_table_fits_and_its_figures_are_whole(rows: list[tuple[str, ...]], width: int) -> None:
    lines = printed(list(rows), width, terminal=True)
    assert max(map(cell_len, lines)) <= width
    for row in rows:
        assert any(row[2] in line for line in lines)


@given(rows_of)
def test_a_pipe_gets_every_column_and_one_line_for_each_row(rows: list[tuple[str, ...]]) -> None:
    lines = printed(list(rows), 20, terminal=False)
    assert lines[0].split() == ["name", "kind", "area", "cm2", "n"]
    assert len(lines) == len(rows) + 2 and lines[-1] == ""
    assert not any(c in line for line in lines for c in "\x1b\x07\r")


def test_columns_leave_by_their_number_and_names_fold_last() -> None:
    rows = [("a" * 30, "kind" * 5, "0.125", "3")]
    assert fit(COLUMNS, rows, 80)[0] == [0, 1, 2, 3]
    assert fit(COLUMNS, rows, 50)[0] == [0, 2, 3]
    assert fit(COLUMNS, rows, 37) == ([0, 2], [30, 5])
    assert fit(COLUMNS, rows, 20) == ([0, 2], [13, 5])


def test_a_console_keeps_names_from_steering_and_does_not_wrap() -> None:
    file = io.StringIO()
    Terminal(file=file, width=20).print("x\x1b[31m [red]y[/red] \u202e" + "z" * 40)
    assert file.getvalue() == "x\ufffd[31m [red]y[/red] \ufffd" + "z" * 40 + "\n"
