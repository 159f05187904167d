"""Forecasting from tables: the alignment, the split by time, the figures without a network, and bad files."""

import numpy as np
import pytest
import torch

from datamodules.collecting.batching import Batching
from datamodules.collecting.partition import Partition
from datamodules.table import Table
from elman.errors import BadInput

SHARES = Partition(shares=(0.6, 0.2, 0.2))


def write(path, text):
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def series(path, values, *, name="v", start=1):
    rows = "".join(f"{start + i},{value}\n" for i, value in enumerate(values))
    return write(path, f"t,{name}\n{rows}")


def ready(path, **options):
    data = Table(path=path, **{"target": "v", "split": SHARES, "warmup": 2, **options})
    data.setup("fit")
    return data


def examples(data, part):
    numbers = data.parts[("train", "val", "test").index(part)]
    return [data._examples.window(n, 0, int(data._examples.lengths[n])) for n in numbers]


def in_units(data, y):
    return y.double() * data.target_scale + data.target_shift


def unscaled(data, x):
    learned = data.remembered()["table"]
    width = len(learned["input_shift"])
    return x[:, :width].double() * torch.tensor(learned["input_scale"]) + torch.tensor(learned["input_shift"])


SQUARES = [i * i for i in range(20)]  # parts begin at rows 0, 12 and 16


@pytest.mark.parametrize(("horizon", "difference"), [(1, False), (2, False), (1, True), (3, True)])
def test_step_t_sees_row_t_and_is_asked_for_row_t_plus_horizon(tmp_path, horizon, difference):
    data = ready(
        series(tmp_path / "s.csv", SQUARES), inputs=["v"], horizon=horizon, difference=difference, piece=4
    )
    asked = {"train": [], "val": [], "test": []}
    for part, told in asked.items():
        for example in examples(data, part):
            seen = unscaled(data, example.x)[:, 0].round()
            rows = seen.sqrt().round().long() + horizon
            expected = rows.double() ** 2 - (seen if difference else 0)
            torch.testing.assert_close(in_units(data, example.y)[:, 0], expected, rtol=1e-5, atol=1e-4)
            assert not example.scored[:-1][
                example.scored[1:] < example.scored[:-1]
            ].any()  # a run-up, then all
            told.extend(rows[example.scored].tolist())
    assert asked == {
        "train": list(range(horizon, 12)),
        "val": list(range(12, 16)),
        "test": list(range(16, 20)),
    }


def test_validation_and_test_begin_with_history_that_is_not_scored(tmp_path):
    data = ready(series(tmp_path / "s.csv", SQUARES), inputs=["v"], warmup=3, batching=Batching(batch_size=2))
    (val,) = examples(data, "val")
    assert unscaled(data, val.x)[:, 0].round().tolist() == [r * r for r in range(8, 15)]
    assert val.scored.tolist() == [False] * 3 + [True] * 4
    first, second = examples(data, "train")  # two lanes: asked for rows 1-6 and 7-11
    assert unscaled(data, first.x)[:, 0].round().tolist() == [r * r for r in range(6)]
    assert first.scored.all()
    assert unscaled(data, second.x)[:, 0].round().tolist() == [r * r for r in range(3, 11)]
    assert second.scored.tolist() == [False] * 3 + [True] * 5


def test_pieces_may_overlap(tmp_path):
    data = ready(series(tmp_path / "s.csv", SQUARES), piece=5, stride=2, warmup=0)
    scored = [sorted(e.scored.sum(0, keepdim=True).tolist()) for e in examples(data, "train")]
    assert scored == [[5], [5], [5], [5]]  # from rows 1, 3, 5 and 7; the last reaches row 11


def test_training_also_sees_multiples_of_the_target(tmp_path):
    rows = "".join(f"{i},{i * i}\n" for i in range(20))
    path = write(tmp_path / "s.csv", "other,v\n" + rows)
    data = ready(path, gains=[1.0, 2.0], piece=20, difference=True)
    once, twice = examples(data, "train")
    one, two = unscaled(data, once.x), unscaled(data, twice.x)
    torch.testing.assert_close(two[:, 1], 2 * one[:, 1], rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(two[:, 0], one[:, 0])
    torch.testing.assert_close(in_units(data, twice.y), 2 * in_units(data, once.y), rtol=1e-5, atol=1e-4)
    assert [len(examples(data, part)) for part in ("val", "test")] == [1, 1]
    assert data.remembered() == ready(path, piece=20, difference=True).remembered()


def test_scales_are_those_of_training_alone(tmp_path):
    values = [1.0, 3.0, 2.0, 4.0, 3.0, 5.0, 900.0, 900.0, -900.0, -900.0]
    data = ready(series(tmp_path / "s.csv", values))
    told = np.array(values[1:6])
    assert data.target_shift.tolist() == pytest.approx([told.mean()])
    assert data.target_scale.tolist() == pytest.approx([told.std()])
    seen = np.array(values[0:5])
    learned = data.remembered()["table"]
    assert learned["columns"] == ["t", "v"]
    assert learned["input_shift"][1] == pytest.approx(seen.mean())
    assert learned["input_scale"][1] == pytest.approx(seen.std())


def test_a_checkpoint_keeps_the_scales(tmp_path):
    first = ready(series(tmp_path / "s.csv", SQUARES))
    other = Table(path=series(tmp_path / "o.csv", [3 * v for v in SQUARES]), target="v", split=SHARES)
    other.load_state_dict({**first.state_dict()})
    other.setup("test")
    assert torch.equal(other.target_scale, first.target_scale)
    again = Table(path=series(tmp_path / "p.csv", SQUARES), target="v", split=SHARES, horizon=2)
    again.load_state_dict(first.state_dict())
    with pytest.raises(BadInput, match=r"data\.horizon give 2, but the checkpoint was trained on 1"):
        again.setup("test")


def test_a_pipe_is_read_as_the_file_is(tmp_path):
    data = ready(series(tmp_path / "s.csv", SQUARES), inputs=["v"])
    (stretch,) = data.reader(input_size=1, token_ids=False).chunks([b"v\n64\n81\n"])
    (val,) = examples(data, "val")  # begins two rows before row 11
    torch.testing.assert_close(stretch.x.reshape(-1, 1)[1:], val.x[:1])


# What needs no network


def test_repeating_and_the_autoregression_on_a_series_that_obeys_one(tmp_path):
    draw = np.random.default_rng(0)
    values = np.zeros(3000)
    noise = draw.normal(size=3000)
    for t in range(2, 3000):
        values[t] = 1.2 * values[t - 1] - 0.5 * values[t - 2] + noise[t]
    data = ready(series(tmp_path / "s.csv", values.tolist()))
    metadata = data.description()["metadata"]
    assert metadata["repeat_rmse"] == pytest.approx(np.sqrt(np.mean(np.diff(values)[2399:] ** 2)), rel=1e-5)
    assert metadata["linear24_rmse"] == pytest.approx(np.sqrt(np.mean(noise[2400:] ** 2)), rel=0.02)
    lagged = np.stack([values[23 - k : -1 - k] for k in range(24)] + [np.ones(2976)], axis=1)
    for prefix, (val, test) in {"": (2400, 3000), "val_": (1800, 2400)}.items():
        weights = np.linalg.lstsq(lagged[: val - 24], values[24:val], rcond=None)[0]
        errors = (lagged @ weights - values[24:])[val - 24 : test - 24]
        assert metadata[f"{prefix}linear24_rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-5)
    assert any(f"repeat_rmse {metadata['repeat_rmse']:.2f}" in line for line in data.summary())


def test_a_mark_of_zero_and_leading_rows_that_are_dropped(tmp_path):
    values = ["NA", "NA", 5, 6, "NA", 8, 9, 7, "NA", 4, 6, 5]
    data = ready(series(tmp_path / "s.csv", values), missing="zero", drop_leading=True)
    kept = [0 if v == "NA" else v for v in values[2:]]
    assert data.read.series[0].targets[:, 0].tolist() == kept
    assert data.description()["metadata"]["repeat_rmse"] == pytest.approx(np.sqrt(((6 - 4) ** 2 + 1) / 2))


def test_a_value_repeated_from_before_is_not_scored(tmp_path):
    data = ready(series(tmp_path / "s.csv", [1, 2, "", 4, 5, 6, 7, "nan", 9, 8]), missing="previous", piece=9)
    (train,) = examples(data, "train")
    assert data.read.series[0].targets[:, 0].tolist() == [1, 2, 2, 4, 5, 6, 7, 7, 9, 8]
    assert train.scored.tolist() == [True, False, True, True, True]
    assert [int(e.scored.sum()) for e in examples(data, "val")] == [1]


# Columns, text, groups, folders


def test_text_columns_become_marks_of_the_values_that_training_shows(tmp_path):
    wind = ["N", "S", "N", "S", "N", "S", "N", "E", "N", "S"]
    rows = "".join(f"{i},{w}\n" for i, w in enumerate(wind))
    data = ready(write(tmp_path / "s.csv", "v,wind\n" + rows), categories=["wind"])
    assert data.input_size == 3
    (test,) = examples(data, "test")  # sees rows 5 to 8: S, N, E, N
    assert test.x[:, 1:].tolist() == [[0, 1], [1, 0], [0, 0], [1, 0]]


def test_columns_by_number_and_without_a_header(tmp_path):
    path = write(tmp_path / "s.csv", "".join(f"{i};{i * i}\n" for i in range(10)))
    data = ready(path, header=False, separator=";", target=1, inputs=[-1])
    assert (data.input_size, data.output_size) == (1, 1)
    assert data.read.series[0].targets[:, 0].tolist() == [i * i for i in range(10)]


def test_series_of_a_group_column_may_lie_in_any_order(tmp_path):
    rows = "".join(f"{i},{name},{i + 100 * k}\n" for i in range(10) for k, name in enumerate("ab"))
    data = ready(write(tmp_path / "s.csv", "t,who,v\n" + rows), group="who", time="t", inputs=["v"])
    assert [each.targets[:, 0].tolist() for each in data.read.series] == [
        [float(i) for i in range(10)],
        [100.0 + i for i in range(10)],
    ]
    assert [len(part) for part in data.parts] == [2, 2, 2]


def test_whole_series_on_one_side(tmp_path):
    for number in range(10):
        series(tmp_path / f"{number}.csv", [number, number + 1, number + 3, number + 2])
    data = ready(str(tmp_path), split_by="series", split=Partition(test={"series": "3.csv"}))
    assert [data.found.names[i] for i in data.parts[2]] == ["3.csv rows 2-4"]
    assert examples(data, "test")[0].scored.all()


def test_targets_in_files_of_their_own(tmp_path):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
    for number in range(3):
        series(tmp_path / "x" / f"{number}.csv", range(10), name="a")
        series(tmp_path / "y" / f"{number}.csv", [i * i + number for i in range(10)])
    data = ready(
        str(tmp_path / "x"), target_path=str(tmp_path / "y"), horizon=0, inputs=["a"], target=["v", "t"]
    )
    (example, *_) = examples(data, "val")
    steps = unscaled(data, example.x)[:, 0]
    torch.testing.assert_close(in_units(data, example.y)[:, 0], steps**2, rtol=0, atol=1e-4)
    (tmp_path / "y" / "1.csv").unlink()
    with pytest.raises(BadInput, match=r"1\.csv: has no file of this name in "):
        ready(str(tmp_path / "x"), target_path=str(tmp_path / "y"))


def test_parquet_reads_as_csv_does(tmp_path):
    import pandas

    frame = pandas.DataFrame(
        {
            "when": pandas.date_range("2020-01-01", periods=12, freq="h"),
            "v": [1.5, None, 3, 4, 6, 6, 7, 9, 9, 10, 11, 12],
            "k": [*"abababababa", None],
        }
    )
    frame.to_parquet(tmp_path / "s.parquet")
    frame.to_csv(tmp_path / "s.csv", index=False)
    options = {"time": "when", "categories": ["k"], "missing": "zero"}
    one, other = (ready(str(tmp_path / name), **options) for name in ("s.parquet", "s.csv"))
    for part in ("train", "val", "test"):
        assert torch.equal(one.loader(part).batch(0).x, other.loader(part).batch(0).x)
        assert torch.equal(one.loader(part).batch(0).y, other.loader(part).batch(0).y)


# The clock


@pytest.mark.parametrize(
    ("times", "gaps"),
    [
        (["2020-01", "2020-02", "2020-03", "2020-05", "2020-06", "2020-07"], 1),
        (["2020-01-31", "2020-02-29", "2020-03-31", "2020-04-30", "2020-05-31", "2020-07-31"], 1),
        ([f"2020-01-01 {hour:02}:00Z" for hour in (0, 1, 2, 3, 4, 7)], 1),
        ([f"2020-01-01T{hour:02}:00:00.5" for hour in range(6)], 0),
        ([1, 2, 3, 10, 11, 19], 2),
        ([0.5, 1.0, 1.5, 2.0, 2.5, 3.0], 0),
    ],
)
def test_gaps_are_told(tmp_path, times, gaps):
    rows = "".join(f"{time},{i * i}\n" for i, time in enumerate(times))
    data = ready(
        write(tmp_path / "s.csv", "t,v\n" + rows), time="t", split=Partition(shares=(0.5, 0.25, 0.25))
    )
    assert data.description()["metadata"].get("gaps", 0) == gaps
    assert any(" in time, the longest" in line for line in data.summary()) == (gaps > 0)


def calendar(*rows):
    return "year,month,day,hour,v\n" + "".join(f"{row},{i * i}\n" for i, row in enumerate(rows))


def test_a_calendar_of_several_columns(tmp_path):
    hours = [f"2020,2,{28 + h // 24},{h % 24}" for h in range(48)] + ["2020,3,1,0"]
    time = ["year", "month", "day", "hour"]
    data = ready(write(tmp_path / "s.csv", calendar(*hours)), time=time)
    assert "gaps" not in data.description()["metadata"]
    assert data.read.columns == ["v"]
    with pytest.raises(BadInput, match=r"s\.csv:3: year 2021, month 2, day 29 is no date"):
        ready(write(tmp_path / "s.csv", calendar("2021,2,28,0", "2021,2,29,0")), time=time[:3])
    with pytest.raises(BadInput, match=r"s\.csv:4: a time before the row above"):
        ready(write(tmp_path / "s.csv", calendar("2020,1,1,0", "2020,1,1,2", "2020,1,1,1")), time=time)


# Bad data: one line that names the file, the place and the way out

GOOD = "".join(f"{i},{i * i}\n" for i in range(12))
FAULTS = {
    "empty file": ("", "is empty"),
    "header only": ("t,v\n", "a header and no row"),
    "one row": ("t,v\n1,2\n", "1 rows are too few for data.horizon=1"),
    "too short to divide": ("t,v\n1,2\n2,3\n", "leave none for"),
    "ragged row": ("t,v\n" + GOOD + "12,1,1\n", ":14: 3 columns where the first row has 2"),
    "short row": ("t,v\n" + GOOD + "12\n", ":14: 1 column where the first row has 2"),
    "empty line": ("t,v\n1,1\n\n" + GOOD, ":3: an empty line"),
    "unclosed quote": ('t,v\n1,"2\n' + GOOD, ":2: a quote opens here and is never closed"),
    "unclosed quote, long": ('t,v\n1,"2\n' + GOOD * 5000, ":2: a quote opens here and is never closed"),
    "text after a quote": ('t,v\n1,"2"x\n' + GOOD, ":2: is not CSV"),
    "invalid UTF-8": (b"t,v\n1,2\n\xff,3\n", ":3: not UTF-8"),
    "UTF-16": ("t,v\n1,2\n".encode("utf-16"), "UTF-16"),
    "NUL byte": (b"t,v\n1,2\n\x00,3\n", ":3: NUL byte"),
    "old line ends": ("t,v\r1,2\r2,3\r", "lines end in CR alone"),
    "missing column": ("t,w\n" + GOOD, "names 'v', but its columns are t, w"),
    "column named twice": ("v,v\n" + GOOD, "the name of several columns"),
    "numbers for a header": (GOOD, ":1: the first row holds numbers alone"),
    "text in a number column": ("t,v\n" + GOOD + "12,high\n", ":14, column 'v': 'high' is no number"),
    "underscore": ("t,v\n" + GOOD + "12,1_0\n", ":14, column 'v': '1_0' is no number"),
    "missing": ("t,v\n" + GOOD + "12,NA\n", ":14, column 'v': no value; set data.missing"),
    "infinite": ("t,v\n" + GOOD + "12,-inf\n", ":14, column 'v': the value '-inf' is not a finite"),
    "too large": ("t,v\n" + GOOD + "12,1e39\n", ":14, column 'v': the value '1e39' is not a finite"),
    "constant": ("t,v\n" + "".join(f"{i},5\n" for i in range(12)), "v is constant in training"),
    "same time twice": ("t,v\n" + GOOD + "11,3\n", ":14: the same time as the row above"),
    "time goes back": ("t,v\n" + GOOD + "5,3\n", ":14: a time before the row above"),
    "no time": ("t,v\n" + GOOD + "x,3\n", ":14, column 't': 'x' is no number"),
    "a zip named csv": (b"PK\x03\x04" + bytes(100), "is no CSV but a zip archive"),
    "packed": (b"\x1f\x8b" + bytes(100), "packed by gzip"),
    "a line without end": (b"1" * (2 << 20), ":1: a line of more than 1,048,576 bytes"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_bad_files(tmp_path, fault):
    text, message = FAULTS[fault]
    with pytest.raises(BadInput) as error:
        ready(
            write(tmp_path / "s.csv", text), time=None if fault == "column named twice" else "t", inputs=["v"]
        )
    assert message in str(error.value)
    assert "s.csv" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-20], lambda b: b[:200] + b"\xff" * 300 + b[500:], lambda b: b""]
)
def test_damaged_parquet(tmp_path, damage):
    import pandas

    pandas.DataFrame({"t": range(500), "v": np.sin(range(500))}).to_parquet(tmp_path / "s.parquet")
    whole = (tmp_path / "s.parquet").read_bytes()
    with pytest.raises(BadInput, match=r"s\.parquet: is damaged or no parquet file"):
        ready(write(tmp_path / "s.parquet", damage(whole)))


def test_nothing_there(tmp_path):
    with pytest.raises(BadInput, match="no such file or folder"):
        ready(str(tmp_path / "none.csv"))
    (tmp_path / "a.wav").touch()
    with pytest.raises(BadInput, match=r"holds no file whose name ends in \.csv"):
        ready(str(tmp_path))


def test_a_good_file_among_bad_ones(tmp_path):
    for number in range(3):
        series(tmp_path / f"good{number}.csv", SQUARES)
    write(tmp_path / "bad.csv", "t,v\n1,x\n")
    write(tmp_path / "short.csv", "t,v\n1,1\n")
    (tmp_path / "outside.csv").symlink_to("/etc/passwd")
    with pytest.raises(BadInput, match=r"bad\.csv:2, .*; or leave such out with data\.skip_bad=true"):
        ready(str(tmp_path))
    data = ready(str(tmp_path), skip_bad=True)
    assert data.description()["metadata"]["skipped"] == 2
    assert len(data.read.series) - 1 == len({piece.series for piece in data.pieces}) == 3
    (tmp_path / "none").mkdir()
    write(tmp_path / "none" / "bad.csv", "t,v\n1,x\n")
    with pytest.raises(BadInput, match="nothing in it can be used; the first of 1 faults"):
        ready(str(tmp_path / "none"), skip_bad=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"horizon": -1}, "horizon must be a whole number of at least 0"),
        ({"target": []}, "target must name"),
        ({"piece": 5, "stride": 6}, "stride needs a piece"),
        ({"difference": True, "horizon": 0}, "difference needs"),
        ({"separator": ""}, "separator must be one character"),
        ({"split": Partition(by="series")}, "split.by chooses whole series"),
        ({"split_by": "series", "piece": 3}, "piece, stride and gains are for series cut by time"),
        ({"missing": "mean"}, "missing must be"),
        ({"gains": [1.0, -1.0]}, "gains must be factors above 0"),
    ],
)
def test_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        Table(**{"path": "s.csv", "target": "v", **options})


@pytest.mark.parametrize("name", ["by", "val", "test", "folds"])
def test_the_way_out_of_a_division_by_series_helps(tmp_path, name):
    value = {"by": "series", "val": {"series": "a"}, "test": {"series": "a"}, "folds": 3}[name]
    rows = "".join(f"{who},{i},{i * i % 7}\n" for who in ("a", "b", "c", "d", "e") for i in range(12))
    path = write(tmp_path / "s.csv", "who,t,v\n" + rows)
    wanted = {name: {"series": "s.csv a"} if isinstance(value, dict) else value}
    split = Partition(shares=(0.6, 0.2, 0.2), **wanted)
    said = rf"set data\.split_by=series, or data\.split\.{name}=null$"
    with pytest.raises(ValueError, match=rf"split\.{name} chooses whole series, .*; {said}"):
        ready(path, group="who", split=split)
    assert ready(path, group="who", split=split, split_by="series").parts[0].size
    assert ready(path, group="who", split=Partition(shares=(0.6, 0.2, 0.2), **{name: None})).parts[0].size


def test_pieces_are_the_same_kept_or_made_anew(tmp_path, monkeypatch):
    path = series(tmp_path / "s.csv", SQUARES)
    kept = ready(path, piece=5, gains=[1.0, 3.0])
    monkeypatch.setattr("datamodules.tables.forecast.KEPT_BYTES", 0)
    made = ready(path, piece=5, gains=[1.0, 3.0])
    for number, length in enumerate(kept._examples.lengths.tolist()):
        for start, stop in ((0, length), (1, length - 1)):
            one, other = (each._examples.window(number, start, stop) for each in (kept, made))
            assert all(torch.equal(a, b) for a, b in zip(one[:3], other[:3], strict=True))
    assert kept._examples.kept
    assert not made._examples.kept
