"""Training a recorded run once more, and comparing the results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from elman.errors import BadInput
from elman.recipes.arguments import Words
from elman.recipes.recipe import Recipe, parse
from elman.recipes.trust import Stored
from elman.run.job import fit
from elman.run.kernels_then import KernelsThen, names_cores
from elman.run.parallel import is_first_process
from elman.run.summary import say
from elman.tracking.difference import data_of, made_of
from elman.tracking.metrics import monitored
from elman.tracking.reading import open_to_read, read_text
from elman.tracking.record import OWN_COMMIT, command_line, device_metadata, git_state, versions
from elman.tracking.runs import RunRow, row_of, with_best
from elman.tracking.tags import DEVICE_TAG, RERUN_TAG, VERSION_TAG
from elman.trust import trusted_packages

if TYPE_CHECKING:
    from mlflow import MlflowClient

THREADS_TAG = f"{DEVICE_TAG}torch_threads"
DECISIVE = ("processor", "gpus", "cuda")  # metadata of a machine that change the last digits of a metric


def rerun(
    name: str, words: Words, *, uri: str | None = None, resume: str | None = None, trust: str = ""
) -> int:
    """Train the recipe of a run with the same values, threads and kernels, and compare the best values.

    Args:
        name: the run's id, beginning of its id, or name.
        words: options that are laid over its recipe, and further recipes.
        uri: its store, where the new run goes too; None: as usual.
        resume: as for `elman fit`: the new run, where it was stopped.
        trust: packages, separated by commas, whose classes its recipe may name.

    Returns:
        The exit code of the training.

    Raises:
        BadInput: if there is no such run, or it keeps no recipe.
    """
    from elman.tracking.find import find_run

    with open_to_read(uri) as (client, store):
        run = client.get_run(find_run(store, name).id)
        before = row_of(run)
        text = read_text(client, before.id, "recipe.yaml")
        if text is None:
            raise BadInput(
                f"run {before.id} ({before.name}) keeps no recipe.yaml, which `elman fit` would have left; "
                "run its recipe with `elman fit`"
            )
        then = made_of(before.tags, diff=read_text(client, before.id, "git_diff.txt"))
    stored = Stored(
        f"recipe.yaml of run {before.id}",
        text,
        command_line(["elman", "rerun", name]),
        trusted_packages(trust),
    )
    recipe = _recipe(before, stored, words, store)
    say(f"run {before.id} ({before.name}) once more, with {_changes(then)}")
    kernels = None if names_cores(words) else KernelsThen(before)
    ended = fit(recipe, resume=resume, tags={RERUN_TAG: before.id}, kernels=kernels)
    if ended.code == 0 and ended.run_id is not None and is_first_process():
        with open_to_read(uri) as (client, _):
            for line in _verdict(
                client, run, client.get_run(ended.run_id), own=bool(words.options or words.recipes)
            ):
                say(line)
    return ended.code


def _recipe(before: RunRow, stored: Stored, words: Words, store: str) -> Recipe:
    """The recipe of a run, with its threads and store where the words do not say otherwise."""
    threads = before.tags.get(THREADS_TAG, "")
    same = {
        "--tracking.tracking_uri": store,
        "--tracking.run_name": "null",  # two runs of one name could not be distinguished by it
        **({"--trainer.threads": threads} if threads.isdecimal() else {}),
    }
    words = words._replace(options=(*same.items(), *words.options))
    recipe = parse("rerun", words, base=stored)
    question = f"Does run {before.id} ({before.name}) come out the same?"
    return replace(recipe, name=before.recipe or recipe.name, question=question)


def _changes(then: Mapping[str, dict[str, str]]) -> str:
    """What is not as it was, in a line."""
    here = {f"{VERSION_TAG}{name}": version for name, version in versions().items()}
    here |= {f"{DEVICE_TAG}{name}": value for name, value in device_metadata().items()}
    git = git_state()
    now = made_of({**here, **(git.tags() if git else {})}, diff=git.text() if git else None)
    changes = []
    for name in sorted(then["versions"] | now["versions"]):
        # Of elman there always was one; what was not recorded is not known.
        nothing = "unknown" if name in ("elman", OWN_COMMIT) or not then["versions"] else "none"
        old, new = then["versions"].get(name, nothing), now["versions"].get(name, nothing)
        changes += [f"{name} {new} (then {old})"] if old != new else []
    changes += (
        [] if then["code"] == now["code"] else [f"code {_code(now['code'])} (then {_code(then['code'])})"]
    )
    for name in DECISIVE:
        old, new = then["machine"].get(name, "none"), now["machine"].get(name, "none")
        changes += [f"{name} {new} (then {old})"] if old != new else []
    known = then["code"] or OWN_COMMIT in then["versions"]
    if not known:
        changes.append("code that was not recorded, so whether it is the same is unknown")
    return ", ".join(changes) or "the same code, versions and kind of machine"


def _code(code: Mapping[str, str]) -> str:
    if not code:
        return "unknown, outside of git"
    commit = code.get("commit", "no commit")[:8]
    return commit if code.get("files changed since", "none") == "none" else f"{commit} with changes"


def _verdict(client: MlflowClient, old: Any, new: Any, *, own: bool) -> list[str]:
    """The best values side by side, and what else than chance may have made them differ.

    Args:
        own: whether values of the recipe were replaced.
    """
    before, after = row_of(old), row_of(new)
    metric = monitored(before.params, before.metrics)
    if metric is None:
        return ["the old run has no metric of validation to compare with"]
    first, second = (with_best(client, row, metric).best for row in (before, after))
    if first is None or second is None:
        return [f"{metric} cannot be compared: {'that' if first is None else 'this'} run has none"]
    if first == second:
        return [f"{metric} {first:.6g}, then {second:.6g}: the same"]
    digits = "{:.6g}" if f"{first:.6g}" != f"{second:.6g}" else "{!r}"
    shown = [digits.format(value) for value in (first, second)]
    lines = [f"{metric} {shown[0]}, then {shown[1]}: {second - first:+.3g}"]
    then, now = data_of(old.inputs), data_of(new.inputs)
    if then != now:
        lines.append(f"the data is not what it was: {_digests(then)}, then {_digests(now)}")
    elif own:
        lines.append("the data is the same; values of the recipe were replaced")
    return lines


def _digests(data: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {digest[:12]}" for name, digest in sorted(data.items())) or "unknown"
