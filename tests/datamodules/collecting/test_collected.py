"""What every collected data module promises, over one table of all of them."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from collected_toys import COLLECTED, packed, refilled, whole

from datamodules import Batching, DigitCaptions, ImageCaptions, MovingDigits, Spoken, VideoCaptions
from elman.errors import BadInput

BATCHINGS = {"whole": whole, "refilled": refilled, "packed": packed}
WITH_CONTEXT = [DigitCaptions, ImageCaptions, MovingDigits, VideoCaptions]
PACKABLE = [kind for kind in COLLECTED if kind not in WITH_CONTEXT]
packable = pytest.mark.parametrize("kind", PACKABLE, ids=lambda kind: kind.__name__)


def pytest_generate_tests(metafunc):
    """Every kind in every batching that it can have; `Spoken`, which is read as `Audio` and slow, in one."""
    if "batching" in metafunc.fixturenames:
        pairs = {
            f"{kind.__name__}-{name}": (kind, make())
            for kind in COLLECTED
            for name, make in BATCHINGS.items()
            if (name != "packed" or kind in PACKABLE) and (name == "whole" or kind is not Spoken)
        }
        metafunc.parametrize(("kind", "batching"), pairs.values(), ids=pairs)


@pytest.fixture(scope="module")
def data_of(tmp_path_factory):
    """The data of a kind and a batching, made once for all tests that only read it."""
    made = {}

    def data_of(kind, batching):
        key = (kind, repr(batching))
        if key not in made:
            made[key] = ready(kind, tmp_path_factory.mktemp(kind.__name__), batching)
        return made[key]

    return data_of


def ready(kind, folder, batching, rank=0, world=1):
    data = COLLECTED[kind](folder, batching)
    if world > 1:
        data.trainer = SimpleNamespace(global_rank=rank, world_size=world)
    data.prepare_data()
    data.setup("fit")
    return data


def test_every_step_of_every_example_comes_once_in_order(kind, data_of, batching):
    data = data_of(kind, batching)
    loader = data.train_dataloader()
    seen, read = {}, 0
    index = 0
    while read < data.steps_per_epoch:
        batch, names = loader.batch(index), loader.names(index)
        for row, called in enumerate(names):
            count = int(batch.lengths[row])
            begins = batch.begins[row, :count].nonzero().flatten().tolist()
            starts = sorted({0, *begins}) if count else []
            for name, start, stop in zip(called, starts, [*starts[1:], count][: len(starts)], strict=True):
                assert bool(batch.begins[row, start]) == (name not in seen)
                seen.setdefault(name, []).append(batch.x[row, start:stop])
        read += int(batch.lengths.sum())
        index += 1
    assert read == data.steps_per_epoch
    assert batch.is_last
    train = [data.found.names[i] for i in data.parts[0]]
    assert sorted(seen) == sorted(train)
    for name, pieces in seen.items():
        number = data.found.names.index(name)
        example = data._examples.window(number, 0, int(data._examples.lengths[number]))
        torch.testing.assert_close(torch.cat(pieces), example.x, rtol=0, atol=0)


def test_padding_is_zero_and_never_scored(kind, data_of, batching):
    loader = data_of(kind, batching).train_dataloader()
    for index in range(4):
        batch = loader.batch(index)
        beyond = torch.arange(batch.steps) >= batch.lengths[:, None]
        assert not batch.scored[beyond].any()
        assert not batch.x[beyond].any()


def test_attributes(kind, data_of, batching):
    data = data_of(kind, batching)
    batch = data.train_dataloader().batch(0)
    if data.token_ids:
        assert batch.x.dtype == torch.int64
        assert 0 <= int(batch.x.min()) <= int(batch.x.max()) < data.input_size
    else:
        assert batch.x.dtype == torch.float32
        assert batch.x.shape[2] == data.input_size
        assert torch.isfinite(batch.x).all()
    if batch.y.is_floating_point():
        assert batch.y.shape == (*batch.scored.shape, data.output_size)
    else:
        assert batch.y.shape == batch.scored.shape
        assert 0 <= int(batch.y.min()) <= int(batch.y.max()) < data.output_size


def test_description_and_account(kind, data_of, batching):
    data = data_of(kind, batching)
    description = data.description()
    assert set(description) == {"name", "source", "digest", "metadata"}
    assert int(description["digest"], 16) >= 0
    assert len(description["digest"]) <= 36
    assert all(len(str(value)) <= 40 for value in description["metadata"].values())
    assert len(data.summary()) >= 2
    assert all("\n" not in line for line in data.summary())


def test_parts_are_apart_and_whole(kind, data_of, batching):
    data = data_of(kind, batching)
    together = np.concatenate(data.parts)
    assert sorted(together.tolist()) == list(range(len(data.found.names)))
    assert all(len(part) for part in data.parts)


def test_the_same_again(kind, data_of, tmp_path, batching):
    first, second = data_of(kind, batching), ready(kind, tmp_path, batching)
    assert first.found.digest == second.found.digest
    for part in ("train", "val", "test"):
        one, other = first.loader(part).batch(0), second.loader(part).batch(0)
        assert torch.equal(one.x, other.x)
        assert torch.equal(one.lengths, other.lengths)


def test_two_processes_hold_the_rows_of_one(kind, data_of, tmp_path, batching):
    alone = data_of(kind, batching)
    pair = [ready(kind, tmp_path, batching, rank, 2) for rank in range(2)]
    for part in ("train", "val"):
        loader, loaders = alone.loader(part), [data.loader(part) for data in pair]
        assert len({len(each) for each in (loader, *loaders)}) == 1
        for index in range(3 if part == "train" else len(loader)):
            names = [each.names(index) for each in loaders]
            dealt = [None] * (len(names[0]) + len(names[1]))
            dealt[::2], dealt[1::2] = names if len(names[0]) >= len(names[1]) else names[::-1]
            assert [n for n in dealt if n] == [n for n in loader.names(index) if n]
            assert sum(int(each.batch(index).lengths.sum()) for each in loaders) == int(
                loader.batch(index).lengths.sum()
            )


@packable
def test_packed_rows_hold_several(kind, data_of):
    loader = data_of(kind, packed()).loader("train")
    names = loader.names(0)
    assert max(map(len, names)) > 1
    assert [len(row) for row in names] == (1 + loader.batch(0).begins[:, 1:].sum(1)).tolist()


@packable
def test_what_is_packed_has_no_context(kind, data_of):
    assert data_of(kind, packed()).context_size is None


@pytest.mark.parametrize("kind", WITH_CONTEXT, ids=lambda kind: kind.__name__)
def test_a_context_is_not_packed(kind, tmp_path):
    data = COLLECTED[kind](tmp_path, packed())
    data.prepare_data()
    with pytest.raises(BadInput, match=r"data.batching.packed=true .* but a row has one context"):
        data.setup("fit")


@packable
def test_a_row_too_short_for_a_sequence_is_refused_at_setup(kind, data_of, tmp_path):
    longest = int(data_of(kind, whole())._examples.lengths.max())
    data = COLLECTED[kind](tmp_path, Batching(steps=longest - 1, packed=True))
    data.prepare_data()
    with pytest.raises(
        BadInput, match=f"steps={longest - 1}: .* {longest} steps; set data.batching.steps={longest} "
    ):
        data.setup("fit")


def test_workers_read_the_same(kind, data_of, batching):
    data = data_of(kind, batching)
    loader = data.train_dataloader()
    loader.workers, loader.index = 2, 1
    torch.manual_seed(1)
    before = torch.get_rng_state()
    for index, batch in zip(range(1, 4), loader, strict=False):
        expected = data.train_dataloader().batch(index)
        assert torch.equal(batch.x, expected.x)
        assert torch.equal(batch.begins, expected.begins)
        assert batch.is_last == expected.is_last
    assert loader.index == 4
    assert torch.equal(torch.get_rng_state(), before)  # or workers would move dropout
    assert loader.waited_seconds > 0
