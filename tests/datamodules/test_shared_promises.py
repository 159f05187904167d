"""What every data module promises, over one table of all of them."""

import importlib
import inspect
import pkgutil
import string
from types import SimpleNamespace

import pytest
import torch
from collected_toys import COLLECTED

import datamodules
from datamodules import (
    Adding,
    AnBn,
    ASequence,
    CopyBlocks,
    CopyCurriculum,
    CopyMemory,
    Echo,
    Negation,
    Oscillators,
    RegularLanguage,
    SequenceData,
    Text,
    Tones,
)
from elman.errors import BadInput

ROWS, STEPS = 5, 7  # 5 rows: two processes hold 3 and 2
ROWWISE = ("x", "y", "scored", "lengths", "begins")
ALPHABET = string.ascii_letters


def text(folder):
    path = folder / "text.txt"
    path.write_text("".join(ALPHABET[i * i * i % 52] for i in range(211)), encoding="utf-8")
    return Text(
        path=str(path), cache=str(folder / "cache"), batch_size=ROWS, steps=STEPS, split=(0.6, 0.2, 0.2)
    )


# How to build it, and how many batches make a pass.
TABLE = {
    Text: (text, 4),  # 126 characters: 125 steps in 5 rows of 25
    Adding: (lambda _: Adding(steps=STEPS, batch_size=ROWS), 1),
    Echo: (lambda _: Echo(lag=9, steps=STEPS, batch_size=ROWS, batches_per_sequence=3, val_batches=6), 3),
    CopyBlocks: (
        lambda _: CopyBlocks(
            shortest=2, longest=3, batch_size=ROWS, steps=STEPS, train_steps=21, eval_steps=14, spliced=True
        ),
        3,
    ),
    CopyCurriculum: (lambda _: CopyCurriculum(val_length=9, batch_size=ROWS), 1),
    CopyMemory: (lambda _: CopyMemory(blanks=3, batch_size=ROWS, score="recall"), 1),
    AnBn: (
        lambda _: AnBn(longest=3, steps=STEPS, batch_size=ROWS, batches_per_sequence=3, val_batches=6),
        3,
    ),
    RegularLanguage: (
        lambda _: RegularLanguage(language="cycle_navigation", longest=9, test_steps=STEPS, batch_size=ROWS),
        1,
    ),
    Tones: (lambda _: Tones(notes=2, note_ms=60, batch_size=ROWS), 1),
    ASequence: (lambda _: ASequence(batch_size=ROWS), 1),
    Negation: (lambda _: Negation(distance=2, after=1, steps=STEPS, batch_size=ROWS), 1),
    Oscillators: (lambda _: Oscillators(steps=STEPS, batch_size=ROWS), 1),
}
REPEATS = {Text, ASequence, CopyBlocks}  # every pass is the same; the others draw each anew
DRAWN_LENGTHS = {RegularLanguage}  # an epoch has as many steps as said on average
GROWING = {CopyCurriculum}  # how many it has depends on training


@pytest.fixture(params=TABLE, ids=lambda kind: kind.__name__)
def kind(request):
    return request.param


@pytest.fixture
def data(kind, tmp_path):
    return ready(kind, tmp_path)


def ready(kind, folder, rank=0, world=1):
    data = TABLE[kind][0](folder)
    if world > 1:
        data.trainer = SimpleNamespace(global_rank=rank, world_size=world)
    data.prepare_data()
    data.setup()
    return data


def take(loader, count):
    return [batch for batch, _ in zip(loader, range(count), strict=False)]


def assert_same(left, right):
    assert left.is_last == right.is_last
    for name in ROWWISE:
        assert torch.equal(getattr(left, name), getattr(right, name)), name


def concrete(members):
    kinds = (member for member in members if inspect.isclass(member) and issubclass(member, SequenceData))
    return {kind for kind in kinds if not inspect.isabstract(kind)}


def test_no_data_module_is_left_out():
    modules = [module.name for module in pkgutil.walk_packages(datamodules.__path__, "datamodules.")]
    written = concrete(member for name in modules for member in vars(importlib.import_module(name)).values())
    public = concrete(getattr(datamodules, name) for name in datamodules.__all__)
    assert written == public == {*TABLE, *COLLECTED}


def test_attributes(data):
    batch = data.train_dataloader().batch(0)
    if data.token_ids:
        assert batch.x.dtype == torch.int64
        assert batch.x.shape == (ROWS, batch.steps)
        assert batch.x.min() >= 0
        assert batch.x.max() < data.input_size
    else:
        assert batch.x.shape == (ROWS, batch.steps, data.input_size)
    if batch.y.dtype == torch.int64:
        assert batch.y.shape == (ROWS, batch.steps)
        assert batch.y.min() >= 0
        assert batch.y.max() < data.output_size
    else:
        assert batch.y.shape == (ROWS, batch.steps, data.output_size)


def test_description(data):
    description = data.description()
    assert set(description) == {"name", "source", "digest", "metadata"}
    assert int(description["digest"], 16) >= 0
    assert len(description["digest"]) <= 36
    assert all(len(str(value)) <= 40 for value in description["metadata"].values())


def test_passes(kind, data):
    per_pass = TABLE[kind][1]
    batches = take(data.train_dataloader(), 3 * per_pass)
    assert [bool(batch.is_first.all()) for batch in batches] == ([True] + [False] * (per_pass - 1)) * 3
    assert [bool(batch.is_first.any()) for batch in batches] == ([True] + [False] * (per_pass - 1)) * 3
    assert [batch.is_last for batch in batches] == ([False] * (per_pass - 1) + [True]) * 3
    if kind in DRAWN_LENGTHS:
        batches = take(data.train_dataloader(), 1000 * per_pass)
        found = sum(int(batch.lengths.sum()) for batch in batches)
        assert found == pytest.approx(1000 * data.steps_per_epoch, rel=0.05)
    elif kind not in GROWING:
        assert sum(int(batch.lengths.sum()) for batch in batches) == 3 * data.steps_per_epoch


def test_second_pass(kind, data):
    per_pass, loader = TABLE[kind][1], data.train_dataloader()
    if kind in REPEATS:
        assert_same(loader.batch(0), loader.batch(per_pass))
    else:
        assert not torch.equal(loader.batch(0).x, loader.batch(per_pass).x)


def test_nothing_is_scored_beyond_a_row(data):
    for loader in (data.train_dataloader(), data.val_dataloader()):
        for batch in take(loader, 8):
            assert not batch.scored[torch.arange(batch.steps) >= batch.lengths[:, None]].any()


def test_training_goes_on_where_it_stopped(kind, data, tmp_path):
    whole = take(data.train_dataloader(), 9)
    first = data.train_dataloader()
    iterator = iter(first)
    for _ in range(5):
        next(iterator)
    assert first.state_dict() == {"index": 5}
    second = ready(kind, tmp_path).train_dataloader()
    second.load_state_dict(first.state_dict())
    assert len(second) == 10**9
    for left, right in zip(take(second, 4), whole[5:], strict=True):
        assert_same(left, right)


def test_validation_starts_over(data):
    for loader in (data.val_dataloader(), data.test_dataloader()):
        once, again = list(loader), list(loader)
        assert len(once) == len(loader) > 0
        assert once[0].is_first.all()
        assert once[-1].is_last
        for left, right in zip(once, again, strict=True):
            assert_same(left, right)


def test_parts_differ(kind, data):
    if kind is not ASequence:
        parts = [next(iter(data.loader(part))).x for part in ("train", "val", "test")]
        assert not any(torch.equal(parts[i], parts[j]) for i, j in ((0, 1), (0, 2), (1, 2)))


@pytest.mark.parametrize("part", ["train", "val"])
def test_processes_share_out_the_global_batch(kind, tmp_path, part):
    whole = ready(kind, tmp_path).loader(part)
    shares = [ready(kind, tmp_path, rank, 2).loader(part) for rank in range(2)]
    assert {len(share) for share in shares} == {len(whole)}
    for index in range(min(len(whole), 7)):
        expected, got = whole.batch(index), [share.batch(index) for share in shares]
        for rank, batch in enumerate(got):
            if len(expected.x[rank::2]):
                assert_same(
                    batch, expected._replace(**{name: getattr(expected, name)[rank::2] for name in ROWWISE})
                )
            else:  # a process without a row has one that does not exist
                assert batch.lengths.tolist() == [0]
                assert not batch.scored.any()
                assert batch.x.shape[1:] == expected.x.shape[1:]


def test_more_processes_than_rows(kind, tmp_path):
    data = ready(kind, tmp_path, rank=0, world=ROWS + 1)
    with pytest.raises(BadInput, match=r"data\.(batch_size|rows)=5 rows cannot feed 6 processes"):
        data.train_dataloader()


def test_setup_twice(data):
    before = data.description()
    data.setup("fit")
    assert data.description() == before
