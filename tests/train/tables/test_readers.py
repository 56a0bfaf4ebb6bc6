"""Every way in which a file can be wrong ends in one line that says so."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkling.approx.programs.process import python
from inkling.train.errors import InputError
from inkling.train.tables.csv_reader import Dialect
from inkling.train.tables.readers import read
from inkling.train.tables.table import Choice, not_numeric


def written(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        "a,b c,label\n1,2.5,x\n-3,4e1,y\n",
        "a;b c;label\r\n1;2.5;x\r\n-3;4e1;y\r\n",
        "\ufeffa\tb c\tlabel\n1\t2.5\tx\n-3\t4e1\ty",
        '"a","b c","label"\n"1","2.5","x"\n"-3","4e1","y"\n',
        " a , b c , label \n\n 1 , 2.5 , x \n\n -3 , 40 , y \n",
        '\n\na;"b c";label\n1;2.5;x\n-3;40;y\n',
    ],
)
def test_dialects_of_one_table(tmp_path: Path, content: str) -> None:
    table = read(written(tmp_path, content))
    assert table.name == "t" and table.columns == ("a", "b c", "label")
    assert [list(column) for column in table.cells] == [[1.0, -3.0], [2.5, 40.0], ["x", "y"]]
    assert table.lines is not None
    texts = content.splitlines()
    assert all(value in texts[line - 1] for value, line in zip("xy", table.lines, strict=True))


@pytest.mark.parametrize(
    ("content", "name", "dialect"),
    [
        ("a;b c;label\n1;2,5;x\n-3;40;y\n", "t.csv", Dialect(decimal=",")),
        ("a, b;b c;label\n1;2,5;x\n-3;4e1;y\n", "t.txt", Dialect(decimal=",")),
        ('"a","b c","label"\n"1","2,5","x"\n-3,40,y\n', "t.csv", Dialect(decimal=",")),
        ("a\tb, c\tlabel, d\n1\t2.5\tx\n-3\t40\ty\n", "t.tsv", Dialect()),
        ("a|b c|label\n1|2.5|x\n-3|4e1|y\n", "t.txt", Dialect(separator="|")),
        (' a   "b c"  label \n 1  2.5    x\n\n -3 40  y  \n', "t.txt", Dialect(separator="space")),
        ("a,b c,label\nm,s,-\n1,2.5,x\n-3,4e1,y\n", "t.csv", Dialect(units_row=True)),
        ("a;b c;label\nmm;°C;\n1;2,5;x\n-3;40;y\n", "t.csv", Dialect("semicolon", ",", True)),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_as_the_world_writes_them(
    tmp_path: Path, content: str, name: str, dialect: Dialect, encoding: str
) -> None:
    table = read(written(tmp_path, content.encode(encoding), name), dialect=dialect)
    assert [list(column) for column in table.cells] == [[1.0, -3.0], [2.5, 40.0], ["x", "y"]]


def test_a_decimal_comma_is_never_guessed(tmp_path: Path) -> None:
    german = written(tmp_path, "a;label\n20,39;x\n21,07;y\n", "g.csv")
    with pytest.raises(InputError, match=r"'20,39' in lines 2, 3; give --decimal ,"):
        raise not_numeric(read(german), [0])
    # With it a point is none before fractions: 1.234 is more than a thousand in such a file, or from elsewhere.
    both = written(tmp_path, "a;label\n20,39;x\n1.234;y\n", "b.csv")
    assert read(both, dialect=Dialect(decimal=",")).cells[0] == ("20,39", "1.234")
    with pytest.raises(InputError, match="--separator '::' is not one of comma"):
        Dialect(separator="::")
    with pytest.raises(InputError, match="--decimal ';' is neither"):
        Dialect(decimal=";")


def test_a_row_of_units_is_told_from_a_bad_value(tmp_path: Path) -> None:
    """A wrong value in the first row, beside a good one or above a class that comes again, is no unit."""
    for content in ("a,b,label\nbad,1,x\n1,2,y\n", "a,label\nbad,x\n1,y\n2,x\n", "a,label\nNA,x\n1,y\n2,z\n"):
        assert read(written(tmp_path, content)).rows == content.count("\n") - 1


def test_columns_are_chosen_before_their_cells_are_looked_at(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b,note,label\n1,2," + "x" * 5000 + ",u\n3,4,y,v\n")
    assert read(path, choice=Choice(drop=("note",))).columns == ("a", "b", "label")
    assert read(path, choice=Choice(only=("b",))).columns == ("b", "label")
    assert read(path, choice=Choice(only=("b",), kept=("a",))).columns == ("a", "b")
    pq.write_table(pa.table({"a": [1, 2], "b": [3, 4], "c": [[1], [2]]}), tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet", choice=Choice(drop=("c",))).columns == ("a", "b")
    for wrong, said in (
        (Choice(drop=("nota",)), r"no column 'nota' \(did you mean 'note'\?\)"),
        (Choice(only=("x",)), "choose --columns from"),
        (Choice(drop=("label",), kept=("label",)), "--drop 'label' names a column that is wanted"),
    ):
        with pytest.raises(InputError, match=said):
            read(path, choice=wrong)


def test_delimiters_within_quotation_marks_do_not_count(tmp_path: Path) -> None:
    table = read(written(tmp_path, '"a,,,";b\n"1";"x;y"\n'))
    assert table.columns == ("a,,,", "b") and table.cells[1] == ("x;y",)


def test_missing_values_and_texts(tmp_path: Path) -> None:
    table = read(written(tmp_path, "n,t,u\n1,NA,a_1\n?,x,1_000\nnan,,2\n,null,3\n"))
    assert np.array_equal(table.cells[0], [1, np.nan, np.nan, np.nan], equal_nan=True)
    assert table.cells[1] == ("", "x", "", "")
    assert table.cells[2] == ("a_1", "1_000", "2", "3")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n \n\n", "is empty"),
        (b"a,b\n", "a header but no rows"),
        (b"a,b\n\n\n", "a header but no rows"),
        (b"a,b\n1,2\n1,2,3\n", "line 3: 3 fields where the header names 2"),
        (b"a,b\n1,2\n\n\n1\n", "line 5: 1 fields where the header names 2"),
        (b'\na,b\n"1\n1",2\n1\n', "line 5: 1 fields"),
        (b"a,b,a,b\n1,2,3,4\n", "names 'a', 'b' more than once"),
        (b"a,,b\n1,2,3\n", "column 2 has no name"),
        (b"a b c\n1 2 3\n", "one column found"),
        (b"47,100,8\n0,89,2\n", "add a header line"),
        (b"a,b\n1,\x002\n", "binary file"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not UTF-8"),
        (b"a,b\n1,caf\xe9\n", "not UTF-8"),
        ("a,b\n1,2\n".encode("utf-32"), "not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16-le"), "binary file"),
        (b"\xff\xfea\x00,\x00b", "not UTF-16 text"),
        (b"temp,label\ndegC,-\n1,x\n2,y\n", r"line 2 looks like a row of units \('degC', '-'\).*--units-row"),
        (b"temp,hum,label\n[C],,\n1,5,x\n2,6,y\n", "line 2 looks like a row of units"),
        (b"a,b\n1,5,2,5\n", "decimal commas.*--decimal ,"),
        (b"a,b\n1," + b"x" * 5000 + b"\n", "column 'b' holds a text of 5000 characters.*--drop"),
        (b'a,b\n1,"2\n3,4\n', "quotation mark"),
        (b'a,b\n1,"2"3\n', "line 2.*quotation mark"),
        (b"a,b\n1," + b"2" * (2**20 + 1) + b"\n", "line of more than"),
    ],
)
def test_defects_of_csv(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read(written(tmp_path, content))
    assert "\n" not in str(caught.value) and "t.csv" in str(caught.value)


def test_a_header_of_counted_columns_is_one(tmp_path: Path) -> None:
    assert read(written(tmp_path, "0,1,2\n5,6,7\n")).columns == ("0", "1", "2")


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")  # opening it would wait for ever
    for name, said in [
        ("none.csv", "there is no file"),
        ("folder.csv", "is not a file"),
        ("pipe.csv", "is not a file"),
        ("t.xlsx", r"give a table as \.csv, \.tsv, \.txt or \.parquet"),
        ("a\0b.csv", "cannot read|no file"),
    ]:
        with pytest.raises(InputError, match=said):
            read(tmp_path / name)


def test_size_limits(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n" + "1,2\n" * 100)
    with pytest.raises(InputError, match="MiB, more than the limit"):
        read(path, most_bytes=100)
    with pytest.raises(InputError, match="more than 199 values"):
        read(path, most_cells=199)
    assert read(path, most_cells=200).rows == 100
    huge = tmp_path / "huge.csv"
    with huge.open("wb") as file:
        file.truncate(3 * 2**30)  # sparse: it takes no room
    with pytest.raises(InputError, match=r"3072\.0 MiB, more than the limit of 512 MiB"):
        read(huge)


def test_parquet_agrees_with_csv(tmp_path: Path) -> None:
    columns = {"i": [1, 2, 3], "f": [0.5, -1.5, 2.0], "flag": [True, False, True], "t": ["x", "y", "x"]}
    frame = pa.table(columns).append_column("coded", pa.array(columns["t"]).dictionary_encode())
    pq.write_table(frame, tmp_path / "t.parquet")
    table = read(tmp_path / "t.parquet")
    assert table.columns == ("i", "f", "flag", "t", "coded")
    assert [list(column) for column in table.cells] == [
        [1, 2, 3],
        [0.5, -1.5, 2],
        ["True", "False", "True"],
        ["x", "y", "x"],
        ["x", "y", "x"],
    ]


BOMB = """
import resource, sys
from pathlib import Path
from inkling.train.errors import InputError
from inkling.train.tables.readers import read
import pyarrow, pyarrow.parquet, pyarrow.compute, numpy
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1500 << 20),) * 2)
try:
    read(Path(sys.argv[1]))
except InputError as error:
    print(error)
"""


@pytest.mark.parametrize("kind", ["dictionary", "prefixes"])
def test_a_small_parquet_file_asks_for_no_gigabytes(tmp_path: Path, kind: str) -> None:
    """Eight gigabytes of texts in some hundred kilobytes, read under a limit of one and a half."""
    rows, path = 40_000, tmp_path / "bomb.parquet"
    if kind == "dictionary":
        text = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["A" * 200_000]))
        pq.write_table(pa.table({"a": range(rows), "t": text}), path, compression="zstd")
    else:
        with pq.ParquetWriter(
            path,
            pa.schema([("a", pa.int64()), ("t", pa.string())]),
            use_dictionary=False,
            column_encoding={"t": "DELTA_BYTE_ARRAY", "a": "PLAIN"},
            compression="zstd",
        ) as writer:
            for first in range(0, rows, 1000):
                part = {"a": range(first, first + 1000), "t": ["A" * 200_000] * 1000}
                writer.write_table(pa.table(part))
    assert path.stat().st_size < 20 * 2**20
    said = python(BOMB, path, time_limit_s=120).stdout
    assert said.startswith("'bomb.parquet': column 't' holds a text of 200000 bytes") and said.count("\n") == 1


def test_parquet_nulls_are_missing(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [1, None], "t": ["x", None], "e": pa.nulls(2)}), tmp_path / "t.parquet")
    n, t, e = read(tmp_path / "t.parquet").cells
    assert np.array_equal(n, [1, np.nan], equal_nan=True) and t == ("x", "") and np.isnan(e).all()


def test_defects_of_parquet(tmp_path: Path) -> None:
    def defect(frame: pa.Table, said: str, most_cells: int = 1000) -> None:
        pq.write_table(frame, tmp_path / "t.parquet")
        with pytest.raises(InputError, match=said):
            read(tmp_path / "t.parquet", most_cells=most_cells)

    defect(pa.table({"a": [1], "b": [[1, 2]]}), "column 'b' is of type list")
    defect(pa.table({"a": [1]}), "one column found")
    defect(pa.table({"a": pa.array([], pa.int64()), "b": pa.array([], pa.int64())}), "no rows")
    defect(pa.table([[1], [2]], names=["a", "a"]), "more than once")
    defect(pa.table({"a": range(600), "b": range(600)}), "more than 1000 values")
    good = tmp_path / "good.parquet"
    pq.write_table(pa.table({"a": range(600), "b": range(600)}), good)
    content = good.read_bytes()
    for broken in (content[:-20], b"a,b\n1,2\n", content[:40] + b"\xff" * 200 + content[240:]):
        with pytest.raises(InputError):
            read(written(tmp_path, broken, "broken.parquet"))


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text('a1,;\t"\n\r?.x\0', max_size=120).map(str.encode)))
def test_any_bytes_are_a_table_or_an_input_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = written(tmp_path_factory.getbasetemp(), content, "fuzz.csv")
    try:
        table = read(path)
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert len(set(table.columns)) == len(table.columns) >= 2
    assert {len(column) for column in table.cells} == {table.rows} and table.rows > 0
