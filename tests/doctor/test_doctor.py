"""`elman doctor` says what is right, and what to do where it is not."""

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import torch

from elman.cli import main
from elman.doctor import BROKEN, CHECKS, OK, WARNING, Place, machine, runs
from elman.run.checkpoints import WholeFiles
from elman.tracking.process import identity
from elman.tracking.spool import Spool


@pytest.fixture
def place(folder):
    return Place(None, folder / "checkpoints")


@pytest.fixture
def stored(client, folder):
    """A run with a good checkpoint."""
    run = client.create_run("0").info.run_id
    home = folder / "elsewhere" / run
    WholeFiles().save_checkpoint({"state_dict": {"w": torch.ones(3)}}, home / "step-1.ckpt")
    client.set_tag(run, "elman.checkpoints", str(home))
    client.set_terminated(run, "KILLED")
    return run


def states(found):
    return [each.state for each in found]


def test_a_folder_in_order(folder, stored, capsys, monkeypatch):
    monkeypatch.setattr(psutil, "getloadavg", lambda: (0.0, 0.0, 0.0))
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(CHECKS) + 1
    assert any(line.startswith("ok       checkpoints    1 whole, 0.0 MB") for line in lines)
    assert any(line.startswith("ok       store          sqlite:///") for line in lines)
    assert "broken" not in lines[-1]


def test_what_is_broken_decides_the_exit_code(folder, stored, client, capsys):
    (good,) = folder.glob("elsewhere/*/*.ckpt")
    bad = folder / "checkpoints" / "other" / "step-2.ckpt"
    bad.parent.mkdir(parents=True)
    whole = bytearray(good.read_bytes())
    whole[len(whole) // 2] ^= 4
    bad.write_bytes(whole)
    bad.with_name("step-3.ckpt").write_bytes(b"PK cut short")
    os.link(bad, bad.with_name("best.ckpt"))
    dead = client.create_run("0").info.run_id
    where, pid, start = identity().rsplit(":", 2)
    client.set_tag(dead, "elman.process", f"{where}:{pid}:1{start}")
    with closing(Spool(folder / "checkpoints" / "unsent" / "spool")) as spool:
        spool.append("tags", {"a": "b"}, {"uri": "http://gone:5000", "run": "1" * 32})
    assert main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    said = [line for line in lines if line.startswith(("broken", "warning  dead", "warning  spool"))]
    assert said == [
        "warning  dead runs      1 had no process any more, as after kill -9, and are marked as failed: "
        f"{dead}; go on with one: elman fit --resume RUN",
        "warning  spool          1 entries of run unsent wait for http://gone:5000; start that store, then: "
        "elman sync",
        *(
            f"broken   checkpoint     {bad.with_name(name)} is damaged or cut short; delete it: --resume "
            "goes on from the one before"
            for name in ("best.ckpt", "step-3.ckpt")
        ),
    ]
    assert client.get_run(dead).info.status == "FAILED"


def test_a_store_behind_this_mlflow(folder, place, fresh_store):
    (folder / "old").mkdir()
    path = folder / "old" / "mlflow.db"
    shutil.copy(fresh_store, path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = '0000'")
        database.execute("INSERT INTO runs (run_uuid, experiment_id) VALUES ('a', 0)")
        database.commit()
    (found,) = runs.store(place._replace(uri=f"sqlite:///{path}"))
    assert found.state == BROKEN
    assert "mlflow db upgrade sqlite:///" in found.way_out


def test_no_store_yet(tmp_path):
    place = Place(f"sqlite:///{tmp_path}/new/mlflow.db", tmp_path / "checkpoints")
    for check in CHECKS[5:]:
        assert set(states(check(place))) <= {OK}
    assert not (tmp_path / "new").exists()


def test_a_clock_behind_the_store(client, place):
    client.create_run("0", start_time=int(time.time() * 1000) + 3_600_000)
    (found,) = machine.clock(place)
    assert found.state == WARNING
    assert "s after now, by this machine's clock" in found.found


def test_a_system_without_a_boot_id(place, monkeypatch):
    monkeypatch.setattr(machine, "boot_id", lambda: None)
    assert states(machine.clock(place)) == [WARNING]


def test_packages(place, monkeypatch):
    from importlib import metadata

    monkeypatch.setattr(metadata, "requires", lambda _: ["torch>=1", "nothing_of_this_name>=2", "numpy<1"])
    (found,) = machine.packages(place)
    assert found.state == BROKEN
    assert found.found.startswith("nothing_of_this_name>=2 is missing; numpy ")
    monkeypatch.setattr(metadata, "requires", lambda _: ["torch>=1", "x>1; extra == 'test'"])
    monkeypatch.setattr(machine, "_tested", lambda: {"torch": "1.0"})
    (found,) = machine.packages(place)
    assert found.state == WARNING
    assert "(1.0)" in found.found


def test_disks_and_memory_that_are_full(place, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 50 << 20))
    assert set(states(machine.disks(place))) == {BROKEN}
    memory = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(available=1000))
    assert states(machine.memory(place)) == [WARNING]


def test_without_a_compiler(place, monkeypatch):
    monkeypatch.setattr("elman.cores._build.why_not_native", lambda *_: "there is no compiler 'cc'")
    (found,) = machine.native_kernel(place)
    assert (found.state, found.found) == (WARNING, "there is no compiler 'cc'")


def test_a_check_that_fails_is_a_line(folder, capsys, monkeypatch):
    def broken(place):
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("elman.commands._doctor.CHECKS", (broken,))
    assert main(["doctor"]) == 0
    assert (
        "warning  broken         could not be looked at: ZeroDivisionError: by nothing"
        in capsys.readouterr().out
    )
    assert Path("mlflow.db").is_file()
