"""A run's floor is what a search measures, of text too; groups and searches say the same of a run."""

import math
from collections import Counter

import pytest
from launching import ECHO

from elman.cli import main
from elman.groups.results import result_of
from elman.search.results.learned import is_at_chance, learned_from
from elman.search.results.review import Review
from elman.search.space.checks import refuse_impossible
from elman.search.space.definition import read_search
from elman.tracking.floor import floors_of, learned
from elman.tracking.runs import row_of

SHORT = ("--trainer.max_time_steps=600", "--trainer.val_every=300")
SEARCH = """\
# Which windows?
recipe: {recipe}
space: {{model.core.layers: [1, 2]}}
objectives: {{val/bits_per_step: minimize}}
budget: {{trials: 2}}
"""


def test_of_text_it_is_the_entropy_of_what_is_validated(recipe, folder):
    assert main(["fit", recipe, *SHORT]) == 0
    run = folder.run()
    found = floors_of(run.data.tags)
    folder.write("search.yaml", SEARCH.format(recipe=recipe))
    measured = refuse_impossible(read_search(["search.yaml"])).chance
    assert found.keys() == measured.keys() == {"val/nats_per_step", "val/bits_per_step", "val/accuracy"}
    assert found == pytest.approx(measured)
    text = (folder.path / "text.txt").read_text()
    counts = Counter(text[-len(text) // 10 :])  # the last tenth, more or less
    entropy = -sum(n / counts.total() * math.log(n / counts.total()) for n in counts.values())
    assert found["val/nats_per_step"] == pytest.approx(entropy, rel=0.02)


def test_groups_and_searches_say_the_same_of_a_run(folder):
    """Of the values around the limit, whichever the metric."""
    folder.write("echo.yaml", ECHO)
    assert main(["fit", "echo.yaml"]) == 0
    row = row_of(folder.run())
    floors = floors_of(row.tags)
    assert floors["val/nats_per_step"] <= math.log(2) + 1e-9  # what the data state
    result = result_of(folder.client, "seed 1", row)
    assert result.learned is learned({"val/nats_per_step": result.best}, floors)
    for metric, direction in (("val/nats_per_step", "minimize"), ("val/accuracy", "maximize")):
        review = Review(
            name="echo",
            question="",
            command="",
            experiment="",
            dimensions=(),
            objectives={metric: direction},
            chance=floors,
        )
        limit = abs(learned_from(review))
        for value in (0.999 * limit, 1.001 * limit, floors[metric]):
            assert is_at_chance(review, value) is not learned({metric: value}, floors)
