"""Windows without autograd: embedding, core, readout and loss each know their own way back."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from elman.batch import SequenceBatch
from elman.bptt import BackpropThroughTime
from elman.bptt.loss import TWICE, LinkedCarry, LossByHand, Node
from elman.cores._by_hand import Pull, dropped, gradient_of
from elman.cores._check import check_rows
from elman.cores.resets import Resets
from elman.inputs import Embedding
from elman.tasks.loss import SequenceLoss
from elman.tasks.network import Network
from elman.tasks.readout import Readout
from elman.tree import Carry

GradientBy = Literal["auto", "autograd"]
"""How the gradient of a window is taken: by hand where every part knows its own way, or by autograd."""


def obstacle(task: Any, bptt: BackpropThroughTime | None = None) -> str:
    """Why windows of a task need autograd; empty: they do not.

    Args:
        task: a `SequenceTask`.
        bptt: a strategy in place of its own.
    """
    network, loss, by_step = task.network, task.loss, task.objective.way_back.by_step
    bptt = bptt or task.bptt
    if task.gradient == "autograd":
        return "as model.gradient says"
    if not _promises(bptt):
        return f"{type(bptt).__name__} does more with losses than add them up"
    if why := "the core is run step by step" if by_step else network.core.why_not_by_hand():
        return why
    if network.begins is not None or network.learned_carry is not None:
        return "what sequences begin with is learned"
    state = task.train_state
    for name, option in {"burn_in": state.burn_in.steps, "replication": state.replication.share}.items():
        if option:
            return f"{name}={option}"
    if not loss.knows_slopes:
        return f"{type(loss).__name__} does not write its slopes"
    if type(network.readout) is not Readout or type(network.embedding) not in (Embedding, type(None)):
        return "embedding or readout are others than elman's"
    return ""


def in_words(task: Any, *, mixed: bool) -> str:
    """How a task takes the gradient of its windows, for a reader.

    Args:
        mixed: whether it trains under autocast.
    """
    why = obstacle(task) or ("autocast" if mixed else meddled(task.network))
    return f"autograd ({why})" if why else "hand"


def _promises(bptt: BackpropThroughTime) -> bool:
    """Whether it `only_adds`: no class below the one that says so has other `losses`."""
    mro = type(bptt).__mro__
    said, wrote = (
        next(n for n, cls in enumerate(mro) if name in vars(cls)) for name in ("only_adds", "losses")
    )
    return bptt.only_adds and said <= wrote


def meddled(network: nn.Module) -> str:
    """Whose hooks or parametrisations autograd would run; empty: there are none."""
    for name, module in network.named_modules():
        hooks = module._forward_hooks or module._forward_pre_hooks
        if hooks or module._backward_hooks or module._backward_pre_hooks:
            return f"a hook on {name or 'the network'}"
        if "parametrizations" in module._modules:
            return f"a parametrisation of {name}"
    for name, parameter in network.named_parameters():
        if parameter._backward_hooks or getattr(parameter, "_post_accumulate_grad_hooks", None):
            return f"a hook on {name}"
    return ""


class ByHand:
    """Runs windows of an objective so that each is one node.

    Args:
        objective: a `WindowLoss`, of a task in which `obstacle` finds nothing.

    `on` says whether they do so now: in training, in batches that `settle` finds plain.
    """

    def __init__(self, objective: Any) -> None:
        self.network, self.loss, self.begin = objective.network, objective.loss, objective.begin_from
        self.on = False
        self.run: Any = None
        self.ends = _Ends(self.network, self.loss)

    def settle(self, batch: SequenceBatch) -> SequenceBatch:
        """Look at a training batch, and at what anybody has done to the network since the one before.

        Returns:
            The same batch; if `on`, x and y lie in memory as windows read them, step by step.
        """
        plain = batch.warm is None and batch.weights is None
        mixed = torch.is_autocast_enabled(batch.x.device.type)
        self.on = plain and not mixed and not meddled(self.network)
        if self.on:
            core: Any = self.network.core
            self.run, self.ends = core.by_hand(), _Ends(self.network, self.loss)
        return batch._replace(x=_by_step(batch.x), y=_by_step(batch.y)) if self.on else batch

    @torch.no_grad()
    def __call__(self, window: SequenceBatch, carry: Carry) -> tuple[LossByHand, Carry]:
        """Summed loss of the scored steps, and the carry after the window, which is linked to it."""
        node = getattr(carry, "node", None)
        if window.steps == 0:
            return LossByHand(self.ends.weight.new_zeros(()), []), carry
        start, begun, first = self.begin(window, carry)
        check_rows(start, window.x.shape[0])
        parent: tuple[Node, Tensor | None] | None = None
        if node is not None and first is None:
            parent = (node, None)
        elif node is not None and not bool(begun.all()):
            parent = (node, begun.to(start[0].device)[:, None, None])
        inputs = _Inputs(self.ends, window)
        lengths = None if window.complete else window.lengths
        resets = Resets(window.begins, first) if first is not None and window.begins_inside else None
        out, end, pull = self.run(inputs.read, start, lengths, resets)
        outputs = _Outputs(self.ends, out, window)
        ran = _Ran(parent, inputs, pull, outputs)
        return LossByHand(outputs.loss, [ran]), LinkedCarry.of(end, ran)


def _by_step(values: Any) -> Any:
    """(B, T, ...), the same numbers, of which those of a step lie together."""
    return None if values is None else values.transpose(0, 1).contiguous().transpose(0, 1)


class _Ran(Node):
    """A window's parts, until it goes backward."""

    def __init__(
        self, parent: tuple[Node, Tensor | None] | None, inputs: _Inputs, pull: Pull, outputs: _Outputs
    ) -> None:
        super().__init__(parent)
        self.parts: tuple[_Inputs, Pull, _Outputs] | None = (inputs, pull, outputs)

    @torch.no_grad()
    def pull(self, dend: Carry | None) -> Carry:
        if self.parts is None:
            raise RuntimeError(TWICE)
        inputs, pull, outputs = self.parts
        self.parts = None
        dx, dcarry = pull(outputs.back(), dend, by_x=inputs.learns)
        if dx is not None:
            inputs.back(dx)
        return dcarry


class _Ends:
    """What lies before and behind the core, as it is for a batch; a module's attributes take long to find."""

    def __init__(self, network: Network, loss: SequenceLoss) -> None:
        embedding, readout = network.embedding, network.readout
        self.embed, self.loss = network.embed, loss
        self.weight, self.bias, self.dtype = readout.weight, readout.bias, readout.weight.dtype
        self.readout_dropout = readout.dropout if readout.training else 0.0
        self.vectors = None if embedding is None else embedding.weight
        self.embedding_dropout = 0.0 if embedding is None or not embedding.training else embedding.dropout
        self.embedding_learns = embedding is not None and embedding.weight.requires_grad


class _Inputs:
    """What the core reads of a window, (T B, F) step by step, and the way back to the embedding."""

    def __init__(self, ends: _Ends, window: SequenceBatch) -> None:
        self.vectors, self.ids = ends.vectors, window.x.transpose(0, 1).flatten(0, 1)
        self.noise: Tensor | None = None
        self.learns = ends.embedding_learns
        if self.vectors is None:
            self.read = ends.embed(self.ids).to(ends.dtype)
            return
        self.read = nn.functional.embedding(self.ids, self.vectors)
        if ends.embedding_dropout:  # drawn row by row, as the embedding does
            shape = (*window.x.shape, self.read.shape[1])
            _, noise = dropped(self.read.new_ones(shape), ends.embedding_dropout)
            self.noise = noise.transpose(0, 1).flatten(0, 1)
            self.read = self.read * self.noise

    def back(self, dx: Tensor) -> None:
        assert self.vectors is not None, "nothing else learns here"
        found = dx if self.noise is None else dx * self.noise
        gradient_of(self.vectors).index_add_(0, self.ids, found)


class _Outputs:
    """What is read off a window's core outputs, its loss, and the way back to them."""

    def __init__(self, ends: _Ends, out: Tensor, window: SequenceBatch) -> None:
        if window.y is None:
            raise ValueError("a batch without targets has no loss; predict with it instead")
        self.ends, self.count, self.noise = ends, out.shape[0], None
        self.places: Tensor | None = None
        if window.all_scored:
            self.read, y = out, window.y.transpose(0, 1).flatten(0, 1)
        else:  # in the order of rows, as the objective has them
            row, step = window.scored.nonzero(as_tuple=True)
            self.places = (step * len(window.x) + row).to(out.device)
            chosen = (row * window.steps + step).to(out.device)
            self.read, y = out[self.places], window.y.flatten(0, 1)[chosen]
        if not self.read.shape[0]:
            self.loss = out.new_zeros(())
            return
        if ends.readout_dropout:
            self.read, self.noise = dropped(self.read, ends.readout_dropout)
        slopes = ends.loss.slopes(torch.addmm(ends.bias, self.read, ends.weight.t()), y)
        assert slopes is not None, "the loss was asked whether it knows them"
        self.loss, self.slopes = slopes

    def back(self) -> Tensor:
        """The gradient by the core's outputs, (T B, H)."""
        if not self.read.shape[0]:
            return self.read.new_zeros(self.count, self.read.shape[1])
        weight, slopes = self.ends.weight, self.slopes
        gradient_of(weight).addmm_(slopes.t(), self.read)
        gradient_of(self.ends.bias).add_(slopes.sum(0))
        by_read = slopes.mm(weight)
        if self.noise is not None:
            by_read = by_read.mul_(self.noise)
        if self.places is None:
            return by_read
        return by_read.new_zeros(self.count, by_read.shape[1]).index_copy_(0, self.places, by_read)
