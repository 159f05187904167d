"""Decoding against all sequences there are, enumerated."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from elman.captions.decoding import Decoded, beam, greedy, truncate_at_eos

ROWS, STATES, SYMBOLS, LONGEST = 2, 7, 5, 4
START, END = 1, 2  # in the middle of the ids, so that an off-by-one shows


class Table:
    """Log probabilities by row, state and symbol said last; a state follows from state and symbol.

    The carry is ((row,), state), nested; a state is a number from 0.
    """

    def __init__(self, *, seed: int = 0, rows: int = ROWS, ties: bool = False) -> None:
        draw = torch.Generator().manual_seed(seed)
        logits = 2 * torch.randn(rows, STATES, SYMBOLS, SYMBOLS, generator=draw, dtype=torch.float64)
        self.log_p = (logits.round() if ties else logits).log_softmax(-1)
        self.next = torch.randint(STATES, (STATES, SYMBOLS), generator=draw)
        self.carry = ((torch.arange(rows),), torch.zeros(rows, dtype=torch.long))

    def __call__(self, ids: Tensor, carry: Any) -> tuple[Tensor, Any]:
        (row,), state = carry
        assert ids.shape == row.shape == state.shape
        return self.log_p[row, state, ids], ((row,), self.next[state, ids])

    def all_of(self, row: int, max_length: int = LONGEST) -> dict[tuple[int, ...], float]:
        """Every sequence that ends within `max_length` symbols, or is that long, and its log probability."""
        found = {}
        for n in range(1, max_length + 1):
            for said in itertools.product(range(SYMBOLS), repeat=n):
                if END in said[:-1] or (n < max_length and said[-1] != END):
                    continue
                state, last, total = 0, START, 0.0
                for symbol in said:
                    total += float(self.log_p[row, state, last, symbol])
                    state, last = int(self.next[state, last]), symbol
                found[said] = total
        return found


def without_end(said: tuple[int, ...]) -> list[int]:
    return [symbol for symbol in said if symbol != END]


def decode(table: Any, **options: Any) -> Decoded:
    return beam(table, table.carry, **{"bos": START, "eos": END, "max_length": LONGEST, **options})


def same(found: Decoded, expected: Decoded) -> None:
    assert [ids.tolist() for ids in found.ids] == [ids.tolist() for ids in expected.ids]
    torch.testing.assert_close(found.log_probability, expected.log_probability, rtol=1e-12, atol=0)


@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_a_beam_that_leaves_nothing_out_is_exact(seed: int, length_penalty: float) -> None:
    table = Table(seed=seed)
    found = decode(table, width=SYMBOLS**LONGEST, length_penalty=length_penalty)
    for row in range(ROWS):
        every = table.all_of(row)
        assert sum(map(math.exp, every.values())) == pytest.approx(1.0)  # all there are
        best = max(every, key=lambda said: every[said] / len(said) ** length_penalty)
        assert found.ids[row].tolist() == without_end(best)
        assert float(found.log_probability[row]) == pytest.approx(every[best], rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_width_one_is_greedy_and_greedy_takes_the_likeliest(seed: int) -> None:
    table = Table(seed=seed)
    found = greedy(table, table.carry, bos=START, eos=END, max_length=LONGEST)
    same(decode(table, width=1), found)
    same(decode(table, width=1, length_penalty=1.0), found)
    for row in range(ROWS):
        state, last, said, total = 0, START, [], 0.0
        while len(said) < LONGEST and last != END:
            log_p = table.log_p[row, state, last]
            state, last = int(table.next[state, last]), int(log_p.argmax())
            total += float(log_p[last])
            said.append(last)
        assert found.ids[row].tolist() == without_end(tuple(said))
        assert float(found.log_probability[row]) == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("width", [2, 3, 5])
def test_what_is_reported_is_the_probability_of_what_is_said(width: int) -> None:
    """Any width: the ids are a sequence of the enumeration, and none is likelier than the exact one."""
    for seed in range(10):
        table = Table(seed=seed)
        found = decode(table, width=width)
        for row in range(ROWS):
            every = table.all_of(row)
            said = tuple(found.ids[row].tolist())
            said = said if len(said) == LONGEST else (*said, END)
            assert float(found.log_probability[row]) == pytest.approx(every[said], rel=1e-12)
            assert every[said] <= max(every.values()) + 1e-12


@pytest.mark.parametrize("width", [1, 2, 5])
def test_rows_do_not_influence_each_other(width: int) -> None:
    """Some rows end long before others; alone, each says the same."""
    for seed in range(10):
        table = Table(seed=seed)
        together = decode(table, width=width)
        said = greedy(table, table.carry, bos=START, eos=END, max_length=LONGEST)
        for row in range(ROWS):
            carry = ((torch.tensor([row]),), torch.tensor([0]))
            same(
                beam(table, carry, bos=START, eos=END, max_length=LONGEST, width=width),
                Decoded([together.ids[row]], together.log_probability[[row]]),
            )
            same(
                greedy(table, carry, bos=START, eos=END, max_length=LONGEST),
                Decoded([said.ids[row]], said.log_probability[[row]]),
            )


def by_last_symbol(table: list[list[float]]) -> Any:
    """A model that knows only the symbol said last; rows of probabilities."""
    log_p = torch.tensor(table, dtype=torch.float64).log()
    return lambda ids, carry: (log_p[ids], carry)


A, B, START_OF_TWO, STOP = range(4)
TEMPTING = [
    [0.3, 0.3, 0.0, 0.4],  # after a: nothing is likely
    [0.0, 0.1, 0.0, 0.9],  # after b: the end
    [0.6, 0.4, 0.0, 0.0],  # at the start a tempts
    [0.9, 0.1, 0.0, 0.0],  # after the end: whoever goes on here says a
]


def test_greedy_falls_where_a_beam_does_not() -> None:
    """Greedy says "a" with 0.6 x 0.4 = 0.24; "b" has 0.4 x 0.9 = 0.36."""
    step, carry = by_last_symbol(TEMPTING), (torch.zeros(2, 1),)
    words = {"bos": START_OF_TWO, "eos": STOP, "max_length": 6}
    tempted, searched = greedy(step, carry, **words), beam(step, carry, width=2, **words)
    assert [ids.tolist() for ids in tempted.ids] == [[A], [A]]
    assert [ids.tolist() for ids in searched.ids] == [[B], [B]]
    assert tempted.log_probability.exp().tolist() == pytest.approx([0.24, 0.24])
    assert searched.log_probability.exp().tolist() == pytest.approx([0.36, 0.36])


def test_an_end_is_an_end() -> None:
    """A penalty of 1 keeps looking while ended beginnings wait; none of them is gone on from or paid for."""
    step, carry = by_last_symbol(TEMPTING), (torch.zeros(1, 1),)
    found = beam(step, carry, bos=START_OF_TWO, eos=STOP, max_length=6, width=50, length_penalty=1.0)
    assert STOP not in found.ids[0].tolist()
    assert found.log_probability.exp().tolist() == pytest.approx([0.36])


def test_a_mean_may_rise_after_an_end() -> None:
    """The end at once has 0.52; "aaaa" has 0.48 x 0.95^3, whose geometric mean is higher."""
    step = by_last_symbol([[0.95, 0.0, 0.0, 0.05], [1.0, 0, 0, 0], [0.48, 0.0, 0.0, 0.52], [1.0, 0, 0, 0]])
    words = {"bos": START_OF_TWO, "eos": STOP, "max_length": 4, "width": 2}
    assert [ids.tolist() for ids in beam(step, (torch.zeros(1, 1),), **words).ids] == [[]]
    found = beam(step, (torch.zeros(1, 1),), **words, length_penalty=1.0)
    assert [ids.tolist() for ids in found.ids] == [[A] * 4]
    assert found.log_probability.exp().tolist() == pytest.approx([0.48 * 0.95**3])


def test_the_longest_is_cut() -> None:
    never = by_last_symbol([[1.0, 0.0], [1.0, 0.0]])  # says 0 for ever
    for found in (
        greedy(never, (torch.zeros(2, 3),), bos=1, eos=1, max_length=4),
        beam(never, (torch.zeros(2, 3),), bos=1, eos=1, max_length=4, width=3),
    ):
        assert [ids.tolist() for ids in found.ids] == [[0] * 4] * 2
        assert found.log_probability.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("width", [1, 2, 4, 9])
def test_ties_go_to_the_better_beginning_and_then_to_the_smaller_id(width: int) -> None:
    even = by_last_symbol([[0.25] * 4] * 4)
    found = beam(even, (torch.zeros(2, 1),), bos=0, eos=3, max_length=2, width=width)
    if width < 4:  # the end is not among the kept at first
        assert [ids.tolist() for ids in found.ids] == [[0, 0]] * 2
    else:  # it is, and likelier than whatever is longer
        assert [ids.tolist() for ids in found.ids] == [[]] * 2
    rounded = Table(ties=True)
    same(decode(rounded, width=width), decode(rounded, width=width))
    same(
        decode(rounded, width=1),
        greedy(rounded, rounded.carry, bos=START, eos=END, max_length=LONGEST),
    )


def test_a_network_that_is_not_finite_says_something() -> None:
    broken = lambda ids, carry: (torch.full((len(ids), 4), torch.nan), carry)  # noqa: E731
    for found in (
        greedy(broken, (torch.zeros(2, 1),), bos=0, eos=3, max_length=3),
        beam(broken, (torch.zeros(2, 1),), bos=0, eos=3, max_length=3, width=2),
    ):
        assert len(found.ids) == 2
        assert bool(found.log_probability.isnan().all())


def test_truncation_keeps_what_comes_before_the_first_end() -> None:
    assert truncate_at_eos(torch.tensor([4, 2, 3, 2]), 2).tolist() == [4]
    assert truncate_at_eos(torch.tensor([4, 1]), 2).tolist() == [4, 1]
    assert truncate_at_eos(torch.tensor([2]), 2).tolist() == []


def test_refusals() -> None:
    carry = (torch.zeros(1, 1),)
    with pytest.raises(ValueError, match="max_length=0"):
        greedy(by_last_symbol(TEMPTING), carry, bos=0, eos=1, max_length=0)
    with pytest.raises(ValueError, match="width=0"):
        beam(by_last_symbol(TEMPTING), carry, bos=0, eos=1, max_length=1, width=0)
    with pytest.raises(ValueError, match="length_penalty=-1"):
        beam(by_last_symbol(TEMPTING), carry, bos=0, eos=1, max_length=1, width=1, length_penalty=-1)
    with pytest.raises(ValueError, match="no tensor"):
        greedy(by_last_symbol(TEMPTING), (), bos=0, eos=1, max_length=1)
