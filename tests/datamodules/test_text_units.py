"""Text by bytes and words, by files that say which part they are, and text that is read in place."""

import random
import resource
import time
from itertools import pairwise

import numpy as np
import pytest
import torch

from datamodules.text import Text
from datamodules.texts import lazy_text
from datamodules.texts.alphabet import Alphabet
from datamodules.texts.byte_stream import ByteStream
from datamodules.texts.text_ids import words_of
from datamodules.texts.tokens import Bytes, tokens_from, tokens_state
from datamodules.texts.vocabulary import Vocabulary, WordCounts
from elman.errors import BadInput

WIDE = "aé漢😀b\n"  # characters of 1, 2, 3 and 4 bytes


def made_up(count, letters="etaoin shrdlu\n", seed=0):
    draw = random.Random(seed)
    return "".join(draw.choice(letters) for _ in range(count))


@pytest.fixture
def make(tmp_path):
    def build(content, **options):
        path = tmp_path / "data.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        small = {"batch_size": 2, "steps": 5, "cache": str(tmp_path / "cache")}
        return Text(path=str(path), **(small | options))

    return build


def ready(data):
    data.prepare_data()
    data.setup()
    return data


def pairs_of(loader):
    """(id, next id) of every row of one epoch, in the order of the rows."""
    rows = {}
    for batch in loader:
        assert torch.equal(batch.scored, torch.arange(batch.steps) < batch.lengths[:, None])
        for row, count in enumerate(batch.lengths.tolist()):
            pairs = zip(batch.x[row, :count].tolist(), batch.y[row, :count].tolist(), strict=True)
            rows.setdefault(row, []).extend(pairs)
        if batch.is_last:
            break
    return [pair for row in sorted(rows) for pair in rows[row]]


def test_bytes_are_ids(make, tmp_path):
    content = bytes(range(256)) * 3 + b"\xff\xfe\0\0"
    data = ready(make(content, unit="bytes", split=(0.5, 0.25, 0.25), batch_size=2, steps=100))
    assert (data.input_size, data.output_size, data.steps_per_epoch) == (256, 256, 385)
    first = data.train_dataloader().batch(0)
    assert first.x[0].tolist() == list(content[:100])
    assert first.y[1].tolist() == list(content[194:294])
    assert data.train_dataloader().batch(4).is_first.all()  # 193 steps a row: two batches an epoch
    assert data.val_dataloader().batch(0).x[0].tolist() == list(content[386:486])
    assert data.test_dataloader().batch(0).x[0].tolist() == list(content[579:679])
    assert not (tmp_path / "cache").exists()
    metadata = data.description()["metadata"]
    assert (metadata["bytes"], metadata["unknown"], metadata["train"]) == (772, 0, 386)


def test_bytes_of_a_folder(tmp_path):
    for number in range(10):
        (tmp_path / f"{number}.bin").write_bytes(bytes([number]) * (30 + number))
    data = ready(
        Text(
            path=str(tmp_path), suffixes=[".bin"], unit="bytes", batch_size=1, steps=8, split=(0.8, 0.1, 0.1)
        )
    )
    parts = [part[0 : len(part)].tolist() for part in data.ids.parts]
    assert sorted(parts[0] + parts[1] + parts[2]) == [n for n in range(10) for _ in range(30 + n)]
    assert parts[0] == sorted(parts[0])
    assert not set(parts[0]) & set(parts[1] + parts[2])


def test_stream_of_spans(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"abcdef")
    other.write_bytes(b"uvwxyz")
    stream = ByteStream([(one, 1, 4), (one, 0, 0), (other, 2, 6)])
    assert [bytes(stream[a:b]) for a, b in ((0, 7), (2, 4), (3, 3), (5, 99))] == [
        *(b"bcdwxyz", b"dw", b"", b"yz"),
    ]
    assert stream.place(2) == (one, 3)
    assert stream.place(3) == (other, 2)
    other.write_bytes(b"uvw")
    with pytest.raises(BadInput, match="became shorter"):
        stream[0:7]
    other.unlink()
    with pytest.raises(BadInput, match="no such file"):
        stream[0:7]


def test_words(make):
    text = "the cat sat .\non the mat .\n" * 20
    data = ready(make(text, unit="words", split=(0.5, 0.5, 0.0), max_symbols=4))
    assert data.alphabet == Vocabulary(["\n", ".", "the", "cat"])  # cat, mat, on and sat come equally often
    ids = data.ids.parts[1]
    assert data.alphabet.decode(ids[0:8].tolist()) == "the cat <unk> .\n<unk> the <unk>"
    metadata = data.description()["metadata"]
    assert (metadata["words"], metadata["unknown"], metadata["symbols"]) == (200, 60, 5)
    assert data.steps_per_epoch == 99


def test_vocabulary_of_the_training_part_alone(make):
    data = ready(make("a b " * 50 + "c " * 100, unit="words", split=(0.5, 0.5, 0.0)))
    assert data.alphabet == Vocabulary(["a", "b"])
    assert set(data.ids.parts[1][0:100].tolist()) == {0}


def test_words_across_blocks(tmp_path):
    file = tmp_path / "long.txt"
    text = made_up(200_000) + "x" * 70_123 + " " + made_up(70_000, letters="ab é\n", seed=1)
    file.write_text(text)
    whole = "".join(f" {word} " for word in text.replace("\n", " \n ").split(" "))
    expected = []
    for word in whole.split(" "):
        expected += [word[i : i + 100] for i in range(0, len(word), 100)]
    assert [word for block in words_of(file) for word in block] == expected


def test_counting_words_is_bounded():
    counts = WordCounts(most=50)
    draw = random.Random(0)
    for block in range(100):
        counts.add(["often"] * 10 + ["also"] * 3 + [f"{block} {draw.random()}" for _ in range(30)])
        assert len(counts.counts) <= 50
    assert counts.counts.most_common(2) == [("often", 1000), ("also", 300)]


def test_files_that_name_their_part(tmp_path):
    for name, text in (("train", "a b c " * 30), ("valid", "d e " * 9), ("test", "f " * 9), ("more", "g h ")):
        (tmp_path / f"ptb.{name}.txt").write_text(text)
    named = {"val_files": ["*.valid.*"], "test_files": ["*.test.*"], "path": str(tmp_path)}
    for unit, counts in (("words", [92, 18, 9]), ("characters", [184, 36, 18]), ("bytes", [184, 36, 18])):
        data = ready(Text(unit=unit, batch_size=2, steps=5, cache=str(tmp_path / "cache"), **named))
        assert [len(part) for part in data.ids.parts] == counts
    assert [data.alphabet.decode(part[0:4]) for part in data.ids.parts] == ["g h ", "d e ", "f f "]
    lazy = ready(Text(index="lazy", batch_size=2, steps=5, **named))
    assert [len(part) for part in lazy.ids.parts] == counts
    named["test_files"] = []
    data = ready(Text(unit="words", batch_size=2, steps=5, cache=str(tmp_path / "cache"), **named))
    assert [len(part) for part in data.ids.parts] == [101, 18, 0]
    with pytest.raises(BadInput, match=r"no test part: name its files in data\.test_files"):
        data.test_dataloader()


@pytest.mark.parametrize(
    ("val", "test", "message"),
    [
        (["*.valid"], [], r"no file fits '\*\.valid'; there are a\.txt, b\.txt"),
        (["a*"], ["*.txt"], "a.txt fits val_files and test_files"),
        (["*"], [], "none is left to train"),
    ],
)
def test_bad_names_of_parts(tmp_path, val, test, message):
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(made_up(100))
    data = Text(path=str(tmp_path), val_files=val, test_files=test, cache=str(tmp_path / "cache"))
    with pytest.raises(BadInput, match=message):
        data.setup()
    with pytest.raises(BadInput, match=r"one file, so data\.val_files .*, or set both to null$"):
        Text(path=str(tmp_path / "a.txt"), val_files=["a*"]).setup()
    options = {"batch_size": 2, "steps": 1, "split": (0.6, 0.2, 0.2), "cache": str(tmp_path / "cache")}
    none = Text(path=str(tmp_path / "a.txt"), val_files=None, test_files=None, **options)
    assert [len(part) for part in ready(none).ids.parts] == [60, 20, 20]  # one file is cut by shares


def test_lazy_is_whole_for_ascii(make, monkeypatch):
    monkeypatch.setattr(lazy_text, "SAMPLE_BYTES", 64)
    text = made_up(5000)
    options = {"split": (0.7, 0.2, 0.1), "batch_size": 3, "steps": 70}
    whole, lazy = ready(make(text, **options)), ready(make(text, index="lazy", **options))
    assert lazy.alphabet == whole.alphabet
    assert lazy.steps_per_epoch == whole.steps_per_epoch
    assert lazy.description()["digest"] == whole.description()["digest"]
    for part in ("train", "val", "test"):
        one, other = whole.loader(part), lazy.loader(part)
        assert len(one) == len(other)
        for index in range(min(len(one), 40)):
            for left, right in zip(one.batch(index), other.batch(index), strict=True):
                assert left is right or torch.equal(torch.as_tensor(left), torch.as_tensor(right))


def test_lazy_reads_every_character_once(make):
    """Windows and rows cut characters anywhere; each is still read in its order, with the next."""
    text = made_up(997, letters=WIDE)
    size = len(text.encode())
    for batch_size, steps in ((1, 1), (3, 7), (4, 50)):
        data = ready(
            make(
                text,
                index="lazy",
                split=(0.6, 0.4, 0.0),
                batch_size=batch_size,
                steps=steps,
                val_batch_size=batch_size,
            )
        )
        ids = data.alphabet.encode(text).tolist()
        train, val = pairs_of(data.train_dataloader()), pairs_of(data.val_dataloader())
        cut = len(train) + 1
        assert train == list(pairwise(ids[:cut]))
        assert val == list(pairwise(ids[cut:]))
        assert 0 <= len(text[:cut].encode()) - int(size * 0.6) < 4
        assert abs(data.steps_per_epoch - (cut - 1)) <= 1


def test_lazy_reads_little(make, monkeypatch):
    """The alphabet comes from samples spread over the training part."""
    monkeypatch.setattr(lazy_text, "SAMPLES", 4)
    monkeypatch.setattr(lazy_text, "SAMPLE_BYTES", 100)
    read = []
    original = ByteStream.__getitem__

    def counting(self, part):
        found = original(self, part)
        read.append(len(found))
        return found

    monkeypatch.setattr(ByteStream, "__getitem__", counting)
    data = ready(make("a" * 4000 + "é" * 2000 + "z" * 4000, index="lazy", split=(0.9, 0.1, 0.0)))
    assert data.alphabet == Alphabet("azé")
    assert sum(read) < 1800  # twice, in prepare_data and in setup, four samples of both parts
    metadata = data.description()["metadata"]
    assert metadata["index"] == "lazy"
    assert "unknown" not in metadata


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (b"\xff", r"not UTF-8 text at byte 600 \(0xff\); convert it, or .* data\.unit=bytes"),
        (b"\0", r"not UTF-8 text at byte 600 \(NUL byte\)"),
        (b"\x80", r"not UTF-8 text at byte 600 \(0x80\)"),
        (b"\x80" * 50, r"not UTF-8 text at byte \d+ "),
    ],
)
def test_lazy_finds_bad_text_where_it_is_read(make, monkeypatch, bad, message):
    monkeypatch.setattr(lazy_text, "SAMPLES", 2)
    monkeypatch.setattr(lazy_text, "SAMPLE_BYTES", 50)
    data = ready(make(b"ab" * 300 + bad + b"ab" * 500, index="lazy", batch_size=1, steps=20))
    with pytest.raises(BadInput, match=message):
        pairs_of(data.train_dataloader())


@pytest.mark.parametrize("content", [b"\x80abc" * 100, b"\0" * 400, b"\x80" * 400])
def test_lazy_finds_bad_text_at_once(make, content):
    with pytest.raises(BadInput, match="not UTF-8 text at byte 0"):
        make(content, index="lazy").setup()


@pytest.mark.parametrize("options", [{"unit": "bytes"}, {"unit": "words"}, {"index": "lazy"}])
def test_too_little(make, options):
    for content in (b"", b"a", b"a b c"):
        with pytest.raises(BadInput, match=r"data\.txt: (too short|is empty|its training part is empty)"):
            make(content, **options).setup()


@pytest.mark.parametrize("symbols", [Bytes(), Vocabulary(["a", "\n"]), Alphabet("ab\n")])
def test_what_a_checkpoint_holds(symbols):
    again = tokens_from(tokens_state(symbols))
    assert again == symbols
    assert len(again) == len(symbols)


@pytest.mark.parametrize(
    "saved", [{}, {"unit": "words"}, {"unit": "other", "alphabet": "a"}, {"alphabet": 3}]
)
def test_what_holds_no_symbols(saved):
    assert tokens_from(saved) is None


def test_bytes_there_and_back():
    symbols = Bytes()
    assert symbols.encode("é\n").tolist() == [0xC3, 0xA9, 10]
    assert symbols.decode([0xC3, 0xA9, 10]) == "é\n"
    assert symbols.decode([0xC3, 0, 27, 65]) == "\\xc3\\x00\\x1bA"


def test_checkpoints_of_another_unit(make):
    text = made_up(2000)
    data = {unit: ready(make(text, unit=unit)) for unit in ("characters", "bytes", "words")}
    for unit, each in data.items():
        saved = each.state_dict()
        ready(make(text, unit=unit)).load_state_dict(saved)
        for other in data:
            if other != unit:
                with pytest.raises(BadInput, match="another alphabet"):
                    ready(make(text, unit=other)).load_state_dict(saved)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": "letters"}, "unit must be one of characters, bytes, words, got 'letters'"),
        ({"index": "none"}, "index must be whole, or lazy"),
        ({"unit": "words", "index": "lazy"}, "index must be whole, or lazy where unit is no words"),
        ({"val_files": "*valid*"}, "val_files must be a list"),
        ({"test_files": ["*test*"]}, "test_files needs val_files"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        Text(**options)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"unit": "bytes"}, {"index": "lazy"}], ids=["bytes", "lazy"])
def test_ten_gigabytes_begin_at_once(tmp_path, options):
    """Not read whole: the first batch comes within seconds, and in no more memory than a small text needs."""
    path, size = tmp_path / "large.txt", 10_000_000_000
    if "unit" in options:
        with path.open("wb") as file:
            file.truncate(size)  # a hole: 10 GB of NUL bytes that take no room
    else:
        block = np.frombuffer(made_up(1 << 22, letters="etaoin shrdlué漢\n").encode(), dtype=np.uint8)
        with path.open("wb") as file:
            for _ in range(size // len(block) + 1):
                file.write(block)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.perf_counter()
    try:
        data = ready(Text(path=str(path), batch_size=32, steps=1000, **options))
        batch = data.train_dataloader().batch(0)
    finally:
        path.unlink()
    seconds = time.perf_counter() - begin
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) / 1024
    print(f"\nfirst batch of {batch.x.numel():,} steps after {seconds:.2f} s, {grown:.0f} MiB more memory")
    assert seconds < 10
    assert grown < 200
