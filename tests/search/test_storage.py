"""Where a study is kept, when that is not there: the option is called by its name."""

from __future__ import annotations

import socket

import pytest

from elman.errors import BadInput
from elman.search.study.storage import mutex, open_storage


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("claims", [False, True], ids=["studies", "claims"])
def test_a_database_that_is_down(tmp_path, monkeypatch, claims: bool) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setattr("elman.search.study.storage.retry", lambda call, **_: call())
    where = f"postgresql+psycopg://me:secret@127.0.0.1:{closed_port()}/studies"
    with pytest.raises(BadInput) as refused:
        mutex(where, tmp_path).__enter__() if claims else open_storage(where, tmp_path)
    said = str(refused.value)
    assert said.startswith("--storage")
    assert "tracking" not in said
    assert "secret" not in said
    open_storage(None, tmp_path)  # the way out: leave --storage out
