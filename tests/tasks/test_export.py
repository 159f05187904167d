"""A trained network as plain data, and built again."""

from __future__ import annotations

import json
from functools import partial

import pytest
import torch
from task_toys import make_task

from elman.bptt import Full
from elman.cores import GRU, Core
from elman.errors import BadInput
from elman.tasks import CrossEntropy
from elman.tasks.export import build, core_class, describe

CORE = {"class_path": "elman.cores.GRU", "init_args": {"hidden_size": 4, "layers": 2}}


@pytest.mark.parametrize("embedding", [None, 3])
def test_there_and_back(embedding: int | None) -> None:
    task = make_task(
        inputs=6,
        outputs=5,
        symbols=True,
        embedding=embedding,
        core=partial(GRU, hidden_size=4, layers=2),
        bptt=Full(),
        loss=CrossEntropy(),
        readout_dropout=0.5,
    )
    again = build(json.loads(json.dumps(describe(task, CORE)))).double()
    again.load_state_dict(task.state_dict())
    ids, carry = torch.randint(6, (3, 7)), task.core.initial_carry(3)
    (out, after), (same, same_after) = (net.eval().predict(ids, carry) for net in (task, again))
    assert torch.equal(out, same)
    assert torch.equal(after[0], same_after[0])


def test_values_for_inputs() -> None:
    task = make_task(core=partial(GRU, hidden_size=4, layers=2))
    again = build(describe(task, CORE)).double()
    again.load_state_dict(task.state_dict())
    x = torch.randn(3, 7, 2).double()
    assert torch.equal(
        task.predict(x, task.core.initial_carry(3))[0], again.predict(x, task.core.initial_carry(3))[0]
    )


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
    description = describe(make_task(), {"class_path": path, "init_args": {"args": ["false"]}})
    with pytest.raises(BadInput, match=r"cannot be imported|is not an elman\.cores\.Core"):
        build(description)


def test_a_core_is_found() -> None:
    assert core_class("elman.cores.GRU") is GRU
    assert issubclass(GRU, Core)
