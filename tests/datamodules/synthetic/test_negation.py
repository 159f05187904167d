"""Sentences whose sign hangs on one word: all of them counted out, and what the loss must reach."""

from collections import Counter
from itertools import combinations, product

import pytest
import torch

from datamodules.synthetic import Negation
from datamodules.synthetic.negation import FILLERS, WORDS, bag_of_words_accuracy
from elman.bptt import Truncated

CONTENT = ("truly", "not", "bad", "good", "film")


def words_of(row):
    return tuple(WORDS[i] for i in row.tolist())


def meaning(words, distance):
    """Label by reading: the sign of "good" or "bad", turned by a "not" exactly `distance` before."""
    (judged,) = (i for i, word in enumerate(words) if word in ("good", "bad"))
    assert words[judged - distance] in ("not", "truly")
    return int((words[judged] == "good") != (words[judged - distance] == "not"))


def every_sentence(distance, after, steps):
    """All sentences with one filler, and how likely each is."""
    likely = Counter()
    for behind in range(after + 1):
        judged = steps - 1 - behind
        decides = judged - distance
        places = list(combinations(range(decides), 2))
        for (other, topic), kind, word in product(places, ("good", "bad"), ("not", "truly")):
            words = ["the"] * steps
            words[judged], words[decides], words[topic] = kind, word, "film"
            words[other] = "truly" if word == "not" else "not"
            likely[tuple(words)] += 1 / (after + 1) / len(places) / 4
    return likely


@pytest.fixture(scope="module")
def many():
    data = Negation(distance=2, after=1, steps=7, batch_size=20_000)
    batch = data.train_dataloader().batch(0)
    return [words_of(row) for row in batch.x], batch.y[:, -1].tolist()


def test_sentences_are_those_that_can_be_as_often_as_they_should(many):
    """Within 5 standard errors of 20,000 sentences."""
    likely = every_sentence(2, 1, 7)
    seen = Counter(tuple(w if w in CONTENT else "the" for w in words) for words in many[0])
    assert sum(likely.values()) == pytest.approx(1)
    assert seen.keys() == likely.keys()
    for words, chance in likely.items():
        assert abs(seen[words] / 20_000 - chance) < 5 * (chance / 20_000) ** 0.5


def test_labels_are_what_the_sentence_means(many):
    assert [meaning(words, 2) for words in many[0]] == many[1]


def test_fillers_are_all_used(many):
    assert {word for words in many[0] for word in words} - set(CONTENT) == set(FILLERS)


@pytest.mark.parametrize(("distance", "after", "steps"), [(1, 0, 4), (2, 1, 7), (3, 2, 9)])
def test_a_bag_of_words_is_right_half_of_the_time(distance, after, steps):
    likely = {
        (words, meaning(words, distance)): chance
        for words, chance in every_sentence(distance, after, steps).items()
    }
    data = Negation(distance=distance, after=after, steps=steps)
    assert data.metadata()["bag_of_words_accuracy"] == 0.5
    assert bag_of_words_accuracy(likely) == pytest.approx(0.5, abs=1e-12)


def test_a_bag_of_words_that_tells_is_seen():
    """Were there no second pair, counting would be enough; with independent words, three times in four."""
    alone = {
        ((a, b), int((a == "good") != (b == "not"))): 1 / 4 for a in ("good", "bad") for b in ("not", "")
    }
    assert bag_of_words_accuracy(alone) == 1
    independent = Counter()
    for kind, word, other in product(("good", "bad"), ("not", "truly"), ("not", "truly")):
        independent[(other, word, kind), int((kind == "good") != (word == "not"))] += 1 / 8
    assert bag_of_words_accuracy(independent) == 0.75


@pytest.mark.parametrize(("distance", "after", "steps"), [(1, 0, 4), (2, 1, 7), (3, 2, 9)])
def test_no_step_later_than_the_needed_reach_tells(distance, after, steps):
    """What follows the deciding word goes with both labels equally often."""
    tails = Counter()
    for words, chance in every_sentence(distance, after, steps).items():
        decides = max(i for i, word in enumerate(words) if word in ("not", "truly"))
        assert steps - 1 - decides <= Negation(distance=distance, after=after, steps=steps).reach_needed
        tails[words[decides + 1 :], meaning(words, distance)] += chance
    for (tail, label), chance in tails.items():
        assert tails[tail, 1 - label] == pytest.approx(chance)


@pytest.mark.parametrize(("k2", "reaches"), [(8, False), (9, True)])
def test_reach_in_the_credit_matrix(k2, reaches):
    data = Negation(distance=7, after=1, steps=16)
    credit = Truncated(k1=8, k2=k2).credit_matrix(16)
    assert bool(credit[-1, 15 - data.reach_needed]) == reaches


def test_only_the_last_step_is_asked():
    batch = Negation(distance=2, steps=6, batch_size=3).train_dataloader().batch(0)
    assert batch.scored.tolist() == [[False] * 5 + [True]] * 3
    assert torch.equal(batch.x[:, -1] >= WORDS.index("bad"), torch.ones(3, dtype=torch.bool))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"distance": 0}, "distance must be a whole number of at least 1, got 0"),
        ({"after": -1}, "after must be a whole number of at least 0, got -1"),
        ({"steps": 12, "distance": 8, "after": 2}, r"steps must be at least distance \+ after \+ 3"),
    ],
)
def test_bad_arguments(options, said):
    with pytest.raises(ValueError, match=said):
        Negation(**options)
