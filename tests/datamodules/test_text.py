"""Text from a file or folder to batches."""

import hashlib
import random

import pytest

from datamodules.files import read
from datamodules.text import Text
from datamodules.texts import text_ids
from datamodules.texts.alphabet import Alphabet
from elman.errors import BadInput


def words(count, seed=0):
    """`count` characters of made-up prose."""
    draw = random.Random(seed)
    return "".join(draw.choice("etaoin shrdlu\n") for _ in range(count))


@pytest.fixture
def make(tmp_path):
    """Text over a file that holds `content`, with small batches."""

    def build(content, *, name="text.txt", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        small = {"batch_size": 2, "steps": 5, "cache": str(tmp_path / "cache")}
        return Text(path=str(path), **(small | options))

    return build


def ready(data):
    data.prepare_data()
    data.setup()
    return data


def read_back(data, part):
    """The whole text of a part, through its ids."""
    ids = data.ids.parts[("train", "val", "test").index(part)]
    return data.alphabet.decode(ids[0 : len(ids)].tolist())


def test_a_file_is_cut_by_characters(make):
    """Characters, not bytes; across blocks; nothing lost."""
    text = words(3000).replace("e", "ä").replace("t", "漢") * 31
    data = ready(make(text, split=(0.9, 0.1, 0.0)))
    assert len(text.encode()) > read.BLOCK_BYTES
    cut = int(len(text) * 0.9)
    assert read_back(data, "train") == text[:cut]
    assert read_back(data, "val") == text[cut:]
    assert data.steps_per_epoch == cut - 1


def test_rows_follow_on(make):
    data = ready(make("abcdefghijklmnopqrstuvwxyz012345", split=(0.7, 0.3, 0.0), batch_size=2, steps=4))
    rows = [[data.alphabet.decode(row) for row in data.train_dataloader().batch(i).x] for i in range(4)]
    assert rows == [["abcd", "lmno"], ["efgh", "pqrs"], ["ijk", "tu\ufffd"], ["abcd", "lmno"]]
    batch = data.train_dataloader().batch(2)
    assert batch.lengths.tolist() == [3, 2]  # 22 characters are 21 steps, 11 and 10
    assert data.alphabet.decode(data.train_dataloader().batch(0).y[1]) == "mnop"


def test_alphabet_of_the_training_part_alone(make):
    data = ready(make("ab" * 45 + "abZab" * 2, split=(0.9, 0.1, 0.0)))
    assert data.alphabet == Alphabet("ab")
    assert (data.input_size, data.output_size) == (3, 3)
    assert read_back(data, "val") == "ab\ufffdab" * 2
    batch = data.val_dataloader().batch(0)
    assert batch.x.tolist() == [[1, 2, 0, 1, 2]]
    assert batch.scored.all()
    assert data.description()["metadata"]["unknown"] == 2


def test_rare_characters_are_unknown(make):
    data = ready(make("aaabbc" * 20, max_symbols=2))
    assert data.alphabet == Alphabet("ab")
    assert data.description()["metadata"]["unknown"] == 20


def test_many_symbols(make):
    text = "".join(chr(0x4E00 + i % 700) for i in range(5000))
    data = ready(make(text, max_symbols=1000))
    assert data.input_size == 701
    assert read_back(data, "train") == text[:4500]


def test_whole_files_of_a_folder(tmp_path, make):
    folder = tmp_path / "folder"
    folder.mkdir()
    texts = [words(400, seed) for seed in range(20)]
    for number, text in enumerate([*texts, *texts]):  # each twice
        (folder / f"{number:02}.txt").write_text(text)
    data = Text(path=str(folder), batch_size=2, steps=5, split=(0.8, 0.1, 0.1), cache=str(tmp_path / "cache"))
    parts = [read_back(ready(data), part) for part in ("train", "val", "test")]
    for text in texts:
        assert sorted(part.count(text) for part in parts) == [0, 0, 2]
    assert [len(part) for part in parts] == [12800, 1600, 1600]
    train = [text for text in texts if text in parts[0]]
    assert parts[0] == "".join(train * 2)  # in the order of the names


def test_a_folder_of_one_file(tmp_path):
    (tmp_path / "one.txt").write_text(words(500))
    data = Text(path=str(tmp_path), cache=str(tmp_path / "cache"))
    with pytest.raises(BadInput, match=r"1 different files cannot make 3 parts.*set data\.path to one file"):
        data.setup()


def test_cache_is_reused_and_keyed(make, monkeypatch, tmp_path):
    text = words(1000)
    first = ready(make(text))
    encoded = []
    encode = text_ids.encode
    monkeypatch.setattr(text_ids, "encode", lambda *args, **kw: encoded.append(1) or encode(*args, **kw))
    assert ready(make(text, name="copy.txt")).description()["digest"] == first.description()["digest"]
    assert not encoded
    ready(make(text + "!"))
    ready(make(text, max_symbols=3))
    ready(make(text, split=(0.8, 0.1, 0.1)))
    assert len(encoded) == 3
    assert len(list((tmp_path / "cache").glob("*.ids"))) == 4


def test_a_damaged_cache_is_rebuilt(make, tmp_path):
    text = words(1000)
    ready(make(text))
    (ids,) = (tmp_path / "cache").glob("*.ids")
    ids.write_bytes(ids.read_bytes()[:-100])
    assert read_back(ready(make(text)), "train") == text[:900]


def test_default_cache(tmp_path, monkeypatch, make):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    ready(make(words(1000), cache=None))
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    ready(make(words(1000), cache=None))
    assert len(list((tmp_path / "xdg" / "elman").glob("*.ids"))) == 1
    assert len(list((tmp_path / "home" / ".cache" / "elman").glob("*.ids"))) == 1


def test_digest_is_that_of_sha256sum(make):
    text = words(1000)
    description = ready(make(text)).description()
    assert description["digest"] == hashlib.sha256(text.encode()).hexdigest()[:32]
    assert description["source"] == "text.txt"
    metadata = description["metadata"]
    assert (metadata["characters"], metadata["train"], metadata["val"], metadata["test"]) == (
        1000,
        900,
        50,
        50,
    )


def test_pythons_own_library(tmp_path):
    data = ready(Text(cache=str(tmp_path)))
    assert data.description()["metadata"]["characters"] > 5_000_000
    assert "def " in read_back(data, "val")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "text.txt: is empty"),
        (
            "a",
            "too short: its train part has 0 of 1 characters, and 2 rows of 5 steps need 11; lower",
        ),
        (words(12), "train part has 10 of 12"),
        (
            words(13),
            "val part has 1 of 13 characters, and 1 rows need 2; raise the second share of data.split",
        ),
        (b"abc\xff" * 50, "not UTF-8 at byte 3, line 1"),
        (b"abc\0" * 50, "NUL byte at byte 3"),
    ],
)
def test_bad_text(make, content, message):
    with pytest.raises(BadInput, match=message) as caught:
        ready(make(content))
    assert "text.txt" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(BadInput, match="no such file or folder"):
        Text(path=str(tmp_path / "none.txt"), cache=str(tmp_path)).prepare_data()


def test_no_test_part(make):
    data = ready(make(words(500), split=(0.9, 0.1, 0.0)))
    with pytest.raises(BadInput, match=r"no test part: data\.split=\[0\.9, 0\.1, 0\.0\]"):
        data.test_dataloader()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
        ({"steps": 2.5}, "steps must be a whole number of at least 1, got 2.5"),
        ({"max_symbols": 70000}, "max_symbols must be at most 65535, got 70000"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ({"split": (0.5, 0.2, 0.2)}, "split must be three shares"),
        ({"suffixes": ".txt"}, "suffixes must be a list"),
        ({"path": ""}, "path must name a file or a folder"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        Text(**options)


def test_checkpoint_of_another_alphabet(make):
    data = ready(make(words(500)))
    saved = data.state_dict()
    assert saved == {
        "alphabet": data.alphabet.characters,
        "has_unknown": False,
        "digest": data.ids.digest,
    }
    ready(make(words(700, seed=1))).load_state_dict(saved)  # other text, same characters
    other = make(words(500) + "XYZ" * 100)
    with pytest.raises(
        BadInput, match=r"another alphabet \(15 symbols, \w{12}\) than this text has \(18 symbols"
    ):
        ready(other).load_state_dict(saved)
    late = make(words(500) + "XYZ" * 100)
    late.load_state_dict(saved)
    with pytest.raises(BadInput, match="another alphabet"):
        ready(late)
    with pytest.raises(BadInput, match="holds no alphabet"):
        data.load_state_dict({"index": 3})
