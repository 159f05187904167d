import math

import pytest
import torch

from datamodules.synthetic import RegularLanguage
from datamodules.synthetic.regular_language import RULES


@pytest.mark.parametrize(
    ("language", "strings"),
    [  # worked out by hand
        ("even_pairs", {"001110": 0, "0101001": 1, "0": 0, "01": 1, "0110": 0}),
        ("parity", {"1010100": 1, "01111": 0, "0": 0, "1": 1, "111": 1}),
        ("cycle_navigation", {"20100": 3, "2220": 2, "0": 4, "1": 0, "222222": 1, "000000": 4}),
    ],
)
def test_worked_strings(language, strings):
    for string, expected in strings.items():
        assert int(RULES[language].classify(torch.tensor([[int(symbol) for symbol in string]]))) == expected


@pytest.mark.parametrize("language", RULES)
def test_batches_follow_the_rule(language):
    """Each symbol moves a finite automaton, which is where the class says at the end."""
    moves = {
        "even_pairs": lambda state, before, symbol: state ^ (before is not None and before != symbol),
        "parity": lambda state, before, symbol: state ^ symbol,
        "cycle_navigation": lambda state, before, symbol: (state + symbol - 1) % 5,
    }[language]
    data = RegularLanguage(language=language, batch_size=3, longest=9)
    for index in range(20):
        batch = data.train_dataloader().batch(index)
        assert batch.scored.sum(1).tolist() == [1, 1, 1]
        for row in range(3):
            state, before = 0, None
            for symbol in batch.x[row].tolist():
                state, before = moves(state, before, symbol), symbol
            assert batch.y[row, -1] == state
            assert batch.scored[row, -1]


def test_lengths():
    data = RegularLanguage(batch_size=2, longest=5, test_steps=11, val_batches=30)
    assert {batch.steps for batch in data.val_dataloader()} == {1, 2, 3, 4, 5}
    assert {data.train_dataloader().batch(index).steps for index in range(60)} == {1, 2, 3, 4, 5}
    assert {batch.steps for batch in data.test_dataloader()} == {11}
    assert data.train_dataloader().steps_per_batch == 6
    test = RegularLanguage(batch_size=2, test_steps=[3, 7], val_batches=4).test_dataloader()
    assert [batch.steps for batch in test] == [3, 7, 3, 7]
    assert [test.suffix(index) for index in range(4)] == ["_at_3", "_at_7"] * 2


def test_classes_are_equally_likely():
    """Within five standard errors of 6,400 strings."""
    data = RegularLanguage(language="cycle_navigation", batch_size=6400, test_steps=30)
    counts = data.test_dataloader().batch(0).y[:, -1].bincount(minlength=5)
    assert (counts - 1280).abs().max() < 5 * (6400 * 0.2 * 0.8) ** 0.5
    assert data.metadata()["baseline_nats"] == math.log(5)


def test_bad_arguments():
    with pytest.raises(ValueError, match="must be one of even_pairs, parity, cycle_navigation, got 'odd'"):
        RegularLanguage(language="odd")
    with pytest.raises(ValueError, match="test_steps must be a whole number of at least 1, got 0"):
        RegularLanguage(test_steps=[3, 0])
