"""Series of unlike size: said, and with a scaling of each series' own, metrics in the file's units."""

import numpy as np
import pytest
import torch
from office_toys import office_table, ready

from datamodules.collecting.batching import Batching
from datamodules.table import Table
from elman.cores import GRU
from elman.tasks import SequenceTask, SquaredError
from elman.tasks.evaluation import Evaluation

SIZES = {"small": (40, 0.002), "large": (60, 5000.0), "flat": (30, 1.0)}


def shops(path):
    draw, rows = np.random.default_rng(3), []
    for name, (count, size) in SIZES.items():
        values = size * (3 + draw.normal(size=count))
        values[: count // 2 if name == "flat" else 0] = 7.0
        rows += [f"{name},{n},{value:.8g}\n" for n, value in enumerate(values)]
    return office_table(path, "shop,t,v\n" + "".join(rows))


def data_of(tmp_path, **options):
    return ready(
        shops(tmp_path / "s.csv"), group="shop", time="t", batching=Batching(batch_size=3), **options
    )


def test_unlike_series_are_said_and_the_option_scales_each(tmp_path):
    said = data_of(tmp_path).summary()
    (line,) = [line for line in said if "varies by" in line]
    assert "s.csv small and by" in line
    assert line.endswith("in s.csv large, and one scaling serves all; data.scaling=series gives each its own")
    own = data_of(tmp_path, scaling="series")
    assert not any("varies by" in line for line in own.summary())
    table = own.read.series
    for number, (count, _) in enumerate(SIZES.values()):
        piece = next(n for n, each in enumerate(own.pieces) if each.series == number and each.part == "train")
        scale, shift = own.target_units(own.found.names[piece])
        asked = table[number].targets[1 : round(0.6 * count), 0].astype(float)
        assert shift.item() == pytest.approx(asked.mean(), rel=1e-6)
        if number < 2:
            assert scale.item() == pytest.approx(asked.std(), rel=1e-5)
            example = own._examples.window(piece, 0, int(own._examples.lengths[piece]))
            torch.testing.assert_close(
                example.x[:, 0].std(correction=0), torch.tensor(1.0), rtol=1e-4, atol=0
            )
            back = example.y[:, 0].double() * scale + shift
            torch.testing.assert_close(back.numpy(), asked, rtol=1e-4, atol=1e-6 * float(scale))


@pytest.mark.parametrize("steps", [None, 9])
def test_metrics_of_series_with_scalings_of_their_own_are_in_the_files_units(tmp_path, steps):
    data = data_of(tmp_path, scaling="series")
    data = ready(
        shops(tmp_path / "s.csv"),
        group="shop",
        time="t",
        scaling="series",
        batching=Batching(batch_size=2, steps=steps),
    )
    torch.manual_seed(0)
    task = SequenceTask(
        input_size=1,
        output_size=1,
        token_ids=False,
        core=lambda n: GRU(n, hidden_size=4),
        loss=SquaredError(),
        target_scale=data.target_scale,
    )
    evaluation = Evaluation("val", task.objective, window=5)
    loader, squares, scored, count = data.loader("val"), 0.0, 0.0, 0
    carries = None
    with torch.no_grad():
        for index in range(len(loader)):
            batch = loader.batch(index)
            evaluation.add(batch)
            names = loader.names(index)
            carries = task.objective.first_carry(batch) if carries is None else carries
            out, carries = task.objective.core_outputs(batch, carries)
            out = task.objective.readout(out)
            for row, called in enumerate(names):
                if not called:
                    continue
                (name,) = called
                scale, _ = data.target_units(name)
                errors = (out[row] - batch.y[row]).double()[batch.scored[row]]
                scored += float((errors**2).sum())
                squares += float(((errors * scale) ** 2).sum())
                count += len(errors)
    metrics = evaluation.metrics(ranks=1, scale=task.target_scale)
    assert metrics["val/mse"] == pytest.approx(scored / count, rel=1e-5)
    assert metrics["val/rmse"] == pytest.approx((squares / count) ** 0.5, rel=1e-5)


def test_a_checkpoint_knows_whose_scalings_it_had(tmp_path):
    first = data_of(tmp_path, scaling="series")
    other = Table(path=shops(tmp_path / "s.csv"), target="v", group="shop", time="t")
    other.load_state_dict(first.state_dict())
    with pytest.raises(Exception, match=r"data\.scaling give all, but the checkpoint was trained on series"):
        other.setup("test")
    assert first.reader(input_size=1, token_ids=False).names == ("standardised v",)
    with pytest.raises(ValueError, match="scaling must be all"):
        Table(path="s.csv", target="v", scaling="series", split_by="series")


def test_short_series_are_named(tmp_path):
    rows = "".join(
        f"{name},{n},{n % 7}\n" for name, count in (("long", 90), ("short", 12)) for n in range(count)
    )
    data = ready(office_table(tmp_path / "s.csv", "who,t,v\n" + rows), group="who")
    assert "series with parts of fewer than 10 rows: s.csv short (train 6, val 3, test 2)" in data.summary()
