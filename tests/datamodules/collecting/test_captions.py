"""What a caption is as x and y, and what decoding must know of it."""

import numpy as np
import pytest
import torch

from datamodules.collecting import collate
from datamodules.collecting.captions import BOS, EOS, Captioned, CaptionMetadata, metadata_of, tokens_of

SAID = ["two moves up", "one moves"]


def captioned(captions, context):
    tokens = tokens_of(["a b c", *captions], "words")  # ids 3, 4, 5
    return Captioned(captions, tokens, CaptionMetadata(1, 2, 9, " "), context=context)


def test_y_is_x_one_token_later():
    examples = captioned(["a b c"], lambda numbers: torch.zeros(len(numbers), 4))
    example = examples.window(0, 0, 4)
    assert example.x.tolist() == [1, 3, 4, 5]
    assert example.y.tolist() == [3, 4, 5, 2]
    assert example.scored.tolist() == [True] * 4
    assert example.context.shape == (4,)
    assert examples.window(0, 1, 3).x.tolist() == [3, 4]
    assert examples.window(0, 1, 3).y.tolist() == [4, 5]


def test_a_batch_is_its_windows():
    captions = ["a", "c b", "b", "a b c a"]
    pair = torch.arange(8.0).view(4, 2)
    examples = captioned(captions, lambda numbers: (pair[numbers], torch.from_numpy(numbers)))
    numbers = np.array([3, 0, 1])
    batch = examples.batch(numbers)
    windows = [examples.window(number, 0, examples.lengths[number]) for number in numbers]
    for left, right in zip(batch, collate(windows), strict=True):
        for a, b in zip(
            left if isinstance(left, tuple) else [left],
            right if isinstance(right, tuple) else [right],
            strict=True,
        ):
            assert a is b or (torch.equal(a, b) and a.dtype == b.dtype)


def test_words():
    tokens = tokens_of(SAID, "words")
    assert len(tokens) == 7  # unknown, start, end, and four words
    assert tokens.decode(tokens.encode("one moves up")) == "one moves up"
    assert metadata_of(tokens, SAID) == CaptionMetadata(bos=1, eos=2, max_length=4, separator=" ")


def test_characters():
    tokens = tokens_of(SAID, "characters")
    assert tokens.decode(tokens.encode("one moves up")) == "one moves up"
    assert metadata_of(tokens, SAID) == CaptionMetadata(bos=1, eos=2, max_length=13, separator=" ")
    assert tokens.encode(BOS + EOS).tolist() == [1, 2]


def test_one_word_has_no_separator():
    assert metadata_of(tokens_of(["two"], "characters"), ["two"]).separator == ""


def test_another_unit():
    with pytest.raises(ValueError, match="unit must be 'words' or 'characters', got 'bytes'"):
        tokens_of(SAID, "bytes")
