"""Mutual information of data whose dependencies are known."""

from __future__ import annotations

from math import log, log2

import pytest
import torch
from meter_toys import data_of, noise
from task_toys import make_task

from elman.batch import SequenceBatch, whole
from elman.bptt import Full, Truncated
from elman.cores import Bidirectional, Elman
from elman.diagnostics.meters import Dependence
from elman.diagnostics.meters.dependence import information
from elman.errors import BadInput
from elman.tasks import CrossEntropy


def echo(rows: int, steps: int, lag: int, *, symbols: int = 2, flips: float = 0.0) -> SequenceBatch:
    """Targets are the symbol `lag` steps back, a share of them drawn anew."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randint(0, symbols, (rows, steps), generator=generator)
    other = torch.randint(0, symbols, (rows, steps), generator=generator)
    y = torch.where(torch.rand(rows, steps, generator=generator) < flips, other, x.roll(lag, 1))
    scored = (torch.arange(steps) >= lag).expand(rows, -1).clone()
    return whole(x, y, scored=scored)


def task_of(symbols: int = 2, **options):
    given = {"input_size": symbols, "output_size": symbols, "token_ids": True, "loss": CrossEntropy()}
    return make_task(**{**given, "bptt": Full(), **options})


@pytest.mark.parametrize("embedding", [None, 5])
def test_an_echo_is_found_at_its_lag_alone(embedding: int | None) -> None:
    task = task_of(4, embedding=embedding, bptt=Truncated(k1=3, k2=5))
    reading = Dependence(steps=30, rows=200).reading(task, data_of(echo(200, 30, 7, symbols=4)))
    assert reading.metrics["reach_steps"] == reading.metrics["strongest_lag"] == 7
    assert reading.metrics["bits"] == pytest.approx(2.0, abs=0.01)  # four symbols, evenly drawn
    assert "reach 7 steps; the strongest lies 7 steps back (2 bits)" in reading.sentence


def test_noise_shows_nothing() -> None:
    """Nor does a network that remembers: it is the data that is asked."""
    task = make_task(
        bptt=Full(), core=lambda size: Bidirectional(size, core=lambda n: Elman(n, hidden_size=3))
    )
    reading = Dependence(steps=30, rows=100).reading(task, data_of(noise(100, 30)))
    assert reading.facts == {"reach": 0, "found": False}
    assert "No dependency" in reading.sentence


def test_values_are_cut_into_eighths() -> None:
    """y_t = x_{t-3}: three bits, as far as eight parts can tell."""
    batch = noise(200, 20, outputs=1, inputs=1)
    batch = batch._replace(y=batch.x.roll(3, 1), scored=(torch.arange(20) >= 3).expand(200, -1).clone())
    task = make_task(input_size=1, output_size=1, bptt=Full())
    reading = Dependence(steps=20, rows=200).reading(task, data_of(batch))
    assert reading.metrics["strongest_lag"] == 3
    assert reading.metrics["bits"] == pytest.approx(3.0, abs=0.02)


def test_information_by_hand() -> None:
    """A bit that is passed on with one flip in ten, 1 - H(0.1) bits; one that says nothing."""
    passed = torch.tensor([[4500.0, 500.0], [500.0, 4500.0]])
    apart = torch.tensor([[2500.0, 2500.0], [2500.0, 2500.0]])
    entropy = -(0.1 * log2(0.1) + 0.9 * log2(0.9))
    assert float(information(passed.view(1, 2, 1, 2))) == pytest.approx(1 - entropy, abs=1e-4)
    assert float(information(apart.view(1, 2, 1, 2))) == 0.0
    both = information(torch.stack([passed, apart], 0).view(2, 2, 1, 2))
    assert both.flatten().tolist() == pytest.approx([1 - entropy, 0.0], abs=1e-4)
    correction = (4 - 2 - 2 + 1) / (2 * 10_000 * log(2))  # cells less rows less columns, plus one
    assert float(information(passed.view(1, 2, 1, 2))) == pytest.approx(1 - entropy - correction, rel=1e-9)


def test_many_inputs_are_looked_at_by_their_components() -> None:
    """Twenty inputs that all are one value, noise apart: the echo of it is found."""
    batch = noise(100, 30, inputs=20, outputs=1)
    shared = noise(100, 30, inputs=1, outputs=1, seed=9).x
    x = 0.1 * batch.x + shared
    scored = (torch.arange(30) >= 4).expand(100, -1).clone()
    data = data_of(batch._replace(x=x, y=shared.roll(4, 1), scored=scored))
    reading = Dependence(steps=30).reading(make_task(input_size=20, output_size=1, bptt=Full()), data)
    assert reading.metrics["strongest_lag"] == 4


def test_where_only_ends_are_scored_more_sequences_are_read() -> None:
    """The class of a sequence is its symbol three steps before the end."""
    batch = echo(3000, 12, 3)
    scored = torch.zeros_like(batch.scored)
    scored[:, -1] = True
    reading = Dependence(rows=64).reading(task_of(), data_of(batch._replace(scored=scored)))
    assert reading.metrics["reach_steps"] == 3


def test_too_little_data_is_refused() -> None:
    with pytest.raises(BadInput, match="100 scored steps of validation are too few to count pairs; 2000"):
        Dependence().reading(make_task(bptt=Full()), data_of(noise(10, 10)))
