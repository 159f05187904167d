"""The best of a study's trials, or of an experiment's runs, in lines, with its recipe."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elman.errors import BadInput
from elman.program import program
from elman.recipes.strict_yaml import todays_text
from elman.tracking.metrics import high_is_good, monitored
from elman.tracking.reading import close_to, read_text
from elman.tracking.runs import RunRow, newest_rows, with_best
from elman.tracking.tags import PARENT_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from elman.search.results.named import Named
    from elman.search.results.review import Review, TrialRow


@dataclass(frozen=True, kw_only=True)
class Winner:
    """The best one.

    Args:
        id: of its run.
        lines: about it, and about the next ones.
        sources: (run, artifact) that may hold its recipe, the first that is there is taken.
        best: the same for programs, by names that stay.
        ranked: by what was observed, the first ones.
        study: of which it is a trial; None: of none.
        metric: that ranked them.
        trial: its number; a recipe whose head names another one is not its.
    """

    id: str
    lines: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]
    best: dict[str, Any]
    ranked: tuple[dict[str, Any], ...]
    study: str | None = None
    metric: str = ""
    trial: int | None = None

    def recipe(self, client: MlflowClient) -> str:
        """The recipe that trains it once more.

        Raises:
            BadInput: if none was recorded.
        """
        for run, path in self.sources:
            text = read_text(client, run, path)
            if text is not None and not (self.trial is not None and _names_another(text, self.trial)):
                return todays_text(text, f"{path} of run {run}")
        raise BadInput(f"run {self.id} keeps no recipe, which `elman fit` would have left")


def best_trial(client: MlflowClient, row: RunRow, review: Review, *, metric: str | None, top: int) -> Winner:
    """The trial that a study names, and the points of its Pareto front where it has several objectives.

    Args:
        metric: judge by this alone, and by the best value observed; each trial has it in its run where it was
            no objective.
    """
    from elman.search.results.named import named

    if metric is not None and metric not in review.objectives:
        return _best_by(client, row, review, metric=metric, top=top)
    name = metric or review.objective
    front = len(review.objectives) > 1 and metric is None
    sign = -1.0 if review.objectives[name] == "maximize" else 1.0
    if front:
        ranked = review.pareto()
    else:
        there = [(t.metric(name), t) for t in review.feasible]
        ranked = [t for _, _, t in sorted((sign * v, t.number, t) for v, t in there if v is not None)]
    if not ranked or ranked[0].run_id is None:
        limits = " that keeps all limits" if review.constraints else ""
        raise BadInput(f"study {review.name!r} has no complete trial{limits} yet: {_counts(review)}")
    answer = named(review) if metric is None else None
    trial = answer.trial if answer else ranked[0]
    lines = [f"study {review.name} of experiment {review.experiment}: {_counts(review)}"]
    lines += _named_lines(review, answer)
    if front:
        lines.append(f"{len(ranked)} points of the Pareto front, the best {name} first:")
    lines += [
        _trial_line(review, each, metric=None if front else name) for each in ranked[: None if front else top]
    ]
    lines += [f"limits: {', '.join(f'{n} <= {v:g}' for n, v in review.constraints.items())}"] * bool(
        review.constraints
    )
    lines.append(f"train it once more: {program()} rerun {trial.run_id}")
    own = (trial.run_id or "", "recipe_minimal.yaml")
    sources = ((row.id, "best.yaml"), own) if answer else (own,)
    shown = ranked[: None if front else top]
    return Winner(
        id=str(trial.run_id),
        lines=tuple(lines),
        sources=sources,
        best={**_trial_facts(trial), "how": answer.how if answer else "observed"},
        ranked=tuple(_trial_facts(each) for each in shown),
        study=review.name,
        metric=name,
        trial=trial.number,
    )


def _names_another(text: str, trial: int) -> bool:
    """Whether a recipe says of itself that it is another trial's, which an earlier version had chosen."""
    named = re.match(r"# Trial (\d+) ", text)
    return named is not None and int(named[1]) != trial


def _named_lines(review: Review, answer: Named | None) -> list[str]:
    """What is named and what that rests on, unless it is just the first of the trials below."""
    from elman.search.results.named_words import doubts, evidence, sentence

    if answer is None:
        return []
    text = sentence(review, answer) if answer.how != "observed" else ""
    return [line for line in (text, f"{doubts(review, answer)} {evidence(review, answer)}".strip()) if line]


def _trial_facts(trial: TrialRow) -> dict[str, Any]:
    return {
        "run": trial.run_id,
        "trial": trial.number,
        "values": trial.values,
        "metrics": {**trial.objectives, **trial.constrained, **trial.costs},
        "time_steps": trial.time_steps,
        "seconds": trial.seconds,
    }


def _best_by(client: MlflowClient, row: RunRow, review: Review, *, metric: str, top: int) -> Winner:
    """The best complete trial by a metric that was no objective, out of the histories of their runs."""
    feasible = {trial.run_id: trial for trial in review.feasible}
    rows, _ = newest_rows(client, [row.experiment_id], wanted=f"tags.`{PARENT_TAG}` = '{row.id}'")
    rows = [each for each in rows if each.id in feasible]
    if not rows:
        raise BadInput(f"study {review.name!r} has no complete trial yet: {_counts(review)}")
    ranked, metric = ranked_runs(client, rows, metric)
    lines = [f"study {review.name} of experiment {review.experiment}: {_counts(review)}; by {metric}:"]
    lines += [
        f"{each.best:.6g}  {_trial_line(review, feasible[each.id], metric=None)}" for each in ranked[:top]
    ]
    lines.append(f"train it once more: {program()} rerun {ranked[0].id}")
    facts = [{**_trial_facts(feasible[each.id]), "metrics": {metric: each.best}} for each in ranked[:top]]
    return Winner(
        id=ranked[0].id,
        lines=tuple(lines),
        sources=((ranked[0].id, "recipe_minimal.yaml"),),
        best=facts[0],
        ranked=tuple(facts),
        study=review.name,
        metric=metric,
    )


def ranked_runs(client: MlflowClient, rows: Sequence[RunRow], metric: str | None) -> tuple[list[RunRow], str]:
    """The rows that have a metric, with its best value, best first, of equal ones the older; the metric."""
    there = sorted({name for row in rows for name in row.metrics})
    if metric is None:
        metric = next(filter(None, (monitored(row.params, row.metrics) for row in rows)), None)
        if metric is None:
            raise BadInput(f"no run says what it has monitored; name a metric with --metric: {_some(there)}")
    elif metric not in there:
        near = close_to(metric, there)
        hint = f"did you mean {near}?" if near else f"there are {_some(there)}"
        raise BadInput(f"--metric={metric}: none of these runs has it; {hint}")
    found = [with_best(client, row, metric) for row in rows if metric in row.metrics]
    sign = -1.0 if high_is_good(metric) else 1.0
    with_value = [row for row in found if row.best is not None]
    if not with_value:
        raise BadInput(f"no run has a finite value of {metric}")
    return sorted(with_value, key=lambda r: (sign * (r.best or 0.0), r.started_ms)), metric


def _some(names: Sequence[str]) -> str:
    return ", ".join([n for n in names if n.startswith(("val/", "test/"))] or names[:20]) or "none"


def _trial_line(review: Review, trial: TrialRow, *, metric: str | None) -> str:
    """A trial's metrics, values, cost and run; of one metric where `metric` names it."""
    from elman.search.results.format import cost_in_words, in_words

    shown = [metric] if metric else list(review.objectives)
    metrics = ", ".join(
        f"{name} {trial.metric(name):.6g}" for name in shown if trial.metric(name) is not None
    )
    cost = ", ".join(filter(None, [f"{trial.time_steps:,} time steps", cost_in_words(trial)]))
    return f"trial {trial.number}: {metrics}; {in_words(review, trial.values)}; {cost}; run {trial.run_id}"


def _counts(review: Review) -> str:
    found = [f"{count} {state}" for state, count in review.counts().items() if count]
    return f"{len(review.trials)} trials ({', '.join(found)})" if found else "no trials"
