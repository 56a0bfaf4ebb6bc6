"""Every way in which a file can be wrong ends in one line that says so."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkling.train.errors import InputError
from inkling.train.tables.readers import read


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
        ("a,b\n1,2\n".encode("utf-16"), "not UTF-8"),
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
        ("t.xlsx", r"give a table as \.csv or \.parquet"),
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
        [1, 0, 1],
        ["x", "y", "x"],
        ["x", "y", "x"],
    ]


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
