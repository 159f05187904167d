"""Columns that Arrow parses are those of Python's `csv`; what the two read differently is left to `csv`."""

import random

import numpy as np
import pytest

from datamodules.tables import columns
from datamodules.tables.cells import Codes, Numbers
from datamodules.tables.columns import TableFile
from datamodules.tables.csv_columns import BLOCK, is_plain
from datamodules.tables.marks import Marks
from elman.errors import BadInput

PLAIN = {
    "line ends of Windows": b"t,v\r\n1,2\r\n",
    "no line end": b"t,v\n1,2",
    "byte order mark": b"\xef\xbb\xbft,v\n1,2\n",
    "quotes": b't,v\n"1","a ""b"", c"\n"",2\n',
    "empty lines at the end": b"t,v\r\n1,2\r\n\r\n\r\n",
    "wide characters": "t,v\n1,Öl\n".encode(),
}
ODD = {
    "empty line": b"t,v\n\n1,2\n",
    "empty line first": b"\r\nt,v\n1,2\n",
    "NUL": b"t,v\n1,\0\n",
    "Latin-1": b"t,v\n1,\xd6l\n",
    "CR alone": b"t,v\r1,2\r",
    "line end in quotes": b't,v\n1,"a\nb"\n',
    "a quote inside": b't,v\n1,5" pipe\n2,5" pipe\n',
    "open quote": b't,v\n1,"a\n',
    "text after a quote": b't,v\n1,"a"b\n',
    "long line": b"t,v\n1," + b"x" * 3 * BLOCK + b"\n",
}


@pytest.mark.parametrize("name", [*PLAIN, *ODD])
def test_what_is_plain(tmp_path, name):
    file = tmp_path / "a.csv"
    file.write_bytes({**PLAIN, **ODD}[name])
    assert is_plain(file, ",", '"') == (name in PLAIN)


def read(file):
    table, codes = TableFile(file), Codes(Marks())
    found = table.read({"v": Numbers(Marks(["", "NA"]), way_out="mend it"), "k": codes})
    return found, codes.values, [table.place(row) for row in range(len(table))]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_both_read_the_same(tmp_path, monkeypatch, seed, end):
    draw = random.Random(seed)
    cells = ["1", "-2.5", "1e-7", " 3 ", "+4", "NA", "", "0.1", '"5"', "123456789.123456789"]
    texts = ["a", "b c", '"d, e"', '"say ""f"""', "", "é", " g "]
    if seed % 4 == 0:
        texts.append('"over\ntwo lines"')
    rows = [f"{draw.choice(cells)},{draw.choice(texts)}" for _ in range(3000)]
    file = tmp_path / "a.csv"
    file.write_bytes(end.join(["v,k", *rows, *[""] * draw.randrange(3)]).encode())
    assert is_plain(file, ",", '"') == (seed % 4 > 0)
    ours = read(file)
    monkeypatch.setattr("datamodules.tables.csv_columns.is_plain", lambda *_: False)
    theirs = read(file)
    for name, column in theirs[0].items():
        np.testing.assert_array_equal(ours[0][name], column)
    assert ours[1:] == theirs[1:]


@pytest.mark.parametrize("before", ["1,a", '1,"a\nb"'])
def test_a_fault_far_down_is_found_by_its_line(tmp_path, before):
    rows = ["v,k", before, *["1," + "x" * 30] * 30_000]
    line = len("\n".join(rows).split("\n")) + 1
    for row, fault in {
        "x,b": ", column 'v': 'x' is no number; add 'x' to data.missing_marks",
        "1,b,c": ": 3 columns where",
    }.items():
        (tmp_path / "a.csv").write_text("\n".join([*rows, row, "1,b"]))
        with pytest.raises(BadInput) as error:
            read(tmp_path / "a.csv")
        assert f"a.csv:{line}{fault}" in str(error.value)


def test_plain_files_are_not_read_twice(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("v,k\n" + "1,a\n" * 2000)
    looked = []

    def rows(*args, **options):
        for each in columns_of(*args, **options):
            looked.append(each)
            yield each

    columns_of = columns.csv_rows
    monkeypatch.setattr(columns, "csv_rows", rows)
    assert len(read(tmp_path / "a.csv")[2]) == 2000
    assert len(looked) == columns.SAMPLE_ROWS
