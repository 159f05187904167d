"""Another strategy goes on from the carry that the one before has come to."""

from types import SimpleNamespace

import torch

from elman.batch import SequenceBatch
from elman.bptt import Split, Truncated
from elman.bptt.truncated import TruncatedState
from elman.tasks.train_state import TrainState


def steps(count):
    return SequenceBatch(
        x=torch.zeros(2, count),
        y=torch.zeros(2, count),
        scored=torch.ones(2, count, dtype=torch.bool),
        lengths=torch.full((2,), count),
        begins=torch.zeros(2, count, dtype=torch.bool),
    )


def counting(window, carry):
    """The carry counts the steps that it has been run through."""
    return torch.zeros(()), (carry[0] + window.steps,)


def test_kept_steps_are_run_once_more():
    old = TruncatedState((torch.tensor([10.0, 20.0]),), (steps(3), steps(4)), 2)
    state = TrainState.__new__(TrainState)
    for strategy, kind in ((Split(k=5), "carry"), (Truncated(k1=2, k2=6), "kept")):
        state.bptt, state.value, state.core = strategy, tuple(old), SimpleNamespace()
        state.begin_strategy(counting)
        assert getattr(state.value, kind)[0].tolist() == [17.0, 27.0]
    assert (state.value.past, state.value.waiting) == ((), 0)
    state.value = None
    state.begin_strategy(counting)
    assert state.value is None
