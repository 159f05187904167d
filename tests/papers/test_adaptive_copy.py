"""The recipes of Aicher et al.: what follows K follows it as in their code, and nothing else differs."""

from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "experiments" / "papers" / "adaptive_copy"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def model_and_rest(name):
    recipe = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    model = recipe.pop("model")
    return model, recipe


def test_there_are_recipes():
    assert NAMES == ["delta", "k15", "k5"]


@pytest.mark.parametrize("name", NAMES)
def test_the_rate_and_the_clip_follow_k(name):
    model, _ = model_and_rest(name)
    bptt = model["bptt"]["init_args"]
    k = bptt.get("k1", bptt.get("k"))
    assert bptt.get("k2", 2 * k - 1) == 2 * k - 1
    assert model["optimizer"]["init_args"]["lr"] == pytest.approx(k**0.5, abs=5e-4)
    assert model["clip"] == pytest.approx(1 / k, abs=5e-5)
    assert model["normaliser"] == "steps"


def test_nothing_else_differs():
    recipes = [model_and_rest(name) for name in NAMES]
    for model, rest in recipes:
        first_model, first_rest = recipes[0]
        assert rest == first_rest
        assert model["optimizer"]["init_args"]["weight_decay"] == 1e-5
        assert {key for key in model if model[key] != first_model[key]} <= {"bptt", "optimizer", "clip"}
