"""A trained network as plain data, and built again."""

from __future__ import annotations

import json
from functools import partial

import pytest
import torch
from task_toys import make_task

from elman.bptt import Full
from elman.cores import GRU, Bidirectional, Core
from elman.cores.kernels import KERNELS
from elman.errors import BadInput
from elman.inputs import LogMel, Recurrent
from elman.tasks import CrossEntropy
from elman.tasks.export import build, describe, part_class

CORE = {"class_path": "elman.cores.GRU", "init_args": {"hidden_size": 4, "layers": 2}}


@pytest.mark.parametrize("embedding", [None, 3])
def test_there_and_back(embedding: int | None) -> None:
    task = make_task(
        input_size=6,
        output_size=5,
        token_ids=True,
        embedding=embedding,
        core=partial(GRU, hidden_size=4, layers=2),
        bptt=Full(),
        loss=CrossEntropy(),
        readout_dropout=0.5,
    )
    again = build(json.loads(json.dumps(describe(task.network, {"core": CORE})))).double()
    again.load_state_dict(task.state_dict())
    ids, carry = torch.randint(6, (3, 7)), task.network.core.initial_carry(3)
    (out, after), (same, same_after) = (net.eval().predict(ids, carry) for net in (task.network, again))
    assert torch.equal(out, same)
    assert torch.equal(after[0], same_after[0])


def test_values_for_inputs() -> None:
    task = make_task(core=partial(GRU, hidden_size=4, layers=2))
    again = build(describe(task.network, {"core": CORE})).double()
    again.load_state_dict(task.state_dict())
    x = torch.randn(3, 7, 2).double()
    assert torch.equal(
        task.network.predict(x, task.network.core.initial_carry(3))[0],
        again.predict(x, task.network.core.initial_carry(3))[0],
    )


def test_a_context_and_a_core_around_a_core() -> None:
    """ContextEncoder and decoder, each a class with one inside."""
    inner = {"class_path": "elman.cores.GRU", "init_args": {"hidden_size": 3}}
    model = {
        "core": CORE,
        "context_encoder": {
            "class_path": "elman.inputs.Recurrent",
            "init_args": {"core": {"class_path": "elman.cores.Bidirectional", "init_args": {"core": inner}}},
        },
        "features": None,
    }
    task = make_task(
        input_size=2,
        core=partial(GRU, hidden_size=4, layers=2),
        context_size=3,
        context_encoder=partial(Recurrent, core=partial(Bidirectional, core=partial(GRU, hidden_size=3))),
    )
    again = build(json.loads(json.dumps(describe(task.network, model)))).double()
    again.load_state_dict(task.state_dict())
    context = (torch.randn(3, 6, 3).double(), torch.tensor([6, 1, 4]))
    x = torch.randn(3, 7, 2).double()
    assert task.network.begins is not None
    assert again.begins is not None
    assert torch.equal(
        task.network.predict(x, task.network.begins(context))[0], again.predict(x, again.begins(context))[0]
    )


def test_features_without_what_only_training_needs() -> None:
    """Raw frames go in; mean and scale come with the weights."""
    arguments = {"mels": 5, "augmentation": {"class_path": "elman.inputs.SpecAugment", "init_args": {}}}
    model = {"core": CORE, "features": {"class_path": "elman.inputs.LogMel", "init_args": arguments}}
    task = make_task(
        input_size=200,
        sample_rate_hz=8000,
        features=partial(LogMel, mels=5),
        core=partial(GRU, hidden_size=4, layers=2),
    ).eval()
    assert task.network.features is not None
    task.network.features.mean.fill_(-3)
    again = build(json.loads(json.dumps(describe(task.network, model)))).double().eval()
    again.load_state_dict(task.state_dict())
    frames, carry = torch.randn(3, 7, 200).double(), task.network.core.initial_carry(3)
    assert torch.equal(task.network.predict(frames, carry)[0], again.predict(frames, carry)[0])


@pytest.mark.parametrize("kind", ["context_encoder", "features"])
def test_every_part_must_be_of_its_kind(kind: str) -> None:
    description = describe(make_task().network, {"core": CORE, kind: CORE})
    with pytest.raises(BadInput, match=r"is not an elman\.inputs\."):
        build(description)


@pytest.mark.parametrize(
    "path",
    [
        "os.system",
        "subprocess.Popen",
        "torch.nn.LSTM",
        "elman.cores",
        "builtins.eval",
        "nowhere.Core",
        "LSTM",
        "",
        "..x",
    ],
)
def test_what_is_no_core_is_not_built(path: str) -> None:
    description = describe(
        make_task().network, {"core": {"class_path": path, "init_args": {"args": ["false"]}}}
    )
    with pytest.raises(BadInput, match=r"cannot be imported|is not an elman\.cores\.Core|may not load it"):
        build(description)


def test_a_core_is_found() -> None:
    assert part_class("core", "elman.cores.GRU") is GRU
    assert issubclass(GRU, Core)


@pytest.mark.parametrize("kernel", [kernel for kernel in KERNELS if kernel != "parallel"])
def test_every_kernel_streams_what_it_says_of_the_whole(kernel: str) -> None:
    """Also where the network is built again, and step by step."""
    task = make_task(core=partial(GRU, hidden_size=4, layers=2, kernel=kernel))
    core = {**CORE, "init_args": {**CORE["init_args"], "kernel": kernel}}
    again = build(json.loads(json.dumps(describe(task.network, {"core": core})))).double()
    again.load_state_dict(task.state_dict())
    x, carry = torch.randn(3, 12, 2).double(), task.network.core.initial_carry(3)
    whole, _ = task.network.predict(x, carry)  # with gradients, where auto takes a scan
    with torch.no_grad():
        for step in range(12):
            out, carry = again.predict(x[:, step : step + 1], carry)
            torch.testing.assert_close(out[:, 0], whole[:, step], rtol=0, atol=1e-12)
