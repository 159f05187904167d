"""Every meter asks every core that goes from step to step, and names the others."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core_rows import CORES, Row
from meter_toys import data_of, noise
from task_toys import FEATURES, make_task

from elman.bptt import Full, Truncated
from elman.cores import LRU, QRNN, ProjectedLSTM
from elman.diagnostics.look import without_step
from elman.diagnostics.meter import Meter
from elman.diagnostics.meters import ALL
from elman.pictures.on_screen import on_screen

SMALL: dict[str, dict[str, Any]] = {
    "jacobian_spectrum": {"rows": 2, "samples": 2},
    "lyapunov": {"rows": 1},
    "fixed_points": {"starts": 2, "rows": 8},
    "gradient_by_lag": {"losses": 1},
    "truncation_bias": {"losses": 1},
}
ROWS = {row.core: row for row in reversed(CORES) if not row.rare or row.core in (LRU, ProjectedLSTM, QRNN)}
"""Of cells that differ in their gates alone, one; those stay whose carries are of several kinds."""
MEASURES = [kind for kind in ALL if kind.name not in ("update_health", "dependence")]


def made(row: Row, bptt: Any) -> Any:
    return make_task(core=lambda size: row.make(size, hidden_size=3, layers=2), bptt=bptt)


@pytest.mark.parametrize("kind", MEASURES, ids=lambda kind: kind.name)
@pytest.mark.parametrize("row", ROWS.values(), ids=str)
def test_it_is_measured_or_named(row: Row, kind: type[Meter]) -> None:
    plain = make_task(core=lambda size: row.make(size, hidden_size=3, layers=2), bptt=Full())
    steps = not without_step(plain)
    task = made(row, Truncated(k1=3, k2=6)) if steps else plain
    meter = kind(**SMALL.get(kind.name, {}))
    if not steps:
        assert type(task.network.core).__name__ in meter.missing(task, None)
        return
    assert not meter.missing(task, None)
    reading = meter.reading(task, data_of(noise(80, 16, inputs=FEATURES)))
    assert reading.metrics
    assert all(torch.tensor(value).isfinite() for value in reading.metrics.values())
    assert reading.sentence.endswith(".")
    assert not any(word in reading.sentence for word in ("nan", "inf "))
    assert on_screen(reading.plot).data
