"""What updates do, counted while they are made."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from meter_toys import data_of, noise
from task_toys import fit, make_task, stream, truncated, weights

from elman.diagnostics.look import Look
from elman.diagnostics.meters import UpdateHealth
from elman.diagnostics.meters.update_health import logged_rows


def trained(meter: UpdateHealth | None, **options):
    task = make_task(bptt=truncated(2), **options)
    batches = stream(6, 6)
    fit(task, batches, callbacks=[] if meter is None else [meter])
    return task


def test_norms_shares_and_ratios() -> None:
    """Six updates by plain descent: the ratio is that of what each has subtracted."""
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    meter = UpdateHealth(every=1)
    before, after = meter.before, meter.after

    def spied_before(norm: float, *, clipped: bool) -> None:
        before(norm, clipped=clipped)
        seen.append((weights(meter.task), torch.empty(0)))

    def spied_after() -> None:
        after()
        seen[-1] = (seen[-1][0], weights(meter.task))

    meter.task = make_task(bptt=truncated(2), clip=0.05)
    meter.before, meter.after = spied_before, spied_after
    fit(meter.task, stream(6, 6), callbacks=[meter])
    metrics = meter.measure(meter.task, None)
    ratios = sorted(float((new - old).norm() / old.norm()) for old, new in seen)
    assert len(seen) == 6
    assert metrics["update_to_weights"] == pytest.approx((ratios[2] + ratios[3]) / 2, rel=1e-9)
    assert metrics["clipped_share"] == 1.0
    assert metrics["norm_low"] <= metrics["norm"] <= metrics["norm_high"]
    assert "100% of updates clipped" in meter._reading.sentence


def test_on_or_off_training_is_the_same() -> None:
    assert torch.equal(weights(trained(None)), weights(trained(UpdateHealth(every=1))))


def test_updates_without_a_finite_gradient_are_counted() -> None:
    task = make_task(bptt=truncated(3))
    batches = stream(6, 6)
    batches[0].x[0, 1] = torch.nan
    meter = UpdateHealth()
    fit(task, batches, callbacks=[meter])
    assert meter.measure(task, None)["skipped"] == task.updates.skipped > 0
    assert "had no finite gradient" in meter._reading.sentence


def test_its_state_goes_on() -> None:
    meter = UpdateHealth(every=2)
    trained(meter)
    meter.measure(
        SimpleNamespace(time_steps=7, updates=SimpleNamespace(clip=None), device=torch.device("cpu")), None
    )
    again = UpdateHealth(every=2)
    again.load_state_dict(meter.state_dict())
    assert again.state_dict() == meter.state_dict()
    assert len(again.rows) == 1


def test_of_a_run_that_has_ended_what_it_logged() -> None:
    history = {
        "train/gradient_norm": [(10, 2.0), (20, 1.0)],
        "train/clipped_share": [(10, 0.5), (20, 0.25)],
    }
    assert logged_rows(history)[-1] == {"time_steps": 20.0, "norm": 1.0, "clipped_share": 0.25}
    own = {"update_health/norm": [(5, 3.0)], "update_health/clipped_share": [(5, 0.0)], **history}
    assert logged_rows(own) == [{"time_steps": 5.0, "norm": 3.0, "clipped_share": 0.0}]
    reading = UpdateHealth().read(Look(make_task(), data_of(noise(2, 8)), history))
    assert "Gradient norms are 1 in the median, 25% of updates clipped" in reading.sentence
    assert "No update" in UpdateHealth().read(Look(make_task(), data_of(noise(2, 8)))).sentence
