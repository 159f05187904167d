"""Two processes with unequal rows make the updates of one, by every strategy."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
import torch
from ranks import LENGTHS, train, trained
from strategy_rows import EVERY, RANDOM, name
from strategy_toys import Fading, LastSteps

from elman.tracking.ui import free_port


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """What both ended with, and one process alone; one launch for all strategies."""
    folder = tmp_path_factory.mktemp("ranks")
    processes, port = multiprocessing.get_context("forkserver"), free_port(0)
    both = [processes.Process(target=train, args=(rank, port, str(folder))) for rank in (0, 1)]
    for process in both:
        process.start()
    with pytest.MonkeyPatch.context() as patch:
        for module in ("uoro", "kf_rtrl"):
            patch.setattr(f"elman.bptt.{module}.signs", None)
        alone = trained((0, 1, 2))
    for process in both:
        process.join(120)
    assert [process.exitcode for process in both] == [0, 0]
    return [alone, *(torch.load(Path(folder) / f"{rank}.pt") for rank in (0, 1))]


# How much these give a step depends on where the batch of its process ends.
ROW_BY_ROW = [bptt for bptt in EVERY if not isinstance(bptt, LastSteps | Fading)]


@pytest.mark.parametrize("bptt", ROW_BY_ROW, ids=name)
def test_two_processes_make_the_updates_of_one(bptt, ends: list[dict]) -> None:
    assert torch.tensor(LENGTHS)[:, 1].ne(torch.tensor(LENGTHS)[:, [0, 2]].amax(1)).all()  # unequal windows
    (alone, credit), *both = (end[name(bptt)] for end in ends)
    for weights, drawn in both:
        torch.testing.assert_close(weights, alone, rtol=0, atol=1e-10)
        assert torch.equal(drawn, credit)
    if bptt in RANDOM:
        assert (credit.numel(), bptt.credit_holds) == (21 * 21, "always")


def test_two_processes_drop_the_same_recurrent_weights(ends: list[dict]) -> None:
    (alone, _), *both = (end["weight dropout"] for end in ends)
    for weights, _ in both:
        torch.testing.assert_close(weights, alone, rtol=0, atol=1e-10)
