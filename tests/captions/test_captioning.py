"""Captions of a whole stage: decoded as one row and one symbol at a time would be, and scored by hand."""

from __future__ import annotations

from functools import lru_cache, partial
from types import SimpleNamespace

import pytest
import torch
from task_toys import Loader, make_trainer

from datamodules.texts.alphabet import Alphabet
from elman.batch import SequenceBatch, at_first_step
from elman.captions.captioning import captions_of, true_captions
from elman.captions.scores import CaptionScores, CaptionSums, caption_errors, caption_scores
from elman.cores import GRU, LSTM
from elman.inputs import Dense
from elman.tasks import SequenceTask

ALPHABET = Alphabet("\x02\x03ab ")
START, END = ALPHABET.encode("\x02\x03").tolist()
METADATA = SimpleNamespace(bos=START, eos=END, max_length=6)
DATA = SimpleNamespace(captions=METADATA, alphabet=ALPHABET)
FEATURES, HIDDEN = 5, 8


def make_task(**options) -> SequenceTask:
    torch.manual_seed(3)
    given = {
        "input_size": len(ALPHABET),
        "output_size": len(ALPHABET),
        "token_ids": True,
        "context_size": FEATURES,
        "core": partial(LSTM, hidden_size=HIDDEN, layers=2),
        "context_encoder": partial(Dense, hidden_size=7),
        "readout_dropout": 0.5,  # decoding must leave it out
        **options,
    }
    task = SequenceTask(**given).double()
    with torch.no_grad():
        task.network.readout.weight *= 6  # not all rows say the same
        for leaf in task.network.begins.leaves:
            leaf.weight *= 6
    return task


def batch_of(texts: list[str], seed: int = 1) -> SequenceBatch:
    """One row a caption, with a context at random."""
    lengths = torch.tensor([len(text) + 1 for text in texts])
    steps = int(lengths.max())
    x, y = torch.zeros(2, len(texts), steps, dtype=torch.long)
    for row, text in enumerate(texts):
        x[row, : len(text) + 1] = ALPHABET.encode("\x02" + text)
        y[row, : len(text) + 1] = ALPHABET.encode(text + "\x03")
    context = torch.randn(
        len(texts), FEATURES, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )
    return SequenceBatch(
        x=x,
        y=y,
        scored=torch.arange(steps) < lengths[:, None],
        lengths=lengths,
        begins=at_first_step(torch.ones(len(texts), dtype=torch.bool), steps),
        context=context,
    )


def said_alone(task: SequenceTask, context: torch.Tensor) -> str:
    """The likeliest symbol after each beginning, which is read anew from its first step every time."""
    task.eval()
    ids = [START]
    with torch.no_grad():
        while len(ids) <= METADATA.max_length and ids[-1] != END:
            out, _ = task.network.predict(torch.tensor([ids]), task.network.begins(context[None]))
            ids.append(int(out[0, -1].argmax()))
    return ALPHABET.decode([symbol for symbol in ids[1:] if symbol != END])


def edits(a, b) -> int:
    """Levenshtein's definition, read out loud."""

    @lru_cache(None)
    def between(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(
            between(i - 1, j) + 1, between(i, j - 1) + 1, between(i - 1, j - 1) + (a[i - 1] != b[j - 1])
        )

    return between(len(a), len(b))


TEXTS = ["ab", "b a a", "", "aaaaa", "b", "a b"]


def test_decoded_as_alone() -> None:
    """Rows that end at different steps, the network left in training mode, nothing of x and y looked at."""
    task, batch = make_task(), batch_of(TEXTS * 5)
    expected = [said_alone(task, context) for context in batch.context]
    assert len({len(text) for text in expected}) > 2, "rows that end alike prove little"
    task.train()
    blind = batch._replace(x=torch.zeros_like(batch.x), y=None)
    assert captions_of(task.network, DATA, blind) == expected
    assert task.network.training
    assert captions_of(task.network, DATA, blind, width=1) == expected


def test_a_beam_finds_what_is_at_least_as_likely() -> None:
    task, batch = make_task(), batch_of(TEXTS * 5)

    def log_p(texts: list[str]) -> torch.Tensor:
        task.eval()
        with torch.no_grad():
            said = batch_of(texts)._replace(context=batch.context)
            out, _ = task.network.predict(said.x, task.network.first_carry(len(said.x), said.context))
            picked = out.log_softmax(-1).gather(2, said.y[..., None])[..., 0]
            cut = torch.tensor([len(text) == METADATA.max_length for text in texts])  # no end was said
            last = torch.arange(said.steps) == said.lengths[:, None] - 1
            return picked.masked_fill(~said.scored | (last & cut[:, None]), 0.0).sum(1)

    greedy, beam = captions_of(task.network, DATA, batch), captions_of(task.network, DATA, batch, width=30)
    assert bool((log_p(beam) >= log_p(greedy) - 1e-12).all())
    assert greedy != beam


def test_of_any_dtype_and_with_a_context_of_parts() -> None:
    """A network in double precision, an image in single; a tuple moves with its whole numbers untouched."""
    task, batch = make_task(), batch_of(TEXTS)
    single = batch._replace(context=batch.context.float())
    exact = batch._replace(context=batch.context.float().double())
    assert captions_of(task.network, DATA, single) == captions_of(task.network, DATA, exact)
    seen = []
    task.network.first_carry = lambda row_count, context: (
        seen.append(context) or task.network.core.initial_carry(row_count)
    )
    captions_of(task.network, DATA, batch._replace(context=(batch.context.float(), torch.arange(6))))
    assert [leaf.dtype for leaf in seen[0]] == [torch.float64, torch.int64]


def test_true_captions() -> None:
    batch = batch_of(TEXTS)
    assert true_captions(DATA, batch) == TEXTS
    continued = batch._replace(
        begins=at_first_step(torch.tensor([True, False, True, True, True, True]), batch.steps)
    )
    assert true_captions(DATA, continued) == ["ab", None, *TEXTS[2:]]
    cut = batch.window(0, 3)  # not all captions end here
    assert true_captions(DATA, cut) == ["ab", None, "", None, "b", None]
    assert true_captions(DATA, batch._replace(y=None)) == [None] * 6
    asked = batch.scored & (torch.arange(6) != 4)[:, None]  # nobody asks what the fifth row says
    assert true_captions(DATA, batch._replace(scored=asked)) == [*TEXTS[:4], None, TEXTS[5]]


def test_edits_by_hand() -> None:
    """kitten -> sitting 3, of 6 characters; "a b" -> "a c b" 2 characters of 3, 1 word of 2; "" -> "x" 1."""
    said, true = ["sitting", "a c b", "x", "same"], ["kitten", "a b", "", "same"]
    assert caption_errors(said, true).tolist() == [1, 4, 3 + 2 + 1, 6 + 3 + 4, 1 + 1 + 1, 1 + 2 + 0 + 1]


def test_figures_are_sums_divided_once() -> None:
    """Batches of unequal sizes, one with a row that continues: as all whole rows in one list."""
    task = make_task()
    batches = [batch_of(TEXTS, 1), batch_of(["bbb a"], 2), batch_of(["a", "", "b b"], 3)]
    batches[2] = batches[2]._replace(
        begins=at_first_step(torch.tensor([True, False, True]), batches[2].steps)
    )
    scores = CaptionSums(DATA, {"": 1, "beam_": 3})
    for index, batch in enumerate(batches):
        scores.add(task.network, batch, index)
    found = scores.metrics(task.device, ranks=1)
    for name, width in (("", 1), ("beam_", 3)):
        pairs = [
            (said, true)
            for batch in batches
            for said, true in zip(
                captions_of(task.network, DATA, batch, width=width), true_captions(DATA, batch), strict=True
            )
            if true is not None
        ]
        assert len(pairs) == 9
        characters, words = sum(len(t) for _, t in pairs), sum(len(t.split()) for _, t in pairs)
        assert found[f"{name}exact"] == sum(s == t for s, t in pairs) / 9
        assert (
            found[f"{name}character_error_rate"]
            == sum(edits(tuple(s), tuple(t)) for s, t in pairs) / characters
        )
        assert (
            found[f"{name}word_error_rate"]
            == sum(edits(tuple(s.split()), tuple(t.split())) for s, t in pairs) / words
        )


def test_sums_of_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes with unequal shares, one of them without any row: as one process with all."""
    task, batches = make_task(), [batch_of(TEXTS, 1), batch_of(["bbb a"], 2)]
    together, own, other, idle = (CaptionSums(DATA, {"": 1, "beam_": 2}) for _ in range(4))
    for index, batch in enumerate(batches):
        together.add(task.network, batch, index)
    own.add(task.network, batches[0], 0)
    other.add(task.network, batches[1], 0)
    monkeypatch.setattr("torch.distributed.all_reduce", lambda sums: sums.add_(other.sums + idle.sums))
    assert own.metrics(task.device, ranks=3) == together.metrics(task.device, ranks=1)


def test_nothing_counted_is_no_figure() -> None:
    assert CaptionSums(DATA, {"": 1}).metrics(torch.device("cpu"), ranks=1) == {}
    scores = CaptionSums(DATA, {"": 1})
    scores.add(make_task().network, batch_of(["", ""]), 0)  # no character that an edit could be a share of
    assert set(scores.metrics(torch.device("cpu"), ranks=1)) == {"exact"}


@pytest.mark.parametrize(("batches", "decoded"), [(4, [0, 1, 2, 3]), (8, [0, 2, 4, 6]), (9, [0, 2, 4, 6, 8])])
def test_at_most_so_many_rows_spread_over_the_stage(
    batches: int, decoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """24 rows at most, in batches of 6; the batches of a stage may be sorted by length."""
    seen = []
    monkeypatch.setattr(
        "elman.captions.scores.captions_of",
        lambda task, data, batch, width: seen.append(int(batch.context[0, 0])) or [""] * len(batch.x),
    )
    scores = CaptionSums(DATA, {"": 1}, batches=batches, at_most=24)
    for index in range(batches):
        scores.add(
            make_task().network, batch_of(TEXTS)._replace(context=torch.full((6, FEATURES), index)), index
        )
    assert seen == decoded


@pytest.mark.parametrize("stage", ["val", "test"])
def test_a_stage_logs_them(stage: str) -> None:
    task, batches = make_task(), [batch_of(TEXTS, 1), batch_of(["bbb a"], 2)]
    trainer = make_trainer(callbacks=[CaptionScores(DATA, beam_width=3)])
    (trainer.validate if stage == "val" else trainer.test)(task, Loader(batches), verbose=False)
    found = {name: float(value) for name, value in trainer.callback_metrics.items()}
    scores = CaptionSums(DATA, {"": 1} if stage == "val" else {"": 1, "beam_": 3})
    for index, batch in enumerate(batches):
        scores.add(task.network, batch, index)
    expected = scores.metrics(task.device, ranks=1)
    assert {n: found[f"{stage}/{n}"] for n in expected} == expected
    assert ("test/beam_exact" in found) == (stage == "test")
    assert f"{stage}/nats_per_step" in found


def test_no_captions_no_figures() -> None:
    task, plain = make_task(), SimpleNamespace(captions=None)
    trainer = make_trainer(callbacks=caption_scores(plain, beam_width=4))
    trainer.test(task, Loader([batch_of(TEXTS)]), verbose=False)
    assert not [name for name in trainer.callback_metrics if "exact" in name or "error" in name]
    with pytest.raises(ValueError, match="no captions"):
        captions_of(task.network, plain, batch_of(TEXTS))


def test_refusals() -> None:
    class Backward(GRU):
        streams = False

    with pytest.raises(ValueError, match="Backward reads later steps"):
        captions_of(make_task(core=partial(Backward, hidden_size=4)).network, DATA, batch_of(TEXTS))
    with pytest.raises(ValueError, match="beam_width must be at least 1, got beam_width=0"):
        CaptionScores(DATA, beam_width=0)
