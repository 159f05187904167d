"""What is wrong with a search is one line before its first trial, and exit code 2."""

import shutil

import pytest
from search_toys import BASE, SEARCH

from elman.cli import main


@pytest.fixture
def folder(tmp_path, fresh_store):
    shutil.copy(fresh_store, tmp_path / "mlflow.db")
    (tmp_path / "base.yaml").write_text(BASE)
    return tmp_path


K1 = "  model.bptt.k1: {low: 2, high: 8, log: true}\n"
K2 = "  model.bptt.k2: {times: model.bptt.k1, low: 1, high: 3}\n"
LAYERS = "  model.core.layers: [1, 2]\n"
CASES = {
    "a target that is not there": ((K1, "  model.bptt.k9: {low: 2, high: 8}\n"), (), "takes no key 'k9'"),
    "a part that is not there": ((LAYERS, "  model.cores.layers: [1, 2]\n"), (), "model.cores"),
    "a range that ends before it begins": (("low: 2, high: 8", "low: 8, high: 2"), (), "low must be at most"),
    "a logarithm of zero": (("low: 2, high: 8", "low: 0, high: 8"), (), "must begin above zero"),
    "a range of words": (("low: 2, high: 8", "low: few, high: many"), (), "are finite numbers"),
    "a range with an end": (("low: 2, high: 8, log", "low: 2, log"), (), "'high' is missing"),
    "a key of no range": (("log: true", "logarithm: true"), (), "no key 'logarithm'"),
    "a value of the wrong kind": ((LAYERS, "  model.core.layers: [1, many]\n"), (), "expected int"),
    "a value that the core refuses": ((LAYERS, "  model.core.layers: [0, 1]\n"), (), "layers"),
    "a choice of one": ((LAYERS, "  model.core.layers: [1]\n"), (), "leaves nothing to choose"),
    "one choice twice": ((LAYERS, "  model.core.layers: [1, 1]\n"), (), "named twice"),
    "a multiple below one": (("low: 1, high: 3", "low: 0, high: 3"), (), "k2 is at least k1"),
    "k2 below k1": ((K2, "  model.bptt.k2: {low: 4, high: 16}\n"), (), "k2=4 below k1=8"),
    "k1 above the base's k2": ((K1 + K2, K1.replace("8", "9")), (), "k2=8 below k1=9"),
    "a multiple of nothing": (("times: model.bptt.k1", "times: model.bptt.k7"), (), "model.bptt.k7"),
    "a grid over all numbers": (
        (K1, "  model.optimizer.lr: {low: 0.001, high: 0.1}\n" + K1),
        ("--sampler=grid",),
        "sampler=grid needs choices",
    ),
    "an unknown sampler": (("", ""), ("--sampler=anneal",), "sampler"),
    "an unknown pruner": (("", ""), ("--pruner=worst",), "pruner"),
    "a figure that no run logs": (("val/bits_per_step", "val/bleu"), (), "no run logs 'val/bleu'"),
    "a meter that the base does not list": (
        ("val/bits_per_step", "gradient_by_lag/reach_steps"),
        (),
        "no run logs 'gradient_by_lag/reach_steps'",
    ),
    "a metric that its meter does not have": (
        ("val/bits_per_step", "gradient_by_lag/reach"),
        ("--diagnostics=[GradientByLag]",),
        "gradient_by_lag/reach_steps",
    ),
    "a direction that is none": (("minimize", "smaller"), (), "objectives"),
    "a limit on what is no cost": (("", ""), ("--constraints={val/accuracy: 1}",), "is no cost"),
    "GPUs that are not there": (("", ""), ("--gpus-per-trial=2",), "no GPU is seen here"),
    "half a GPU more": (("", ""), ("--gpus-per-trial=many",), "must be a number of GPUs"),
    "no budget": (("budget: {trials: 4}", ""), (), "nothing ends this search"),
    "a budget of nothing": (("", ""), ("--budget.trials=0",), "budget.trials must be positive"),
    "a trial without a budget": (
        ("", ""),
        ("--trainer.max_time_steps=null", "--trainer.max_minutes=1"),
        "set trainer.max_time_steps",
    ),
    "pruning with two objectives": (
        ("minimize}", "minimize, val/accuracy: maximize}"),
        ("--pruner=median",),
        "is to be good too",
    ),
    "fixed and searched": ((LAYERS, LAYERS + "fixed: {model.core.layers: 3}\n"), (), "both fixed and"),
    "no such base": (("base.yaml", "lost.yaml"), (), "lost.yaml"),
    "a key of no search": (("", "colour: red\n"), (), "colour"),
    "an option of nothing": (("", ""), ("--model.colour=red",), "colour"),
    "a storage of no kind": (("", ""), ("--storage=ftp://x/y",), "unknown scheme 'ftp'"),
    "a place of no kind": (("", ""), ("--on=moon",), "--on must be"),
    "no workers": (("", ""), ("--workers=-1",), "--workers"),
    "an endless range": (("high: 8, log", "high: .inf, log"), (), "finite numbers"),
    "one choice in two kinds": ((LAYERS, "  model.core.layers: [1, true]\n"), (), "named twice"),
    "a multiple of what is not always there": (
        (
            K1 + K2,
            "  model.bptt: [Full, Truncated]\n"
            + K1
            + "  data.lag: {times: model.bptt.k1, low: 1, high: 2}\n",
        ),
        (),
        "there are trials without model.bptt.k1",
    ),
    "a multiple of a class": (
        (K2, K2.replace("times: model.bptt.k1", "times: model.core") + "  model.core: [LSTM, GRU]\n"),
        (),
        "no range or choice of numbers",
    ),
    "a multiple of a multiple": (
        (K2, K2 + "  data.lag: {times: model.bptt.k2, low: 1, high: 2}\n"),
        (),
        "no range or choice of numbers",
    ),
    "a database without locks": (("", ""), ("--storage=mysql://x/y",), "unknown scheme 'mysql'"),
    "parts of a number": (
        (K1, "  model.bptt: {low: 1, high: 2}\n" + K1),
        (),
        "must name classes",
    ),
    "parts that no class takes": ((K2, "  model.bptt: [Full, Split]\n"), (), "takes 'k1'"),
}


@pytest.mark.parametrize("name", CASES)
def test_one_line_before_the_first_trial(name, folder, capsys, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (before, after), words, expected = CASES[name]
    text = SEARCH.replace(before, after, 1) if before else SEARCH + after
    assert before in SEARCH
    (folder / "search.yaml").write_text(text)
    assert main(["search", "search.yaml", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("elman: error: ")
    assert err.count("\n") == 1
    assert expected in err
    assert not list(folder.glob("searches/*/trials"))


def test_a_mended_file_is_not_held_to_what_was_wrong(folder, capsys):
    (folder / "search.yaml").write_text(SEARCH.replace("val/bits_per_step", "val/bits"))
    assert main(["search", "search.yaml"]) == 2
    (folder / "search.yaml").write_text(SEARCH.replace("layers: [1, 2]", "layers: [1, 0]"))
    assert main(["search", "search.yaml"]) == 2
    assert "layers" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["search"], "needs one file of a search"),
        (["search", "a.yaml", "b.yaml"], "needs one file of a search"),
        (["search", "base.yaml"], "has no block 'space'"),
        (["search", "lost.yaml"], "lost.yaml"),
    ],
)
def test_words_that_are_no_search(words, expected, folder, capsys):
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert expected in err
