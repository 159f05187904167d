"""`elman diff` on runs written by hand."""

import json

from recorded import record, study


def test_what_differs_and_what_does_not(answer, client):
    first = record("one", [2.0, 1.0], k1=5)
    second = record("two", [2.0, 0.5], k1=7, tags={"elman.version.torch": "2.12.0"}, digest="e" * 40)
    client.log_metric(first, "system/cpu", 3.0)
    header, *lines = answer("diff", "one", second[:12]).splitlines()
    assert header.split() == ["block", "what", first[:8], "one", second[:8], "two", "difference"]
    said = [line.split() for line in lines]
    assert said[0] == ["recipe", "model.bptt.k1", "5", "7"]
    assert said[1] == ["data", "train", "echo", "d" * 40, "e" * 40]
    assert said[2] == ["versions", "torch", "2.11.0", "2.12.0"]
    assert said[3] == ["results", "best", "val/nats_per_step", "1", "0.5", "-0.5", "(better)"]
    assert not any("system/cpu" in line for line in lines)
    assert lines[-2:] == ["same machine", "not known of both: code"]


def test_a_higher_accuracy_is_better(answer, client):
    runs = [record("one", [0.5]), record("two", [0.9])]
    for run in runs:
        client.log_param(run, "trainer.monitor", "val/accuracy")
    assert "-0.04 (worse)" in answer("diff", *runs)
    assert "+0.04 (better)" in answer("diff", *reversed(runs))


def test_equal_runs_are_summed_up_in_a_line(answer):
    runs = [record("one", [2.0, 1.0]), record("two", [2.0, 1.0])]
    assert "same recipe, same data, same versions, same machine, same results" in answer("diff", *runs)
    assert "same results" in answer("diff", runs[0], runs[0])


def test_lines_for_programs(answer):
    record("one", [1.0], k1=5)
    record("two", [2.0], k1=7)
    found = [json.loads(line) for line in answer("diff", "one", "two", "--format=jsonl").splitlines()]
    assert found[0] == {
        "block": "recipe",
        "name": "model.bptt.k1",
        "first": "5",
        "second": "7",
        "difference": None,
    }
    assert found[1]["difference"] == 1.0


def test_a_run_without_a_recipe_is_known_by_its_parameters(answer, client, uri):
    parent, trials = study(client, uri)
    assert "model.bptt.k1" in answer("diff", parent, trials[0])


def test_mistakes_are_one_line(complaint, client):
    run = record("one", [1.0])
    assert "something is missing; elman diff RUN RUN" in complaint("diff", run)
    assert "one word too many" in complaint("diff", run, run, run)
    assert "no run has the id or name 'two'" in complaint("diff", run, "two")
    assert "--format must be table, jsonl or json" in complaint("diff", run, run, "--format=csv")
    client.log_text(run, "model: !!python/object/apply:os.system ['touch owned']\n", "recipe.yaml")
    assert "the tag" in complaint("diff", run, run)
