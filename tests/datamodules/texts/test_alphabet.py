import numpy as np
import pytest
import torch

from datamodules.texts.alphabet import CODEPOINTS, Alphabet, codepoints


def test_there_and_back():
    alphabet = Alphabet("\n aÿñ漢😀")
    ids = alphabet.encode("a漢\n😀")
    assert ids.tolist() == [3, 6, 1, 7]
    assert ids.dtype == torch.int64
    assert alphabet.decode(ids) == "a漢\n😀"
    assert len(alphabet) == 8


def test_unknown_characters():
    alphabet = Alphabet("ab")
    assert alphabet.encode("axb\ud800").tolist() == [1, 0, 2, 0]
    assert alphabet.decode([1, 0, 2]) == "a\ufffdb"


def test_most_frequent_ties_go_to_the_smaller_codepoint():
    counts = np.bincount(codepoints("zzz bb aa cc"), minlength=CODEPOINTS)
    assert Alphabet.most_frequent(counts, 3).characters == " az"  # 3 spaces, 3 z, and a of a, b, c
    assert Alphabet.most_frequent(counts, 99).characters == " abcz"


def test_ids_beyond_a_byte():
    characters = "".join(map(chr, range(1000, 1256)))
    assert Alphabet(characters[:-1]).dtype == np.uint8
    assert Alphabet(characters).dtype == np.uint16
    assert Alphabet(characters).encode(characters[-1]).tolist() == [256]


def test_equal_by_characters():
    assert Alphabet("ab") == Alphabet("ab") != Alphabet("ba")
    assert Alphabet("ab").digest != Alphabet("ba").digest


def test_a_character_twice():
    with pytest.raises(ValueError, match="distinct"):
        Alphabet("aba")
