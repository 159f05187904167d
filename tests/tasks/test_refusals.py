"""What cannot work is refused by name, before the first batch."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from task_toys import make_task

from elman.bptt import (
    KFRTRL,
    RTRL,
    UORO,
    Checkpointed,
    DiagonalRTRL,
    EProp,
    Full,
    Jittered,
    SnAp1,
    Split,
    Truncated,
)
from elman.cores import LSTM, Bidirectional, Centred, Core, FeedForward, IndRNN, Pooled
from elman.inputs import Dense


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


@pytest.mark.parametrize(
    ("bptt", "core", "told"),
    [
        (RTRL(), Both, "RTRL cannot train this core: Both does not write its step with derivatives"),
        (SnAp1(), partial(Bidirectional, core=LSTM), "SnAp1 cannot train this core: Bidirectional does not"),
        (UORO(), partial(Pooled, core=LSTM), "UORO cannot train this core: Pooled does not"),
        (UORO(), FeedForward, "UORO cannot train this core: FeedForward does not"),
        (EProp(), partial(Centred, core=LSTM), "EProp cannot train this core: Centred does not"),
        (RTRL(), partial(LSTM, layers=2, dropout=0.1), "dropout=0.1 between layers .* set dropout: 0"),
        (DiagonalRTRL(), LSTM, "the units of LSTM read one another; use SnAp1, or RTRL, or the core IndRNN"),
        (KFRTRL(), IndRNN, "the units of IndRNN do not read one another; DiagonalRTRL is exact there"),
    ],
    ids=lambda given: given if isinstance(given, str) else type(given).__name__,
)
def test_a_core_whose_carry_cannot_be_traced(bptt, core, told) -> None:
    with pytest.raises(ValueError, match=told):
        make_task(core=core, bptt=bptt)


def test_what_is_before_the_core_would_not_learn_from_traces() -> None:
    tokens = {"input_size": 3, "token_ids": True}
    with pytest.raises(ValueError, match=r"embedding would learn nothing from RTRL, .* one-hot rows"):
        make_task(**tokens, embedding=4, bptt=RTRL())
    with pytest.raises(ValueError, match="context_encoder would learn nothing from SnAp1"):
        make_task(context_size=2, context_encoder=partial(Dense, hidden_size=3), bptt=SnAp1())
    assert make_task(**tokens, bptt=RTRL()).network.embedding is None


def test_windows_are_not_weighed_by_their_length_twice() -> None:
    for normaliser in ("steps", "rows"):
        said = rf"Jittered scales .* normaliser={normaliser} .* model.bptt.scale_lr=false"
        with pytest.raises(ValueError, match=said):
            make_task(bptt=Jittered(), normaliser=normaliser)
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
        ({"normaliser": "mean"}, "one of auto, steps, scored, sequence, rows, got 'mean'"),
    ],
    ids=str,
)
def test_values_out_of_range(options: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make_task(**options)
