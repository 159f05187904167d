"""Meters asked together: what fits, what they say, and what training notices of them: nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from meter_toys import data_of, noise
from task_toys import fit, make_task, stream, truncated, weights

from elman.bptt import Full, Truncated
from elman.cores import Bidirectional, Elman, FeedForward
from elman.diagnostics.diagnosis import diagnosed, write
from elman.diagnostics.meter import Meter
from elman.diagnostics.meters import ALL, GradientByLag, TruncationBias
from elman.diagnostics.verdict import verdict


def asked(task, data, kinds, told: list[str]):
    meters = [kind() for kind in kinds]
    return diagnosed(task, data, meters, history={}, run="a run", what="what it is", say=told.append)


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    task = make_task(core=lambda size: Bidirectional(size, core=partial(Elman, hidden_size=3)), bptt=Full())
    told: list[str] = []
    found = asked(task, data_of(noise(4, 12)), ALL, told)
    assert found.left_out["gradient_by_lag"] == (
        "it needs a core that goes from step to step, and Bidirectional reads later steps"
    )
    assert "2000 are needed" in found.left_out["dependence"]
    assert all(meter.name in found.left_out for meter in ALL if meter.needs_step)
    assert len(told) >= len(ALL)


def test_page_and_pictures(tmp_path: Path) -> None:
    task, data = make_task(bptt=Truncated(k1=2, k2=4)), data_of(noise(4, 16))
    found = [asked(task, data, [GradientByLag, TruncationBias], [])]
    titles = {kind.name: kind.title for kind in ALL}
    paths = write(found, tmp_path / "one", titles=titles)
    assert sorted(path.name for path in paths) == [
        "diagnosis.html",
        *(f"{name}.{suffix}" for name in ("gradient_by_lag", "truncation_bias") for suffix in ("png", "svg")),
    ]
    page = paths[0].read_text()
    assert found[0].verdict in page
    assert "Losses reach" in found[0].verdict
    both = [found[0], asked(task, data, [GradientByLag], [])]
    both[1] = replace(both[1], run="another")
    pictures = write(both, tmp_path / "two", titles=titles)
    assert len(pictures) == 5
    assert all(text in pictures[0].read_text() for text in ("a run and another", '"name":"another"'))


@pytest.mark.parametrize("k2", [4, 16])
def test_the_verdict_weighs_cost_and_bias(k2: int) -> None:
    task, data = make_task(bptt=Truncated(k1=2, k2=k2)), data_of(noise(4, 16))
    readings = {kind.name: kind().reading(task, data) for kind in (GradientByLag, TruncationBias)}
    said = verdict(task.bptt, readings)
    enough = readings["truncation_bias"].facts["enough"]
    if k2 >= enough:
        assert f"k2 = {k2} is enough" in said
    else:
        assert f"k2 = {enough} would cost {enough / 2:.2g} core steps" in said
    assert verdict(task.bptt, {}) == ""


class AtEveryBatch(pl.Callback):
    """Asks meters, and draws, in the middle of training."""

    def __init__(self, meters: list[Meter]) -> None:
        self.meters, self.pictures = meters, 0

    def on_train_batch_end(self, trainer: pl.Trainer, task: Any, *_: Any) -> None:
        for meter in self.meters:
            if meter.measure(task, data_of(noise(4, 16))):
                self.pictures += meter.draw(task, None) is not None


def test_training_notices_nothing() -> None:
    """The same weights, bit by bit, where dropout draws on, with the native kernel's choice and all."""
    found, other = [], ("dependence", "update_health", "memory_probes", "overwriting")  # which need more data
    chosen = [kind for kind in ALL if kind.name not in other]
    for meters in ([], [kind() for kind in chosen]):
        task = make_task(bptt=truncated(3), core=partial(Elman, hidden_size=4, layers=2, dropout=0.5))
        asks = AtEveryBatch(meters)
        torch.manual_seed(3)
        fit(task, stream(6, 6), callbacks=[asks])
        assert asks.pictures == 2 * len(meters)
        assert task.training
        found.append(weights(task))
    assert torch.equal(*found)


def test_data_that_cannot_be_asked_ends_no_training(caplog: pytest.LogCaptureFixture) -> None:
    task, meter, short = make_task(bptt=truncated(3)), GradientByLag(), data_of(noise(4, 5))
    for _ in range(2):
        assert meter.measure(task, short) == {}
        assert meter.draw(task, short) is None
    (line,) = caplog.messages
    assert line.startswith("GradientByLag is left out of this run: sequences of validation have 5 steps")


def test_a_core_that_remembers_nothing_is_named() -> None:
    task = make_task(core=partial(FeedForward, hidden_size=3), bptt=Full())
    assert "FeedForward remembers nothing" in GradientByLag().missing(task, None)
