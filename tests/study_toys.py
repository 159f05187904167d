"""Studies written down by hand, and one that looks like a real one."""

import math
import random

from elman.search.results.review import Review, TrialRow
from elman.search.space.space import Choices, Dimension, Range

LOSS, COST = "val/bits_per_step", "cost/core_steps_per_step"

K1 = Dimension(target="model.bptt.k1", label="k1", values=Range(low=5, high=80, integer=True, log=True))
RATIO = Dimension(
    target="model.bptt.k2",
    label="k2/k1",
    values=Range(low=1, high=6, integer=True),
    multiple_of="model.bptt.k1",
)
LAYERS = Dimension(target="model.core.layers", label="layers", values=Range(low=1, high=4, integer=True))
LR = Dimension(
    target="model.optimizer.lr", label="lr", values=Range(low=1e-4, high=1e-2, integer=False, log=True)
)
BPTT = Dimension(
    target="model.bptt",
    label="bptt",
    values=Choices(values={"Full": {"class_path": "Full"}, "Truncated": {"class_path": "Truncated"}}),
)
CORE = Dimension(
    target="model.core", label="core", values=Choices(values={"LSTM": {}, "GRU": {}, "Elman": {}})
)


def row(number, value=None, state="complete", *, values=None, **more):
    """A trial with one objective."""
    objectives = {} if value is None else {LOSS: value}
    return TrialRow(number=number, state=state, values=values or {}, **{"objectives": objectives, **more})


def review(*trials, dimensions=(K1, RATIO, LAYERS, LR), objectives=None, **more):
    """A study of these trials."""
    return Review(
        **{
            "name": "windows",
            "question": "Which windows does a character model need?",
            "command": "elman search experiments/char_lm/search.yaml",
            "experiment": "char_lm",
            "budget": "24 trials",
            **more,
        },
        dimensions=tuple(dimensions),
        objectives=objectives or {LOSS: "minimize"},
        trials=tuple(trials),
    )


def realistic(trials=30, *, seed=3, several=False, running=True):
    """A study as one looks after a while: some trials pruned, one failed, one diverged, two running."""
    draw = random.Random(seed)
    found = []
    for number in range(trials):
        values = {"bptt": draw.choices(["Truncated", "Full"], [4, 1])[0]}
        values["core"] = draw.choice(["LSTM", "GRU", "Elman"])
        reach = 200
        if values["bptt"] == "Truncated":
            values["k1"] = round(math.exp(draw.uniform(math.log(5), math.log(80))))
            values["k2/k1"] = draw.randint(1, 6)
            reach = values["k2"] = values["k1"] * values["k2/k1"]
        values["layers"] = draw.randint(1, 4)
        values["lr"] = 10 ** draw.uniform(-4, -2)
        end = 1.85 + 0.25 * (math.log10(values["lr"]) + 2.6) ** 2 + 0.5 / math.sqrt(reach)
        end += {"LSTM": 0, "GRU": 0.03, "Elman": 0.2}[values["core"]] + 0.05 * abs(values["layers"] - 2)
        end += 0.0015 * values.get("k1", 60) + draw.gauss(0, 0.015)
        state, why = "complete", ""
        if running and number >= trials - 2:
            state = "running"
        elif number == 11:
            state, why = "failed", "the core's carry is not finite after 410,000 time steps (lr=0.0098)"
        elif number > 5 and end > 2.28:
            state = "pruned"
        share = {"complete": 1.0, "pruned": 0.3, "running": 0.5, "failed": 0.2}[state]
        if number == 8 and state != "failed":
            state, end, share = "complete", 9.6, 1.0
        steps = [200_000 * n for n in range(1, max(2, round(20 * share)) + 1)]
        curve = {s: end + 2.4 * math.exp(-s / 500_000) + draw.gauss(0, 0.006) for s in steps}
        ratio = float(values.get("k2/k1", 1))
        memory = 300 + 0.8 * values.get("k2", 1000) * values["layers"]
        cost = {COST: ratio, "cost/peak_memory_mib": memory}
        best = min(curve.values())
        found.append(
            TrialRow(
                number=number,
                state=state,
                values=values,
                objectives={LOSS: best, COST: ratio} if several else {LOSS: best},
                constrained={"cost/peak_memory_mib": memory},
                costs=cost,
                curve=curve,
                time_steps=steps[-1],
                seconds=(12 + 9 * ratio * values["layers"]) * share,
                run_id=f"{number:032x}",
                why=why,
            )
        )
    return review(
        *found,
        dimensions=(BPTT, CORE, K1, RATIO, LAYERS, LR),
        objectives={LOSS: "minimize", COST: "minimize"} if several else None,
        constraints={"cost/peak_memory_mib": 1400.0},
        sampler="TPE",
        pruner="median",
        budget=f"{trials} trials",
        hours=0.42,
    )
