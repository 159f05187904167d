"""What decided: an effect that was put in is found, and nothing where there is none."""

import math
import random

import numpy as np
import pytest
from study_toys import BPTT, CORE, K1, LAYERS, LOSS, LR, RATIO, realistic, review, row

from elman.search.results.candidates import table
from elman.search.results.importance import importance, importance_near_best
from elman.search.results.main_effects import main_effects

pytestmark = pytest.mark.usefixtures("strict")


def study(effect, count=40, *, seed=1, noise=0.0, dimensions=(K1, RATIO, LAYERS, LR), **more):
    """Trials drawn at random; the value is `effect` of their values."""
    draw, trials = random.Random(seed), []
    for number in range(count):
        values = {"k1": round(5 * 16 ** draw.random()), "k2/k1": draw.randint(1, 6)}
        values |= {"layers": draw.randint(1, 4), "lr": 10 ** draw.uniform(-4, -2)}
        values["k2"] = values["k1"] * values["k2/k1"]
        trials.append(row(number, effect(values) + draw.gauss(0, noise), values=values))
    return review(*trials, dimensions=dimensions, **more)


def step(label, limit):
    """Nothing is learned at `limit` or below."""
    return lambda values: (0.9 if values[label] <= limit else 0.1) + 0.05 * abs(math.log10(values["lr"]) + 3)


@pytest.mark.parametrize(
    ("label", "limit", "way"), [("k1", 20, "minimize"), ("k2/k1", 2, "maximize"), ("k2", 60, "minimize")]
)
def test_the_planted_driver_is_first(label, limit, way):
    found = importance(study(step(label, limit), noise=0.03, objectives={LOSS: way}))
    first = found.shares[0]
    assert (first.label, first.below) == (label, None)
    assert first.low <= first.share + 0.1
    assert first.first >= 17
    assert first.share + found.rest == pytest.approx(1, abs=0.1)
    assert sum(share.share for share in found.shares) + found.rest == pytest.approx(1)


def test_parts_stand_below_a_product_that_leads():
    shares = importance(study(step("k2", 60))).shares
    by_label = {share.label: share.below for share in shares}
    assert by_label == {"k2": None, "k1": "k2", "k2/k1": "k2", "layers": None, "lr": None}
    assert [share.label for share in shares[:3]] in (["k2", "k1", "k2/k1"], ["k2", "k2/k1", "k1"])
    assert {share.below for share in importance(study(step("k1", 20))).shares} == {None}


def test_effects_of_a_tree_are_those_that_optuna_finds():
    import optuna
    from optuna.distributions import FloatDistribution

    found = study(lambda v: math.sin(3 * v["layers"]) + math.log10(v["lr"]) * v["layers"] + v["k2"] / 80)
    columns = table(found, found.trials)
    values = [trial.measured(LOSS) for trial in found.trials]
    names = [candidate.label for candidate in columns.candidates]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    theirs = optuna.create_study()
    ranges = {n: FloatDistribution(c.min(), c.max()) for n, c in zip(names, columns.numbers.T, strict=True)}
    for numbers, value in zip(columns.numbers.tolist(), values, strict=True):
        params = dict(zip(names, numbers, strict=True))
        theirs.add_trial(optuna.trial.create_trial(value=value, params=params, distributions=ranges))
    evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=5, seed=3)
    expected = evaluator.evaluate(theirs, params=sorted(names))
    order = [names.index(name) for name in sorted(names)]
    from sklearn.ensemble import RandomForestRegressor

    ordered = table(found, found.trials)
    forest = RandomForestRegressor(5, random_state=3).fit(columns.numbers[:, order], values)
    moved = [
        type(c)(label=c.label, columns=(place,))
        for place, c in enumerate(columns.candidates[column] for column in order)
    ]
    ordered = type(columns)(candidates=tuple(moved), numbers=columns.numbers[:, order])
    mine = np.mean([main_effects(tree.tree_, ordered) for tree in forest.estimators_], axis=0)
    assert dict(zip(sorted(names), mine, strict=True)) == pytest.approx(expected, abs=1e-6)


def test_words_are_weighed_evenly():
    """y is 0, 1, 5 for three cores, so the variance over cores is all there is; layers add none."""
    from sklearn.tree import DecisionTreeRegressor

    trials = [
        row(n, {"LSTM": 0.0, "GRU": 1.0, "Elman": 5.0}[core], values={"core": core, "layers": layers})
        for n, (core, layers) in enumerate((c, m) for c in ("LSTM", "GRU", "Elman") for m in range(1, 5))
    ]
    found = review(*trials, dimensions=(CORE, LAYERS))
    columns = table(found, found.trials)
    tree = DecisionTreeRegressor().fit(columns.numbers, [trial.measured(LOSS) for trial in trials])
    assert main_effects(tree.tree_, columns) == pytest.approx([1, 0])


def test_a_trial_with_full_has_windows_as_long_as_the_sequence():
    trials = [
        row(n, 1.0, values={"bptt": "Truncated", "k1": 10 + n, "k2/k1": 2, "k2": 20 + 2 * n})
        for n in range(3)
    ]
    found = review(*trials, row(3, 0.1, values={"bptt": "Full"}), dimensions=(BPTT, K1, RATIO))
    columns = table(found, found.trials)
    full = {c.label: columns.numbers[3, c.columns[0]] for c in columns.candidates if not c.one_of}
    assert full == pytest.approx({"k1": math.log10(48), "k2": math.log10(48), "k2/k1": 1})


def test_k2_is_first_where_full_is_among_the_strategies():
    draw, trials = random.Random(4), []
    for number in range(60):
        values = {"bptt": draw.choice(["Full", "Truncated"]), "layers": draw.randint(1, 4)}
        if values["bptt"] == "Truncated":
            values |= {"k1": draw.randint(5, 20), "k2/k1": draw.randint(1, 6)}
            values["k2"] = values["k1"] * values["k2/k1"]
        value = 0.9 if values.get("k2", 200) <= 40 else 0.1
        trials.append(row(number, value + draw.gauss(0, 0.03), values=values))
    assert importance(review(*trials, dimensions=(BPTT, K1, RATIO, LAYERS))).shares[0].label == "k2"


def test_noise_decides_nothing():
    found = importance(study(lambda values: 0.0, 60, noise=1.0))
    assert found.shares == ()
    assert "explain too little" in found.silent


def test_too_few_trials_are_not_asked():
    assert importance(review()).silent == "needs 24 complete trials, there are 0"
    assert importance(study(step("k2", 60), 23)).silent == "needs 24 complete trials, there are 23"
    assert importance(study(lambda values: 0.5, 24)).silent == "the trials do not differ"
    assert importance(review(*[row(n, float(n)) for n in range(40)])).silent == "the trials do not differ"
    six = (K1, RATIO, LAYERS, LR, CORE, BPTT)
    assert "needs 30" in importance(study(step("k2", 60), 29, dimensions=six)).silent


def test_what_decides_among_trials_that_learned():
    found = study(lambda v: step("k2", 60)(v) + 0.1 * v["layers"], 60, chance={LOSS: 1.3})
    assert importance(found).shares[0].label == "k2"
    among = importance_near_best(found)
    assert among.shares[0].label == "layers"
    assert among.trials < 60
    assert importance_near_best(study(step("k2", 60))) is None


def test_one_that_diverged_does_not_hide_the_others():
    found = study(step("k2", 60), 60, noise=0.02)
    found.trials[7].objectives[LOSS] = 1e6
    assert importance(found).shares[0].label == "k2"


def test_while_a_search_runs_it_is_taken_after_every_tenth_more_trials():
    still = row(200, None, "running")
    found = study(step("k2", 60), 104)
    assert importance(review(*found.trials, still)).trials == 103  # 50, and a tenth again and again
    assert importance(found).trials == 104


def test_same_study_same_shares():
    assert importance(realistic(80)) == importance(realistic(80))
