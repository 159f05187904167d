"""Files from a server that is slow, cuts off, sends other bytes or is gone."""

import hashlib
import random
import subprocess
import sys
import threading

import pytest
from download_server import Place, serving

from datamodules.fetching.download import Expected, fetch
from elman.errors import BadInput

CONTENT = random.Random(0).randbytes(300_000)
GOOD = Expected(size=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest())
WAY_OUT = "give a local copy's path"


@pytest.fixture(autouse=True)
def straight(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "new" / "file.bin"


def get(url, file, expected=GOOD, **options):
    fast = {"stall_seconds": 2.0, "pause_seconds": 0.01, "way_out": WAY_OUT}
    fetch(url, file, expected=expected, **(fast | options))


def names(file):
    return sorted(each.name for each in file.parent.iterdir() if not each.name.endswith(".lock"))


def test_once(file):
    place = Place(CONTENT)
    with serving({"/a": place}) as address:
        get(address + "/a", file)
        get(address + "/a", file)
    get(address + "/a", file)  # the server is gone
    assert file.read_bytes() == CONTENT
    assert place.asked == [None]
    assert names(file) == ["file.bin"]


@pytest.mark.parametrize("expected", [Expected(), Expected(md5=hashlib.md5(CONTENT).hexdigest())])
def test_other_ways_of_knowing_it(file, expected):
    with serving({"/a": Place(CONTENT)}) as address:
        get(address + "/a", file, expected)
    assert file.read_bytes() == CONTENT


def test_goes_on_after_each_cut(file):
    """More cuts than tries: what brings something new is no failure."""
    place = Place(CONTENT, cut=[50_000] * 5)
    with serving({"/a": place}) as address:
        get(address + "/a", file, tries=2)
    assert file.read_bytes() == CONTENT
    assert place.asked == [None] + [f"bytes={50_000 * i}-" for i in range(1, 6)]


def test_goes_on_in_a_later_process(file):
    place = Place(CONTENT, cut=[120_000, 0, 0])
    with serving({"/a": place}) as address:
        with pytest.raises(BadInput, match=r"cannot be fetched .*; give a local copy"):
            get(address + "/a", file, tries=2)
        assert names(file) == [".file.bin.part"]
        get(address + "/a", file)
    assert file.read_bytes() == CONTENT
    assert place.asked[-1] == "bytes=120000-"


def test_a_server_that_does_not_go_on(file):
    place = Place(CONTENT, cut=[200_000, 100_000], ranges=False)
    with serving({"/a": place}) as address:
        get(address + "/a", file)
    assert file.read_bytes() == CONTENT
    assert place.asked == [None, "bytes=200000-", "bytes=100000-"]


def test_always_cut_off_at_the_same_place(file):
    with (
        serving({"/a": Place(CONTENT, cut=[1000] * 20, ranges=False)}) as address,
        pytest.raises(BadInput, match="cannot be fetched"),
    ):
        get(address + "/a", file)
    assert not file.exists()


def test_wrong_checksum(file):
    place = Place(CONTENT[:-2] + CONTENT[:2])
    with serving({"/a": place}) as address, pytest.raises(BadInput) as caught:
        get(address + "/a", file)
    message = str(caught.value)
    for part in (address + "/a", GOOD.sha256, hashlib.sha256(place.content).hexdigest(), str(file), WAY_OUT):
        assert part in message
    assert "\n" not in message
    assert names(file) == []


def test_a_beginning_of_another_file(file):
    """What an earlier process left is not trusted: the whole is fetched anew, once."""
    file.parent.mkdir()
    file.with_name(".file.bin.part").write_bytes(b"x" * 1000)
    place = Place(CONTENT)
    with serving({"/a": place}) as address:
        get(address + "/a", file)
    assert file.read_bytes() == CONTENT
    assert place.asked == ["bytes=1000-", None]


@pytest.mark.parametrize("left", [len(CONTENT), len(CONTENT) + 7])
@pytest.mark.parametrize("known", [True, False])
def test_a_beginning_as_long_as_all_of_it(file, left, known):
    file.parent.mkdir()
    file.with_name(".file.bin.part").write_bytes((CONTENT + b"more of it")[:left])
    with serving({"/a": Place(CONTENT)}) as address:
        get(address + "/a", file, GOOD if known else Expected(sha256=GOOD.sha256))
    assert file.read_bytes() == CONTENT


@pytest.mark.parametrize("change", [-1, 1])
def test_wrong_size(file, change):
    with (
        serving({"/a": Place(CONTENT)}) as address,
        pytest.raises(BadInput, match=r"expected 300,001 bytes, got 300,000|sends more than the expected"),
    ):
        get(address + "/a", file, Expected(size=len(CONTENT) - change))
    assert not file.exists()


def test_a_short_file_is_fetched_again(file):
    file.parent.mkdir()
    file.write_bytes(CONTENT[:10])
    with serving({"/a": Place(CONTENT)}) as address:
        get(address + "/a", file)
    assert file.read_bytes() == CONTENT


def test_not_there(file):
    with (
        serving({}) as address,
        pytest.raises(BadInput, match=r"/a: cannot be fetched \(the server answers 404"),
    ):
        get(address + "/a", file)


def test_trouble_that_passes(file):
    place = Place(CONTENT, status=[500, 503])
    with serving({"/a": place}) as address:
        get(address + "/a", file)
    assert file.read_bytes() == CONTENT


def test_trouble_that_stays(file):
    place = Place(CONTENT, status=[500] * 9)
    with serving({"/a": place}) as address, pytest.raises(BadInput, match="the server answers 500"):
        get(address + "/a", file, tries=3)
    assert len(place.asked) == 3


def test_slow_but_alive(file):
    """In all it takes longer than the longest wait for a byte."""
    with serving({"/a": Place(CONTENT[:8000], pause=0.1)}) as address:
        get(address + "/a", file, Expected(size=8000), stall_seconds=0.5)
    assert file.read_bytes() == CONTENT[:8000]


def test_stalls(file):
    place = Place(CONTENT, hang=1.0)
    with serving({"/a": place}) as address, pytest.raises(BadInput, match=r"no byte came for 0\.2 s"):
        get(address + "/a", file, stall_seconds=0.2, tries=2)
    assert len(place.asked) == 2


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/a", "ftp://127.0.0.1/a", "nonsense", "http://[/a"])
def test_no_server(file, url):
    with pytest.raises(BadInput, match=r"cannot be fetched \(.+\); give") as caught:
        get(url, file)
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(BadInput, match=r"cannot be written .* set XDG_CACHE_HOME"):
        get("http://127.0.0.1:1/a", tmp_path / "taken" / "file.bin")


def test_two_at_once(file):
    place = Place(CONTENT, pause=0.001)
    with serving({"/a": place}) as address:
        both = [threading.Thread(target=get, args=(address + "/a", file)) for _ in range(2)]
        for each in both:
            each.start()
        for each in both:
            each.join()
    assert file.read_bytes() == CONTENT
    assert place.asked == [None]


def test_killed_in_the_middle(file):
    """Nothing appears under the final name, and the next process resumes."""
    script = (
        "import sys; from pathlib import Path; from datamodules.fetching.download import *;"
        "fetch(sys.argv[1], Path(sys.argv[2]), expected=Expected(), way_out='')"
    )
    place = Place(CONTENT, pause=0.02)
    with serving({"/a": place}) as address:
        process = subprocess.Popen([sys.executable, "-c", script, address + "/a", str(file)])
        part = file.with_name(".file.bin.part")
        while not (part.exists() and part.stat().st_size):
            assert process.poll() is None
        process.kill()
        process.wait()
        assert not file.exists()
        place.pause = 0
        get(address + "/a", file)
    assert file.read_bytes() == CONTENT
    assert place.asked[-1] != "bytes=0-"
