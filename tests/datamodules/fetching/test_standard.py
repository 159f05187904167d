"""Standard sets: the real code against a server on this machine."""

import gzip
import hashlib
import io
import zipfile

import pytest
from download_server import Place, serving

from datamodules.fetching import standard
from datamodules.fetching.download import Expected
from datamodules.fetching.standard import MIRROR, STANDARD, Standard, local
from datamodules.text import Text
from elman.errors import BadInput


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv(MIRROR, raising=False)


def known(content):
    return Expected(size=len(content), sha256=hashlib.sha256(content).hexdigest())


def zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_every_set_is_told_in_full():
    for name, found in STANDARD.items():
        assert name == name.lower()
        assert found.licence
        assert found.one_file <= (len(found.files) == 1)
        assert len({url.rpartition("/")[2] for url, _ in found.files}) == len(found.files)
        for url, expected in found.files:
            assert url.startswith("https://")
            verified = expected.sha256 or expected.md5 or found.listing
            assert verified
            assert len(verified) in (32, 64)
            assert int(verified, 16)


@pytest.mark.parametrize("path", [None, "text.txt", "folder/standard:mnist", ""])
def test_other_paths_stay(path):
    assert local(path) == path


def test_unknown_name():
    with pytest.raises(
        BadInput, match=r"data\.path=standard:moon: no such standard set; there are free_spoken"
    ):
        local("standard:moon")


def test_one_file(monkeypatch, tmp_path):
    content = b"To be, or not to be" * 100
    with serving({"/in/put.txt": Place(content)}) as address:
        one = Standard(files=[(address + "/in/put.txt", known(content))], one_file=True, licence="none")
        monkeypatch.setitem(STANDARD, "one", one)
        path = local("standard:one")
    assert path == str(tmp_path / "cache" / "elman" / "standard" / "one" / "put.txt")
    assert local("standard:one") == path  # with the server gone
    data = Text(path="standard:one", batch_size=2, steps=5)
    data.setup()
    assert data.description()["source"] == "put.txt"


def test_mirror(monkeypatch):
    """Every set is fetched from NAME/FILE below the mirror, and verified all the same."""
    contents = {name: [f"{name} {i}".encode() for i in range(len(s.files))] for name, s in STANDARD.items()}
    places = {}
    for name, found in STANDARD.items():
        if found.unpacked:
            contents[name] = [
                zipped({f"{found.unpacked}/b.wav": b"2", f"{found.unpacked}/a.wav": b"1", "README": b""})
            ]
        for (url, _), content in zip(found.files, contents[name], strict=True):
            places[f"/at/{name}/{url.rpartition('/')[2]}"] = Place(content)
    with serving(places) as address:
        monkeypatch.setenv(MIRROR, address + "/at/")
        for name, found in list(STANDARD.items()):
            with pytest.raises(BadInput, match=r"expected|cannot be fetched"):
                local(f"standard:{name}")
            lines = "".join(
                f"{hashlib.sha256(c).hexdigest()}  {n}\n" for n, c in (("a.wav", b"1"), ("b.wav", b"2"))
            )
            true = Standard(
                files=[(url, known(c)) for (url, _), c in zip(found.files, contents[name], strict=True)],
                one_file=found.one_file,
                unpacked=found.unpacked,
                listing=found.listing and hashlib.sha256(lines.encode()).hexdigest(),
                licence=found.licence,
            )
            monkeypatch.setitem(STANDARD, name, true)
            if found.unpacked:
                (standard.cache_folder("downloads") / name / found.files[0][0].rpartition("/")[2]).unlink(
                    missing_ok=True
                )
            path = standard.Path(local(f"standard:{name}"))
            if found.unpacked:
                assert sorted(each.name for each in path.iterdir()) == ["a.wav", "b.wav"]
            elif found.one_file:
                assert path.read_bytes() == contents[name][0]
            else:
                there = {each.name for each in path.iterdir() if not each.name.startswith(".")}
                assert there == {url.rpartition("/")[2] for url, _ in found.files}


def test_without_a_network(monkeypatch):
    monkeypatch.setenv(MIRROR, "http://127.0.0.1:1")
    monkeypatch.setattr(
        standard.fetch, "__kwdefaults__", {**standard.fetch.__kwdefaults__, "pause_seconds": 0.0}
    )
    with pytest.raises(
        BadInput, match=r"cannot be fetched .*; give a local copy's path as data\.path, or a mirror"
    ):
        Text(path="standard:tiny_shakespeare").setup()


def test_put_there_by_hand(tmp_path):
    folder = tmp_path / "cache" / "elman" / "standard" / "free_spoken_digits"
    folder.mkdir(parents=True)
    assert local("standard:free_spoken_digits") == str(folder)


def test_gz_comes_as_it_is(monkeypatch):
    """A packed file is kept packed, for its digest is of that."""
    content = gzip.compress(b"images" * 1000)
    with serving({"/x.gz": Place(content)}) as address:
        monkeypatch.setitem(
            STANDARD,
            "packed",
            Standard(files=[(address + "/x.gz", known(content))], one_file=True, licence="-"),
        )
        path = local("standard:packed")
    assert standard.Path(path).read_bytes() == content
