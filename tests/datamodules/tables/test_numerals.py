"""Numbers as offices write them, and refusals whose way out reads the cell."""

import numpy as np
import pyarrow as pa
import pytest
from office_toys import VALUES, office_table, options_named, ready, targets

from datamodules.table import Table
from datamodules.tables.numerals import Numerals
from elman.errors import BadInput

NAN = float("nan")


@pytest.mark.parametrize(
    ("form", "cells"),
    [
        (
            {"decimal": ","},
            {"1,5": 1.5, "-2": -2, "+0,25": 0.25, ",5": 0.5, "1.5": NAN, "1,234,5": NAN, "2e3": 2000},
        ),
        (
            {"thousands": ","},
            {"1,801.5": 1801.5, "990": 990, "1,5": NAN, "1,2345": NAN, "12,34,567": NAN, "1801.5": 1801.5},
        ),
        (
            {"decimal": ",", "thousands": "."},
            {"1.234.567,5": 1234567.5, "1.5": NAN, "1.234": 1234, "12,5": 12.5},
        ),
        ({"thousands": "'"}, {"1'234.5": 1234.5, "1\u2019234": 1234, "1'23": NAN}),
        (
            {"decimal": ",", "thousands": "space"},
            {"1\u202f234,5": 1234.5, "1\xa0234": 1234, "1 234": 1234, "1 23": NAN},
        ),
        ({"percent": True}, {"20.0%": 0.2, "20 %": 0.2, "0.3": 0.3, "%": NAN, "5%%": NAN}),
        ({"decimal": ",", "percent": True}, {"50,52%": 0.5052, "-1,5\xa0%": -0.015}),
        ({}, {"\u22125": -5, "1_0": NAN, "1,5": NAN, "20%": NAN, "+4": 4}),
        ({"decimal": ","}, {"inf": np.inf, "-inf": -np.inf, "nan": NAN, "x": NAN, "": NAN}),
    ],
)
def test_what_a_cell_is(form, cells):
    numerals = Numerals(**form)
    np.testing.assert_allclose(numerals.values(pa.array(list(cells))), list(cells.values()), rtol=1e-15)
    np.testing.assert_allclose(
        [numerals.value(f" {cell} ") for cell in cells], list(cells.values()), rtol=1e-15
    )


def written(form):
    """The cells of a column in a form."""
    return [form(value) for value in VALUES]


def german(value):
    return f"{value:,.3f}".translate(str.maketrans(",.", ".,"))


WAYS = {
    "decimal comma": (lambda v: f"{v:.3f}".replace(".", ","), 1, {"decimal": ","}),
    "thousands": (lambda v: f"{v:,.3f}", 1, {"thousands": ","}),
    "German": (german, 1, {"decimal": ",", "thousands": "."}),
    "Swiss": (lambda v: f"{v:,.3f}".replace(",", "'"), 1, {"thousands": "'"}),
    "French": (
        lambda v: f"{v:,.3f}".replace(",", "\u202f").replace(".", ","),
        1,
        {"decimal": ",", "thousands": "space"},
    ),
    "percent": (lambda v: f"{v}%", 100, {"percent": True}),
    "German percent": (lambda v: f"{v:.3f} %".replace(".", ","), 100, {"decimal": ",", "percent": True}),
}


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("inputs", [None, ["v"], ["w"]])
def test_the_refusal_names_the_option_that_reads_the_cell(tmp_path, name, inputs):
    form, divisor, option = WAYS[name]
    rows = "".join(f"{i};{cell};{cell}\n" for i, cell in enumerate(written(form)))
    path = office_table(tmp_path / "s.csv", "t;v;w\n" + rows)
    options: dict = {}
    for _ in range(3):  # one cell may show less than the whole form
        with pytest.raises(BadInput, match=r"s\.csv:\d+, column '[vw]': .* is no number; set ") as error:
            ready(path, inputs=inputs, time="t", **options)
        assert len(str(error.value)) - len(path) < 200
        options |= options_named(str(error.value))
        if options.items() >= option.items():
            break
    assert options == option
    data = ready(path, inputs=inputs, time="t", **options)
    np.testing.assert_allclose(targets(data), np.float32(np.array(VALUES) / divisor), rtol=1e-6)


def test_of_two_ways_the_one_that_reads_the_column_is_named(tmp_path):
    cells = ["1,234", "2,500", "3,750", "0,5", "7,25", "1,5"] * 2
    path = office_table(tmp_path / "s.csv", "v\n" + "".join(f'"{cell}"\n' for cell in cells))
    with pytest.raises(
        BadInput, match=r"s\.csv:2, column 'v': '1,234' is no number; set data\.decimal=','"
    ) as error:
        ready(path)
    assert "thousands" not in str(error.value)
    office_table(tmp_path / "s.csv", "v\n" + "".join(f'"{cell}"\n' for cell in ["1,234", "2,500"] * 6))
    with pytest.raises(
        BadInput, match=r"data\.thousands=',' \(it is then 1234\) or data\.decimal=',' \(it is then 1\.234\)"
    ):
        ready(path)
    assert targets(ready(path, thousands=","))[:2] == [1234, 2500]


def test_a_mark_among_numbers_and_a_column_of_text(tmp_path):
    rows = "".join(f"{i},{'?' if i == 5 else i * i}\n" for i in range(12))
    path = office_table(tmp_path / "s.csv", "t,v\n" + rows)
    said = r"s\.csv:7, column 'v': '\?' is no number; add '\?' to data\.missing_marks and set data\.missing"
    for inputs in (None, ["v"]):
        with pytest.raises(BadInput, match=said):
            ready(path, inputs=inputs)
    assert targets(ready(path, missing_marks=["?"], missing="previous"))[4:7] == [16, 16, 36]
    path = office_table(tmp_path / "k.csv", "k,v\n" + "".join(f"{'ab'[i % 2]},{i * i}\n" for i in range(12)))
    with pytest.raises(
        BadInput, match=r"k\.csv:2, column 'k': 'a' is no number; name the column in data\.categories"
    ):
        ready(path, inputs=["k"])
    assert ready(path, inputs=["v"], categories=["k"]).input_size == 3
    with pytest.raises(
        BadInput, match=r"column 'k': 'a' is no number; data\.target must name columns of numbers"
    ):
        ready(path, target="k")


def test_nothing_but_text_is_left(tmp_path):
    path = office_table(tmp_path / "s.csv", "k,v\n" + "".join(f"{'ab'[i % 2]},{i * i}\n" for i in range(12)))
    with pytest.raises(BadInput, match=r"s\.csv:2, column 'k': 'a' is no number; .*data\.categories"):
        ready(path, horizon=0)
    assert ready(path, horizon=0, categories=["k"]).input_size == 2
    path = office_table(tmp_path / "t.csv", "t,v\n" + "".join(f"{i},{i * i}\n" for i in range(12)))
    with pytest.raises(
        BadInput, match=r"its columns are t, v, and none is left to read; set data\.horizon=1"
    ):
        ready(path, horizon=0, time="t")
    assert ready(path, horizon=1, time="t").input_size == 1


def test_a_header_that_nobody_expects(tmp_path):
    path = office_table(tmp_path / "s.csv", "t,v\n" + "".join(f"{i},{i * i}\n" for i in range(12)))
    with pytest.raises(
        BadInput, match=r"s\.csv:1: names the columns \('t' \.\.\.\), .*; set data\.header=true"
    ):
        ready(path, header=False, target=1)
    assert targets(ready(path, header=True, target=1))[3] == 9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decimal": ";"}, "decimal must be"),
        ({"thousands": "_"}, "thousands must be"),
        ({"thousands": "."}, "decimal and thousands must differ"),
        ({"encoding": "klingon"}, "encoding must be one that Python knows"),
        ({"separator": '"'}, "separator must be one character, no quote"),
        ({"sort": True}, "name the column of times in time"),
        ({"most_missing": 2.0}, "most_missing is a share"),
    ],
)
def test_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        Table(path="s.csv", target="v", **options)


# skip_bad is offered once, and where it would leave something


def test_skip_bad_is_offered_where_it_helps_and_once(tmp_path):
    good = "".join(f"a,{i},{i * i}\n" for i in range(12))
    path = office_table(
        tmp_path / "s.csv", "who,t,v\n" + good + "".join(f"b,{i % 3},{i}\n" for i in range(12))
    )
    with pytest.raises(BadInput, match="a time before the row above") as error:
        ready(path, time="t", group="who")
    assert str(error.value).count("data.skip_bad") == 1
    assert len(ready(path, time="t", group="who", skip_bad=True).read.series) == 1
    with pytest.raises(BadInput) as error:
        ready(office_table(tmp_path / "s.csv", "t,v\n1,2\n1,3\n" + good.replace("a,", "")), time="t")
    assert "data.skip_bad" not in str(error.value)  # there is this series alone
    for number in range(4):
        office_table(tmp_path / f"{number}.csv", "t,v\n" + good.replace("a,", ""))
    with pytest.raises(BadInput) as error:
        ready(tmp_path, time="t")
    assert str(error.value).count("data.skip_bad") == 1
    assert len(ready(tmp_path, time="t", skip_bad=True).read.series) == 4
    for number in range(6):
        office_table(tmp_path / f"bad{number}.csv", "t,v\n1,x\n")
    with pytest.raises(BadInput, match=r"7 of 11 cannot be used, .*data\.skip_bad .*; set it to 0\.64$"):
        ready(tmp_path, time="t", skip_bad=True)
    assert len(ready(tmp_path, time="t", skip_bad=0.64).read.series) == 4
