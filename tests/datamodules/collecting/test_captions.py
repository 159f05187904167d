"""What a caption is as x and y, and what decoding must know of it."""

import pytest
import torch

from datamodules.collecting.captions import END, START, CaptionMetadata, captioned, metadata_of, symbols_of

SAID = ["two moves up", "one moves"]


def test_y_is_x_one_symbol_later():
    example = captioned(torch.tensor([5, 6, 7]), CaptionMetadata(1, 2, 9, " "), torch.zeros(4))
    assert example.x.tolist() == [1, 5, 6, 7]
    assert example.y.tolist() == [5, 6, 7, 2]
    assert example.scored.tolist() == [True] * 4
    assert example.context.shape == (4,)


def test_words():
    symbols = symbols_of(SAID, "words")
    assert len(symbols) == 7  # unknown, start, end, and four words
    assert symbols.decode(symbols.encode("one moves up")) == "one moves up"
    assert metadata_of(symbols, SAID) == CaptionMetadata(bos=1, eos=2, max_length=4, separator=" ")


def test_characters():
    symbols = symbols_of(SAID, "characters")
    assert symbols.decode(symbols.encode("one moves up")) == "one moves up"
    assert metadata_of(symbols, SAID) == CaptionMetadata(bos=1, eos=2, max_length=13, separator=" ")
    assert symbols.encode(START + END).tolist() == [1, 2]


def test_one_word_has_no_separator():
    assert metadata_of(symbols_of(["two"], "characters"), ["two"]).separator == ""


def test_another_unit():
    with pytest.raises(ValueError, match="unit must be 'words' or 'characters', got 'bytes'"):
        symbols_of(SAID, "bytes")
