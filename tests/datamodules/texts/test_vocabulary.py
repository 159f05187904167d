"""Words and their ids."""

import pytest

from datamodules.texts.vocabulary import LONGEST, Vocabulary, words


def test_what_a_word_is():
    assert words("The  sea,\tthe sea\r\n \n 'tis <unk> N") == [
        *("The", "sea,", "the", "sea", "\n", "\n", "'tis", "<unk>", "N"),
    ]
    assert words("") == []
    assert words("a" * (2 * LONGEST + 3)) == ["a" * LONGEST, "a" * LONGEST, "aaa"]


def test_there_and_back():
    vocabulary = Vocabulary(["the", "\n", "sea"])
    ids = vocabulary.encode("the sea \n the  <unk>\tocean\n\n")
    assert ids.tolist() == [1, 3, 2, 1, 0, 0, 2, 2]
    assert vocabulary.decode(ids) == "the sea\nthe <unk> <unk>\n\n"
    assert vocabulary.decode([2]) == "\n"
    assert len(vocabulary) == 4


def test_most_frequent():
    counts = {"b": 2, "a": 2, "c": 5, "d": 1, "<unk>": 9}
    assert Vocabulary.most_frequent(counts, 3).words == ("c", "a", "b")
    assert Vocabulary.most_frequent({}, 3).words == ()


def test_equal_ones():
    one, other = Vocabulary(["a", "b"]), Vocabulary(["a b"])
    assert one == Vocabulary(("a", "b"))
    assert one != other
    assert len({one, Vocabulary(["a", "b"])}) == 1
    assert len(one.digest) == 12


@pytest.mark.parametrize("given", [["a", "a"], ["<unk>"]])
def test_bad_words(given):
    with pytest.raises(ValueError, match="distinct"):
        Vocabulary(given)


def test_too_many():
    with pytest.raises(ValueError, match="at most 65535"):
        Vocabulary([str(i) for i in range(65536)])
