"""Archives that are good, broken or want to get out."""

import io
import tarfile
import zipfile

import pytest

from datamodules.fetching.archive import unpack
from elman.errors import BadInput

FILES = {"top/a.txt": b"a" * 3000, "top/in/b.bin": bytes(range(256)), "other/c": b""}


def zipped(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("top")
        for name, content in files.items():
            archive.writestr(name, content)


def tarred(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


@pytest.fixture(params=[zipped, tarred])
def packed(request, tmp_path):
    def build(files=FILES):
        path = tmp_path / "archive"
        request.param(path, files)
        return path

    return build


def listing(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_all_of_it(packed, tmp_path):
    unpack(packed(), tmp_path / "out" / "set")
    assert listing(tmp_path / "out" / "set") == FILES


def test_a_folder_of_it(packed, tmp_path):
    unpack(packed(), tmp_path / "set", only="top")
    assert listing(tmp_path / "set") == {"a.txt": FILES["top/a.txt"], "in/b.bin": FILES["top/in/b.bin"]}


def test_once(packed, tmp_path):
    unpack(packed(), tmp_path / "set")
    (tmp_path / "archive").unlink()
    unpack(tmp_path / "archive", tmp_path / "set")


@pytest.mark.parametrize("name", ["../out.txt", "/tmp/out.txt", "a/../../out.txt", "a\\..\\..\\out.txt"])
def test_paths_that_leave_the_folder(packed, tmp_path, name):
    with pytest.raises(BadInput, match=r"leads out of the folder") as caught:
        unpack(packed({"good": b"1", name: b"2"}), tmp_path / "set")
    assert "archive" in str(caught.value)
    assert not (tmp_path / "set").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == [".set.lock", "archive"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_what_is_no_file(tmp_path, kind):
    with tarfile.open(tmp_path / "archive", "w") as archive:
        entry = tarfile.TarInfo("link")
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(BadInput, match="'link' is no plain file"):
        unpack(tmp_path / "archive", tmp_path / "set")


def test_a_link_in_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "archive", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(BadInput, match="'link' is no plain file"):
        unpack(tmp_path / "archive", tmp_path / "set")


def test_too_much(packed, tmp_path):
    bomb = packed({"zeros": b"\0" * 5_000_000})
    assert bomb.stat().st_size < 20_000
    with pytest.raises(BadInput, match=r"holds more than"):
        unpack(bomb, tmp_path / "set", most_bytes=3_000_000)
    with pytest.raises(BadInput, match=r"holds more than 2 files"):
        unpack(packed(), tmp_path / "set", most_files=1 + 1, most_bytes=10_000)


@pytest.mark.parametrize("keep", [0, 30, -40])
def test_broken(packed, tmp_path, keep):
    path = packed({"a": bytes(range(256)) * 400, "b": b"b" * 9000})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BadInput, match=r"archive: (a broken archive|holds no file|its member)"):
        unpack(path, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_changed_inside(packed, tmp_path):
    path = packed({"a": bytes(range(256)) * 400})
    content = bytearray(path.read_bytes())
    content[200:220] = b"\0" * 20
    path.write_bytes(content)
    with pytest.raises(BadInput, match="a broken archive"):
        unpack(path, tmp_path / "set")


def test_nothing_in_it(packed, tmp_path):
    with pytest.raises(BadInput, match=r"holds no file in other/place"):
        unpack(packed(), tmp_path / "set", only="other/place")
