"""Which files are read, and what the messages are for those that cannot be."""

import os

import pytest

from datamodules.texts import corpus
from datamodules.texts.corpus import find, standard_library
from elman.errors import BadInput


def test_a_folder_in_order_with_the_rest_left_out(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / ".git").mkdir()
    outside = tmp_path / "outside.txt"
    outside.write_text("x")
    root = tmp_path / "b"
    (root / "sub").mkdir()
    (root / ".hidden").mkdir()
    for name in ("z.txt", "a.txt", "sub/m.txt", "note.md", ".secret.txt", ".hidden/h.txt"):
        (root / name).write_text(name)
    (root / "link.txt").symlink_to(outside)
    (root / "links").symlink_to(tmp_path, target_is_directory=True)
    found = find(str(root), [".txt"])
    assert [file.relative_to(root).as_posix() for file in found.files] == ["a.txt", "sub/m.txt", "z.txt"]
    assert len(found.others) == 3  # note.md, .secret.txt, link.txt
    assert len(find(str(root), [".txt", ".md"]).files) == 4


def test_nothing_to_read(tmp_path):
    with pytest.raises(BadInput, match="no such file or folder"):
        find(str(tmp_path / "missing.txt"), [".txt"])
    with pytest.raises(BadInput, match=r"holds no file whose name ends in \.txt \(seen: no file\)"):
        find(str(tmp_path), [".txt"])
    for name in ("a.md", "b.md", "c.html"):
        (tmp_path / name).write_text("text")
    with pytest.raises(BadInput, match=r"seen: 2 \.md, 1 \.html\); set data\.suffixes"):
        find(str(tmp_path), [".txt"])


def test_neither_file_nor_folder(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match="neither a file nor a folder"):
        find(str(tmp_path / "pipe"), [".txt"])


def test_what_the_system_refuses(tmp_path):
    loop = tmp_path / "loop.txt"
    loop.symlink_to(loop)
    with pytest.raises(BadInput, match=r"loop\.txt: cannot be read \(.*symbolic links"):
        find(str(loop), [".txt"])
    with pytest.raises(BadInput, match="cannot be read"):
        find("text\0.txt", [".txt"])
    with pytest.raises(BadInput, match="cannot be read"):
        find("~no-such-user-here/text.txt", [".txt"])


def test_standard_library():
    found = standard_library()
    names = {file.relative_to(found.root).as_posix() for file in found.files}
    assert {"argparse.py", "json/decoder.py"} <= names
    assert not any("test" in name.split("/")[:-1] or "site-packages" in name for name in names)
    assert found.source.startswith("python 3.")


def test_a_library_with_broken_files(tmp_path, monkeypatch):
    (tmp_path / "good.py").write_text("x = 1\n")
    (tmp_path / "latin.py").write_bytes(b"# \xe4\n")
    (tmp_path / "binary.py").write_bytes(b"\0")
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "case.py").write_text("x = 1\n")
    monkeypatch.setattr(corpus.sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path)})
    found = standard_library()
    assert ([file.name for file in found.files], len(found.others)) == (["good.py"], 2)
