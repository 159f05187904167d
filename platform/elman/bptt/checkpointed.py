"""Full back-propagation through time in the memory of a few windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil, sqrt
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from elman.batch import SequenceBatch
from elman.bptt.recomputed import recomputed_loss
from elman.bptt.revolve import forward_runs
from elman.bptt.strategy import BackpropThroughTime, Carried, Objective, Update, scored_steps, update_of
from elman.errors import BadInput
from elman.tree import Carry, tree_map

Schedule = Literal["sqrt", "revolve"]
MIB = 2**20
PROBE = 16
"""Steps of a batch on which the memory of a step is measured; a call costs about as much as so many steps."""
TAPED, KEPT, ASIDE = 2.5, 2.5, 1.5 * MIB
"""What a taped window needs at its peak for each byte that its forward pass saves, a kept carry for each of
its own, and the allocator in bytes: `benchmarks/memory.py` holds the sum to its budget."""


class Checkpointed(BackpropThroughTime):
    """The update of `Full`; only some carries are kept, the rest is computed again.

    The batch runs in windows. The backward pass takes them from the last to the first and runs each once
    more with its activations, and the random numbers of its first run, from the kept carry before it. With
    "sqrt" there is one before every window. With "revolve" there are `slots`: windows between two kept
    carries run again without activations, by the schedule that needs the fewest such runs. Of n windows,

        n + r n - binom(slots + r, slots + 1)  are run forward,  r the least with binom(slots + r, slots) >= n

    The gradient is that of `Full`.

    Args:
        window: steps run at once; null takes the square root of the batch's steps with "sqrt", 16 with
            "revolve".
        schedule: "sqrt" or "revolve".
        slots: carries that are kept at most, for "revolve"; null: 10.
        memory: MiB for kept carries, activations and sums of gradients, in place of `window` and `slots`,
            which are chosen so that the fewest steps run again. What a step saves for the backward pass is
            measured on the first 16 of a batch. It counts 2.5 times, for what that pass itself needs; so do
            the kept carries, since memory between them is lost; twice the size of the parameters is set
            aside for their gradients, and 1.5 MiB for the allocator.

    Raises:
        ValueError: for a value out of range, and for arguments that exclude each other.
        BadInput: if a batch comes of which not even one step fits into `memory`.

    Cost: "sqrt": two forward passes and one backward pass; T / window carries and
    the activations of one window alive at once. "revolve": forward passes as counted above; `slots` carries
    and the activations of one window.

    Source: Chen, Xu, Zhang and Guestrin (2016), arXiv 1604.06174; Griewank and Walther (2000), ACM
    Transactions on Mathematical Software 26(1).
    """

    exact = True
    continues = True

    def __init__(
        self,
        *,
        window: int | None = None,
        schedule: Schedule = "sqrt",
        slots: int | None = None,
        memory: float | None = None,
    ) -> None:
        if window is not None and window < 1:
            raise ValueError(f"window counts steps and must be at least 1, got window={window}")
        if schedule not in get_args(Schedule):
            raise ValueError(f"schedule must be 'sqrt' or 'revolve', got {schedule!r}")
        if slots is not None and (slots < 1 or (schedule == "sqrt" and memory is None)):
            raise ValueError(f"slots counts carries kept by schedule=revolve, at least 1, got slots={slots}")
        if memory is not None and (window is not None or slots is not None):
            raise ValueError(f"memory chooses window and slots; leave them out, got memory={memory}")
        if memory is not None and not 0 < memory < float("inf"):
            raise ValueError(f"memory counts MiB and must be positive, got memory={memory}")
        self.window, self.schedule, self.slots, self.memory = window, schedule, slots, memory
        self._step_bytes: dict[str, float] = {}  # by the shape of a step

    def losses(self, objective: Objective, batch: SequenceBatch, state: Carried) -> Iterator[Update]:
        scored, carry = scored_steps([batch]), state.carry
        if scored and (self.memory is not None or self.schedule == "revolve"):
            window, slots = self.plan(objective, batch, carry)
            loss, carry = recomputed_loss(objective, batch, carry, window=window, slots=slots)
            yield update_of(loss, [batch], Carried(carry))
            return
        window = self.window or max(1, ceil(sqrt(batch.steps)))
        total: Tensor | None = None

        def run(piece: SequenceBatch, *start: Tensor) -> tuple[Tensor, ...]:
            loss, after = objective(piece, start)
            return loss, *after

        with torch.set_grad_enabled(scored > 0 and torch.is_grad_enabled()):
            for start in range(0, batch.steps, window):
                piece = batch.window(start, min(start + window, batch.steps))
                loss, *after = checkpoint(run, piece, *carry, use_reentrant=False)
                total, carry = loss if total is None else total + loss, tuple(after)
        yield update_of(total, [batch], Carried(carry))

    def plan(self, objective: Objective, batch: SequenceBatch, carry: Carry) -> tuple[int, int]:
        """Steps of a window, and carries kept."""
        if self.memory is not None:
            step = self.step_bytes(objective, batch, carry)
            parameters = 2 * sum(p.numel() * p.element_size() for p in objective.parameters)
            budget = self.memory * MIB - ASIDE - parameters
            return within(budget, batch.steps, step=step, carry=KEPT * carry_bytes(carry))
        return self.window or 16, self.slots or 10

    def step_bytes(self, objective: Objective, batch: SequenceBatch, carry: Carry) -> float:
        """What a step of this batch needs in a window's backward pass, measured once for every shape."""
        shape = f"{tuple(batch.x.shape[:1])} {tuple(batch.x.shape[2:])}"
        if shape not in self._step_bytes:
            first = batch.window(0, min(batch.steps, PROBE))
            self._step_bytes[shape] = TAPED * saved_bytes(objective, first, carry) / first.steps
        return self._step_bytes[shape]

    def credit_matrix(self, steps: int) -> Tensor:
        return torch.ones(steps, steps, dtype=torch.int64).tril()

    def state_dict(self) -> dict[str, Any]:
        return {"step_bytes": dict(self._step_bytes)}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        self._step_bytes = dict(saved.get("step_bytes", {}))  # checkpoints of before have none


def within(budget: float, steps: int, *, step: float, carry: float) -> tuple[int, int]:
    """The window and the slots that cost least while they stay within a budget.

    Args:
        budget: bytes.
        step: bytes alive for each step of a taped window.
        carry: bytes of a kept carry.
    """
    found: list[tuple[int, int, int]] = []
    window = 1
    while True:
        window = min(window, steps)
        slots = int((budget - window * step) // carry)
        if slots < 1:
            break
        count = -(-steps // window)
        slots = min(slots, count)
        found.append((forward_runs(count, slots) * (window + PROBE), -window, slots))
        if window == steps:
            break
        window *= 2
    if not found:
        raise BadInput(
            f"model.bptt.memory leaves {max(budget, 0) / MIB:.3g} MiB beside the parameters' gradients, but "
            f"one step of this batch needs {(step + carry) / MIB:.3g}; raise it, or take fewer rows"
        )
    _, window, slots = min(found)
    return -window, slots


def carry_bytes(carry: Carry) -> float:
    """What a kept carry needs, with the random generators beside it."""
    return sum(leaf.numel() * leaf.element_size() for leaf in carry) + torch.get_rng_state().numel()


def saved_bytes(objective: Objective, window: SequenceBatch, carry: Carry) -> int:
    """What a window's forward pass keeps for its backward pass, beside parameters and inputs, in bytes."""
    known = {p.untyped_storage().data_ptr() for p in objective.parameters}
    known.add(window.x.untyped_storage().data_ptr())
    sizes: dict[int, int] = {}

    def pack(leaf: Tensor) -> Tensor:
        storage = leaf.untyped_storage()
        if storage.data_ptr() not in known:
            sizes[storage.data_ptr()] = storage.nbytes()
        return leaf

    start = tree_map(lambda leaf: leaf.detach().requires_grad_(leaf.is_floating_point()), carry)
    devices = [window.x.device] if window.x.is_cuda else []
    with (
        torch.random.fork_rng(devices),
        torch.enable_grad(),
        torch.autograd.graph.saved_tensors_hooks(pack, lambda leaf: leaf),
    ):
        held = objective(window, start)
    del held
    return sum(sizes.values())
