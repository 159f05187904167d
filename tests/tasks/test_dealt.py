"""A checkpoint goes on with another number of processes: rows are dealt anew, with all that is theirs."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import pytest
import torch
from ranks import Signs
from strategy_rows import EVERY, name
from task_toys import fit, make_task, stream

from elman.bptt import Adaptive, DiagonalRTRL
from elman.cores import GRU, IndRNN
from elman.errors import BadInput
from elman.tasks.dealt import dealt
from elman.tree import rows as rows_of

LENGTHS = (7, 6, 5)
STILL = partial(torch.optim.SGD, lr=0.0)  # what rows carry then depends on nothing but themselves
STATES = list({(type(bptt), getattr(bptt, "scored", "")): bptt for bptt in EVERY}.values())
ALONE = [bptt for bptt in STATES if not isinstance(bptt, Adaptive)]  # which measures all rows


def own_part(bptt: Any, rows: range, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a process with these rows saves of its own after two of three batches, one a list of itself."""
    signs = Signs(tuple(rows))
    for module in ("uoro", "kf_rtrl"):
        monkeypatch.setattr(f"elman.bptt.{module}.signs", signs)
    cell = IndRNN if isinstance(bptt, DiagonalRTRL) else GRU
    task = make_task(bptt=copy.deepcopy(bptt), core=partial(cell, hidden_size=4), optimizer=STILL)
    index = torch.tensor(list(rows))
    whole = stream(*LENGTHS)[:2]
    fit(task, [rows_of(batch, index) for batch in whole])
    return {key: [value] for key, value in task.train_state.state_dict().items()} | {"random": [0]}


def together(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {key: [part[key][0] for part in parts] for key in parts[0]}


@pytest.mark.parametrize("bptt", ALONE, ids=name)
def test_every_strategy_has_what_its_rows_would_have_had(bptt, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = (
        together([own_part(bptt, range(rank, 3, ranks), monkeypatch) for rank in range(ranks)])
        for ranks in (1, 2)
    )
    for saved, ranks, wanted in ((one, 2, two), (two, 1, one), (dealt(one, 3), 2, two)):
        found = dealt(saved, ranks)
        torch.testing.assert_close(found["states"], wanted["states"], rtol=0, atol=1e-10)
        assert (found["batches"], len(found["restarts"])) == (wanted["batches"], ranks)
    assert dealt(one, 1) == one


def saved(*states: Any, restarts: Any = None) -> dict[str, Any]:
    count = len(states)
    return {"states": list(states), "restarts": restarts or [None] * count, "random": list(range(count))}


def test_rows_that_begin_anew_and_random_generators() -> None:
    carries = [(torch.arange(r, 5.0, 3)[:, None],) for r in range(3)]
    found = dealt(saved(*carries, restarts=[None, torch.tensor([True, False]), None]), 2)
    assert [state[0].flatten().tolist() for state in found["states"]] == [[0.0, 2.0, 4.0], [1.0, 3.0]]
    assert [mask.tolist() for mask in found["restarts"]] == [[False] * 3, [True, False]]
    assert found["random"] == [0, 1]
    assert dealt(saved(None, None), 4)["states"] == [None] * 4


@pytest.mark.parametrize(
    ("states", "ranks", "why"),
    [
        ([((torch.zeros(1, 4),), 2), ((torch.zeros(1, 5),), 2)], 1, "batches are of unequal length"),
        ([(torch.zeros(1, 4), 2), (torch.zeros(1, 4), 3)], 1, "not at the same place in their windows"),
        ([(torch.zeros(2, 4),), None], 1, "not at the same place in their windows"),
        ([(torch.zeros(1, 4),), (torch.zeros(2, 4),)], 1, "they hold 1 and 2 rows"),
        ([(torch.zeros(3, 4),)], 4, "there are 3 rows"),
    ],
    ids=["lengths", "places", "ended", "rows", "few"],
)
def test_states_that_cannot_be_dealt(states: list[Any], ranks: int, why: str) -> None:
    line = rf"of {len(states)} process.*cannot go on with {ranks}.*{why}.*trainer.devices={len(states)}"
    with pytest.raises(BadInput, match=line):
        dealt(saved(*states), ranks)
