"""Steps of a stack of layers with their derivatives, for credit that travels forward in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from elman.cores.pointwise import Pointwise, Slopes
from elman.tree import Carry


class TracedLayer(NamedTuple):
    """One step of one layer, s its P tensors of carry, h the first of them.

    A gate reads p = W h_{t-1} + b' and d = U x_t + b, so that

        ds_t = own ds_{t-1} + by_product dp + by_drive dd.

    A number for every weight has the shape (..., G, H, K): row (g, i) is that of gate g of unit i, and holds
    W, b', U and b one after the other, K = H + F + 2; K = F + 3 where units do not read one another.

    Args:
        read: (B, H + F + 2), h_{t-1}, 1, x_t and 1 one after the other.
        by_product, by_drive: (B, P, G, H), ds_t by p and by d; one tensor where they are the same.
        own: (B, P, P, H), ds_t by ds_{t-1} past the product; None: nothing goes past it.
        weights: by name.
    """

    read: Tensor
    by_product: Tensor
    by_drive: Tensor
    own: Tensor | None
    weights: Mapping[str, Tensor]

    @property
    def is_diagonal(self) -> bool:
        """Whether units do not read one another."""
        return self.weights["weight_hh"].dim() == 1

    @property
    def columns(self) -> int:
        """K, numbers for every row of weights."""
        return self.read.shape[1] - (self.by_product.shape[3] - 1 if self.is_diagonal else 0)

    @property
    def sums(self) -> bool:
        """Whether every gate reads p + d alone."""
        return self.by_drive is self.by_product

    def reads(self) -> tuple[Tensor, Tensor]:
        """h_{t-1} and 1, (B, H + 1), and x_t and 1, (B, F + 1)."""
        by_h = self.by_product.shape[3] + 1
        return self.read[:, :by_h], self.read[:, by_h:]

    def outer(self, product: Tensor, drive: Tensor) -> Tensor:
        """(B, ..., G, H, K), a number for every weight from one for every p and d, (B, ..., G, H) each."""
        middle = [1] * (product.dim() - 1)
        if drive is product and not self.is_diagonal:
            return product.unsqueeze(-1) * self.read.view(-1, *middle, self.read.shape[1])
        found = product.new_empty(*product.shape, self.columns)
        of_h, of_x = (part.unflatten(0, (-1, *middle)) for part in self.reads())
        apart = of_x.shape[-1]
        if self.is_diagonal:
            torch.mul(product, of_h.squeeze(-2)[..., :-1], out=found[..., 0])
            found[..., 1] = product
        else:
            torch.mul(product.unsqueeze(-1), of_h, out=found[..., :-apart])
        torch.mul(drive.unsqueeze(-1), of_x, out=found[..., -apart:])
        return found

    def outer_norm(self, product: Tensor, drive: Tensor) -> Tensor:
        """(B,), the norm of `outer` of (B, G, H) each, which need not be made for it."""
        norm = torch.linalg.vector_norm
        if drive is product and not self.is_diagonal:
            return norm(product, dim=(1, 2)) * norm(self.read, dim=1)
        of_h, of_x = self.reads()
        if self.is_diagonal:
            by_h = norm(torch.stack([product * of_h[:, None, :-1], product]), dim=(0, 2, 3))
        else:
            by_h = norm(product, dim=(1, 2)) * norm(of_h, dim=1)
        return torch.hypot(by_h, norm(drive, dim=(1, 2)) * norm(of_x, dim=1))

    def diagonal(self) -> Tensor:
        """(B, P, P, H), how a unit's carry depends on its own one step before."""
        hidden = self.by_product.shape[3]
        weight = self.weights["weight_hh"].view(-1, hidden, *([] if self.is_diagonal else [hidden]))
        to_itself = weight if self.is_diagonal else weight.diagonal(dim1=1, dim2=2)  # (G, H)
        by_h = (
            (self.by_product * to_itself).sum(2)
            if len(to_itself) > 1
            else self.by_product[:, :, 0] * to_itself
        )
        if by_h.shape[1] == 1:
            return by_h.unsqueeze(2) if self.own is None else by_h.unsqueeze(2) + self.own
        found = by_h.new_zeros(*by_h.shape[:2], *by_h.shape[1:]) if self.own is None else self.own.clone()
        found[:, :, 0] += by_h
        return found

    def past(self, before: Tensor) -> Tensor:
        """(B, P, H, n), n changes of the carry after the step by those before it; or one, (B, P, H)."""
        rows, _, gates, hidden = self.by_product.shape
        weight = self.weights["weight_hh"]
        if self.is_diagonal:
            read = _beside(weight.view(gates, hidden), before) * before[:, :1]
        else:
            read = _times(weight, before[:, 0]).view(rows, gates, hidden, *before.shape[3:])
        new = _over_gates(self.by_product, read)
        if self.own is not None:
            new += (_beside(self.own, before) * before.unsqueeze(1)).sum(2)
        return new

    def lift(self, below: Tensor) -> Tensor:
        """(B, P, H, n), n changes of the carry after the step by those of the input, (B, F, n); or one."""
        rows, _, gates, hidden = self.by_drive.shape
        read = _times(self.weights["weight_ih"], below).view(rows, gates, hidden, *below.shape[2:])
        return _over_gates(self.by_drive, read)

    def by_gates(self, after: Tensor) -> tuple[Tensor, Tensor]:
        """The gradient by p and by d, (B, G, H) each, of one by the carry after the step, (B, P, H)."""
        product = _over_carry(self.by_product, after)
        return product, product if self.sums else _over_carry(self.by_drive, after)

    def split(self, rows: Tensor) -> dict[str, Tensor]:
        """Numbers for every weight, (G, H, K), by the names of the weights and in their shapes."""
        flat = rows.flatten(0, 1)
        at = 1 if self.is_diagonal else self.by_product.shape[3]  # W, b', U, b
        return {
            "weight_hh": flat[:, 0] if self.is_diagonal else flat[:, :at],
            "bias_hh": flat[:, at],
            "weight_ih": flat[:, at + 1 : -1],
            "bias_ih": flat[:, -1],
        }


class TracedStep(NamedTuple):
    """One step of all layers; layer l reads s^{l-1}, s^l = h^l, or h^l + s^{l-1} from layer 2 on if residual.

    Args:
        layers: from the bottom up.
        residual: whether sums go past layers.
    """

    layers: Sequence[TracedLayer]
    residual: bool

    def push(self, before: Sequence[Tensor]) -> list[Tensor]:
        """n changes of every layer's carry by those of the one before, (B, P, H, n) each; or one change."""
        return self.lift([layer.past(change) for layer, change in zip(self.layers, before, strict=True)])

    def lift(self, own: Sequence[Tensor]) -> list[Tensor]:
        """n changes of every layer's carry, (B, P, H, n) each, with what the layers below add; or one change.

        Args:
            own: of every layer alone; overwritten.
        """
        below: Tensor | None = None
        for layer, change in zip(self.layers, own, strict=True):
            if below is not None:
                change.add_(layer.lift(below))
            shown = change[:, 0]
            below = shown + below if self.residual and below is not None else shown
        return list(own)

    def back(self, after: Sequence[Tensor], dout: Tensor | None = None) -> list[Tensor]:
        """The gradient by every layer's carry through the layers above at this step, (B, P, H) each.

        Args:
            after: by every layer's carry alone, likewise.
            dout: (B, H), by the output; None: zero.
        """
        whole: list[Tensor] = []
        for number in reversed(range(len(self.layers))):
            layer, by_carry = self.layers[number], after[number]
            if dout is not None:
                by_carry = by_carry.clone()
                by_carry[:, 0] += dout
            whole.append(by_carry)
            if number:
                by_x = layer.by_gates(by_carry)[1].flatten(1) @ layer.weights["weight_ih"]
                dout = by_x + dout if self.residual and dout is not None else by_x
        return whole[::-1]

    def signals(self, dout: Tensor) -> list[Tensor]:
        """(B, H) each, the gradient of this step's loss by every layer's h, through the layers above."""
        if len(self.layers) == 1:
            return [dout]
        nothing = [dout.new_zeros(dout.shape[0], *layer.by_product.shape[1:4:2]) for layer in self.layers]
        return [by_carry[:, 0] for by_carry in self.back(nothing, dout)]

    def shown(self, changes: Sequence[Tensor]) -> Tensor:
        """(B, H, ...), the change of the output by those of all carries, (B, P, H, ...) each."""
        if not self.residual:
            return changes[-1][:, 0]
        return torch.stack([change[:, 0] for change in changes]).sum(0)


def _beside(slopes: Tensor, changes: Tensor) -> Tensor:
    """Slopes with a last dimension for n where `changes`, (B, P, H, n) or (B, P, H), are several."""
    return slopes.unsqueeze(-1) if changes.dim() > 3 else slopes


def _times(weight: Tensor, changes: Tensor) -> Tensor:
    """weight (G H, m) times changes, (B, m, n) or (B, m)."""
    return F.linear(changes, weight) if changes.dim() == 2 else weight @ changes


def _over_gates(slopes: Tensor, read: Tensor) -> Tensor:
    """(B, P, H, n), the sum over gates of slopes, (B, P, G, H), times their reading, (B, G, H, n); or one."""
    slopes = _beside(slopes, read)
    return slopes[:, :, 0] * read if slopes.shape[2] == 1 else (slopes * read.unsqueeze(1)).sum(2)


def _over_carry(slopes: Tensor, after: Tensor) -> Tensor:
    """(B, G, H), the sum over carries of slopes, (B, P, G, H), times `after`, (B, P, H)."""
    return slopes[:, 0] * after if slopes.shape[1] == 1 else (slopes * after.unsqueeze(2)).sum(1)


def traced_layer(
    cell: Pointwise, x: Tensor, carry: Carry, weights: Mapping[str, Tensor]
) -> tuple[Tensor, Carry, list[TracedLayer]]:
    """Some steps of one layer: their h, (T, B, H), the carry after the last, and their derivatives.

    Args:
        x: (T, B, F).
        carry: (B, H) each.
        weights: weight_ih, weight_hh (a vector where units do not read one another), bias_ih, bias_hh; of a
            cell without recurrent weights, weight_ih and bias.
    """
    weights = weights if "weight_hh" in weights else _with_nothing_read(weights)
    steps, (rows, hidden), flat = x.shape[0], carry[0].shape, x.flatten(0, 1)
    after = tuple(x.new_empty(steps * rows, hidden) for _ in carry)
    parts = _run_steps(cell, flat, carry, after, weights)
    before = carry
    if steps > 1:
        before = tuple(torch.cat([first, leaf[:-rows]]) for first, leaf in zip(carry, after, strict=True))
    slopes = cell.slopes(*parts, before=before, after=after)
    by_product, by_drive, own = _by_gates(cell, slopes)
    one = x.new_ones(steps * rows, 1)
    read = torch.cat([before[0], one, flat, one], 1)
    if steps == 1:
        return after[0].unsqueeze(0), after, [TracedLayer(read, by_product, by_drive, own, weights)]
    products, drives = by_product.split(rows), by_drive.split(rows)
    drives = products if by_drive is by_product else drives
    owns = [None] * steps if own is None else own.split(rows)
    layers = [
        TracedLayer(*of_step, weights)
        for of_step in zip(read.split(rows), products, drives, owns, strict=True)
    ]
    return after[0].view(steps, rows, hidden), tuple(leaf[-rows:] for leaf in after), layers


def _with_nothing_read(weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Weights by which units read one another and themselves by zeros that nobody learns."""
    bias = weights["bias"]
    nothing = torch.zeros_like(bias, requires_grad=False)
    return {"weight_ih": weights["weight_ih"], "bias_ih": bias, "weight_hh": nothing, "bias_hh": nothing}


def _run_steps(
    cell: Pointwise, x: Tensor, carry: Carry, after: Carry, weights: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Fill `after`, (T B, H) each; what `cell.step` leaves of its gates, (T B, ...) each.

    Args:
        x: (T B, F).
    """
    (rows, hidden), count = carry[0].shape, x.shape[0]
    joined = cell.joined * hidden
    w_ih, w_hh, b_ih, b_hh = (weights[name] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    w_hh = w_hh if w_hh.dim() == 1 else w_hh.t()
    if joined == cell.gates * hidden:
        gates, rest = torch.addmm(b_ih + b_hh, x, w_ih.t()), x.new_empty(count, 0)
        apart, w_read = rest, [w_hh]
    else:
        gates = torch.addmm(b_ih[:joined] + b_hh[:joined], x, w_ih[:joined].t())
        rest = torch.addmm(b_ih[joined:], x, w_ih[joined:].t())
        apart, w_read = b_hh[joined:].expand_as(rest).clone(), list(w_hh.tensor_split([joined], -1))
    now = carry
    under = (gates, rest, apart, *after)
    of_steps = [under] if count == rows else zip(*(leaf.split(rows) for leaf in under), strict=True)
    for of_joined, of_rest, of_apart, *new in of_steps:
        for part, w in zip((of_joined, of_apart), w_read, strict=False):
            if w.dim() == 1:
                part.addcmul_(w, now[0].repeat(1, part.shape[-1] // hidden))
            else:
                part.addmm_(now[0], w)
        cell.step(of_joined, of_rest, of_apart, now, tuple(new))
        now = tuple(new)
    return gates, rest, apart


def _by_gates(cell: Pointwise, slopes: Slopes) -> tuple[Tensor, Tensor, Tensor | None]:
    """`by_product`, `by_drive` and `own` of n rows; the first two are one tensor where they are the same."""
    by_gate, memory = slopes.product, cell.through_memory
    rows, _, hidden = by_gate.shape
    if slopes.shows is None or slopes.keeps is None:
        by_product = by_drive = by_gate.unsqueeze(1)
        if slopes.rest is not None:
            by_drive = torch.cat([by_gate[:, : cell.joined], slopes.rest], 1).unsqueeze(1)
        return by_product, by_drive, None if slopes.direct is None else slopes.direct.view(rows, 1, 1, hidden)
    by_product = by_gate.new_zeros(rows, 2, cell.gates, hidden)
    by_product[:, 0] = by_gate
    by_product[:, 0, :memory] *= slopes.shows.unsqueeze(1)
    by_product[:, 1, :memory] = by_gate[:, :memory]
    by_drive = by_product
    if slopes.rest is not None:
        by_drive = by_product.clone()
        by_drive[:, 0, cell.joined :] = slopes.rest
    own = by_gate.new_zeros(rows, 2, 2, hidden)
    own[:, 0, 1], own[:, 1, 1] = slopes.shows * slopes.keeps, slopes.keeps
    if slopes.direct is not None:
        own[:, 0, 0] = slopes.direct
    return by_product, by_drive, own
