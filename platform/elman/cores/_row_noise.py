"""Noise on what a step hands to the next, drawn from keys of steps: the same whenever a step is run again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

from elman.cores._check import check_choice, check_share
from elman.cores.noise import drawn, hashed
from elman.tree import Carry

Scope = Literal["step", "batch", "sequence"]
SCOPES = ("step", "batch", "sequence")
"""How long a draw lasts, in the order in which a batch has its keys."""
DROPPED = 99
"""The number of recurrent dropout among what is drawn of a layer; zoneout has that of the carry's part."""
BETWEEN = 98
"""That of dropout between layers, of the layer that reads."""


class RowNoise:
    """Zoneout, recurrent dropout and dropout between layers of a stack.

    Args:
        zoneout: share of units that stay as they were, of each tensor of the carry.
        zoneout_scope: how long the same do.
        dropped: share of h_{t-1} that a step does not read.
        dropped_scope: how long it is the same.
        between_scope: how long dropout between layers is; None: that is not drawn from keys.

    `keys` is (B, T, 3) int64 of the window at hand, by `SCOPES`; None: nothing is drawn.
    """

    def __init__(
        self,
        *,
        zoneout: Sequence[float],
        zoneout_scope: Scope,
        dropped: float,
        dropped_scope: Scope,
        between_scope: Scope | None,
    ) -> None:
        self.zoneout, self.zoneout_scope = zoneout, SCOPES.index(zoneout_scope)
        self.dropped, self.dropped_scope = dropped, SCOPES.index(dropped_scope)
        self.between_scope = None if between_scope is None else SCOPES.index(between_scope)
        self.on_carry = any(zoneout) or dropped > 0
        self.keys: Tensor | None = None

    def kernels(self, available: Sequence[str]) -> tuple[str, ...]:
        """Those that can have it."""
        return ("loop",) if self.on_carry else tuple(name for name in available if name != "fused")

    def flat(self, steps: int, order: Tensor | None = None, lengths: Tensor | None = None) -> Tensor | None:
        """(N, 3), the keys of the steps that exist, step by step.

        Args:
            steps: T of the window.
            order: (n,) int on the host, the rows that run; None: all, in their order.
            lengths: (B,) int on the host, where there is an order.
        """
        if self.keys is None:
            return None
        if self.keys.shape[1] != steps:
            raise ValueError(
                f"zoneout and recurrent_dropout draw for a window of {self.keys.shape[1]} steps, but the "
                f"core around the cell runs {steps}; leave them out, or take the cell without it"
            )
        if order is None or lengths is None:
            return self.keys.transpose(0, 1).flatten(0, 1)
        rows = self.keys[order.to(self.keys.device)]
        return pack_padded_sequence(rows, lengths[order], batch_first=True).data

    def of_layer(self, layer: int, keys: Tensor | None, sizes: Sequence[int], carry: Carry) -> LayerNoise:
        """That of one layer, over rows of these sizes step by step."""
        hits: list[Sequence[Any]] = []
        for part, share in enumerate([*self.zoneout, self.dropped]):
            is_dropped = part == len(self.zoneout)
            if not share or keys is None:
                hits.append([None] * len(sizes))
                continue
            scope = self.dropped_scope if is_dropped else self.zoneout_scope
            own = hashed(hashed(keys[:, scope], layer), DROPPED if is_dropped else part)
            units = torch.arange(carry[0 if is_dropped else part].shape[1], device=keys.device)
            hits.append(drawn(hashed(own[:, None], units), share).split(sizes))
        return LayerNoise(self.zoneout, self.dropped, hits)


class LayerNoise:
    """What is drawn for a layer over the steps of a window.

    Args:
        zoneout: shares by tensor of the carry.
        dropped: share of h_{t-1}.
        hits: for each tensor of the carry, then for what is dropped, (n, H) bool of each step; None:
            not drawn.
    """

    def __init__(self, zoneout: Sequence[float], dropped: float, hits: Sequence[Sequence[Any]]) -> None:
        self.zoneout, self.dropped, self.hits = zoneout, dropped, hits

    def read(self, carry: Carry, step: int) -> Carry:
        """What the step reads of the carry."""
        hit = self.hits[-1][step]
        if hit is None:
            return carry
        return (carry[0].masked_fill(hit, 0) / (1 - self.dropped), *carry[1:])

    def kept(self, out: Tensor, before: Carry, after: Carry, step: int) -> tuple[Tensor, Carry]:
        """The output and the carry after a step, of those without zoneout; undrawn, their expectation."""
        found = []
        for old, new, share, hits in zip(before, after, self.zoneout, self.hits, strict=False):
            if not share:
                found.append(new)
            elif hits[step] is None:
                found.append(torch.lerp(new, old.to(new.dtype), share))
            else:
                found.append(torch.where(hits[step], old.to(new.dtype), new))
        return (found[0] if self.zoneout[0] else out), tuple(found)


def dropped_between(
    noise: RowNoise | None, x: Tensor, layer: int, *, keys: Tensor | None, share: float
) -> Tensor:
    """What a layer reads of the one below in training, (N, H); without keys, `F.dropout` draws."""
    if noise is None or noise.between_scope is None or keys is None:
        return F.dropout(x, share)
    own = hashed(hashed(keys[:, noise.between_scope], layer), BETWEEN)
    hit = drawn(hashed(own[:, None], torch.arange(x.shape[1], device=x.device)), share)
    return x.masked_fill(hit, 0) / (1 - share)


def noise_of(cell: Any) -> RowNoise | None:
    """The noise that a `Cell` asks for; None: none.

    Raises:
        ValueError: for a share outside [0, 1), an unknown scope, and noise that cell or kernel cannot have.
    """
    zoneout, zoneout_c, dropped = cell.zoneout, cell.zoneout_c, cell.recurrent_dropout
    name = type(cell).__name__
    check_share(zoneout=zoneout, zoneout_c=zoneout_c, recurrent_dropout=dropped)
    check_choice("zoneout_scope", cell.zoneout_scope, SCOPES)
    check_choice("recurrent_scope", cell.recurrent_scope, SCOPES)
    between, on_carry = cell.dropout_scope, bool(zoneout or zoneout_c or dropped)
    if between is not None:
        check_choice("dropout_scope", between, SCOPES)
        if not cell.dropout or cell.layers < 2:
            raise ValueError(
                f"dropout_scope={between} is of dropout between layers, and there is none; set dropout and "
                f"layers, or leave it out"
            )
    if not on_carry and between is None:
        return None
    if between is not None and cell.kernel == "fused":
        raise ValueError(
            f"kernel=fused draws dropout between layers itself, got dropout_scope={between}; set kernel: auto"
        )
    if on_carry and cell.at_once() is not None:
        raise ValueError(
            f"zoneout and recurrent_dropout act from step to step, but {name} runs all steps at once; leave "
            f"them out, or take an LSTM or a GRU"
        )
    if zoneout_c and len(cell.carry_sizes()) < 2:
        raise ValueError(
            f"zoneout_c={zoneout_c} is of a memory beside h, which {name} does not have; set zoneout instead"
        )
    if dropped and not cell.reads_h_by_weights:
        raise ValueError(
            f"recurrent_dropout={dropped} drops h_{{t-1}} as weights read it, but {name} hands it on past "
            f"its weights too; use zoneout or weight_dropout, or take an Elman or LSTM"
        )
    if on_carry and cell.kernel not in ("auto", "loop"):
        raise ValueError(
            f"zoneout and recurrent_dropout act within a step, as the loop alone runs it; got "
            f"kernel={cell.kernel!r}, set kernel: auto or loop"
        )
    shares = [zoneout, zoneout_c, *[0.0] * len(cell.carry_sizes())][: len(cell.carry_sizes())]
    return RowNoise(
        zoneout=shares,
        zoneout_scope=cell.zoneout_scope,
        dropped=dropped,
        dropped_scope=cell.recurrent_scope,
        between_scope=between,
    )
