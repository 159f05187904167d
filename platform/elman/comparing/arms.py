"""The recipes to compare, from what a user names: a recipe's file, a run, a group, an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from elman.errors import BadInput
from elman.groups.member import Member, member_of
from elman.groups.results import has_diverged
from elman.recipes.arguments import Words, is_recipe
from elman.tracking.find import find_run
from elman.tracking.group_run import members
from elman.tracking.reading import close_to
from elman.tracking.runs import RunRow, newest_rows, quoted
from elman.tracking.secrets import without_secrets
from elman.tracking.tags import FORK_TAG, GROUP_TAG, MEMBER_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient

APART = ("seed_everything", ".fold", "trainer.checkpoints", "trainer.progress", "trainer.keep_every")
DERIVED = ("strategy", "k1", "k2", "k", "window", "k2/k1", "depth", "trial")
"""Parameters that follow from others."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One of the things to compare, and its runs.

    Args:
        word: as it was named.
        rows: of one recipe, the newest of each seed and fold.
        name: of its recipe.
        study: the run of a search, which has no runs of one recipe.
    """

    word: str
    name: str
    rows: Mapping[Member, RunRow] = field(default_factory=dict)
    study: RunRow | None = None

    @property
    def first(self) -> RunRow:
        return next(iter(self.rows.values()))

    def settings(self) -> dict[str, str]:
        """The recipe's values, by the option that sets each, without seed and fold."""
        found = {}
        for key, value in self.first.params.items():
            name = key.replace(".init_args", "").removesuffix(".class_path")
            if name not in DERIVED and not name.endswith(APART):
                found[name] = value
        return found


def sources(client: MlflowClient, store: str, words: Words, names: Sequence[str]) -> list[Source]:
    """What each of the names stands for; an experiment stands for all the recipes in it.

    Args:
        words: options that are laid over recipes named by file.
        names: in the order given.

    Raises:
        BadInput: if a name stands for nothing, or for nothing that has ended.
    """
    found: list[Source] = []
    for name in names:
        if is_recipe(name):
            found.append(_of_recipe(client, store, words, name))
        else:
            found += _of_name(client, store, name)
    return found


def _of_recipe(client: MlflowClient, store: str, words: Words, name: str) -> Source:
    from elman.recipes.recipe import parse

    recipe = parse("compare", words._replace(recipes=(name,), positional=()))
    experiments = [str(each.experiment_id) for each in client.search_experiments()]
    rows, _ = newest_rows(client, experiments, wanted=f"tags.`{GROUP_TAG}` = {quoted(recipe.group_digest)}")
    mine = client.get_experiment_by_name(recipe.config.tracking.experiment)
    own = [row for row in rows if mine is not None and row.experiment_id == str(mine.experiment_id)]
    kept = _newest(own or rows)
    if not kept:
        given = " ".join(f"{key}={value}" for key, value in words.options)
        raise BadInput(
            f"{name}: no run of this recipe{f' with {given}' if given else ''} in {without_secrets(store)}; "
            f"train it: elman fit {name} --seeds=5"
        )
    return Source(word=name, name=recipe.name, rows=kept)


def _of_name(client: MlflowClient, store: str, name: str) -> list[Source]:
    experiment = client.get_experiment_by_name(name)
    if experiment is not None and experiment.lifecycle_stage != "deleted":
        found = _of_experiment(client, str(experiment.experiment_id), name)
        if found:
            return found
    try:
        row = find_run(store, name)
    except BadInput as error:
        if "no run has" not in str(error):
            raise
        near = close_to(name, [each.name for each in client.search_experiments()])
        hint = f"did you mean the experiment {near}?" if near else "`elman runs --all` lists what there is"
        raise BadInput(f"{name!r} is no recipe, run, group or experiment with runs; {hint}") from error
    if row.is_study:
        return [Source(word=name, name=row.name, study=row)]
    if row.is_group:
        kept = _newest(members(client, row.experiment_id, row.id).values())
        if not kept:
            raise BadInput(f"group {row.id} ({row.name}) has no run yet")
        return [Source(word=name, name=row.recipe or row.name, rows=kept)]
    return [Source(word=name, name=row.recipe or row.name, rows={member(row): row})]


def _of_experiment(client: MlflowClient, number: str, name: str) -> list[Source]:
    """Its recipes, in the order of their first runs; its searches where it has none."""
    rows, _ = newest_rows(client, [number])
    single = [
        row
        for row in rows
        if not (row.is_study or row.is_group or FORK_TAG in row.tags) and row.trial is None
    ]
    by_recipe: dict[str, list[RunRow]] = {}
    for row in reversed(single):
        by_recipe.setdefault(recipe_key(row), []).append(row)
    if not by_recipe:
        return [Source(word=name, name=row.name, study=row) for row in rows if row.is_study]
    kept = [(rows[0].recipe or name, _newest(reversed(rows))) for rows in by_recipe.values()]
    return [Source(word=name, name=recipe, rows=found) for recipe, found in kept if found]


def recipe_key(row: RunRow) -> str:
    """What runs have in common that differ in seed and fold alone: a digest; of runs of before their values.

    A fork is no run of its recipe.
    """
    if FORK_TAG in row.tags:
        return row.id
    return row.tags.get(GROUP_TAG) or repr(
        sorted((k, v) for k, v in row.params.items() if not k.endswith(APART))
    )


def _newest(rows: object) -> dict[Member, RunRow]:
    """By seed and fold, those that have ended before those that have not; of equal ones the first."""
    found: dict[Member, RunRow] = {}
    for row in rows:  # type: ignore[attr-defined]
        if row.is_group or row.is_study:
            continue
        which = member(row)
        if which not in found or (has_ended(row) and not has_ended(found[which])):
            found[which] = row
    return dict(sorted(found.items(), key=lambda pair: [-1 if n is None else n for n in reversed(pair[0])]))


def has_ended(row: RunRow) -> bool:
    """Whether a run has a result."""
    return row.status == "FINISHED" or has_diverged(row)


def member(row: RunRow) -> Member:
    """The seed and the fold of a run."""
    named = member_of(row.tags.get(MEMBER_TAG, ""))
    fold = next((value for key, value in row.params.items() if key.endswith(".fold")), None)
    folds = next((value for key, value in row.params.items() if key.endswith(".folds")), "None")
    seed = row.params.get("seed_everything", "")
    return Member(
        seed=int(seed) if seed.isdecimal() else named.seed if named else None,
        fold=int(fold) if fold is not None and fold.isdecimal() and folds != "None" else None,
    )
