"""Times in all the forms that tables have them in: their values, their order, and what is said of them."""

import warnings
from datetime import datetime, timedelta

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from office_toys import office_table, options_named, ready, targets

from datamodules.tables.times import Times
from elman.errors import BadInput

HOUR = timedelta(hours=1)


def seconds(*args):
    return (datetime(*args) - datetime(1970, 1, 1)).total_seconds()


def read(cells, form=None):
    reader = Times(form)
    cells = np.array(cells, float) if not isinstance(cells[0], str) else pyarrow.array(cells)
    return reader(cells, lambda row: f"row {row}").tolist(), reader


@pytest.mark.parametrize(
    ("cells", "expected", "said"),
    [
        (["20231231", "20240101"], [seconds(2023, 12, 31), seconds(2024, 1, 1)], "YYYYMMDD"),
        ([20231231, 20240101], [seconds(2023, 12, 31), seconds(2024, 1, 1)], "YYYYMMDD"),
        (["202312", "202401"], [647, 648], "YYYYMM"),
        (["2023123123", "2024010100"], [seconds(2023, 12, 31, 23), seconds(2024, 1, 1)], "YYYYMMDDHH"),
        ([202312312359, 202401010000], [seconds(2023, 12, 31, 23, 59), seconds(2024, 1, 1)], "YYYYMMDDHHMM"),
        (["20231231235958"], [seconds(2023, 12, 31, 23, 59, 58)], "YYYYMMDDHHMMSS"),
        (
            ["31.12.2023", "01.01.2024"],
            [seconds(2023, 12, 31), seconds(2024, 1, 1)],
            "dates (%d.%m.%Y, found)",
        ),
        (
            ["12/31/2023 11:00 PM", "01/01/2024 12:30 AM"],
            [seconds(2023, 12, 31, 23), seconds(2024, 1, 1, 0, 30)],
            "dates (%m/%d/%Y %I:%M %p, found)",
        ),
        (["2023/12/31 05:00"], [seconds(2023, 12, 31, 5)], "dates (%Y/%m/%d %H:%M, found)"),
        (
            ["2021-11-07 01:00:00-04:00", "2021-11-07 01:00:00-05:00"],
            [seconds(2021, 11, 7, 5), seconds(2021, 11, 7, 6)],
            "dates",
        ),
        (
            ["2021-10-31T02:00+02:00", "2021-10-31T02:00+01:00"],
            [seconds(2021, 10, 31), seconds(2021, 10, 31, 1)],
            "dates",
        ),
        (
            ["2021-10-31 02:00:00.5-0330", "2021-10-31 05:30:01Z"],
            [seconds(2021, 10, 31, 5, 30) + 0.5, seconds(2021, 10, 31, 5, 30, 1)],
            "dates",
        ),
        (["1700000000", "1700003600"], [1700000000, 1700003600], "numbers"),
        (["10000000", "10000001"], [10000000, 10000001], "numbers"),
        ([20230101 + n for n in range(300)], [20230101 + n for n in range(300)], "numbers"),
        (["1999", "2000"], [1999, 2000], "numbers"),
    ],
)
def test_what_a_time_is(cells, expected, said):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, reader = read(cells)
    assert found == expected
    assert reader.said == said


@pytest.mark.parametrize(
    "form", ["%d.%m.%Y", "%d.%m.%Y %H:%M:%S", "%Y%m%d", "%H h, %d-%m-%Y", "%d %b %Y", "%Y-%m-%d %H:%M:%S%z"]
)
def test_a_given_form_is_that_of_strptime(form):
    begin = datetime(2023, 2, 27, 22, 30, 15)
    times = [begin + 7 * n * HOUR for n in range(50)]
    cells = [
        time.strftime(form).replace("+0000", "") + ("-04:00" if form.endswith("z") else "") for time in times
    ]
    expected = [datetime.strptime(cell, form) for cell in cells]
    origin = (
        datetime(1970, 1, 1) if expected[0].tzinfo is None else datetime.fromisoformat("1970-01-01T00:00Z")
    )
    assert read(cells, form)[0] == [(each - origin).total_seconds() for each in expected]
    if form == "%Y%m%d":
        assert read(list(map(int, cells)), form)[0] == read(cells, form)[0]
    with pytest.raises(BadInput, match=r"row 1: '31\.02\.2023' is no time"):
        read([cells[0], "31.02.2023"], form)


def daily(start, count, form):
    return [(start + timedelta(days=n)).strftime(form) for n in range(count)]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("form", ["%Y%m%d", "%Y%m%d%H"])
def test_days_written_as_one_number_have_no_gaps(tmp_path, kind, form):
    days = daily(datetime(2020, 1, 20), 90, form)
    path = tmp_path / f"s.{kind}"
    values = [n % 7 for n in range(90)]
    if kind == "csv":
        office_table(path, "t,v\n" + "".join(f"{day},{v}\n" for day, v in zip(days, values, strict=True)))
    else:
        pyarrow.parquet.write_table(pyarrow.table({"t": list(map(int, days)), "v": values}), path)
    data = ready(path, time="t")
    assert "gaps" not in data.description()["metadata"]
    assert any(line.startswith("times read as YYYYMMDD") for line in data.summary())
    del days[40], values[40]
    office_table(
        tmp_path / "g.csv", "t,v\n" + "".join(f"{day},{v}\n" for day, v in zip(days, values, strict=True))
    )
    gapped = ready(tmp_path / "g.csv", time="t")
    assert any("1 gap in time, the longest 2 usual steps, the first at" in line for line in gapped.summary())


def test_a_month_beyond_december_is_refused_with_its_line(tmp_path):
    days = daily(datetime(2020, 1, 1), 40, "%Y%m%d")
    days[20] = "20201320"
    path = office_table(
        tmp_path / "s.csv", "t,v\n" + "".join(f"{day},{n % 5}\n" for n, day in enumerate(days))
    )
    with pytest.raises(
        BadInput, match=r"s\.csv:22, column 't': year 2020, month 13, day 20 is no date; .* data\.time=null"
    ):
        ready(path, time="t")
    ready(path, time=None)


# A time made of several columns


@pytest.mark.parametrize("form", [None, "%d/%m/%Y %H:%M"])
def test_two_columns_of_text_are_one_time(tmp_path, form):
    times = [datetime(2006, 12, 31, 20) + n * HOUR for n in range(30)]
    rows = [f"{time:%d/%m/%Y};{time:%H:%M};{n % 7}\n" for n, time in enumerate(times)]
    path = office_table(tmp_path / "s.csv", "Day;Clock;v\n" + "".join(rows))
    data = ready(path, time=["Day", "Clock"], time_format=form)
    assert "gaps" not in data.description()["metadata"]
    assert data.read.columns == ["v"]
    assert any(line.startswith("times read as dates (%d/%m/%Y %H:%M") for line in data.summary())
    office_table(tmp_path / "s.csv", "Day;Clock;v\n" + "".join([*rows[:9], *rows[12:]]))
    assert ready(path, time=["Day", "Clock"]).description()["metadata"]["gaps"] == 1
    office_table(tmp_path / "s.csv", "Day;Clock;v\n" + "".join([*rows[:9], rows[3], *rows[9:]]))
    with pytest.raises(BadInput, match=r"s\.csv:11: a time before the row above"):
        ready(path, time=["Day", "Clock"])


def test_a_typed_day_and_a_clock_are_one_time(tmp_path):
    times = [datetime(2020, 2, 28, 20) + n * HOUR for n in range(30)]
    columns = {
        "d": [time.date() for time in times],
        "c": [f"{time:%H:%M}" for time in times],
        "v": [n % 7 for n in range(30)],
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "s.parquet")
    assert "gaps" not in ready(tmp_path / "s.parquet", time=["d", "c"]).description()["metadata"]


def test_days_and_months_that_may_be_either_are_refused_with_both_forms(tmp_path):
    rows = "".join(f"0{1 + n}/0{2 + n}/2023 0{n}:00,{n % 3}\n" for n in range(8))
    path = office_table(tmp_path / "s.csv", "t,v\n" + rows)
    with pytest.raises(BadInput, match=r"set data\.time_format to '%d/%m/%Y %H:%M' or '%m/%d/%Y %H:%M'$"):
        ready(path, time="t")
    for form in ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"):
        ready(path, time="t", time_format=form)
    office_table(
        path := tmp_path / "s.csv", "t,v\n" + "".join(f"03/03/2023 0{n}:00,{n % 3}\n" for n in range(8))
    )
    assert "times read as dates (%d/%m/%Y %H:%M, found)" in ready(path, time="t").summary()


def test_a_form_of_dates_that_does_not_fit_is_answered_with_one_that_does(tmp_path):
    days = daily(datetime(2023, 3, 1), 30, "%d.%m.%Y")
    path = office_table(
        tmp_path / "s.csv", "t,v\n" + "".join(f"{day},{n % 4}\n" for n, day in enumerate(days))
    )
    with pytest.raises(
        BadInput, match=r"s\.csv:2, column 't': '01\.03\.2023' is no time \(%m/%d/%Y\); set "
    ) as error:
        ready(path, time="t", time_format="%m/%d/%Y")
    form = str(error.value).rpartition("time_format to ")[2].strip("'")
    assert form == "%d.%m.%Y"
    ready(path, time="t", time_format=form)


# Order


def test_the_newest_first_is_sorted_when_asked(tmp_path):
    days = daily(datetime(2023, 1, 1), 12, "%Y-%m-%d")
    rows = [f"{day},{n * n}\n" for n, day in enumerate(days)]
    path = office_table(tmp_path / "s.csv", "t,v\n" + "".join(reversed(rows)))
    with pytest.raises(
        BadInput, match=r"s\.csv:3: times descend, the newest row first; set data\.sort=true$"
    ) as error:
        ready(path, time="t")
    data = ready(path, time="t", **options_named(str(error.value)))
    assert targets(data) == [n * n for n in range(12)]
    assert "sorted by time: 1 series" in data.summary()
    office_table(tmp_path / "s.csv", "t,v\n" + "".join(rows))
    already = ready(path, time="t", sort=True)
    assert "data.sort=true changed nothing: all rows were in the order of time" in already.summary()
    office_table(tmp_path / "s.csv", "t,v\n" + "".join(rows[::2] + rows[1::2]))
    with pytest.raises(BadInput, match=r"s\.csv:8: a time before the row above; set data\.sort=true"):
        ready(path, time="t")
    assert targets(ready(path, time="t", sort=True)) == [n * n for n in range(12)]
    office_table(tmp_path / "s.csv", "t,v\n" + "".join([*rows[6:], rows[8], *rows[:6]]))
    with pytest.raises(BadInput, match=r"s\.csv:8: the same time as the row above; keep one of each"):
        ready(path, time="t", sort=True)


def test_series_are_sorted_each_with_their_text_and_lines(tmp_path):
    rows = [f"{name},{n},{'xy'[n % 2]},{n * n}\n" for n in range(12) for name in "ab"]
    path = office_table(tmp_path / "s.csv", "who,t,k,v\n" + "".join(reversed(rows)))
    data = ready(path, time="t", group="who", categories=["k"], sort=True)
    assert [targets(data, number) for number in range(2)] == [[n * n for n in range(12)]] * 2
    codes = data.read.codes[0].values
    for each in data.read.series:
        assert each.codes[:, 0].tolist() == [codes["xy"[n % 2]] for n in range(12)]
    assert "sorted by time: 2 series" in data.summary()


# Daylight saving


def clock(offsets):
    """An hour each, on the clock of a country, with its offset or without."""
    begin = datetime(2021, 11, 6, 0) if "-04:00" in offsets else datetime(2021, 10, 30, 0)
    step = 4 if "-04:00" in offsets else -2
    for n in range(60):
        utc = begin + timedelta(hours=step) + n * HOUR
        change = datetime(2021, 11, 7, 6) if step == 4 else datetime(2021, 10, 31, 1)
        offset = offsets[int(utc >= change)]
        local = utc + timedelta(hours=int(offset[:3]))
        yield f"{local:%Y-%m-%d %H:%M}", offset


@pytest.mark.parametrize("offsets", [("-04:00", "-05:00"), ("+02:00", "+01:00")])
@pytest.mark.parametrize("blank", ["", " "])
def test_the_end_of_daylight_saving(tmp_path, offsets, blank):
    rows = list(clock(offsets))
    text = "".join(f"{local}{blank}{offset},{n % 7}\n" for n, (local, offset) in enumerate(rows))
    path = office_table(tmp_path / "s.csv", "t,v\n" + text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = ready(path, time="t")
    assert "gaps" not in data.description()["metadata"]
    assert len(data.read.series[0]) == 60
    office_table(
        tmp_path / "n.csv", "t,v\n" + "".join(f"{local},{n % 7}\n" for n, (local, _) in enumerate(rows))
    )
    with pytest.raises(
        BadInput, match=r"n\.csv:\d+: the same time as the row above, as when daylight saving ends; "
    ) as error:
        ready(tmp_path / "n.csv", time="t")
    assert len(str(error.value)) - len(str(tmp_path)) < 220
    assert (
        len(
            ready(tmp_path / "n.csv", time="t" if not options_named(str(error.value)) else None).read.series[
                0
            ]
        )
        == 60
    )


def test_a_repeated_time_in_summer_is_no_daylight_saving(tmp_path):
    hours = [f"2021-07-01 {n:02}:00" for n in (0, 1, 2, 2, 3, 4)]
    path = office_table(
        tmp_path / "s.csv", "t,v\n" + "".join(f"{hour},{n}\n" for n, hour in enumerate(hours))
    )
    with pytest.raises(BadInput, match=r"s\.csv:5: the same time as the row above; keep one of each"):
        ready(path, time="t")


def test_typed_times_without_a_value_are_refused(tmp_path):
    times = [datetime(2020, 1, 1) + n * HOUR for n in range(12)]
    table = pyarrow.table({"t": [*times[:5], None, *times[6:]], "v": [n % 5 for n in range(12)]})
    pyarrow.parquet.write_table(table, tmp_path / "s.parquet")
    with pytest.raises(BadInput, match=r"s\.parquet: row 6, column 't': no time; fill it in"):
        ready(tmp_path / "s.parquet", time="t")
