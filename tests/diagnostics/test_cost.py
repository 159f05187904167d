"""What a run's cost counts."""

from __future__ import annotations

import pytest
import torch
from task_toys import fit, make_task, stream, truncated, weights

from elman.bptt import UORO, Full
from elman.diagnostics import step_cost
from elman.diagnostics.cost import Cost


@pytest.mark.parametrize("bptt", [UORO(k1=2), truncated(3)], ids=["UORO", "Truncated"])
def test_a_step_that_traces_counts_by_its_time(bptt, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which steps of `Full` take 2 and those of the strategy 7."""
    spent = {Full: 2.0, type(bptt): 7.0}
    monkeypatch.setattr(step_cost, "_seconds", lambda strategy, *_: spent[type(strategy)])
    cost, batches = Cost(), stream(8, 4)
    task = make_task(bptt=bptt)
    fit(task, batches, callbacks=[cost])
    each = 3.5 if bptt.traces else 1.0
    assert (cost.core_steps, cost.batch_steps) == (12 * each, 12)
    assert cost.measure(task, None)["core_steps_per_step"] == each


def test_to_measure_changes_nothing() -> None:
    """Neither weights nor what is drawn after it: signs come from the generator that training has."""
    plain, measured = make_task(bptt=UORO(k1=2)), make_task(bptt=UORO(k1=2))
    batches = stream(8, 4)
    for task, callbacks in ((plain, []), (measured, [Cost()])):
        torch.manual_seed(5)
        fit(task, batches, callbacks=callbacks)
    assert torch.equal(weights(plain), weights(measured))
    assert plain.objective.steps_run == measured.objective.steps_run
    assert all(p.grad is None or p.grad.isfinite().all() for p in measured.parameters())


def test_it_is_measured_once_and_kept() -> None:
    cost, task = Cost(), make_task(bptt=UORO(k1=2))
    fit(task, stream(8), callbacks=[cost])
    assert 0 < cost.measure(task, None)["cpu_seconds"] == cost.cpu_seconds
    again = Cost()
    again.load_state_dict(cost.state_dict())
    assert again.step_cost == cost.step_cost
    assert cost.step_cost is not None
    assert cost.step_cost > 0
    assert again.cpu_seconds == cost.cpu_seconds
    before = {
        name: value for name, value in cost.state_dict().items() if name not in ("step_cost", "cpu_seconds")
    }
    again.load_state_dict(before)  # as earlier versions stored it
    assert again.step_cost is None
    assert again.cpu_seconds == 0
