"""The order of words does not matter."""

import itertools

import pytest

from elman.recipes.arguments import rewrite


def test_inner_options_follow_what_they_refer_to():
    words = [
        "--model.bptt.k1=20",
        "base.yaml",
        "--model.bptt=Truncated",
        "--seed_everything",
        "3",
        "more.yml",
    ]
    assert rewrite(words) == [
        "--config=base.yaml",
        "--config=more.yml",
        "--seed_everything=3",
        "--model.bptt=Truncated",
        "--model.bptt.k1=20",
    ]


def test_every_order_means_the_same():
    words = ["a.yaml", "--m.b=X", "--m.b.k=1", "--m.b.c.d=2", "--seed=4"]
    orders = {tuple(rewrite(order)) for order in itertools.permutations(words)}
    assert orders == {("--config=a.yaml", "--seed=4", "--m.b=X", "--m.b.k=1", "--m.b.c.d=2")}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--t.lr", "-1e-3"], ["--t.lr=-1e-3"]),
        (["--t.lr=-1"], ["--t.lr=-1"]),
        (["--t.on", "false"], ["--t.on=false"]),
        (["--t.sizes", "[1, -2]"], ["--t.sizes=[1, -2]"]),
        (["--t.s+=1", "--t.s+=2"], ["--t.s+=1", "--t.s+=2"]),
        (["--t.x=a=b"], ["--t.x=a=b"]),
        (["--t.x="], ["--t.x="]),
        (["--t.x", "--t.y", "1"], ["--t.x", "--t.y=1"]),
        (["--t.k=1", "--t.k=2"], ["--t.k=1", "--t.k=2"]),
        (["-c", "a.yaml", "--config", "b.txt"], ["--config=a.yaml", "--config=b.txt"]),
        (["run42", "--data.path", "x.txt"], ["--data.path=x.txt", "run42"]),
        (["--help", "a.yaml"], ["--config=a.yaml", "--help"]),
        (["--", "--odd.yaml"], ["--odd.yaml"]),
        ([], []),
    ],
)
def test_values(words, expected):
    assert rewrite(words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--resume", "a.yaml"], ["--config=a.yaml", "--resume"]),
        (["a.yaml", "--resume"], ["--config=a.yaml", "--resume"]),
        (["--resume", "run42", "a.yaml"], ["--config=a.yaml", "--resume=run42"]),
        (["--resume=run42", "a.yaml"], ["--config=a.yaml", "--resume=run42"]),
        (["a.yaml", "--resume", "--t.k=1"], ["--config=a.yaml", "--resume", "--t.k=1"]),
        (["a.yaml", "--resume", "-h"], ["--config=a.yaml", "--resume", "-h"]),
    ],
)
def test_resume_does_not_swallow_the_recipe(words, expected):
    assert rewrite(words) == expected
