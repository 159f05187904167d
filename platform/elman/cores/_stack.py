"""Layers of recurrent kernels, run over rows that may differ in length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from elman.cores._build import why_not_native
from elman.cores._by_hand import Buffers, Layers, by_layer
from elman.cores._check import check_dropped_weights, check_rows
from elman.cores._fused import run_fused
from elman.cores._layout import Layout
from elman.cores._linear import AtOnce
from elman.cores._loop import Equations, Functions, Weights, loop
from elman.cores._native import Native
from elman.cores._row_noise import RowNoise, dropped_between
from elman.cores._scan import Blocks, scan
from elman.cores._steps import Steps, change_values, values
from elman.cores.core import wide
from elman.cores.crossing import Crossing
from elman.cores.kernels import Choice, Kernel, fastest
from elman.cores.noise import hashed, weight_mask
from elman.cores.pointwise import Pointwise
from elman.cores.resets import Resets, in_stretches
from elman.cores.traced import TracedStep, traced_layer
from elman.tree import Carry, rows

SCANNED = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
"""The weights that a scan knows, in its order."""


class Stack(nn.Module):
    """Recurrent layers over one another; lengths, the layout of the carry and the kernel are settled here.

    Layer l reads dropout(s^{l-1}), where s^l = h^l, or h^l + s^{l-1} from layer 2 on if residual. A
    fused kernel runs all layers in one call unless something stands between them that it cannot do; the
    other kernels run over the same weights.

    Args:
        cell: its equations.
        fused: torch's class of a fused kernel; None: there is none.
        pointwise: the cell's step as a scan runs it; None: it has none.
        at_once: how the cell itself runs all steps of a layer; None: it does not.
        kernel: what evaluates the cell.
        noise: drawn from keys of steps; on the carry, for which the loop alone runs. None: there is none.
        weight_dropout: share of `weight_hh` that is zero in training, once `draw_weights` was called.
        carry_sizes: numbers of a row in a layer's carry, of each tensor of it; the first are the output's.

    Raises:
        ValueError: if the cell does not have that kernel or what noise needs, or it is native and cannot be
            built.

    Cost: two transposes of the carry beside the kernel where all rows have all steps. Otherwise rows
        are sorted by length and packed: steps that do not exist cost no arithmetic.
    """

    def __init__(
        self,
        cell: Equations,
        *,
        fused: Callable[..., nn.Module] | None,
        pointwise: Pointwise | None,
        at_once: AtOnce | None = None,
        kernel: Kernel,
        input_size: int,
        hidden_size: int,
        layers: int,
        dropout: float,
        residual: bool,
        noise: RowNoise | None = None,
        weight_dropout: float = 0.0,
        carry_sizes: Sequence[int],
    ) -> None:
        super().__init__()
        self.layers, self.carry_sizes, self.output_size = layers, carry_sizes, carry_sizes[0]
        self.dropout, self.residual, self.weight_dropout = dropout, residual, weight_dropout
        native = pointwise and pointwise.native
        own: dict[str, Any] = {at_once.kernel: at_once} if at_once else {}
        have: dict[str, Any] = {
            "fused": fused,
            "native": native,
            "scan": pointwise,
            "parallel": None,
            **own,
            "loop": cell,
        }
        self.available = tuple(name for name, there in have.items() if there is not None)
        self.noise = noise
        if noise is not None:
            self.available = noise.kernels(self.available)
        name = type(cell).__name__
        if kernel not in ("auto", *self.available):
            raise ValueError(
                f"kernel={kernel!r}, which {name} does not have; it has {', '.join(self.available)}, or auto"
            )
        if kernel == "native" and (why := why_not_native("cpu", torch.get_default_dtype())):
            raise ValueError(f"kernel='native' is not to be had: {why}; or use kernel auto or scan")
        self.kernel, self._scanned, self._at_once = kernel, pointwise, at_once
        self.uncrossed = ("fused", *own)  # which change no gradient between steps
        self.short_buffers = Buffers()
        self.kept: Choice | None = None  # of the run that this one goes on with
        self.crossing: Crossing | None = None  # of gradients between steps; None: they cross as they are
        self._equations = Functions(cell.hidden_size, cell.shapes, cell.drive, cell.step)
        self._class_names = [base.__name__ for base in type(cell).__mro__]
        widths = [input_size] + [self.output_size] * (layers - 1)
        parts: list[nn.Module]
        if fused is None:
            parts = [Weights(cell.shapes(width), hidden_size) for width in widths]
        elif residual:
            parts = [fused(width, hidden_size, batch_first=True) for width in widths]
        else:
            between = dropout if layers > 1 else 0.0  # torch warns of dropout that has no place to act
            options = {"num_layers": layers, "dropout": between, "batch_first": True}
            parts = [fused(input_size, hidden_size, **options)]
        self.parts = nn.ModuleList(parts)
        self._names = list(cell.shapes(input_size))
        self._masks: list[Tensor] = []  # on weight_hh of every layer; none before they are drawn
        if weight_dropout:
            check_dropped_weights(name, weight_dropout, self._names, kernel, self.available)

    def draw_weights(self, key: Tensor) -> None:
        """Draw which recurrent weights are zero in training from now on; key: () int64."""
        self._masks = [
            weight_mask(self._own_weights(layer)["weight_hh"], hashed(key, layer), self.weight_dropout)
            for layer in range(self.layers)
        ]

    def choice(self, device: str | None = None, *, learns: bool = True) -> Choice:
        """What evaluates the cell on a kind of device; None: on that where its weights are."""
        device = device or self._weight.device.type
        there = self._there(device, learns=learns)
        if self.kept is None and self.kernel == "auto":
            return fastest(self._class_names, device, there)
        choice = self.kept or Choice(self.kernel, most_cuts=1.0)
        if choice.kernel in there:
            return choice
        return Choice("scan" if "scan" in there else there[0], most_cuts=1.0)

    def without_native(self, device: str) -> str:
        """Why the native kernel, which would be taken, is not; empty: it is, or would not be."""
        wanted = self.kernel if self.kept is None else self.kept.kernel
        if wanted == "auto":
            wanted = fastest(self._class_names, device, self.available).kernel
        return why_not_native(device, self._weight.dtype) if wanted == "native" else ""

    def _there(self, device: str, *, learns: bool) -> tuple[str, ...]:
        """The kernels that the cell has on a kind of device, with a backward pass or without."""
        lacks = [*self.uncrossed] if learns and self.crossing else []
        if self.weight_dropout and (learns or self.training) and "fused" in self.available:
            lacks.append("fused")
        if "native" in self.available and why_not_native(device, self._weight.dtype):
            lacks.append("native")
        return tuple(name for name in self.available if name not in lacks) if lacks else self.available

    def _kernel(self, steps: int, *, cuts: int = 0) -> str:
        """What runs a window of so many steps, at `cuts` of which rows begin."""
        device = self._weight.device.type
        learns, mixed = torch.is_grad_enabled(), torch.is_autocast_enabled(device)
        choice, there = self.choice(device, learns=learns), self._there(device, learns=learns)
        name = choice.kernel if choice.pays(steps, learns=learns, mixed=mixed) else there[0]
        return there[1] if name == "fused" and cuts > choice.most_cuts * steps else name

    def initial_carry(self, row_count: int) -> Carry:
        """Zeros, (B, L, H) each, H that of each tensor, on the parameters' device."""
        weight = self._weight
        layers, dtype = self.layers, wide(weight.dtype)
        return tuple(weight.new_zeros(row_count, layers, size, dtype=dtype) for size in self.carry_sizes)

    def forward(
        self, x: Tensor, carry: Carry, lengths: Tensor | None = None, resets: Resets | None = None
    ) -> tuple[Tensor, Carry]:
        """As `Core.forward`, or `Core.forward_from` with resets; carry: (B, L, H) each.

        Raises:
            ValueError: if the carry has other rows than x.
        """
        row_count, steps = x.shape[:2]
        check_rows(carry, row_count)
        if steps == 0 or (lengths is not None and not lengths.any()):
            return x.new_zeros(row_count, steps, self.output_size), carry
        kernel = self._kernel(steps, cuts=0 if resets is None else len(resets.steps))
        if resets is not None and kernel == "fused":
            return in_stretches(self.forward, x, carry, lengths, resets)
        if lengths is None or bool((lengths == steps).all()):
            out, carry = self._run(x, carry, kernel, resets, self._keys(steps))
            return values(out), carry
        running = int(lengths.count_nonzero())
        order = lengths.argsort(descending=True)[:running]  # rows with a step to run, longest first
        index = order.to(x.device)
        packed = pack_padded_sequence(x[index], lengths[order], batch_first=True)
        keys = self._keys(steps, order, lengths)
        ran, ends = self._run(packed, rows(carry, index), kernel, resets and resets.of(order), keys)
        assert isinstance(ran, PackedSequence)
        padded, _ = pad_packed_sequence(ran, batch_first=True, total_length=steps)
        out = padded.new_zeros(row_count, steps, self.output_size).index_copy(0, index, padded)
        return out, tuple(
            start.to(end.dtype).index_copy(0, index, end) for start, end in zip(carry, ends, strict=True)
        )

    def _keys(self, *place: Any) -> Tensor | None:
        """As `RowNoise.flat`; None where nothing is drawn."""
        return self.noise.flat(*place) if self.noise is not None and self.training else None

    def _run(
        self, steps: Steps, carry: Carry, kernel: str, resets: Resets | None, keys: Tensor | None
    ) -> tuple[Steps, Carry]:
        """Run every step of `steps` through every layer."""
        weight = self._weight
        starts = self._by_layer(carry)
        if kernel == "fused":
            steps, end = self._run_fused(steps, starts)
        else:
            steps, end = self._unroll(steps, starts, kernel, resets, keys)
        return steps, tuple(leaf.transpose(0, 1).to(wide(weight.dtype)) for leaf in end)

    def _by_layer(self, carry: Carry) -> Carry:
        """(L, B, H) each, in the weights' precision."""
        dtype = self._weight.dtype
        return tuple(leaf.to(dtype).transpose(0, 1).contiguous() for leaf in carry)

    def _run_fused(self, steps: Steps, by_layer: Carry) -> tuple[Steps, Carry]:
        per_part = self.layers // len(self.parts)
        ends: list[Carry] = []
        for number, part in enumerate(self.parts):
            start = by_layer
            if len(self.parts) > 1:
                start = tuple(leaf[number * per_part : (number + 1) * per_part] for leaf in by_layer)
            below = steps
            if number and self.dropout and self.training:
                steps = change_values(below, lambda v: F.dropout(v, self.dropout))
            steps, end = run_fused(part, steps, start)
            if number and self.residual:
                steps = change_values(steps, values(below).add)
            ends.append(end)
        return steps, ends[0] if len(ends) == 1 else tuple(map(torch.cat, zip(*ends, strict=True)))

    def _unroll(
        self, steps: Steps, by_layer: Carry, kernel: str, resets: Resets | None, keys: Tensor | None
    ) -> tuple[Steps, Carry]:
        """By a scan or a loop: rows of all steps under one another, step by step, as torch packs them."""
        if isinstance(steps, PackedSequence):
            flat, sizes = steps.data, steps.batch_sizes.tolist()
        else:
            flat, sizes = steps.transpose(0, 1).flatten(0, 1), [steps.shape[0]] * steps.shape[1]
        layout = Layout(sizes, begins=None if resets is None else resets.begins, device=flat.device)
        anew = () if resets is None else self._by_layer(resets.first)
        ends = []
        for layer, start in enumerate(zip(*(leaf.unbind() for leaf in by_layer), strict=True)):
            below = flat
            if layer and self.dropout and self.training:
                flat = dropped_between(self.noise, below, layer, keys=keys, share=self.dropout)
            first = tuple(leaf[layer] for leaf in anew)
            noise = self.noise and self.noise.of_layer(layer, keys, layout.sizes, start)
            flat, end = self._run_layer(layer, flat, start, layout, kernel, first=first, noise=noise)
            if layer and self.residual:
                flat = flat + below
            ends.append(end)
        if isinstance(steps, PackedSequence):
            steps = PackedSequence(flat, steps.batch_sizes)
        else:
            steps = flat.view(len(sizes), sizes[0], -1).transpose(0, 1)
        return steps, tuple(map(torch.stack, zip(*ends, strict=True)))

    def _run_layer(
        self, layer: int, x: Tensor, start: Carry, layout: Layout, kernel: str, *, first: Carry, noise: Any
    ) -> tuple[Tensor, Carry]:
        crossing = self.crossing
        if self._at_once and kernel == self._at_once.kernel:
            weights = SimpleNamespace(**self.weights_of(layer))
            return self._at_once(x, start, weights, layout, first=first)
        if kernel in ("native", "scan"):
            assert self._scanned is not None, "the constructor has refused a scan without it"
            run = partial(scan, native=kernel == "native")
            return run(self._scanned, x, start, self._ordered(layer), layout, first=first, crossing=crossing)
        more: dict[str, Any] = {"first": first, "crossing": crossing, "noise": noise}
        return loop(self._equations, x, start, self.weights_of(layer), layout, **more)

    def why_not_by_hand(self) -> str:
        """Why a window cannot do without autograd; empty: it can."""
        if not self._weight.is_floating_point() or self._weight.dtype != wide(self._weight.dtype):
            return f"weights are {str(self._weight.dtype).removeprefix('torch.')}"
        if self.noise is not None:
            return "noise drawn from keys"
        if self.weight_dropout:
            return f"weight_dropout={self.weight_dropout}"
        kernel = self.choice().kernel
        if self._at_once and kernel == self._at_once.kernel:
            return f"kernel {kernel} is the cell's own"
        return "" if kernel in ("native", "scan") else f"kernel {kernel}"

    def by_hand(self) -> Layers:
        """What runs windows without autograd, as all is now; `why_not_by_hand` has nothing against it."""
        assert self._scanned is not None, "whoever asks looks at why_not_by_hand first"
        return Layers(
            Native if self.choice().kernel == "native" else Blocks,
            self._scanned,
            [self._ordered(layer) for layer in range(self.layers)],
            self.short_buffers,
            dropout=self.dropout if self.training else 0.0,
            residual=self.residual,
            crossing=self.crossing,
        )

    def _ordered(self, layer: int) -> list[Tensor]:
        """A layer's weights as a scan takes them."""
        weights = self.weights_of(layer)
        return [weights[name] for name in SCANNED]

    def weights_of(self, layer: int) -> dict[str, Tensor]:
        """A layer's weights, by their names in `shapes`, as they count now."""
        weights = self._own_weights(layer)
        if self._masks and self.training:
            weights["weight_hh"] = weights["weight_hh"] * self._masks[layer]
        return weights

    def _own_weights(self, layer: int) -> dict[str, Tensor]:
        part, number = (self.parts[0], layer) if len(self.parts) == 1 else (self.parts[layer], 0)
        return {name: cast(Tensor, getattr(part, f"{name}_l{number}")) for name in self._names}

    def traced_steps(
        self, cell: Pointwise, x: Tensor, carry: Carry
    ) -> tuple[Tensor, Carry, list[TracedStep]]:
        """As `Cell.traced_steps`, in the weights' precision."""
        dtype, ends, layers = self._weight.dtype, [], []
        flat, after = x.to(dtype).transpose(0, 1), wide(dtype)
        with torch.autocast(x.device.type, enabled=False):
            for layer, start in enumerate(zip(*(leaf.to(dtype).unbind(1) for leaf in carry), strict=True)):
                below = flat
                flat, end, traced = traced_layer(cell, below, start, self.weights_of(layer))
                if layer and self.residual:
                    flat = flat + below
                ends.append([leaf.to(after) for leaf in end])
                layers.append(traced)
        steps = [TracedStep(parts, self.residual) for parts in zip(*layers, strict=True)]
        return flat.transpose(0, 1), by_layer(ends), steps

    @property
    def _weight(self) -> Tensor:
        """Any parameter: all share device and precision."""
        return cast(Tensor, getattr(self.parts[0], f"{self._names[0]}_l0"))
