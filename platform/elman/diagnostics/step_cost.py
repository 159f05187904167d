"""What a step of a strategy that traces forward costs, in steps that run there and back through a window."""

from __future__ import annotations

import copy
import time
from typing import Any

import torch

from elman.batch import SequenceBatch
from elman.bptt import BackpropThroughTime, Full
from elman.tasks.by_hand import ByHand, obstacle

STEPS, TURNS = 20, 5


def step_cost(task: Any, batch: SequenceBatch) -> float:
    """How many steps of `Full` take as long as a step of the task's own strategy, gradient included.

    Measured on the last steps of a training batch, in turns, by processor time; the fastest turn of each
    counts. Weights, gradients, counts and random numbers stay as they are.

    Args:
        task: whose device and weights are those of training.
        batch: as the data gave it, on the device.
    """
    devices = [task.device] if task.device.type == "cuda" else []
    with torch.random.fork_rng(devices), torch.enable_grad():
        whole = task.network.preprocess(batch)
        window = whole.window(max(0, whole.steps - STEPS), whole.steps).restarted()._replace(is_last=True)
        parameters = task.objective.parameters
        gradients = [parameter.grad for parameter in parameters]
        runs = [_as_in_training(task, bptt, window) for bptt in (Full(), task.bptt)]
        spent: list[list[float]] = [[], []]
        for turn in range(TURNS + 1):
            for (bptt, objective, laid_out), found in zip(runs, spent, strict=True):
                for parameter in parameters:
                    parameter.grad = None
                seconds = _seconds(bptt, objective, laid_out)
                if turn:  # the first warms caches
                    found.append(seconds)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
    return min(spent[1]) / min(spent[0])


def _as_in_training(
    task: Any, bptt: BackpropThroughTime, window: SequenceBatch
) -> tuple[BackpropThroughTime, Any, SequenceBatch]:
    """A strategy with an objective that does without autograd where a run by it would."""
    objective = copy.copy(task.objective)
    objective.by_hand = None if obstacle(task, bptt) else ByHand(objective)
    return bptt, objective, window if objective.by_hand is None else objective.by_hand.settle(window)


def _seconds(bptt: BackpropThroughTime, objective: Any, window: SequenceBatch) -> float:
    """Of all gradients of a window."""
    on_gpu = window.x.is_cuda
    if on_gpu:
        torch.cuda.synchronize()
    clock = time.perf_counter if on_gpu else time.process_time
    start = clock()
    state = bptt.first_state(objective.core.initial_carry(len(window.x)))
    for update in bptt.losses(objective, window, state):
        if update.loss is not None:
            update.loss.backward()
    if on_gpu:
        torch.cuda.synchronize()
    return clock() - start
