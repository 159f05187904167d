"""What a step of a text is, and texts kept as numbers."""

import numpy as np
import pytest

from datamodules.labelled.tokens import Listed, Texts, tokens_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's good -- really good!", ["It's", "good", "-", "-", "really", "good", "!"]),
        ("'quoted' rock'n'roll", ["'", "quoted", "'", "rock'n'roll"]),
        ("Öl\tund_1 漢字\n\u2019tis", ["Öl", "und_1", "漢字", "\u2019", "tis"]),
        ("x" * 250, ["x" * 100, "x" * 100, "x" * 50]),
        (" \n ", []),
    ],
)
def test_words(text, words):
    assert tokens_of(text, "words", lower=False) == words


def test_lower_case():
    assert tokens_of("ÖL It", "words", lower=True) == ["öl", "it"]
    assert "".join(tokens_of("ÖL It", "characters", lower=True)) == "öl it"


@pytest.mark.parametrize("unit", ["characters", "bytes"])
def test_there_and_back(unit):
    listed = Listed([chr(i) for i in range(1, 256)], unit=unit, lower=False)
    assert listed.decode(listed.encode("Öl, 3!")) == "Öl, 3!"
    assert listed.encode("Öl").tolist() == (list("Öl".encode()) if unit == "bytes" else [0xD6, 0x6C])


def test_an_unlisted_word():
    listed = Listed(["a", "film"], unit="words", lower=True)
    assert len(listed) == 3
    assert listed.encode("A bad film").tolist() == [1, 0, 2]
    assert listed.decode([1, 0, 2]) == "a \ufffd film"


def test_twice():
    with pytest.raises(ValueError, match="each token once"):
        Listed(["a", "a"], unit="words", lower=True)


@pytest.mark.parametrize("unit", ["words", "characters", "bytes"])
def test_ids_are_those_of_each_text_alone(unit):
    said = ["b a b", "Öl, und Öl", "a c a a", "never seen 漢"]
    texts = Texts(unit=unit, lower=True, most=None, keep="last")
    for text in said:
        texts.add(text)
    listed = texts.most_frequent(np.array([0, 1, 2]), limit=9, least=1)
    ids = texts.ids(listed)
    for number, text in enumerate(said):
        own = ids[texts.starts[number] : texts.starts[number + 1]]
        assert own.tolist() == listed.encode(text).tolist()


def test_only_the_given_texts_count():
    texts = Texts(unit="words", lower=True, most=None, keep="last")
    for text in ("c c b b b a", "a a a a a", "d c"):
        texts.add(text)
    assert texts.most_frequent(np.array([0, 2]), limit=9, least=1).listed == ["c", "b", "a", "d"]
    assert texts.most_frequent(np.array([0, 2]), limit=9, least=2).listed == ["c", "b"]
    assert texts.most_frequent(np.array([0, 2]), limit=1, least=1).listed == ["c"]


def test_tokens_of_a_checkpoint_that_these_texts_do_not_hold():
    texts = Texts(unit="characters", lower=True, most=None, keep="last")
    texts.add("ab")
    assert texts.ids(Listed(["漢", "b"], unit="characters", lower=True)).tolist() == [0, 2]


def test_copies():
    texts = Texts(unit="words", lower=True, most=2, keep="first")
    for text in ("a b c", "A  b c", "a b d", "a bc"):
        texts.add(text)
    copies = texts.copies().tolist()
    assert copies[0] == copies[1] == copies[2] != copies[3]  # as far as they are kept
    assert texts.shortened == 3
