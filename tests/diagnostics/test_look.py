"""What a meter sees of data and network."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from meter_toys import data_of, linear_task, noise, orthogonal
from task_toys import cut, make_task

from elman.bptt import Full
from elman.cores import Bidirectional, Elman, FeedForward, Pooled
from elman.diagnostics.look import Look, carries_of, without_step
from elman.errors import BadInput
from elman.tree import rows


def looked(*batches, **options) -> Look:
    return Look(make_task(**options), data_of(*batches))


def test_a_stretch_ends_where_the_last_step_is_scored() -> None:
    """Of rows of 9, 12 and 5 steps, scored up to 9, 10 and 5, the last 7: two are long enough."""
    batch = noise(3, 12)
    lengths = torch.tensor([9, 12, 5])
    scored = torch.arange(12) < torch.tensor([9, 10, 5])[:, None]
    look = looked(batch._replace(lengths=lengths, scored=scored))
    stretch = look.stretch(7, rows=5, least=3)
    assert torch.equal(stretch.batch.x, torch.stack([batch.x[0, 2:9], batch.x[1, 3:10]]))
    first = look.network.core.initial_carry(1)
    for row, before in enumerate((2, 3)):
        _, carry = look.network.core(batch.x[row : row + 1, :before], first)
        for leaf, want in zip(rows(stretch.carry, torch.tensor([row])), carry, strict=True):
            torch.testing.assert_close(leaf, want, rtol=1e-12, atol=1e-12)


def test_short_sequences_shorten_it_and_too_short_ones_are_refused() -> None:
    assert looked(noise(4, 9)).stretch(100, rows=3).batch.x.shape == (3, 9, 2)
    with pytest.raises(BadInput, match="5 steps up to the last scored one, too few"):
        looked(noise(4, 5)).stretch(100, rows=3)


def test_pieces_of_a_stream_go_on_with_its_carry() -> None:
    stream = noise(2, 24)
    look = looked(*cut(stream, 4, 4, 4, 4, 4, 4))
    stretch = look.stretch(8, rows=6)
    assert torch.equal(stretch.batch.x[::2], torch.stack([stream.x[0, at : at + 8] for at in (0, 8, 16)]))
    _, carry = look.network.core(stream.x[:, :16], look.network.core.initial_carry(2))
    for leaf, want in zip(stretch.carry, carry, strict=True):
        torch.testing.assert_close(leaf[4:], want, rtol=1e-12, atol=1e-12)


def test_sequences_that_share_a_row_come_apart() -> None:
    batch = noise(1, 20)
    begins = batch.begins.clone()
    begins[0, 9] = True
    stretch = looked(batch._replace(begins=begins)).stretch(9, rows=2)
    assert torch.equal(stretch.batch.x, torch.stack([batch.x[0, :9], batch.x[0, 11:]]))


def test_ids_stay_beside_what_the_core_reads() -> None:
    """An embedding of 3 for 6 ids, streams in pieces: the carry is that of the ids before."""
    ids = torch.randint(0, 6, (2, 24), generator=torch.Generator().manual_seed(3))
    stream = noise(2, 24)._replace(x=ids)
    look = looked(*cut(stream, 8, 8, 8), token_ids=True, input_size=6, embedding=3)
    stretch = look.stretch(8, rows=6)
    assert torch.equal(stretch.given, torch.cat([ids[:, :8], ids[:, 8:16], ids[:, 16:]]))
    assert torch.equal(stretch.batch.x, look.network.embedding(stretch.given))
    _, carry = look.network.predict(ids[:, :16], look.network.first_carry(2))
    for leaf, want in zip(stretch.carry, carry, strict=True):
        torch.testing.assert_close(leaf[4:], want, rtol=1e-12, atol=1e-12)


def test_carries_are_those_of_one_pass() -> None:
    look = looked(noise(3, 10), bptt=Full())
    stretch = look.stretch(10, rows=3)
    carries, out = carries_of(look, stretch)
    want, end = look.network.core(stretch.batch.x, stretch.carry)
    torch.testing.assert_close(out, want, rtol=1e-12, atol=1e-12)
    for leaf, last in zip(carries[-1], end, strict=True):
        torch.testing.assert_close(leaf, last, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("core", "why"),
    [(Bidirectional, "reads later steps"), (FeedForward, "remembers nothing"), (Pooled, "sums or counts")],
)
def test_cores_without_a_step_are_named(core: type, why: str) -> None:
    inner = {} if core is FeedForward else {"core": partial(Elman, hidden_size=3)}
    options = {"hidden_size": 3} if core is FeedForward else inner
    task = make_task(core=lambda size: core(size, **options), bptt=Full())
    assert core.__name__ in without_step(task)
    assert why in without_step(task)
    assert not without_step(linear_task(orthogonal(3)))
