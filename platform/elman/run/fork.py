"""Going on from a checkpoint of a run with something changed, as a run of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

import torch

from datamodules.files import atomic_write
from elman.errors import BadInput
from elman.recipes.arguments import Words
from elman.recipes.recipe import Recipe, parse
from elman.recipes.trust import Stored
from elman.run.checkpoints import link, read_checkpoint
from elman.run.sealed import seal
from elman.tracking.find import find_run
from elman.tracking.metrics import high_is_good
from elman.tracking.reading import open_to_read, read_text
from elman.tracking.record import command_line
from elman.tracking.runs import RunRow
from elman.tracking.tags import DEVICE_TAG, FORK_STEP_TAG, FORK_TAG, PARENT_TAG
from elman.trust import trusted_packages

SHOWN = 8
THREADS_TAG = f"{DEVICE_TAG}torch_threads"


@dataclass(frozen=True, kw_only=True)
class Fork:
    """What a run begins with that goes on from a checkpoint of another one.

    Args:
        run: the other one.
        path: of its checkpoint.
        time_steps: seen in training there.
        changed: (value there, value here) by the option that sets it, of what decides the numbers.
    """

    run: RunRow
    path: Path
    time_steps: int
    changed: Mapping[str, tuple[str, str]]

    @property
    def origin(self) -> str:
        """What tells a fork from a run of its recipe that began at the beginning."""
        return f"{self.run.id}@{self.time_steps}"

    def tags(self) -> dict[str, str]:
        """Of the new run, which stands below the other one."""
        return {FORK_TAG: self.run.id, FORK_STEP_TAG: str(self.time_steps), PARENT_TAG: self.run.id}

    def lines(self) -> list[str]:
        """What it goes on from, and what is changed."""
        told = [f"--{name}={now} ({then} there)" for name, (then, now) in sorted(self.changed.items())]
        head = f"forked from run {self.run.id} ({self.run.name}) at {self.time_steps:,} time steps"
        return [f"{head}, with", *told] if told else [f"{head}, nothing changed"]

    def touches(self, *blocks: str) -> bool:
        """Whether anything in these blocks of the recipe is changed."""
        return any(name == block or name.startswith(f"{block}.") for name in self.changed for block in blocks)

    def begin(self, folder: Path, recipe: Recipe, optimizer: Mapping[str, Any]) -> tuple[Path, list[str]]:
        """Write the checkpoint that the new run begins with into its folder.

        Args:
            recipe: of the new run.
            optimizer: the state of a fresh one of the new recipe.

        Returns:
            The checkpoint, and what begins anew, in lines.
        """
        checkpoint = read_checkpoint(self.path)
        lines = changed_in(checkpoint, self, recipe, optimizer)
        best, callback = self.path.with_name("best.ckpt"), _checkpoints_state(checkpoint)
        if self.touches("trainer.monitor") or not _is_of(best, callback.get("best_time_steps")):
            monitor = recipe.config.trainer.monitor or ""
            worst = -inf if high_is_good(monitor) else inf
            callback |= {"best_value": worst, "best_time_steps": 0, "validations": 0, "not_finite": 0}
            lines.append("the best checkpoint is that of the steps from here on")
        else:
            link(best, folder / "best.ckpt")
        target = folder / f"step-{self.time_steps:014d}.ckpt"
        with atomic_write(target, sync=True) as part, part.open("wb+") as file:
            torch.save(checkpoint, file)
            seal(file)
        return target, lines


def changed_in(
    checkpoint: dict[str, Any], fork: Fork, recipe: Recipe, optimizer: Mapping[str, Any]
) -> list[str]:
    """Take what does not fit the new recipe out of a checkpoint; what begins anew, in lines."""
    own, lines = checkpoint["elman"], []
    own["recipe"] = recipe.resolved
    if fork.touches("data"):
        own["states"] = [None] * len(own["states"])
        own["restarts"] = [None] * len(own["restarts"])
        lines.append("the carry begins anew in all rows, as the data is changed; its batches are counted on")
    elif fork.touches("model.bptt"):
        own["begins_anew"] = True
        lines.append("the strategy begins anew, from the carry at this step")
    if fork.touches("model.optimizer"):
        lines += _optimizer(checkpoint, fork, optimizer)
    if fork.touches("model.normaliser"):
        own["updates"]["normaliser"] = recipe.config.model.normaliser
    if fork.touches("seed_everything"):
        own["random"] = []
        lines.append("random numbers are those of the new seed")
    return lines


def _optimizer(checkpoint: dict[str, Any], fork: Fork, fresh: Mapping[str, Any]) -> list[str]:
    """The values of a fresh optimiser, with the moments of the old one where it is of the same class."""
    if fork.touches("model.optimizer") and "model.optimizer" in fork.changed:
        checkpoint["optimizer_states"] = [dict(fresh)]
        return ["the optimiser begins anew, as it is another one"]
    (state,) = checkpoint["optimizer_states"]
    for group, new in zip(state["param_groups"], fresh["param_groups"], strict=True):
        group.pop("initial_lr", None)
        group |= {name: value for name, value in new.items() if name != "params"}
    return ["the optimiser goes on with its moments and the new values"]


def read_fork(target: str, words: Words, *, trust: str = "") -> tuple[Recipe, Fork]:
    """The run and the step that RUN@STEP names, and the run's recipe with options laid over it.

    Args:
        target: RUN@STEP; RUN@best, and RUN alone for its last checkpoint.
        words: options, and further recipes.
        trust: packages, separated by commas, whose classes the recipe may name.

    Raises:
        BadInput: if there is no such run, or no checkpoint of this step; the nearest is named.
    """
    name, _, step = target.rpartition("@") if "@" in target else (target, "", "last")
    with open_to_read(words.value("--tracking.tracking_uri")) as (client, store):
        run = find_run(store, name)
        text = read_text(client, run.id, "recipe.yaml")
    path, time_steps = checkpoint_at(run, step)
    if text is None:
        text = str(read_checkpoint(path)["elman"]["recipe"])
    again = command_line(["elman", "fork", target])
    stored = Stored(f"recipe.yaml of run {run.id}", text, again, trusted_packages(trust))
    threads = run.tags.get(THREADS_TAG, "")
    here = {
        "--tracking.tracking_uri": store,
        "--tracking.run_name": "null",
        "--trainer.checkpoints": str(path.parent.parent),
        **({"--trainer.threads": threads} if threads.isdecimal() else {}),
    }
    before = parse("fork", Words(options=tuple(here.items())), base=stored)
    recipe = parse("fork", words._replace(options=(*here.items(), *words.options)), base=stored)
    then, now = before.decisive, recipe.decisive
    names = sorted(key for key in then | now if then.get(key) != now.get(key))
    changed = {key: (then.get(key, "null"), now.get(key, "null")) for key in names}
    fork = Fork(run=run, path=path, time_steps=time_steps, changed=changed)
    _refuse(fork, recipe)
    question = "\n".join(fork.lines())
    return replace(recipe, name=run.recipe or recipe.name, question=question, origin=fork.origin), fork


def checkpoint_at(run: RunRow, step: str) -> tuple[Path, int]:
    """The checkpoint of a step, and its time steps.

    Args:
        step: a number of time steps, `best` or `last`.

    Raises:
        BadInput: if there is none; the nearest is named.
    """
    folder = Path(run.checkpoints or "")
    there = {int(path.stem.removeprefix("step-")): path for path in sorted(folder.glob("step-*.ckpt"))}
    best = folder / "best.ckpt"
    if run.checkpoints is None or not (there or best.is_file()):
        raise BadInput(f"run {run.id} ({run.name}) has no checkpoint in {run.checkpoints or 'any folder'}")
    if best.is_file():
        reached = int(read_checkpoint(best)["elman"]["time_steps"])
        there.setdefault(reached, best)
        if step == "best":
            return best, reached
    if step == "last":
        return there[max(there)], max(there)
    number = step.replace("_", "").replace(",", "")
    if not number.isdecimal():
        raise BadInput(f"the step of {run.name}@{step} must be a number of time steps, best or last")
    wanted = int(number)
    if wanted not in there:
        nearest = min(there, key=lambda each: abs(each - wanted))
        shown = ", ".join(f"{each:,}" for each in sorted(there)[-SHOWN:])
        raise BadInput(
            f"run {run.id} ({run.name}) has no checkpoint at {wanted:,} time steps; the nearest is "
            f"{nearest}: elman fork {run.id[:12]}@{nearest} (there are {shown}; trainer.keep_every keeps "
            "more)"
        )
    return there[wanted], wanted


def refuse_unfit_weights(fork: Fork, there: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    """Raise `BadInput` where the weights of the checkpoint are not those of the network.

    Args:
        there, here: weights by name.
    """
    names = sorted(there.keys() ^ here.keys())
    names += [name for name in there if name in here and there[name].shape != here[name].shape]
    if not names:
        return
    name = names[0]
    shapes = [tuple(weights[name].shape) if name in weights else "none" for weights in (there, here)]
    asked = " ".join(f"--{key}={now}" for key, (_, now) in fork.changed.items() if key.startswith("model."))
    raise BadInput(
        f"the weights at {fork.time_steps:,} time steps do not fit {asked or 'this network'}: {name} is "
        f"{shapes[0]} there and {shapes[1]} here; a fork keeps the network, so leave that out"
    )


def _refuse(fork: Fork, recipe: Recipe) -> None:
    """What cannot go on, and a budget that is spent."""
    if "data" in fork.changed:
        then, now = (value.rpartition(".")[2] for value in fork.changed["data"])
        raise BadInput(f"--data={now}: a fork goes on with the data of its run, {then}; leave --data out")
    spent = recipe.config.trainer.max_time_steps
    if spent is not None and spent <= fork.time_steps:
        raise BadInput(
            f"trainer.max_time_steps={spent} is spent: it counts from the beginning of the run, which had "
            f"trained {fork.time_steps:,} here; give a larger --trainer.max_time_steps"
        )


def _checkpoints_state(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """What our callback of that name keeps in a checkpoint."""
    found = checkpoint.get("callbacks", {}).get("Checkpoints", {})
    return found if isinstance(found, dict) else {}


def _is_of(best: Path, time_steps: object) -> bool:
    return best.is_file() and read_checkpoint(best)["elman"]["time_steps"] == time_steps
