"""Processes with unequal rows make the updates of one, by every strategy."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
import torch
from ranks import LENGTHS, ROWS, TABLE, train, trained
from strategy_rows import RANDOM, name
from strategy_toys import Fading, LastSteps

from elman.tracking.ui import free_port


@pytest.mark.parametrize("count", ROWS)
def test_processes_make_the_updates_of_one(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them in one launch; which do not is said by name."""
    lengths = torch.tensor(LENGTHS)
    longest = [lengths[:, list(rows)].amax(1) for rows in ROWS[count]]
    assert longest[0].ne(longest[1]).all()  # unequal windows
    context, port = multiprocessing.get_context("forkserver"), free_port(0)
    ranks = [context.Process(target=train, args=(rank, count, port, str(tmp_path))) for rank in range(count)]
    for process in ranks:
        process.start()
    for module in ("uoro", "kf_rtrl"):
        monkeypatch.setattr(f"elman.bptt.{module}.signs", None)
    alone = trained((0, 1, 2, 3, 4), table=TABLE[count])
    for process in ranks:
        process.join(240)
    assert [process.exitcode for process in ranks] == [0] * count
    ends = [torch.load(tmp_path / f"{rank}.pt") for rank in range(count)]
    # how much these give a step depends on where the batch of its process ends
    row_by_row = {name(bptt) for bptt in TABLE[count] if not isinstance(bptt, LastSteps | Fading)}
    found: dict[str, list[float]] = {}
    for what in {*row_by_row, "weight dropout"}:
        expected, credit = alone[what]
        found[what] = [float((end[what][0] - expected).abs().max()) for end in ends]
        assert all(torch.equal(end[what][1], credit) for end in ends), f"{what} draws otherwise in each"
    assert {what: differ for what, differ in found.items() if not max(differ) <= 1e-10} == {}
    drawn = [bptt for bptt in TABLE[count] if bptt in RANDOM]
    assert drawn
    for bptt in drawn:
        assert (alone[name(bptt)][1].numel(), bptt.credit_holds) == (21 * 21, "always")
