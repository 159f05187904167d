"""Marks of missing values, columns left out, rows not scored: all of it is counted and named."""

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from office_toys import office_table, ready, targets

from elman.errors import BadInput

LEVELS = [4.0, 5.0, 7.0, 6.0, 5.0, 8.0, 9.0, 7.0, 6.0, 5.0, 4.0, 6.0]


def typed(path, values, kind):
    table = pyarrow.table({"t": range(len(values)), "v": pyarrow.array(values, kind)})
    pyarrow.parquet.write_table(table, path)
    return path


def marked(values, rows, mark):
    return [mark if row in rows else value for row, value in enumerate(values)]


@pytest.mark.parametrize("mark", [-9999.0, -99.9, 1e6])
@pytest.mark.parametrize("kind", ["float64", "float32", "int64"])
def test_a_mark_that_is_a_number_applies_to_typed_columns(tmp_path, mark, kind):
    mark = round(mark) if kind == "int64" else mark
    levels = list(map(int, LEVELS)) if kind == "int64" else LEVELS
    path = typed(tmp_path / "s.parquet", marked(levels, (2, 7), mark), kind)
    data = ready(path, missing="previous", missing_marks=[f"{mark:g}"])
    assert targets(data) == [4, 5, 5, 6, 5, 8, 9, 9, 6, 5, 4, 6]
    assert data.read.series[0].known[:, 0].tolist() == [row not in (2, 7) for row in range(12)]
    assert data.target_shift.item() == pytest.approx(np.mean([5, 5, 6, 5, 8, 9]))  # rows 1 to 6
    assert "no value in v 2 of 12 rows; the value before is repeated" in data.summary()
    assert data.description()["metadata"]["values_missing"] == 2


@pytest.mark.parametrize("cell", ["-9999", "-9999.0", "-9999.00", "-9.999e3", " -9999 "])
def test_a_mark_that_is_a_number_is_known_however_it_is_written(tmp_path, cell):
    rows = "".join(f"{i},{cell if i == 4 else level}\n" for i, level in enumerate(LEVELS))
    data = ready(office_table(tmp_path / "s.csv", "t,v\n" + rows), missing="zero", missing_marks=["-9999"])
    assert targets(data) == marked(LEVELS, (4,), 0)


def test_a_mark_applies_to_typed_categories_and_in_the_words_of_the_table(tmp_path):
    table = pyarrow.table({"v": LEVELS, "k": [1, 2, -9999] * 4})
    pyarrow.parquet.write_table(table, tmp_path / "s.parquet")
    data = ready(tmp_path / "s.parquet", categories=["k"], missing_marks=["-9999.0"])
    assert list(data.read.codes[0].values) == ["1", "2"]
    rows = "".join(f"{i};{'-9.999,0' if i == 4 else '1.004,5'.replace('4', str(i % 9))}\n" for i in range(12))
    path = office_table(tmp_path / "s.csv", "t;v\n" + rows)
    data = ready(path, decimal=",", thousands=".", missing="previous", missing_marks=["-9.999,0"])
    assert targets(data)[3:6] == [1003.5, 1003.5, 1005.5]


def test_nothing_at_all_is_missing_whatever_the_marks(tmp_path):
    table = pyarrow.table(
        {"v": marked(LEVELS, (3,), None), "k": [None, "a", "b"] * 4, "w": ["1", None, "?"] * 4}
    )
    pyarrow.parquet.write_table(table, tmp_path / "s.parquet")
    data = ready(
        tmp_path / "s.parquet",
        inputs=["v", "w"],
        categories=["k"],
        missing="zero",
        missing_marks=["?"],
        most_missing=0.7,
    )
    assert targets(data) == marked(LEVELS, (3,), 0)
    assert list(data.read.codes[0].values) == ["a", "b"]
    assert data.read.series[0].inputs.shape == (12, 2)
    assert "no value in w 8, v 1 of 12 rows; taken as 0" in data.summary()


def test_marks_that_mark_nothing_are_refused_unless_a_checkpoint_knows_them(tmp_path):
    path = typed(tmp_path / "s.parquet", LEVELS, "float64")
    with pytest.raises(
        BadInput, match=r"data\.missing_marks names '-999', but no cell of the columns read is that"
    ):
        ready(path, missing="previous", missing_marks=["-999"])
    one = ready(path, missing="previous", missing_marks=["-999", "9"])  # another did
    assert "marks of missing values that no cell is: -999" in one.summary()
    assert ready(path, missing="previous").summary()  # the usual ones promise nothing
    holes = typed(tmp_path / "t.parquet", marked(LEVELS, (3,), -999.0), "float64")
    trained = ready(holes, missing="previous", missing_marks=["-999"])
    other = type(trained)(path=str(path), target="v", missing="previous", missing_marks=["-999"])
    other.load_state_dict(trained.state_dict())
    other.setup("test")
    assert "marks of missing values that no cell is: -999" in other.summary()


def test_a_column_that_lacks_most_values_is_refused(tmp_path):
    rows = "".join(f"{i},{level},{'NA' if i % 3 else i}\n" for i, level in enumerate(LEVELS))
    path = office_table(tmp_path / "s.csv", "t,v,thin\n" + rows)
    with pytest.raises(BadInput, match=r"thin lacks a value in 8 of 12 rows, .* or set that to 0\.67$"):
        ready(path, missing="previous")
    assert ready(path, missing="previous", most_missing=0.67).read.columns == ["t", "v", "thin"]
    assert ready(path, missing="previous", inputs=["t", "v"]).read.columns == ["t", "v"]


def test_columns_left_out_are_named_with_their_cell(tmp_path):
    rows = "".join(
        f"{i},{level},{'1.000,5' if i == 8 else i},{'k' if i else ''},,{i if i != 5 else '?'}\n"
        for i, level in enumerate(LEVELS)
    )
    data = ready(
        office_table(tmp_path / "s.csv", "t,v,late,city,none,hole\n" + rows.replace("1.000,5", '"1,000.5"'))
    )
    assert data.read.columns == ["t", "v"]
    assert (
        "columns left out: late ('1,000.5' in line 10; a number with data.thousands=',' (it is then "
        "1000.5)), city ('k' in line 3), none (no value in its first rows), hole ('?' in line 7)"
        in data.summary()
    )
    assert data.description()["metadata"]["columns_left_out"] == 4


def test_typed_text_is_left_out_by_its_first_cell(tmp_path):
    table = pyarrow.table({"v": LEVELS, "k": ["1,5"] * 12})
    pyarrow.parquet.write_table(table, tmp_path / "s.parquet")
    assert any(
        "columns left out: k ('1,5' in row 1" in line for line in ready(tmp_path / "s.parquet").summary()
    )


def test_rows_that_are_not_scored_are_counted(tmp_path):
    rows = "".join(f"{i},{'' if i in (0, 1, 5) else level}\n" for i, level in enumerate(LEVELS))
    data = ready(
        office_table(tmp_path / "s.csv", "t,v\n" + rows), missing="previous", drop_leading=True, horizon=2
    )
    assert "left out: the first 2 rows, up to one with a value in every column" in data.summary()
    assert (
        "scored: 7 of 10 rows; the first 2 of a series have nothing before them to be predicted from, "
        "1 have no target" in data.summary()
    )
    scored = sum(
        int(data._examples.window(n, 0, int(length)).scored.sum())
        for n, length in enumerate(data._examples.lengths)
    )
    assert scored == 7


def test_files_that_are_no_tables_are_named(tmp_path):
    office_table(tmp_path / "s.csv", "t,v\n" + "".join(f"{i},{level}\n" for i, level in enumerate(LEVELS)))
    for name in ("a.xlsx", "b.xlsx", "c.gz"):
        (tmp_path / name).write_bytes(b"x")
    data = ready(tmp_path)
    assert "files that are no tables, left out: 2 .xlsx, 1 .gz" in data.summary()
    assert data.description()["metadata"]["other_files"] == 3


def test_text_without_a_value_or_with_one_that_training_lacks_is_counted(tmp_path):
    wind = ["N", "S", "", "N", "S", "N", "N", "S", "E", "N", "W", "E"]
    rows = "".join(f"{level},{each}\n" for level, each in zip(LEVELS, wind, strict=True))
    data = ready(office_table(tmp_path / "s.csv", "v,wind\n" + rows), categories=["wind"])
    assert "values that training lacks, read as none: E, W, in 3 rows" in data.summary()
    assert "no value in 1 cells of text, which are 0 in all their columns" in data.summary()
    assert data.description()["metadata"]["values_missing"] == 1


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_row_of_no_series_is_refused(tmp_path, kind):
    groups = ["a", "b", None] * 4
    if kind == "parquet":
        pyarrow.parquet.write_table(pyarrow.table({"who": groups, "v": LEVELS}), tmp_path / "s.parquet")
        place = "row 3"
    else:
        rows = "".join(f"{group or ''},{level}\n" for group, level in zip(groups, LEVELS, strict=True))
        office_table(tmp_path / "s.csv", "who,v\n" + rows)
        place = "4"
    with pytest.raises(
        BadInput, match=rf"s\.{kind}:.?{place}, column 'who': no value, so it is of no series"
    ):
        ready(tmp_path / f"s.{kind}", group="who")


def test_targets_that_belong_to_no_table_are_counted(tmp_path):
    for folder, names in (("x", "ab"), ("y", "abcd")):
        (tmp_path / folder).mkdir()
        for name in names:
            rows = "".join(f"{i},{level}\n" for i, level in enumerate(LEVELS))
            office_table(tmp_path / folder / f"{name}.csv", f"t,{'u' if folder == 'x' else 'v'}\n{rows}")
    data = ready(tmp_path / "x", target_path=str(tmp_path / "y"), inputs=["u"])
    assert "files that are no tables, left out: 2 of targets alone" in data.summary()
