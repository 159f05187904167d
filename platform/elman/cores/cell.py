"""A core given by one step of one layer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from elman.cores._by_hand import Layers
from elman.cores._check import check_choice, check_share
from elman.cores._linear import AtOnce
from elman.cores._row_noise import Scope, noise_of
from elman.cores._stack import Stack
from elman.cores._weights import INITS, Init, make_orthogonal, make_uniform
from elman.cores.crossing import Crossing
from elman.cores.kernels import KERNELS, Kernel
from elman.cores.layered import Layered
from elman.cores.pointwise import Pointwise
from elman.cores.resets import Resets
from elman.cores.traced import TracedStep
from elman.tree import Carry

EQUATIONS = ("step", "drive", "shapes")


class Cell(Layered):
    """Layers of one cell. A subclass writes `step`, and what of the rest differs from here.

    A layer's weights are those of `shapes`. `drive` is all that depends on the input alone, computed for
    all steps at once; `step` is the rest, one step at a time. Both are pure functions of their arguments:
    layers, lengths, carries and precision are settled in `Stack`.

    The carry is `carry_parts` tensors, each (B, L, H) unless `carry_sizes` says otherwise, zero before the
    first step. The first of them is as wide as the output.

    Args:
        init: first values: "orthogonal": every (H, H) block of `weight_hh` orthogonal, `weight_ih` Xavier
            uniform, biases zero; "torch": everything from U(-1/sqrt(H), 1/sqrt(H)); "uniform": every matrix
            from U(-sqrt(3/n), sqrt(3/n)), n its larger side, biases zero.
        kernel: how the cell is evaluated over time: fused (torch's module), scan (backward pass written by
            hand, in the weights' precision), native (the scan with its steps in C, on CPU in 32 or 64 bits,
            built at first use where a C compiler is), parallel (all steps at once but for one
            multiplication and sum, where a step is linear in the carry), loop (step by step through
            autograd), or auto, which looks up the fastest that is there for cell and device.
        weight_dropout: share of the entries of `weight_hh` that count as zero in training, the others divided
            by 1 - share; drawn once an update, so that all its windows and what they look back to have the
            same.
        zoneout: share of the units that keep their h of the step before, in training; else h is that share of
            the old and the rest of the new.
        zoneout_c: the same of c, where there is one.
        zoneout_scope: how long the same units do: for a step, a row's steps of a batch, or a sequence.
        recurrent_dropout: share of h_{t-1} that no weight of a step reads, in training, the others divided by
            1 - share.
        recurrent_scope: how long the same units are dropped, as of zoneout_scope.
        dropout_scope: how long `dropout` between layers drops the same units; null: it is drawn for every
            step, also where a step is run again.

    Raises:
        ValueError: if `init` or `kernel` is unknown, the cell does not have that kernel, or it is native and
            cannot be built; if a share of noise is outside [0, 1), or this cell or kernel cannot have it.

    Source: of weight_dropout: Merity, Keskar & Socher (2017), arXiv 1708.02182, section 2, the DropConnect of
        Wan et al. (2013); zoneout: Krueger et al. (2017), arXiv 1606.01305, equations 4 and 5;
        recurrent_dropout: Gal & Ghahramani (2016), arXiv 1512.05287, section 4.

    Cost: fused: one call, or one per layer if residual. scan, native and loop: a product per layer for the
        inputs of all steps, and one a step; parallel: the former alone.
    """

    gates: ClassVar[int] = 1
    """Blocks of H rows in the weights that `shapes` gives."""

    carry_parts: ClassVar[int] = 1
    """Tensors that a layer hands from step to step."""

    init: Init = "orthogonal"
    kernel: Kernel = "auto"
    weight_dropout: float = 0.0
    zoneout: float = 0.0
    zoneout_c: float = 0.0
    zoneout_scope: Scope = "step"
    recurrent_dropout: float = 0.0
    recurrent_scope: Scope = "sequence"
    dropout_scope: Scope | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("init", self.init, INITS)
        check_choice("kernel", self.kernel, KERNELS)
        check_share(weight_dropout=self.weight_dropout)
        self._traced = self.pointwise() if self._is_whole("pointwise") else None
        self.stack = Stack(
            self,
            fused=self.fused() if self._is_whole("fused") else None,
            pointwise=None if self.diagonal else self._traced,
            at_once=self.at_once() if self._is_whole("at_once") else None,
            kernel=self.kernel,
            input_size=self.input_size,
            hidden_size=self.hidden_size,
            layers=self.layers,
            dropout=self.dropout,
            residual=self.residual,
            noise=noise_of(self),
            weight_dropout=self.weight_dropout,
            carry_sizes=self.carry_sizes(),
        )
        self.output_size = self.stack.output_size
        if self.init == "orthogonal":
            make_orthogonal(self.stack, hidden_size=self.hidden_size)
        elif self.init == "uniform":
            make_uniform(self.stack)

    diagonal: ClassVar[bool] = False
    """Whether units do not read one another: `weight_hh` is a vector or is not there, and no scan that has a
    product with h runs over time."""

    @abstractmethod
    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]:
        """One step of one layer.

        Args:
            drive: this step of what `drive` gave, (B, G).
            carry: `carry_parts` tensors (B, H), or of `carry_sizes`.
            weights: the layer's, by their names in `shapes`.

        Returns:
            The layer's output, (B, H), and the carry after the step.
        """

    def drive(self, x: Tensor, weights: Any) -> Tensor:
        """(..., F) to (..., G), what a step needs of its input: U x + b, b the sum of both biases."""
        return F.linear(x, weights.weight_ih, weights.bias_ih + weights.bias_hh)

    def shapes(self, input_size: int) -> Mapping[str, tuple[int, ...]]:
        """A layer's weights by name, named and shaped as torch's; `input_size` is what the layer reads."""
        rows = self.gates * self.hidden_size
        return {
            "weight_ih": (rows, input_size),
            "weight_hh": (rows, self.hidden_size),
            "bias_ih": (rows,),
            "bias_hh": (rows,),
        }

    def carry_sizes(self) -> tuple[int, ...]:
        """Width of each tensor of the carry; the first is also that of a layer's output."""
        return (self.hidden_size,) * self.carry_parts

    def fused(self) -> Callable[..., nn.Module] | None:
        """A kernel of torch's that equals the loop, with weights as in `shapes`; None: there is none."""
        return None

    def _is_whole(self, name: str) -> bool:
        """Whether a kernel is of this cell's equations: no class below the one that has it changes them."""
        mro = type(self).__mro__

        def depth(name: str) -> int:
            return next(number for number, cls in enumerate(mro) if name in vars(cls))

        return all(depth(name) <= depth(each) for each in EQUATIONS)

    reads_h_by_weights: ClassVar[bool] = False
    """Whether h, the first of the carry, goes into a step through `weight_hh` alone."""

    keeping_gate: ClassVar[str | None] = None
    """The gate of `open_gates` that says what share of a unit's memory stays; None: there is none."""

    def open_gates(self, drive: Tensor, carry: Carry, weights: Any) -> Mapping[str, Tensor]:
        """How far each gate is open at a step, (B, H) from 0 to 1 by its name; arguments as of `step`."""
        return {}

    def pointwise(self) -> Pointwise | None:
        """The step as a scan runs it, with its derivatives; None: nobody wrote them, and autograd's serve."""
        return None

    def at_once(self) -> AtOnce | None:
        """All steps of a layer as the cell itself runs them; None: it leaves that to the kernels."""
        return None

    def untraceable(self) -> str | None:
        if self._traced is None:
            return super().untraceable()
        if self.stack.noise is not None:
            return (
                "zoneout, recurrent_dropout and dropout_scope are no part of its derivatives; leave them out"
            )
        if self.weight_dropout:
            return (
                f"traces run over updates, but weight_dropout={self.weight_dropout} drops other weights in "
                f"each; set weight_dropout: 0"
            )
        if self.dropout and self.layers > 1:
            return f"dropout={self.dropout} between layers would be another at every look; set dropout: 0"
        return None

    @torch.no_grad()
    def traced_steps(self, x: Tensor, carry: Carry) -> tuple[Tensor, Carry, list[TracedStep]]:
        """Some steps of all layers with their derivatives, where `untraceable` says nothing against it.

        Args:
            x: (B, T, F).
            carry: (B, L, H) each.

        Returns:
            The outputs, (B, T, H), the carry after the last step, and the derivatives of every step.
        """
        assert self._traced is not None, "whoever asks looks at untraceable first"
        return self.stack.traced_steps(self._traced, x, carry)

    def forward(self, x: Tensor, carry: Carry, lengths: Tensor | None = None) -> tuple[Tensor, Carry]:
        return self.stack.forward(x, carry, lengths)

    def forward_from(
        self, x: Tensor, carry: Carry, lengths: Tensor | None, resets: Resets
    ) -> tuple[Tensor, Carry]:
        return self.stack.forward(x, carry, lengths, resets)

    def why_not_by_hand(self) -> str:
        own = any(
            getattr(type(self), name) is not getattr(Cell, name) for name in ("forward", "forward_from")
        )
        return f"{type(self).__name__} has a forward of its own" if own else self.stack.why_not_by_hand()

    def by_hand(self) -> Layers:
        """What runs windows as `forward` does, without autograd, until weights or options are others."""
        return self.stack.by_hand()

    def use_crossing(self, crossing: Crossing) -> bool:
        """The kernels do it, but for torch's module and cells that run all steps at once.

        Raises:
            ValueError: if `kernel` is fused, or runs all steps of this cell at once.
        """
        others = [name for name in self.stack.available if name not in self.stack.uncrossed]
        if self.kernel in self.stack.uncrossed:
            raise ValueError(
                f"kernel={self.kernel} runs all steps at once, where state_clip and credit_decay cannot act"
                f"; set kernel: {', '.join(['auto', *others[:-1]])} or {others[-1]}"
            )
        self.stack.crossing = crossing
        return True

    def initial_carry(self, row_count: int) -> Carry:
        return self.stack.initial_carry(row_count)
