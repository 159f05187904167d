"""A group of runs of one recipe: what is missing is trained, and all of it summed up on one page."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from elman.errors import BadInput
from elman.groups.member import Member, Varies
from elman.groups.page import publish, summary_of
from elman.groups.results import Summary
from elman.groups.table import text_table
from elman.groups.training import Training, is_elsewhere, is_open
from elman.program import program
from elman.recipes.arguments import Words, rewrite
from elman.recipes.recipe import Recipe, parse
from elman.run.again import requeue
from elman.run.summary import command, say
from elman.search.space.variation import varied
from elman.search.workers.places import Lease, places, refuse_too_few, usable_cores, visible_gpus
from elman.tracking.find import finished, mark_stale
from elman.tracking.group_run import GroupRun
from elman.tracking.runs import DATA_PARAMS, RunRow
from elman.tracking.store import resolve_uri
from elman.tracking.tags import COMMAND_TAG, PARENT_TAG, RECIPE_TAG
from elman.tracking.ui import dashboard_line

STATUS = {0: "FINISHED", 1: "FAILED"}


def train_group(
    words: Words,
    members: Sequence[Member],
    *,
    varies: Varies,
    workers: int | None,
    more: Sequence[str] = (),
) -> int:
    """Train every member that has not finished, and sum up the group.

    A member is a process and a run below the group's own. One that some run has finished with the same
    recipe is taken as it is; one that was stopped or killed goes on. So the same command continues what was
    interrupted, and with more members it adds those.

    Args:
        words: recipes and options, as for `elman fit`.
        members: in the order in which they are trained.
        workers: trained at the same time; None: as many as there are GPUs, or cores.
        more: options that all of them have.

    Returns:
        The exit code: 0; 1 if one has failed; 128 and the number of the signal that ended it.

    Raises:
        BadInput: for whatever is wrong, before anything is trained; and if the data changed meanwhile.
    """
    first = parse("fit", _words(words, [*more, *members[0].options()]))
    # What the others warn of, the first has said.
    others = {each: varied(_words(words, [*more, *each.options()])) for each in members[1:]}
    recipes = {members[0]: first, **others}
    first.classes()  # which refuses what is wrong before any process is started
    here = _places(first, workers=workers, count=len(members))
    tracking = first.config.tracking
    uri = resolve_uri(tracking.tracking_uri)
    mark_stale(uri)
    runs = GroupRun(uri, experiment=tracking.experiment, digest=first.group_digest, varies=varies)
    name = tracking.run_name or f"{first.name}-{varies.replace(' ', '-')}s-{first.group_digest[:6]}"
    runs.open(name, {RECIPE_TAG: first.name, COMMAND_TAG: command()})
    code = 1
    try:
        runs.run.text(first.resolved, "recipe.yaml")
        runs.run.text(first.minimal, "recipe_minimal.yaml")
        missing = _missing(runs, recipes)
        if missing:
            at_once, threads = min(len(here), len(missing)), here[0].threads
            say(
                f"{len(missing)} of {len(members)} {varies}s of {first.name} to train, {at_once} at once, "
                f"{threads} thread{'s' * (threads > 1)} each; group {runs.run.id}"
            )
        training = Training(
            runs,
            words={each: rewrite(_member_words(words, each, more)) for each in members},
            recipe=words.recipes[-1],
            names={each: f"{tracking.run_name or first.name} {each}" for each in members},
            places=here,
            folder=Path(first.config.trainer.checkpoints).absolute(),
            say=say,
        )
        training.changed = lambda: publish(
            runs, summary_of(runs, len(members)), name=name, question=first.question, command=command()
        )
        code = training.run(missing)
        summary = summary_of(runs, len(members))
        refuse_unlike([each.row for each in summary.results if each.ended])
        publish(runs, summary, name=name, question=first.question, command=command())
    finally:
        _close(runs, STATUS.get(code, "KILLED"))
    _print_end(runs, summary, code)
    say(dashboard_line(tracking.tracking_uri, tracking.experiment))
    if code == 128 + signal.SIGUSR1:
        requeue()
    return code


def _words(words: Words, options: Sequence[str]) -> Words:
    """With further options, which come last."""
    added = tuple((option.partition("=")[0], option.partition("=")[2]) for option in options)
    return words._replace(options=(*words.options, *added))


def _member_words(words: Words, member: Member, more: Sequence[str]) -> Words:
    """What a member's process is given, but the last recipe."""
    quiet = "--trainer.progress=false"
    return _words(words._replace(recipes=words.recipes[:-1]), [*more, *member.options(), quiet])


def _places(recipe: Recipe, *, workers: int | None, count: int) -> list[Lease]:
    trainer = recipe.config.trainer
    gpus = [] if trainer.accelerator == "cpu" else visible_gpus()
    most = min(count, workers) if workers else count
    cores = usable_cores()
    if not gpus:
        most = min(most, cores) if workers is None else most
    found = places(
        workers=most, gpus_per_trial=float(trainer.devices) if gpus else None, gpus=gpus, cores=cores
    )
    refuse_too_few(len(found[0].gpus), trainer.devices)
    return [replace(each, threads=max(1, each.threads // trainer.devices)) for each in found]


def _missing(runs: GroupRun, recipes: dict[Member, Recipe]) -> list[Member]:
    """The members to train; those that were trained before are named."""
    there, missing = runs.members(), []
    for member, recipe in recipes.items():
        row = there.get(str(member))
        if row is None:
            alone = finished(runs.uri, runs.experiment, recipe.digest)
            row = next((each for each in alone if PARENT_TAG not in each.tags), None)
            if row is not None:
                runs.adopt(row.id, str(member))
        if is_elsewhere(row):
            say(f"{member}: is being trained by another process, run {row.id if row else ''}, and left alone")
        elif is_open(row):
            missing.append(member)
        else:
            say(f"{member}: trained before, run {row.id if row else ''}")
    return missing


def _close(runs: GroupRun, status: str) -> None:
    """The group's end, and that of runs whose process never began."""
    for row in runs.members().values():
        if row.status == "SCHEDULED":
            runs.end(row.id, "KILLED")
    runs.run.status(status)


def _print_end(runs: GroupRun, summary: Summary, code: int) -> None:
    say(text_table(summary))
    say(summary.headline())
    if code:
        say(f"the same command goes on with those that have not finished: {command(calls=program())}")
    say(f"group {runs.run.id}; compare it with another: {program()} compare {runs.run.id[:12]} OTHER")


def refuse_unlike(rows: Sequence[RunRow]) -> None:
    """Raise `BadInput` for runs that read unlike data: trained before and after it changed, say."""
    digests = {row.name: {k: v for k, v in row.data if not k.startswith(DATA_PARAMS)} for row in rows}
    first = next(iter(digests), "")
    other = next((name for name in digests if digests[name] != digests[first]), None)
    if other is not None:
        raise BadInput(
            f"{first} and {other} read unlike data, so they have no mean: it changed between them; "
            "name another --tracking.experiment to train all of them on the data as it is"
        )
