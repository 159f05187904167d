"""A study as it is published while it runs: note, metrics, tables and pictures, in MLflow and in files."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from datamodules.files import write_whole
from elman.search.results.named import named
from elman.search.results.named_words import HOW
from elman.search.results.review import ENDED, Review, TrialRow
from elman.tracking.pages import comparison_page, run_page, runs_page
from elman.tracking.store import first_line
from elman.tracking.study_run import StudyRun

log = logging.getLogger(__name__)

QUICK_SECONDS = 2.0  # between two looks at what has changed
COMPARED = 10  # trials side by side
MORE = 0.1  # share of trials by which a study has grown when all of it is written again
PICTURES_SECONDS = 60.0  # between two sets of pictures, which cost seconds of a core


class Publisher:
    """Publishes the newest review from a thread of its own; reviews that come faster than it can are skipped.

    What a trial came to is sent as it ends. The study as a whole, its note, tables and pictures, is written
    again when a tenth more trials have ended, or when another trial is the best or on the front: so what a
    search sends grows with its trials, not with their square.

    A store that fails here ends no trial: it is logged once, and the end tries again.

    Args:
        runs: of the study.
        folder: of the study on this machine.
        recipe: the finished recipe of a trial, by its number.
    """

    def __init__(self, runs: StudyRun, folder: Path, *, recipe: Callable[[int], str]) -> None:
        self.runs, self.folder, self.recipe = runs, folder, recipe
        self.relative = Path(os.path.relpath(folder))
        self._newest: Review | None = None
        self._pictured_at = time.monotonic()
        self._written, self._winning = 0, ""  # trials ended, and the winners, when all was last written
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="elman-publisher", daemon=True)
        self._thread.start()

    def publish(self, review: Review) -> None:
        """Hand over the newest review; returns at once."""
        with self._wake:
            self._newest = review
            self._wake.notify()

    def close(self, review: Review, *, status: str) -> None:
        """Publish the last review with all its pictures, and end the study's run."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        self._results(review)
        self._whole(review)
        self._pictures(review, pages=True)
        self._pages(review)
        self.runs.end(status)

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._closing or self._newest is not None)
                if self._closing:
                    return
                review, self._newest = self._newest, None
            assert review is not None
            try:
                self._step(review)
            except Exception as error:
                log.warning("the study could not be published: %s", first_line(error))
            with self._wake:
                self._wake.wait_for(lambda: self._closing, QUICK_SECONDS)

    def _step(self, review: Review) -> None:
        """What has changed, and all of it where that is enough."""
        self._results(review)
        ended = len(review.ended)
        found = named(review)
        winners = [*([found.trial] if found else []), *review.ranked()[:1], *review.pareto()]
        winning = f"{[trial.number for trial in winners]} {len(review.confirmations)}"
        grown = ended >= (1 + MORE) * self._written
        if not grown and winning == self._winning:
            return
        self._whole(review)
        self._winning = winning
        if grown and time.monotonic() - self._pictured_at > PICTURES_SECONDS:
            self._pictures(review, pages=False)
            self._pictured_at = time.monotonic()
        self._written = ended if grown else self._written

    def _results(self, review: Review) -> None:
        """Metrics of the study, and in the run of each trial that ended what the study counts."""
        if review.ended:
            self.runs.metrics(study_metrics(review), step=len(review.ended))
        for trial in review.ended:
            if trial.run_id and trial.objectives and trial.state != "failed":
                self.runs.result(trial.run_id, trial.objectives, time_steps=trial.time_steps)

    def _whole(self, review: Review) -> None:
        """The note, and the files that others read."""
        from elman.search.results.columns import trials_csv

        self._describe(review)
        files = {"study.json": review.to_json(), "trials.csv": trials_csv(review), **self._winners(review)}
        for name, text in files.items():
            write_whole(self.folder / name, text)
            if not name.startswith("pareto/"):  # points may be beaten yet, and artifacts stay
                self.runs.run.text(text, name)

    def _pictures(self, review: Review, *, pages: bool) -> None:
        """Pictures; pages to point at are megabytes each."""
        from elman.search.pictures import save_pictures

        pictures = self.folder / "pictures"
        save_pictures(review, pictures, forms=("png", "html") if pages else ("png",))
        if any(pictures.iterdir()):
            self.runs.run.files(pictures, "pictures")

    def _pages(self, review: Review) -> None:
        """What is written at the end only: the report and the recipes of the front."""
        from elman.search.report.page import report

        if (self.folder / "pareto").is_dir():
            self.runs.run.files(self.folder / "pareto", "pareto")
        page = report(review)
        write_whole(self.folder / "report.html", page)
        self.runs.run.files(self.folder / "report.html")  # whole: as a text it would lose plotly's addresses
        self._describe(review)

    def _describe(self, review: Review) -> None:
        """What MLflow's pages begin with."""
        from elman.search.report.note import experiment_note, note
        from elman.search.report.view import view

        links = self._links(review)
        self.runs.run.note(note(review, links=links))
        self.runs.view(view(review, run_id=self.runs.id))
        own = {"study": run_page(self.runs.experiment_id, self.runs.id)}
        self.runs.experiment_note(experiment_note(review, links=own | links))

    def _links(self, review: Review) -> dict[str, str]:
        """Pages about the study, as far as there is something on them."""
        experiment, run = self.runs.experiment_id, self.runs.id
        from elman.search.report.note import ALL, SHOWN_BY_MLFLOW

        links = {
            "charts of the trials": runs_page(experiment, view=run),
            "table": runs_page(experiment, view=run, mode="TABLE"),
        }
        best = [trial.run_id for trial in review.ranked()[:COMPARED] if trial.run_id]
        if len(best) > 1:
            links[f"the {len(best)} best compared"] = comparison_page(experiment, best)
        if (self.folder / "report.html").is_file():
            links["report"] = run_page(experiment, run, file="report.html")
        if len(review.trials) > SHOWN_BY_MLFLOW and (self.folder / "pictures" / "curves.png").is_file():
            links[ALL] = run_page(experiment, run, file="pictures/curves.png")
        return links

    def _winners(self, review: Review) -> dict[str, str]:
        """The recipes of the trial that is named and of the points of the Pareto front, each a file."""
        answer = named(review)
        if answer is None:
            return {}
        found = {"best.yaml": answer.trial}
        if len(review.objectives) > 1:
            found |= {f"pareto/trial_{trial.number}.yaml": trial for trial in review.pareto()}
            for path in (self.folder / "pareto").glob("trial_*.yaml"):
                if f"pareto/{path.name}" not in found:
                    path.unlink()  # beaten meanwhile
        return {file: self._winner(review, file, trial) for file, trial in found.items()}

    def _winner(self, review: Review, file: str, trial: TrialRow) -> str:
        metrics = ", ".join(f"{name} {value:.6g}" for name, value in trial.objectives.items())
        answer = named(review) if file == "best.yaml" else None
        how = f", {HOW[answer.how]}" if answer else ""
        head = f"# Trial {trial.number} of the search {review.name}: {metrics}{how}."
        body = [line for line in self.recipe(trial.number).splitlines() if not line.startswith("#")]
        return "\n".join([head, "#", f"#   elman fit {self.relative / file}", "#", *body, ""])


def study_metrics(review: Review) -> dict[str, float]:
    """The study's own metrics: best so far, trials by state, cost."""
    counts = review.counts()
    best = review.best()
    metrics = {f"best/{name}": value for name, value in (best.objectives if best else {}).items()}
    metrics |= {f"trials/{state}": float(counts[state]) for state in ENDED}
    metrics["cost/time_steps"] = float(sum(trial.time_steps for trial in review.trials))
    metrics["cost/trial_seconds"] = round(sum(trial.seconds or 0.0 for trial in review.trials), 1)
    metrics["cost/hours"] = round(review.hours, 4)
    if len(review.objectives) > 1:
        metrics["trials/on_the_front"] = float(len(review.pareto()))
    return metrics
