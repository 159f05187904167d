"""Threads sleep while they wait where others want the processors, unless the user has said how they wait."""

import os

import pytest

from elman.run.waiting import share_processors


@pytest.mark.parametrize(
    ("load", "given", "policy"),
    [
        (0.4, {}, None),
        (3.0, {}, "passive"),
        (3.0, {"OMP_WAIT_POLICY": "active"}, "active"),
        (3.0, {"GOMP_SPINCOUNT": "100"}, None),
    ],
)
def test_how_threads_wait(monkeypatch, load, given, policy):
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    share_processors()
    assert os.environ.get("OMP_WAIT_POLICY") == policy
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
