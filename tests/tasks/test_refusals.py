"""What cannot work is refused by name, before the first batch."""

from __future__ import annotations

import pytest
import torch
from task_toys import make_task

from elman.bptt import Checkpointed, Full, Jittered, Split, Truncated
from elman.cores import Core


class Both(Core):
    """Reads in both directions."""

    streams = False

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.net, self.output_size = torch.nn.Linear(input_size, 4), 4

    def forward(self, x, carry, lengths=None):
        return self.net(x) + self.net(x).flip(1), carry

    def initial_carry(self, row_count: int):
        return ()


class NeedsStep(Full):
    needs = frozenset({"step", "jacobian"})


@pytest.mark.parametrize("bptt", [Truncated(k1=2, k2=2), Checkpointed()], ids=lambda s: type(s).__name__)
def test_a_core_that_reads_later_steps_does_not_go_on(bptt) -> None:
    with pytest.raises(
        ValueError, match=f"Both reads later steps, .* {type(bptt).__name__} asks .* use Full or Split"
    ):
        make_task(core=Both, bptt=bptt)


@pytest.mark.parametrize("bptt", [Full(), Split(k=2)], ids=lambda s: type(s).__name__)
def test_the_way_out_works(bptt) -> None:
    assert make_task(core=Both, bptt=bptt).bptt is bptt


def test_a_strategy_that_needs_more_of_a_core() -> None:
    with pytest.raises(
        ValueError, match="NeedsStep needs a core that offers jacobian, step, which Both does not"
    ):
        make_task(core=Both, bptt=NeedsStep())


def test_windows_are_not_weighed_by_their_length_twice() -> None:
    with pytest.raises(ValueError, match=r"Jittered scales .* normaliser=steps .* model.bptt.scale_lr=false"):
        make_task(bptt=Jittered(), normaliser="steps")
    assert make_task(bptt=Jittered(scale_lr=False), normaliser="steps").updates.normaliser == "steps"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"embedding": 3}, "embedding is for data of tokens"),
        ({"token_ids": True, "embedding": 0}, "embedding=0"),
        ({"window": 0}, "window=0"),
        ({"reset_every": -4}, "reset_every=-4"),
        ({"log_every": 0}, "log_every=0"),
        ({"readout_dropout": 1.0}, "readout_dropout=1.0"),
        ({"readout_dropout": -0.1}, "readout_dropout=-0.1"),
        ({"clip": 0.0}, "clip=0.0"),
        ({"clip": float("nan")}, "clip=nan"),
        ({"clip": -1.0}, "clip=-1.0"),
        ({"accumulate": 0}, "accumulate=0"),
        ({"accumulate": "epoch"}, "accumulate=epoch"),
        ({"skip_at_most": -1}, "skip_at_most=-1"),
        ({"normaliser": "mean"}, "one of auto, steps, scored, sequence, got 'mean'"),
    ],
    ids=str,
)
def test_values_out_of_range(options: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make_task(**options)
