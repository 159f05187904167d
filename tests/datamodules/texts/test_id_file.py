"""Ids on disk: whole or not there, built once."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from datamodules.texts.id_file import Header, read, read_or_build
from elman.errors import BadInput

HEADER = Header(key="k", characters="abc", dtype="uint16", counts=[4, 3, 0], unknown=[0, 1, 0])
IDS = np.arange(7, dtype=np.uint16)


def build():
    return HEADER, (IDS[:2], IDS[2:])


def refuse():
    raise AssertionError("built again")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "cache" / "text.ids"


def test_parts_and_slices(path):
    header, (train, val, test) = read_or_build(path, "k", build)
    assert header == HEADER
    assert [len(part) for part in (train, val, test)] == [4, 3, 0]
    assert train[1:3].tolist() == [1, 2]
    assert val[:].tolist() == [4, 5, 6]
    assert test[0:5].tolist() == []
    assert pickle.loads(pickle.dumps(val))[1:9].tolist() == [5, 6]


def test_found_again(path):
    read_or_build(path, "k", build)
    header, _ = read_or_build(path, "k", refuse)
    assert header == HEADER


@pytest.mark.parametrize(
    "damage",
    [
        lambda good: b"",
        lambda good: good[:-1],
        lambda good: good + b"\0",
        lambda good: b"{" + good,
        lambda good: b"[1]\n",
        lambda good: good.replace(b"uint16", b"uint99"),
        lambda good: good.replace(b'"key": "k"', b'"key": "q"'),
        lambda good: good.replace(b'"format": 1', b'"format": 0'),
    ],
)
def test_damaged_files_are_built_again(path, damage):
    read_or_build(path, "k", build)
    good = path.read_bytes()
    path.write_bytes(damage(good))
    assert read(path, "k") is None
    read_or_build(path, "k", build)
    assert path.read_bytes() == good


def test_a_failed_build_leaves_nothing(path):
    def fail():
        def blocks():
            yield IDS[:3]
            raise BadInput("broken in the middle")

        return HEADER, blocks()

    with pytest.raises(BadInput, match="broken in the middle"):
        read_or_build(path, "k", fail)
    assert [entry.name for entry in path.parent.iterdir()] == ["text.lock"]


def test_a_text_that_changes_while_it_is_read(path):
    with pytest.raises(BadInput, match="changed while it was being read"):
        read_or_build(path, "k", lambda: (HEADER, [IDS[:5]]))
    assert read(path, "k") is None


def test_shortened_while_in_use(path):
    _, (train, _, _) = read_or_build(path, "k", build)
    os.truncate(path, 4)
    with pytest.raises(BadInput, match="became shorter"):
        train[0:4]


def test_cleared_while_in_use(path):
    _, (train, _, _) = read_or_build(path, "k", build)
    path.unlink()
    assert train[0:4].tolist() == [0, 1, 2, 3]


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"ids cannot be kept there .*; set data\.cache"):
        read_or_build(tmp_path / "file" / "text.ids", "k", build)


def test_two_processes_build_once(path, tmp_path):
    """Each writes its name when it builds; the build takes longer than both need to arrive."""
    script = """
import sys, time
from pathlib import Path
import numpy as np
from datamodules.texts.id_file import Header, read_or_build
path, mark, ready = map(Path, sys.argv[1:])
def build():
    with mark.open("a") as file:
        file.write("built ")
    while len(list(ready.parent.glob("ready*"))) < 2:
        time.sleep(0.01)
    time.sleep(0.2)
    header = Header(key="k", characters="a", dtype="uint8", counts=[3, 0, 0], unknown=[0, 0, 0])
    return header, [np.arange(3, dtype="u1")]
ready.touch()
_, (ids, _, _) = read_or_build(path, "k", build)
print(ids[0:3].tolist())
"""
    mark = tmp_path / "mark"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(path), str(mark), str(tmp_path / f"ready{number}")],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    assert [process.communicate(timeout=60)[0] for process in processes] == ["[0, 1, 2]\n"] * 2
    assert mark.read_text() == "built "
