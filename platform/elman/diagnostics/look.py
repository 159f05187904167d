"""A trained network and data beside it, looked at apart from training."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from elman.batch import SequenceBatch, whole
from elman.bptt import BackpropThroughTime
from elman.cores.crossing import Crossing
from elman.errors import BadInput
from elman.tasks.objective import WindowLoss
from elman.tree import Carry, tree_map, where_rows
from elman.tree import rows as rows_of

MOST_BATCHES = 200
"""Of validation data, read for one look."""


class Stretch(NamedTuple):
    """Steps of some rows that all exist and belong to one sequence, with what came before them.

    Args:
        batch: B rows of T steps, inputs as the core reads them, (B, T, F).
        carry: with which each row goes on at step 0; it is that of the steps before.
        given: the inputs before an embedding, (B, T) ids or (B, T, F) values.
    """

    batch: SequenceBatch
    carry: Carry
    given: Tensor


@dataclass(frozen=True)
class Look:
    """What a meter may see: a copy of the network in double precision that learns nothing, and the data.

    Nothing here draws a random number of training's, or changes a weight, a gradient or a count.

    Args:
        task: the task in training, or one read from a checkpoint.
        data: set up; its validation part is looked at.
        history: what a run that has ended has logged, (time step, value) by metric.
    """

    task: Any
    data: Any
    history: Mapping[str, list[tuple[int, float]]] = field(default_factory=dict)

    @cached_property
    def network(self) -> Any:
        """In evaluation mode, 64 bits, gradients wanted; on CPU, where small steps are fastest."""
        network = copy.deepcopy(self.task.network).cpu().double().eval()
        if (
            self.task.objective.way_back.crossing
        ):  # the gradient itself is asked, not what training makes of it
            network.core.use_crossing(Crossing())
        return network.requires_grad_(True)

    @cached_property
    def objective(self) -> WindowLoss:
        """Summed loss of a window of `network`."""
        return WindowLoss(self.network, self.task.loss)

    @property
    def bptt(self) -> BackpropThroughTime:
        return self.task.bptt

    @property
    def names(self) -> list[str]:
        """Of the parts of a carry: h, or h and c."""
        count = len(self.network.core.initial_carry(1))
        return ["h", "c"][:count] if count <= 2 else [f"part {n}" for n in range(count)]

    def refuse_without_step(self, meter: str) -> None:
        """Refuse a core that cannot go from step to step.

        Raises:
            BadInput: naming core and meter.
        """
        if missing := without_step(self.task):
            raise BadInput(f"{meter} needs {missing}")

    def stretch(self, steps: int, *, rows: int, least: int = 8) -> Stretch:
        """The last `steps` steps, up to the last scored one, of up to `rows` sequences of validation.

        Shorter sequences shorten it: as many steps as the longest of them has. Of a stream, pieces.

        Args:
            least: steps without which nothing can be said.

        Raises:
            BadInput: if no sequence is that long.
        """
        found: list[tuple[SequenceBatch, Carry]] = []
        longest = 0
        with torch.no_grad():
            for batch, carry in self.sequences(steps):
                for row in range(len(batch.x)):
                    scored = batch.scored[row].nonzero()
                    stop = int(scored[-1]) + 1 if len(scored) else 0
                    longest = max(longest, stop)
                    if stop >= least:
                        found.append(_row(batch, carry, row, stop))
                if sum(one.steps >= min(steps, longest) for one, _ in found) >= rows:
                    break
            if longest < least:
                raise BadInput(
                    f"sequences of validation have {longest} steps up to the last scored one, too few to "
                    f"measure over time; at least {least} are needed"
                )
            length = min(steps, longest)
            return self._ends([one for one in found if one[0].steps >= length][:rows], length)

    def sequences(self, steps: int) -> Iterator[tuple[SequenceBatch, Carry]]:
        """Rows of validation with the carry before them: whole sequences, or pieces of streams.

        Inputs are as `network.embed` reads them, ids or values.

        Args:
            steps: that a piece of a stream has at least, unless the stream ends.
        """
        loader, network = self.data.val_dataloader(), self.network
        waiting: list[SequenceBatch] = []
        carry: Carry = ()
        for number in range(min(len(loader), MOST_BATCHES)):
            given = tree_map(lambda leaf: leaf.cpu(), loader.batch(number))
            x = given.x.double() if given.x.is_floating_point() else given.x
            batch = network.preprocess(
                given._replace(x=x, y=_double(given.y), context=_double(given.context))
            )
            waiting.append(batch)
            if not batch.is_last and sum(one.steps for one in waiting) < steps:
                continue
            joined, waiting = _in_time(waiting), []
            first = network.first_carry(len(joined.x), joined.context)
            carry = where_rows(joined.is_first, first, carry) if carry else first
            inside = joined.begins_inside
            yield from self._apart(joined, carry, first) if inside else [(joined, carry)]
            carry = () if joined.is_last or inside else self._after(joined.x, carry, joined.lengths)

    def _apart(
        self, batch: SequenceBatch, carry: Carry, first: Carry
    ) -> Iterator[tuple[SequenceBatch, Carry]]:
        """Every sequence of rows that hold several."""
        for row in range(len(batch.x)):
            inside = (batch.begins[row, 1:].nonzero().squeeze(1) + 1).tolist()
            for start, stop in itertools.pairwise([0, *inside, int(batch.lengths[row])]):
                one, before = _row(batch, first if start else carry, row, stop)
                yield one.window(start, stop), before

    def _ends(self, found: list[tuple[SequenceBatch, Carry]], length: int) -> Stretch:
        """The last `length` steps of rows, each with the carry it has there."""
        prefixes = [one.steps - length for one, _ in found]
        carry = tuple(torch.cat(leaves) for leaves in zip(*(carry for _, carry in found), strict=True))
        if longest := max(prefixes):
            x = found[0][0].x.new_zeros(len(found), longest, *found[0][0].x.shape[2:])
            for row, ((one, _), steps) in enumerate(zip(found, prefixes, strict=True)):
                x[row, :steps] = one.x[0, :steps]
            carry = self._after(x, carry, torch.tensor(prefixes))
        ends = [one.window(one.steps - length, one.steps) for one, _ in found]
        x, scored = torch.cat([end.x for end in ends]), torch.cat([end.scored for end in ends])
        y = torch.cat([end.y for end in ends if end.y is not None])
        batch = whole(self.network.embed(x), y, scored=scored)
        return Stretch(batch._replace(begins=torch.zeros_like(batch.begins)), carry, x)

    def _after(self, x: Tensor, carry: Carry, lengths: Tensor) -> Carry:
        return self.network.core(self.network.embed(x), carry, lengths)[1]


def without_step(task: Any) -> str:
    """What a core lacks that does not go on from its own carry, step by step; nothing if it does."""
    core = task.network.core
    name = type(core).__name__
    if not core.streams:
        return f"a core that goes from step to step, and {name} reads later steps"
    if not core.initial_carry(1):
        return f"a core with a carry, and {name} remembers nothing"
    if not all(core.learnable_parts()):
        return f"a core whose carry is its state alone, and that of {name} holds sums or counts"
    return ""


def carries_of(look: Look, stretch: Stretch) -> tuple[list[Carry], Tensor]:
    """The carry before each step and after the last, as leaves of a graph, and all outputs, (B, T, H)."""
    core, carry = look.network.core, stretch.carry
    before, outs = [], []
    carry = tuple(leaf.detach().requires_grad_(torch.is_grad_enabled()) for leaf in carry)
    for step in range(stretch.batch.steps):
        before.append(carry)
        out, carry = core(stretch.batch.x[:, step : step + 1], carry)
        outs.append(out)
    return [*before, carry], torch.cat(outs, 1)


def _double(tree: Any) -> Any:
    return tree_map(lambda leaf: leaf.double() if leaf.is_floating_point() else leaf, tree)


def _row(batch: SequenceBatch, carry: Carry, row: int, stop: int) -> tuple[SequenceBatch, Carry]:
    """The first `stop` steps of one row, which all exist."""
    index = torch.tensor([row])
    parts = {name: getattr(batch, name)[index] for name in ("x", "y", "scored", "lengths", "begins")}
    return SequenceBatch(**parts).window(0, stop), rows_of(carry, index)


def _in_time(batches: list[SequenceBatch]) -> SequenceBatch:
    """Batches whose rows go on, as one."""
    if len(batches) == 1:
        return batches[0]
    parts: dict[str, Any] = {
        name: torch.cat([getattr(one, name) for one in batches], 1) for name in ("x", "y", "scored", "begins")
    }
    lengths = torch.stack([one.lengths for one in batches]).sum(0)
    last = batches[-1].is_last
    return batches[0]._replace(**parts, lengths=lengths, is_last=last, scale=None, warm=None)
