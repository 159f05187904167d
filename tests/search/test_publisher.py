"""What a search sends while it runs: everything in the end, and never more than its trials justify."""

from dataclasses import replace

import pytest
from study_toys import COST, LOSS, realistic, review, row

from elman.search.report import publisher as publishing
from elman.search.report.publisher import Publisher
from elman.search.results.review import Review


class Runs:
    """Stands where a study's runs are, and keeps what is sent: (what, its text) in order."""

    id, experiment_id = "1", "1"

    def __init__(self):
        self.run, self.sent, self.counted = self, [], {}

    def text(self, text, name):
        self.sent.append((name, text))

    def note(self, text):
        self.sent.append(("note", text))

    view = experiment_note = note

    def files(self, path, name=None):
        if path.is_dir():
            self.sent.append((name, "".join(sorted(each.name for each in path.iterdir()))))
        else:
            self.sent.append((path.name, path.read_text()))

    def metrics(self, values, *, step):
        self.counted[step] = values

    def result(self, run_id, objectives, **more):
        self.sent.append((run_id, ""))

    def end(self, status):
        self.sent.append(("end", status))

    def bytes(self):
        return sum(len(text) for _, text in self.sent)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Publishes a study as it grows; what was sent."""
    monkeypatch.setattr(publishing, "PICTURES_SECONDS", float("inf"))

    def run(*studies):
        runs = Runs()
        publisher = Publisher(runs, tmp_path, recipe=lambda number: "model: {}\n")
        for study in studies:
            publisher._step(study)
        return runs

    return run


def growing(study):
    return [replace(study, trials=study.trials[:count]) for count in range(1, len(study.trials) + 1)]


def test_what_is_sent_grows_with_the_trials_and_not_with_their_square(published):
    """Twice the trials are at most 2.5 times the bytes; with all of it for each trial it would be 4 times."""
    small, large = (published(*growing(realistic(count, running=False))) for count in (40, 80))
    assert 1.5 < large.bytes() / small.bytes() < 2.5
    assert set(large.counted) == set(range(1, 81))  # metrics of the study are those of every trial


def test_another_winner_is_published_at_once_and_others_after_a_tenth(published):
    trials = [row(n, 2.0 + n) for n in range(100)]
    better = row(102, 1.0)
    steps = [trials, [*trials, row(100, 3.5)], [*trials, row(100, 3.5), better]]
    runs = published(*(review(*each) for each in steps))
    studies = [Review.from_json(text) for name, text in runs.sent if name == "study.json"]
    assert [len(study.trials) for study in studies] == [100, 102]
    assert studies[-1].best().number == 102
    assert [text.split("\n")[0] for name, text in runs.sent if name == "best.yaml"][-1].startswith(
        "# Trial 102 "
    )


def test_a_point_of_the_front_is_a_winner(published):
    points = [(1.0 + n, 200.0 - n) for n in range(100)]
    trials = [row(n, objectives={LOSS: a, COST: b}) for n, (a, b) in enumerate(points)]
    trials[50] = row(50, objectives={LOSS: 500.0, COST: 500.0})
    ways = {LOSS: "minimize", COST: "minimize"}
    late = row(100, objectives={LOSS: 50.5, COST: 150.5})
    runs = published(review(*trials, objectives=ways), review(*trials, late, objectives=ways))
    assert [name for name, _ in runs.sent].count("study.json") == 2


def test_the_end_has_everything(tmp_path):
    runs = Runs()
    study = review(*[row(n, 1.0 + n, run_id=f"run{n}") for n in range(12)])
    Publisher(runs, tmp_path, recipe=lambda number: "").close(study, status="FINISHED")
    names = [name for name, _ in runs.sent]
    assert {"study.json", "trials.csv", "best.yaml", "report.html", "pictures", "run11"} < set(names)
    assert names[-1] == "end"
