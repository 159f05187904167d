"""A learned first carry: where a sequence begins it is used and has a gradient, and nowhere else."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
import torch
from pairwise import pairs
from strategy_toys import Fading, LastSteps, RandomReach
from task_toys import FEATURES, VALUES, fit, make_task, stream, truncated, weights

from datamodules.live import LINE, Characters
from datamodules.texts.alphabet import Alphabet
from elman.batch import SequenceBatch, whole
from elman.bptt import Adaptive, Checkpointed, Full, Jittered, Randomised, Split, Truncated
from elman.cores import GRU, LSTM, Bidirectional, Centred, Elman, FeedForward, Pooled
from elman.inputs import Dense, LearnedCarry
from elman.predict.sampling import sample_ids
from elman.predict.stream import Stream
from elman.predict.streaming_model import StreamingModel
from elman.tasks import CrossEntropy, SequenceTask
from elman.tasks.export import build, describe
from elman.tasks.predictions import Predictions

B, T = 4, 23
LENGTHS = torch.tensor([23, 18, 7, 23])
CELLS = {"LSTM": LSTM, "GRU": GRU, "tanh": Elman, "relu": partial(Elman, nonlinearity="relu")}
STRATEGIES = [
    Full(),
    Checkpointed(window=5),
    Truncated(k1=4, k2=4),
    Truncated(k1=3, k2=8),
    Truncated(k1=30, k2=30),
    Truncated(k1=3, k2=8, scored="window"),
    Jittered(k=5, least=2, spread=1.0),
    Randomised(k=2, length=5, alpha=3.0, longest=8),
    Adaptive(k=3, most=5, stretch=5),
    Checkpointed(schedule="revolve", window=2, slots=2),
    LastSteps(k=9),
    Fading(keep=0.8),
    RandomReach(k1=2, longest=6),
]


def name(bptt: object) -> str:
    return type(bptt).__name__ + "-".join(str(v) for k, v in vars(bptt).items() if k[0] != "_")


def task_of(core, bptt=None, **options) -> SequenceTask:
    """A task whose weights and first carry are far from where they begin."""
    task = make_task(core=core, bptt=bptt or Full(), first_carry="learned", **options)
    torch.manual_seed(7)
    with torch.no_grad():
        for parameter in task.parameters():
            parameter.uniform_(-0.8, 0.8)
    return task


def batch_of(*, inside: bool = True) -> SequenceBatch:
    """Ragged rows; sequences begin inside at steps 5, 8, 11 and 22; row 1 goes on from an earlier batch."""
    torch.manual_seed(2)
    batch = whole(*(torch.randn(B, T, n, dtype=torch.float64) for n in (FEATURES, VALUES)))
    exist = torch.arange(T) < LENGTHS[:, None]
    batch = batch._replace(lengths=LENGTHS, scored=exist & (torch.rand(B, T) < 0.7))
    if inside:
        batch.begins[0, 5] = batch.begins[1, 8] = batch.begins[0, 11] = batch.begins[3, T - 1] = True
        batch.begins[1, 0] = False
    return batch


def carries(task: SequenceTask) -> tuple:
    torch.manual_seed(3)
    return tuple(torch.randn_like(leaf) for leaf in task.network.core.initial_carry(B))


def parameters(task: SequenceTask) -> list:
    return list(task.network.learned_carry.parameters())


def found(task: SequenceTask, batch: SequenceBatch) -> list[torch.Tensor]:
    """The gradient of the first carry as the strategy takes it, over all its updates."""
    task.bptt.begin(1)
    total = [torch.zeros_like(p) for p in parameters(task)]
    for update in task.bptt.losses(task.objective, batch, task.bptt.first_state(carries(task))):
        if update.loss is not None:
            total = added(total, update.loss, task)
    return total


def added(total: list, loss: torch.Tensor, task: SequenceTask) -> list[torch.Tensor]:
    """`total` and the gradient of the first carry, zero where a loss does not depend on it."""
    given = {"allow_unused": True, "materialize_grads": True}
    return [a + b for a, b in zip(total, torch.autograd.grad(loss, parameters(task), **given), strict=True)]


def alone(task: SequenceTask, batch: SequenceBatch) -> list[torch.Tensor]:
    """By definition: every sequence in a call of its own, its loss at t counted C[t, first step] times."""
    credit = task.bptt.drawn_credit(T).double()
    network, total = task.network, torch.zeros((), dtype=torch.float64)
    for row in range(B):
        stop = int(LENGTHS[row])
        for first in batch.begins[row].nonzero().flatten().tolist():
            end = next((t for t in range(first + 1, stop) if batch.begins[row, t]), stop)
            out, _ = network.core(batch.x[row : row + 1, first:end], network.first_carry(1))
            errors = (network.readout(out)[0] - batch.y[row, first:end]).square().mean(1)
            total = total + (errors * batch.scored[row, first:end] * credit[first:end, first]).sum()
    return list(torch.autograd.grad(total, parameters(task)))


@pytest.mark.parametrize(
    ("cell", "kernel", "bptt"),
    pairs(CELLS, ["fused", "scan", "loop"], STRATEGIES),
    ids=lambda given: given if isinstance(given, str) else name(given),
)
def test_gradient_is_that_of_the_losses_charged_to_a_beginning(cell: str, kernel: str, bptt) -> None:
    """By every kernel, two layers; a window that does not reach the beginning gives nothing."""
    options = {"hidden_size": 4, "layers": 2}
    task = task_of(partial(CELLS[cell], kernel=kernel, **options), bptt)
    reference = task_of(partial(CELLS[cell], kernel="loop", **options), bptt)
    reference.load_state_dict(task.state_dict())
    by_hand, expected = found(task, batch_of()), alone(reference, batch_of())
    assert any(bool(gradient.any()) for gradient in expected)
    torch.testing.assert_close(by_hand, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kernel", ["fused", "scan", "loop"])
@pytest.mark.parametrize("cell", [LSTM, GRU, Elman])
def test_gradient_is_that_of_central_differences(cell, kernel: str) -> None:
    task, batch = task_of(partial(cell, hidden_size=4, layers=2, kernel=kernel)), batch_of()
    for parameter, gradient in zip(parameters(task), found(task, batch), strict=True):
        flat, numbers = parameter.data.view(-1), []
        for index in range(flat.numel()):
            losses = []
            for change in (1e-5, -2e-5):
                flat[index] += change
                losses.append(task.objective(batch, carries(task))[0].item())
            flat[index] += 1e-5
            numbers.append((losses[0] - losses[1]) / 2e-5)
        torch.testing.assert_close(gradient.flatten(), torch.tensor(numbers).double(), rtol=1e-6, atol=1e-6)


def test_rows_that_go_on_give_nothing() -> None:
    task, batch = task_of(partial(GRU, hidden_size=4)), batch_of(inside=False)
    batch.begins[:] = False
    for gradient in torch.autograd.grad(
        task.objective(batch, carries(task))[0], parameters(task), allow_unused=True
    ):
        assert gradient is None


def test_each_window_of_split_begins() -> None:
    task, batch = task_of(partial(LSTM, hidden_size=4), Split(k=5)), batch_of(inside=False)
    expected = [torch.zeros_like(p) for p in parameters(task)]
    for start in range(0, T, 5):
        loss, _ = task.objective(batch.window(start, min(start + 5, T)).restarted(), carries(task))
        expected = added(expected, loss, task)
    torch.testing.assert_close(found(task, batch), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("core", "learned"),
    [
        (partial(Pooled, core=partial(LSTM, hidden_size=4)), 2),
        (partial(Pooled, core=partial(GRU, hidden_size=4), how="mean"), 1),
        (partial(Centred, core=partial(LSTM, hidden_size=4), prior=2), 2),
        (partial(Centred, core=partial(Pooled, core=partial(Elman, hidden_size=4))), 1),
        (partial(Bidirectional, core=partial(LSTM, hidden_size=4)), 4),
        (partial(Bidirectional, core=partial(Pooled, core=partial(GRU, hidden_size=4))), 2),
    ],
)
def test_of_a_core_around_a_core_only_what_recurs_is_learned(core, learned: int) -> None:
    """Sums, counts and maxima begin as ever, in every direction and depth."""
    task, plain = task_of(core), make_task(core=core, bptt=Full())
    network, zero = task.network, plain.network.core.initial_carry(B)
    assert len(parameters(task)) == learned
    kept = [(a, b) for a, b in zip(network.first_carry(B), zero, strict=True) if torch.equal(a, b)]
    assert len(kept) == len(zero) - learned
    batch = batch_of(inside=False)
    gradients = found(task, batch)
    torch.testing.assert_close(gradients, alone(task, batch), rtol=1e-10, atol=1e-10)
    if network.core.streams:
        torch.testing.assert_close(found(task, batch_of()), alone(task, batch_of()), rtol=1e-10, atol=1e-10)
    assert all(bool(gradient.any()) for gradient in gradients)
    loss = task.objective(batch, zero)[0].item()
    with torch.no_grad():
        for parameter, gradient in zip(parameters(task), gradients, strict=True):
            parameter.sub_(gradient, alpha=1e-4)
    assert task.objective(batch, zero)[0].item() < loss


@pytest.mark.parametrize("kernel", ["fused", "scan"])
def test_the_first_update_has_the_loss_of_zero(kernel: str) -> None:
    """To the last bit; the second has not."""
    tasks = [
        make_task(bptt=Full(), core=partial(LSTM, hidden_size=4, kernel=kernel), first_carry=how)
        for how in ("zero", "learned")
    ]
    batches = [batch._replace(is_last=True) for batch in stream(9, 7)]
    losses = [[task.objective(batches[0], task.network.first_carry(3))[0].item()] for task in tasks]
    for task, found_ in zip(tasks, losses, strict=True):
        fit(task, batches[:1])
        found_.append(task.objective(batches[1].restarted(), task.network.first_carry(3))[0].item())
    assert losses[0][0] == losses[1][0]
    assert losses[0][1] != losses[1][1]


def test_weights_without_it_are_as_before() -> None:
    """The same draws and the same names, so files of before load; with it there is one name more for each."""
    plain, learned = make_task(), make_task(first_carry="learned")
    rest = {k: v for k, v in learned.state_dict().items() if not k.startswith("learned_carry")}
    assert set(learned.state_dict()) - set(rest) == {"learned_carry.leaves.0", "learned_carry.leaves.1"}
    assert rest.keys() == plain.state_dict().keys()
    assert all(torch.equal(rest[key], value) for key, value in plain.state_dict().items())
    assert [name for name, _ in learned.network.named_parameters()][:-2] == [
        name for name, _ in plain.network.named_parameters()
    ]


def test_half_a_run_and_the_other_half(tmp_path) -> None:
    def make() -> SequenceTask:
        adam = partial(torch.optim.Adam, lr=0.01)
        return make_task(bptt=truncated(4), first_carry="learned", optimizer=adam)

    batches = [*stream(6, 5), *stream(7, 4, seed=5)]
    uncut, first, second = make(), make(), make()
    fit(uncut, batches)
    fit(first, batches[:2]).save_checkpoint(tmp_path / "half.ckpt")
    fit(second, batches[2:], checkpoint=tmp_path / "half.ckpt", max_epochs=2)
    assert torch.equal(weights(second), weights(uncut))
    assert all(bool(p.any()) for p in parameters(second))


TEXT = "abba\nbab\naab"


def text_task() -> tuple[SequenceTask, Alphabet]:
    alphabet = Alphabet("\nab")
    torch.manual_seed(0)
    task = SequenceTask(
        input_size=4,
        output_size=4,
        token_ids=True,
        embedding=3,
        core=partial(LSTM, hidden_size=5, layers=2),
        loss=CrossEntropy(),
        first_carry="learned",
    ).double()
    with torch.no_grad():
        for parameter in parameters(task):
            parameter.normal_()
    return task.eval(), alphabet


def test_a_stream_begins_as_validation_does() -> None:
    """At first and after each reset: the surprise of every character is that of rows scored by the task."""
    task, alphabet = text_task()
    records = Stream(task, Characters(alphabet), reset_on=LINE).records([TEXT.encode()])
    bits = [record["surprise_bits"] for found_, _ in records for record in found_]
    expected: list = []
    for line in TEXT.splitlines(keepends=True):
        ids = torch.as_tensor(alphabet.encode(line))
        out = Predictions(3).of(task.objective, whole(ids[None], None))[0].log_softmax(1)
        expected += [None, *(-out[:-1].gather(1, ids[1:, None])[:, 0] / np.log(2)).tolist()]
    assert bits[0] is None
    known = [(a, b) for a, b in zip(bits, expected, strict=True) if b is not None]
    assert [a for a, _ in known] == pytest.approx([b for _, b in known], rel=1e-12)


def test_a_sample_begins_as_validation_does() -> None:
    task, alphabet = text_task()
    prompt = torch.as_tensor(alphabet.encode("ab"))
    with torch.no_grad():
        (first,) = sample_ids(task.network, prompt, count=1, temperature=0, seed=1)
        assert first == Predictions(None).of(task.objective, whole(prompt[None], None))[0, -1].argmax()
        task.network.learned_carry.leaves[0].mul_(-5)
        drawn = {int(sample_ids(task.network, prompt, count=1, temperature=0, seed=1))}
        task.network.learned_carry.leaves[0].mul_(-1)
        drawn.add(int(sample_ids(task.network, prompt, count=1, temperature=0, seed=1)))
    assert len(drawn) == 2


def test_a_logged_model_begins_as_validation_does() -> None:
    """Where the carry is left out, or empty; built from its description, which says so."""
    task, alphabet = text_task()
    core = {"class_path": "elman.cores.LSTM", "init_args": {"hidden_size": 5, "layers": 2}}
    description = json.loads(json.dumps(describe(task.network, {"core": core})))
    assert description["first_carry"] == "learned"
    model = StreamingModel()
    model.module = build(description).double().eval()
    model.module.load_state_dict(task.state_dict())
    ids = torch.as_tensor(alphabet.encode(TEXT))[None].expand(2, -1)
    out = Predictions(None).of(task.objective, whole(ids, None)).detach()
    for carry in ({}, {f"carry_{i}": np.zeros((0, 0, 0)) for i in range(2)}):
        piece = model.predict(None, {"x": ids[:, :5].numpy(), **carry})
        rest = model.predict(None, {"x": ids[:, 5:].numpy(), **{k: v for k, v in piece.items() if k != "y"}})
        np.testing.assert_allclose(np.concatenate([piece["y"], rest["y"]], 1), out.numpy(), rtol=1e-12)


def test_carries_are_wide() -> None:
    task = make_task(first_carry="learned").to(torch.bfloat16)
    assert {leaf.dtype for leaf in task.network.first_carry(2)} == {torch.float32}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"first_carry": "random"}, "first_carry must be 'zero' or 'learned', got 'random'"),
        ({"core": FeedForward}, "first_carry=learned: FeedForward carries nothing that could be learned"),
        ({"core": partial(Pooled, core=FeedForward), "bptt": Full()}, "first_carry=learned: Pooled carries"),
        ({"context_size": 3, "context_encoder": Dense}, "first_carry=learned: here context_encoder makes"),
    ],
)
def test_refusals(options: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make_task(**{"first_carry": "learned", **options})


def test_only_the_core_decides_what_is_learned() -> None:
    assert LearnedCarry(Pooled(3, core=partial(LSTM, hidden_size=4))).learned == (True, True, False)
