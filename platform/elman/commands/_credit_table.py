"""The table of strategies: what each lets a loss reach, counted and measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from elman.bptt import after_burn_in, decayed
from elman.bptt.strategy import NoCreditMatrix
from elman.diagnostics.credit import (
    credit_figure,
    described,
    drawn_row,
    holds,
    reach,
    reach_of,
    touched_steps,
)
from elman.errors import BadInput
from elman.recipes.arguments import Words
from elman.recipes.recipe import make_task, parse


def credit_table(words: Words, *, folder: Path | None = None) -> str:
    """One line a recipe; for a sequence whose tokens have names, which of them its last 'u' can change.

    Args:
        words: the recipes, and options for all of them.
        folder: where the credit pictures go; None: nowhere.
    """
    lines = [credit_line(words._replace(recipes=(recipe,)), folder=folder) for recipe in words.recipes]
    heads = list(dict.fromkeys(key for line in lines for key in line))
    cells = [heads, *[[line.get(head, "") for head in heads] for line in lines]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def credit_line(words: Words, *, folder: Path | None = None) -> dict[str, str]:
    """The cells of one recipe, by the heads of the table.

    Args:
        words: the recipe and its options.

    Raises:
        BadInput: if the network's gradients are not where the credit matrix has them.
    """
    parsed = parse("credit", words)
    parts = parsed.classes()
    data = parts.data
    data.prepare_data()
    data.setup("fit")
    torch.manual_seed(parsed.config.seed_everything)
    task = make_task(parts, data).double()
    batch = data.train_dataloader().batch(0)
    text = getattr(data, "text", None)
    begins, warm, way_back = batch.begins[0], task.train_state.burn_in, task.objective.way_back
    warm.refuse(batch)
    cells = {
        "recipe": parsed.name,
        "strategy": described(task.bptt, way_back),
    }
    try:
        found = reach(task.bptt, begins, burn_in=warm.steps)
    except NoCreditMatrix as reason:
        return cells | {"reach least/mean/most": str(reason)}
    if text is not None:
        cells |= named_reach(task, batch, text)
    elif hasattr(data, "lag"):
        cells |= lag_reach(task, data.lag, batch.steps)
    cells |= {
        "reach least/mean/most": f"{found.least}/{found.mean:.3g}/{found.most}",
        "pairs covered": f"{found.covered:.0%}",
    }
    if when := holds(task.bptt, way_back):
        cells["this holds"] = when
    drawn = drawn_row(task.bptt, begins)
    if drawn is not None:
        one = reach_of(drawn, begins, burn_in=warm.steps)
        cells["one draw"] = f"{one.least}/{one.mean:.3g}/{one.most}, {one.covered:.0%}"
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        labels = text[: batch.steps] if text else None
        figure = credit_figure(task.bptt, begins[:200], burn_in=warm.steps, way_back=way_back, labels=labels)
        figure.savefig(folder / f"{Path(words.recipes[0]).stem}.png", dpi=150)
    return cells


def named_reach(task: Any, batch: Any, text: str, *, of: str = "u", about: str = "s") -> dict[str, str]:
    """Which tokens the loss at `of` can change, and whether `about` is one, by the task's own gradient."""
    at, earlier = text.index(of), text.index(about)
    credit = after_burn_in(task.bptt.drawn_credit(batch.steps), task.train_state.burn_in.steps)
    counted = (credit[at] > 0).nonzero().flatten().tolist()
    measured = counted if task.bptt.traces else touched_steps(task, batch, at)  # no gradient by inputs there
    if measured != counted:
        raise BadInput(
            f"{type(task.bptt).__name__} claims credit for steps {counted}, "
            f"but its gradient touches {measured}"
        )
    return {
        f"steps the loss at '{of}' can change": " ".join(text[s] for s in measured),
        f"learns about '{about}'?": "yes" if earlier in measured else "no",
    }


def lag_reach(task: Any, lag: int, steps: int) -> dict[str, str]:
    """The share of losses that are charged to the step `lag` before, or their mean credit."""
    warm = task.train_state.burn_in.steps
    credit = decayed(task.bptt.credit_matrix(steps), task.objective.credit_decay)[warm:, warm:]
    covered = float(credit.diagonal(-lag).double().clamp(max=1).mean()) if lag < len(credit) else 0.0
    return {f"losses that reach lag {lag}": f"{covered:.0%}"}
