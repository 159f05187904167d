"""What comes out of a pipe: the same steps however it is cut, and what is wrong in one line."""

import numpy as np
import pytest
import torch

from datamodules.live import BLANK, LINE, NEVER, Characters, Ids, Rows, Samples, Words
from datamodules.texts.alphabet import Alphabet
from datamodules.texts.tokens import Bytes, live_reader
from datamodules.texts.vocabulary import Vocabulary, words
from elman.errors import BadInput

TEXT = "aß€😀\n\nb\r\n\r\n\n\n\nßa€"
TABLE = '1,2\n3,-4.5\r\n\n"5",6e0\n'
SOUND = np.arange(-7, 16, dtype="<i2").tobytes()  # 23 samples
CASES = {
    "text": (Characters(Alphabet("\nab€😀")), TEXT.encode(), NEVER),
    "text by line": (Characters(Alphabet("\nab€😀")), TEXT.encode(), LINE),
    "text by empty line": (Characters(Alphabet("\nab€😀")), TEXT.encode(), BLANK),
    "words": (live_reader(Vocabulary(["a", "b", "\n"])), (TEXT + "x" * 250 + " a").encode(), NEVER),
    "words by line": (live_reader(Vocabulary(["a", "b", "\n"])), TEXT.encode(), LINE),
    "bytes": (live_reader(Bytes()), TEXT.encode("utf-16"), NEVER),
    "rows": (Rows(input_size=2), TABLE.encode(), BLANK),
    "rows on end": (Rows(input_size=2), TABLE.encode(), NEVER),
    "ids": (Ids(input_size=12), b"3\n11\n\n0", BLANK),
    "sound": (Samples(sample_rate_hz=10, frame=4, hop=3), SOUND, NEVER),
    "sound with gaps": (Samples(sample_rate_hz=10, frame=2, hop=5), SOUND, NEVER),
}


def cut(data, size):
    return [data[start : start + size] for start in range(0, len(data), size)]


def steps(reader, pieces, reset_on):
    """[(x, what is shown)] of each sequence; the last is what no end has come for."""
    sequences = [[]]
    for chunk in reader.chunks(pieces, reset_on=reset_on):
        assert all(len(values) == len(chunk.x) for values in chunk.columns.values())
        for place, x in enumerate(chunk.x.tolist()):
            sequences[-1].append((x, *(values[place] for values in chunk.columns.values())))
        if chunk.is_last:
            sequences.append([])
    return sequences


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_cut_anywhere(name, size):
    reader, data, reset_on = CASES[name]
    whole = steps(reader, [data], reset_on)
    assert any(whole)
    assert steps(reader, cut(data, size), reset_on) == whole


def test_text_by_hand():
    reader = Characters(Alphabet("ab"))
    found = list(reader.chunks([b"abc\n", "€".encode()[:1], "€".encode()[1:]]))
    assert [s.x.tolist() for s in found] == [[1, 2, 0, 0], [0]]  # nothing waits but half a character
    assert [s.columns["character"] for s in found] == [["a", "b", "c", "\n"], ["€"]]
    assert reader.outputs == ["\N{REPLACEMENT CHARACTER}", "a", "b"]


@pytest.mark.parametrize(
    ("reset_on", "sequences"),
    [
        (NEVER, ["a\nb\n\nc\r\n\r\nd"]),
        (LINE, ["a\n", "b\n", "\n", "c\r\n", "\r\n", "d"]),
        (BLANK, ["a\nb\n\n", "c\r\n\r\n", "d"]),
    ],
)
def test_what_ends_a_sequence_of_text(reset_on, sequences):
    found = steps(Characters(Alphabet("ab")), [b"a\nb\n\nc\r\n\r\nd"], reset_on)
    assert ["".join(c for _, c in sequence) for sequence in found] == sequences


def test_words_by_hand():
    """A word waits for the blank after it, and no longer than it may be long."""
    reader = live_reader(Vocabulary(["sea", "\n"]))
    found = list(reader.chunks([b"sea ", b"se", b"a\nseas", b"", b"x" * 200, b" "], reset_on=LINE))
    assert isinstance(reader, Words)
    assert [(s.columns["word"], s.is_last) for s in found] == [
        (["sea"], False),
        (["sea", "\n"], True),
        (["seas" + "x" * 96, "x" * 100], False),
        (["x" * 4], False),
    ]
    assert [s.x.tolist() for s in found] == [[1], [1, 2], [0, 0], [0]]
    text = "a  b\u2028c\n\nd" + "x" * 234
    found = steps(reader, cut(text.encode(), 3), NEVER)[0]
    assert [word for _, word in found] == words(text)


def test_rows_are_standardised_and_picked_by_name():
    reader = Rows(input_size=2, names=["u", "v"], mean=torch.tensor([1.0, 2.0]), std=torch.tensor([2.0, 4.0]))
    (chunk,) = reader.chunks([b"time,v,w,u\nmonday,10,,3\ntuesday,2,x,1\n"])
    assert chunk.x.tolist() == [[1.0, 2.0], [0.0, 0.0]]
    assert chunk.x.dtype == torch.float32
    (chunk,) = reader.chunks([b"3,10\n"])
    assert chunk.x.tolist() == [[1.0, 2.0]]


def test_frames_by_hand():
    reader = Samples(sample_rate_hz=10, frame=4, hop=3)
    found = list(reader.chunks(cut(np.arange(11, dtype="<i2").tobytes(), 12)))
    assert [(s.x * 32768).tolist() for s in found] == [[[0, 1, 2, 3]], [[3, 4, 5, 6], [6, 7, 8, 9]]]
    assert [s.columns["seconds"] for s in found] == [[0.4], [0.7, 1.0]]  # when the frame ends
    (whole,) = Samples(sample_rate_hz=8, frame=1).chunks([np.array([-32768, 32767], "<i2").tobytes()])
    assert whole.x.flatten().tolist() == [-1.0, 32767 / 32768]


@pytest.mark.parametrize(
    ("reader", "good", "bad", "message"),
    [
        (Characters(Alphabet("ab")), b"ab\n", b"b\xff", "line 2 (0xff)"),
        (Characters(Alphabet("ab")), b"ab\n", b"\0", "NUL byte at byte 3"),
        (Characters(Alphabet("ab")), b"ab\n", "€".encode()[:2], "ends inside a character at byte 3"),
        (Rows(input_size=2), b"1,2\n", b"3\n", "line 2: 1 value, but a row must have 2"),
        (Rows(input_size=2), b"1,2\n", b"3,4,5\n", "line 2: 3 values"),
        (Rows(input_size=2), b"1,2\n", b"3,four\n", "line 2: 'four' in column 2 must be a finite number"),
        (Rows(input_size=2), b"1,2\n", b"3,nan\n", "line 2: 'nan' in column 2"),
        (Rows(input_size=2), b"1,2\n", b"3,\n", "line 2: '' in column 2"),
        (Rows(input_size=2), b"1,2\n", b"inf,3\n", "line 2: 'inf' in column 1"),
        (Rows(input_size=2), b"1,2\n", b'3,"4\n', "line 2: is no row of CSV"),
        (Rows(input_size=2), b"", b"u,v,w\n1,2,3\n", "line 1: the header names 3 columns"),
        (Rows(input_size=1, names=["u"]), b"", b"v,w\n", "line 1: the header has no column 'u'"),
        (Rows(input_size=1, names=["u"]), b"u,v\n1,2\n", b"1\n", "line 3: 1 value, but a row must have 2"),
        (Rows(input_size=2), b"1,2\n", b"1" * (1 << 21), "line 2: is longer than"),
        (Ids(input_size=3), b"2\n", b"3\n", "line 2: must be an id, 0 to 2, got '3'"),
        (Ids(input_size=3), b"2\n", b"-1\n", "got '-1'"),
        (Ids(input_size=3), b"2\n", "²\n".encode(), "got '²'"),
        (Samples(sample_rate_hz=8, frame=1), b"", b"RIFF....", "is a wav file"),
        (Samples(sample_rate_hz=8, frame=1), b"1234", b"5", "ends in half a sample"),
    ],
)  # fmt: skip
def test_bad_input_comes_after_what_was_good(reader, good, bad, message):
    expected = steps(reader, [good], reader.resets[0])[0] if good else []
    found: list = []
    with pytest.raises(BadInput, match=r"^standard input") as error:
        found.extend(x for chunk in reader.chunks([good + bad]) for x in chunk.x.tolist())
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert found[: len(expected)] == [x for x, *_ in expected]
