"""Runs that go on by themselves: in a job of SLURM that was requeued, or where nobody knows a run's id."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from elman.errors import BadInput
from elman.recipes.recipe import Recipe
from elman.run.resume import go_on
from elman.run.summary import say
from elman.tracking.find import finished, unfinished
from elman.tracking.store import resolve_uri
from elman.tracking.tags import JOB_TAG

AUTO = "auto"
"""As the value of `--resume`: the newest unfinished run of the recipe, or a new one."""
REQUEUE_SECONDS = 60.0


class AlreadyFinished(Exception):  # noqa: N818  (all is well)
    """The job was requeued after its run had ended well."""


def job_tags() -> dict[str, str]:
    """By what a requeued job finds its run."""
    job = os.environ.get("SLURM_JOB_ID")
    return {JOB_TAG: f"slurm:{os.environ.get('SLURM_CLUSTER_NAME', '')}:{job}"} if job else {}


def is_requeued() -> bool:
    """Whether this job of SLURM has run before."""
    return os.environ.get("SLURM_RESTART_COUNT", "0") != "0" and "SLURM_JOB_ID" in os.environ


def run_of_this_job(recipe: Recipe, tracking: dict[str, Any]) -> tuple[str | None, Path | None]:
    """The run that this job of SLURM began with this recipe, and its checkpoint; (None, None): it began none.

    Raises:
        AlreadyFinished: if it has ended well.
        BadInput: as of `go_on`.
    """
    uri, experiment, wanted = (
        resolve_uri(tracking["tracking_uri"]),
        tracking["experiment"],
        job_tags()[JOB_TAG],
    )
    for run in unfinished(uri, experiment, recipe.digest):
        if run.tags.get(JOB_TAG) == wanted:
            say(f"this job was requeued: it goes on with run {run.id} ({run.name})")
            return go_on(run, uri)
    for run in finished(uri, experiment, recipe.digest):
        if run.tags.get(JOB_TAG) == wanted:
            say(f"run {run.id} ({run.name}) of this job has finished; there is nothing left to do")
            raise AlreadyFinished
    return None, None


def newest_unfinished(recipe: Recipe, tracking: dict[str, Any]) -> tuple[str | None, Path | None]:
    """The newest run of this recipe that can go on, and its checkpoint; (None, None): there is none."""
    uri = resolve_uri(tracking["tracking_uri"])
    for run in unfinished(uri, tracking["experiment"], recipe.digest):
        if run.status == "RUNNING" and run.alive:
            continue
        try:
            found = go_on(run, uri)
        except BadInput as error:
            say(f"{error}; looking for another one")
            continue
        say(f"going on with run {run.id} ({run.name})")
        return found
    return None, None


def requeue() -> None:
    """Have SLURM put this job back into its queue, and say so; outside a job, nothing."""
    job = os.environ.get("SLURM_JOB_ID")
    if job is None:
        return
    try:
        done = subprocess.run(
            ["scontrol", "requeue", job], capture_output=True, check=False, text=True, timeout=REQUEUE_SECONDS
        )
        failed = done.stderr.strip() if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        failed = str(error)
    if failed:
        say(f"job {job} could not be put back into the queue: {failed}")
    else:
        say(f"job {job} is in the queue again, and will go on by itself")
