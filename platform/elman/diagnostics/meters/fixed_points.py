"""Where the dynamics of a trained network come to rest."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from elman.diagnostics.look import Look, carries_of
from elman.diagnostics.meter import Meter, Reading
from elman.diagnostics.meters.jacobians import flat_state, jacobian, state_size
from elman.pictures.plot import Dots, Line, Panel, Plot
from elman.tree import Carry

FIXED, SLOW = 1e-10, 1e-4
"""q = |s' - s|^2 / 2 below which a point counts as fixed, and as slow."""
APART = 1e-3
"""Of the spread of visited states: points nearer than this are one."""
SHOWN = 3
"""Rows whose way is drawn."""


class FixedPoints(Meter):
    """Points s that a step with the mean input hardly moves: q(s) = |F(s, x) - s|^2 / 2 is small.

    q is made small by L-BFGS from states visited on validation data; points nearer than a thousandth of the
    spread of these are one. q < 1e-10 is a fixed point, q < 1e-4 a slow one. A fixed point is stable where
    all eigenvalues of the Jacobian there lie inside the unit circle. Drawn in the first two principal
    components of visited states.

    Args:
        steps: longest stretch looked at.
        rows: sequences.
        starts: visited states from which points are looked for.

    Cost: some hundred steps there and back of `starts` rows, and for each point found a Jacobian.

    Source: Sussillo and Barak (2013), Neural Computation 25(3).
    """

    name = "fixed_points"
    title = "Where do the dynamics come to rest?"

    def __init__(self, *, steps: int = 100, rows: int = 32, starts: int = 64) -> None:
        if min(steps, rows, starts) < 1:
            raise ValueError(f"steps, rows, starts must be positive, got {steps}, {rows}, {starts}")
        self.steps, self.rows, self.starts = steps, rows, starts

    def read(self, look: Look) -> Reading:
        stretch = look.stretch(self.steps, rows=self.rows)
        state_size(stretch.carry)
        with torch.no_grad():
            carries, _ = carries_of(look, stretch)
        x = stretch.batch.x.flatten(0, 1).mean(0)
        visited = torch.stack([flat_state(carry) for carry in carries], 1)  # (B, T + 1, n)
        points, speeds = rest_points(look.network.core, x, visited, like=carries[0], starts=self.starts)
        kinds = [
            _kind(look.network.core, x, point, carries[0], q) for point, q in zip(points, speeds, strict=True)
        ]
        centre, axes, shares = principal(visited.flatten(0, 1))
        ways = (visited - centre) @ axes
        marks: list = [
            Line(x=way[:, 0].tolist(), y=way[:, 1].tolist(), name="" if row else "sequences", colour=6)
            for row, way in enumerate(ways[:SHOWN])
        ]
        placed = (points - centre) @ axes
        for number, kind in enumerate(("stable", "saddle", "slow")):
            chosen = [place for place, found in enumerate(kinds) if found == kind]
            if chosen:
                at = placed[chosen]
                name = {
                    "stable": "stable fixed point",
                    "saddle": "unstable fixed point",
                    "slow": "slow point",
                }[kind]
                marks.append(
                    Dots(
                        x=at[:, 0].tolist(),
                        y=at[:, 1].tolist(),
                        name=name,
                        colour=number,
                        hollow=kind != "stable",
                    )
                )
        counts = {kind: kinds.count(kind) for kind in ("stable", "saddle", "slow")}
        plot = Plot(
            title=self.title,
            caption="The first two principal components of the carry "
            f"({shares[0]:.0%} and {shares[1]:.0%} of its variance), {min(SHOWN, len(ways))} sequences of "
            "validation, and where the mean input leaves it at rest.",
            panels=(Panel(x="first component", y="second component", marks=tuple(marks)),),
        )
        sentence = (
            f"With the mean input, fixed points: {counts['stable']} stable, {counts['saddle']} unstable; "
            f"slow points: {counts['slow']} (found from {self.starts} visited states). Two components hold "
            f"{shares[0] + shares[1]:.0%} of the carry's variance."
        )
        metrics = {f"{kind}_points": float(count) for kind, count in counts.items()}
        return Reading(
            metrics=metrics, plot=plot, sentence=sentence, facts={"points": points, "kinds": kinds}
        )


def rest_points(
    core: nn.Module, x: Tensor, visited: Tensor, *, like: Carry, starts: int
) -> tuple[Tensor, Tensor]:
    """(N, n) points, each once, and (N,) their q, the stillest first; of those with q below `SLOW`.

    Args:
        x: (F,), the input that stays.
        visited: (B, T, n) states.
        like: a carry of as many parts and layers.
    """
    states = visited.flatten(0, 1)
    chosen = states[torch.linspace(0, len(states) - 1, min(starts, len(states))).long()]
    spread = float((states - states.mean(0)).norm(dim=1).median()) or 1.0
    at = chosen.clone().requires_grad_()
    search = torch.optim.LBFGS(
        [at],
        max_iter=400,
        history_size=20,
        line_search_fn="strong_wolfe",
        tolerance_grad=1e-12,
        tolerance_change=0,
    )

    def step() -> Tensor:
        search.zero_grad()
        total = speed(core, x, at, like).sum()
        total.backward(inputs=[at])
        return total

    search.step(step)
    with torch.no_grad():
        q = speed(core, x, at, like)
    found: list[Tensor] = []
    kept: list[float] = []
    for place in q.argsort().tolist():
        point = at.detach()[place]
        if not float(q[place]) < SLOW:
            break
        if all(float((point - other).norm()) > APART * spread for other in found):
            found.append(point)
            kept.append(float(q[place]))
    size = states.shape[1]
    return (torch.stack(found) if found else states.new_zeros(0, size)), torch.tensor(
        kept, dtype=torch.float64
    )


def speed(core: nn.Module, x: Tensor, states: Tensor, like: Carry) -> Tensor:
    """(N,), q of (N, n) states."""
    _, after = core(x.expand(len(states), 1, -1), as_carry(states, like))
    return (flat_state(after) - states).square().sum(1) / 2


def as_carry(states: Tensor, like: Carry) -> Carry:
    """(N, n) flat states as a carry of N rows."""
    parts = states.split([leaf[0].numel() for leaf in like], 1)
    return tuple(part.reshape(len(states), *leaf.shape[1:]) for part, leaf in zip(parts, like, strict=True))


def principal(states: Tensor) -> tuple[Tensor, Tensor, list[float]]:
    """The mean, (n, 2) the first two principal directions, and their shares of the variance."""
    centre = states.mean(0)
    _, sizes, directions = torch.linalg.svd(states - centre, full_matrices=False)
    shares = (sizes.square() / sizes.square().sum().clamp(min=1e-300)).tolist()
    axes = torch.zeros(states.shape[1], 2, dtype=states.dtype)
    axes[:, : len(directions[:2])] = directions[:2].t()
    return centre, axes, [*shares, 0.0][:2]


def _kind(core: nn.Module, x: Tensor, point: Tensor, like: Carry, q: Tensor) -> str:
    if float(q) > FIXED:
        return "slow"
    matrix, _ = jacobian(core, x, as_carry(point[None], like))
    return "stable" if float(torch.linalg.eigvals(matrix).abs().max()) < 1 else "saddle"
