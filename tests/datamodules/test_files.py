"""Files appear whole or not at all, and are told apart by what is in them."""

import hashlib

import pytest

from datamodules.files import any_case, atomic_write, digest, digest_of, look_up, make_once, read, write_whole
from elman.errors import BadInput


def names(folder):
    return sorted(each.name for each in folder.iterdir())


@pytest.mark.parametrize("sync", [False, True])
def test_a_file_appears_when_all_of_it_is_written(tmp_path, sync):
    path = tmp_path / "new" / "file.bin"
    with atomic_write(path, sync=sync) as part:
        part.write_bytes(b"one")
        assert not path.exists()
    assert path.read_bytes() == b"one"
    assert names(path.parent) == ["file.bin"]


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "file.txt"
    write_whole(path, "ä\n")

    def interrupted():
        with atomic_write(path) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == "ä\n".encode()
    assert names(tmp_path) == ["file.txt"]


def test_a_folder_appears_whole(tmp_path):
    """What a killed process has left of one is not mixed into it."""
    (tmp_path / "set.part").mkdir()
    (tmp_path / "set.part" / "old").touch()
    with atomic_write(tmp_path / "set") as part:
        part.mkdir()
        (part / "new").touch()
    assert names(tmp_path / "set") == ["new"]

    def broken():
        with atomic_write(tmp_path / "other") as part:
            part.mkdir()
            raise BadInput("broken")

    with pytest.raises(BadInput):
        broken()
    assert names(tmp_path) == ["set"]


def test_made_once(tmp_path):
    made = []

    def make(part):
        made.append(part)
        part.write_text("x")

    for _ in range(2):
        make_once(tmp_path / "new" / "file", make)
    assert len(made) == 1
    assert names(tmp_path / "new") == [".file.lock", "file"]


def test_digests(tmp_path, monkeypatch):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"a" * 100_000)
    other.write_bytes(b"b" * 100_000)
    assert digest(one) == hashlib.sha256(one.read_bytes()).hexdigest()
    assert digest(one, "md5") == hashlib.md5(one.read_bytes()).hexdigest()
    content = digest_of([one, other], tmp_path)
    assert content[1]
    other.write_bytes(b"c" * 100_000)
    assert digest_of([one, other], tmp_path)[0] != content[0]
    monkeypatch.setattr(read, "LARGEST_READ", 199_999)
    names_and_sizes = digest_of([one, other], tmp_path)
    assert not names_and_sizes[1]
    other.write_bytes(b"d" * 100_000)
    assert digest_of([one, other], tmp_path) == names_and_sizes
    with pytest.raises(BadInput, match="no such file"):
        digest(tmp_path / "none")


def test_look_up(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert look_up("~", wanted="set data.path") == (tmp_path, True)
    with pytest.raises(BadInput, match=r"/dev/null: neither a file nor a folder; set data\.path"):
        look_up("/dev/null", wanted="set data.path")
    assert any_case((".png", ".gif")) == (".png", ".gif", ".PNG", ".GIF")
