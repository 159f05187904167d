"""Who writes a run: told apart by what no clock moves, and by a lock that the kernel takes back."""

import os
import signal
from pathlib import Path

import psutil
import pytest
from forked import in_a_child

from elman.errors import BadInput
from elman.run.folder import take
from elman.tracking.find import find_run, mark_stale
from elman.tracking.lock import NAME, hold, holder, is_held, release, releasing
from elman.tracking.logger import RunLogger
from elman.tracking.process import host, identity, is_alive


def nothing():
    pass


def test_identities():
    assert is_alive(identity()) is True
    for other in (None, "nonsense", "a:b:c", "elsewhere:1:1.0", f"{host()}:1:x", f"{host()}:1:x@abc"):
        assert is_alive(other) is None
    where, pid, start = identity().rsplit(":", 2)
    ticks, boot = start.split("@")
    assert is_alive(f"{where}:{pid}:{int(ticks) - 1}@{boot}") is False  # the pid was used again
    assert is_alive(f"{where}:{pid}:{ticks}@0{boot[1:]}x") is False  # before the machine was started anew
    with in_a_child(nothing) as child:
        ours, theirs = identity(), identity().replace(f":{pid}:", f":{child}:")
        assert ours != theirs


def test_the_end_of_a_process_whose_parent_has_not_asked():
    with in_a_child(nothing) as child:
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        name = f"{host()}:{child}:{fields[19]}@{identity().rpartition('@')[2]}"
        assert is_alive(name) is True
        os.kill(child, signal.SIGKILL)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        assert is_alive(name) is False
    assert is_alive(name) is False


def test_a_clock_that_is_set(monkeypatch):
    mine, started = identity(), psutil.Process().create_time()
    before = f"{host()}:{os.getpid()}:{started:.2f}"  # as the store may hold it from before
    assert is_alive(before) is True
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: started + 3600)
    assert (is_alive(mine), identity(), is_alive(before)) == (True, mine, False)


def test_without_proc(monkeypatch):
    monkeypatch.setattr("elman.tracking.process.boot_id", lambda: None)
    assert "@" not in identity()
    assert is_alive(identity()) is True


def test_one_process_holds_a_run(tmp_path):
    assert is_held(tmp_path) is None
    with in_a_child(lambda: hold(tmp_path)) as child:
        assert is_held(tmp_path) is True
        assert not hold(tmp_path)
        assert f":{child}:" in holder(tmp_path)
        with pytest.raises(BadInput, match=f"run one is still being written by .*:{child}:.*; stop it first"):
            take(tmp_path, "one")
    assert is_held(tmp_path) is False  # the kernel has taken it back
    with releasing():
        assert [hold(tmp_path), hold(tmp_path)] == [True, True]
        assert is_held(tmp_path) is True
        with in_a_child(nothing):  # which does not hold it too
            release(tmp_path)
            assert is_held(tmp_path) is False
        assert hold(tmp_path)
    assert is_held(tmp_path) is False


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", refuse)
    with releasing():
        assert hold(tmp_path)
        assert is_held(tmp_path) is None


def test_a_held_run_is_not_marked_whatever_its_tags_say(uri, client, tmp_path):
    logger = RunLogger(system_metrics=False)
    where, pid, start = identity().rsplit(":", 2)
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    client.set_tag(logger.run_id, "elman.process", f"{where}:{pid}:1{start}")
    client.set_tag(logger.run_id, "elman.checkpoints", str(folder))
    with in_a_child(lambda: hold(folder)):
        assert mark_stale(uri) == []
        assert find_run(uri, logger.run_id).alive is True
    assert (folder / NAME).is_file()
    assert mark_stale(uri) == [logger.run_id]
    logger.close()
