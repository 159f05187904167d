"""A search as it is run: its file read, its options laid over it, its trials as finished recipes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from elman.errors import BadInput
from elman.recipes.arguments import rewrite
from elman.recipes.parser import RecipeParser
from elman.recipes.recipe import Recipe
from elman.recipes.strict_yaml import read_recipe
from elman.search.space.first import read_first
from elman.search.space.settings import Settings
from elman.search.space.space import Space, Values
from elman.search.space.space_file import read_space
from elman.search.space.variation import in_yaml, varied
from elman.tracking.metrics import high_is_good
from elman.tracking.note import without_measurements


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search that can be run.

    Args:
        settings: of its file and the command line.
        space: what is tried.
        base: the recipe of which trials are variations.
        words: recipes and options that make the base.
        question: the comment at the head of the file, without its command.
        name: of the study.
        file: name of the file with its folder, without suffix.
        text: of the file.
        folder: where the study keeps its files on this machine.
        planned: points that are tried first, by label, as far as they are given.
    """

    settings: Settings
    space: Space
    base: Recipe
    words: list[str]
    question: str
    name: str
    file: str
    text: str
    folder: Path
    planned: Sequence[Values] = ()

    @property
    def first(self) -> str:
        """The objective that curves show and that decides on pruning."""
        return next(iter(self.settings.objectives))

    @property
    def identity(self) -> dict[str, Any]:
        """What must stay the same for a study to go on."""
        return {
            "space": json.loads(json.dumps([asdict(d) for d in self.space.dimensions], default=str)),
            "objectives": list(self.settings.objectives.items()),  # their order is that of Optuna's values
            "constraints": dict(self.settings.constraints),
            "recipe": self.base.digest,
            "value": self.settings.value,
        }

    def recipe(
        self,
        values: Mapping[str, Any],
        *,
        threads: int | None = None,
        processes: int = 1,
        seed: int | None = None,
        times: float = 1.0,
    ) -> Recipe:
        """The finished recipe of a trial.

        Args:
            values: by label.
            threads: CPU threads that all its processes share, where the base sets none; part of the
                recipe, since sums depend on them.
            processes: that train together in it, at least: one for each GPU that is leased to it.
            seed: other than the base's.
            times: how many times as long as in the base it trains.
        """
        devices = max(self.base.config.trainer.devices, processes)
        options = [f"--{target}={in_yaml(value)}" for target, value in self.space.targets(values).items()]
        if threads is not None and self.base.config.trainer.threads is None:
            options.append(f"--trainer.threads={max(1, threads // devices)}")
        if seed is not None:
            options.append(f"--seed_everything={seed}")
        options += self._longer(times) if times != 1 else []
        if devices > self.base.config.trainer.devices:
            options.append(f"--trainer.devices={devices}")
        if self.base.config.trainer.monitor is None and (monitor := self._monitor()):
            options.append(f"--trainer.monitor={monitor}")
        return varied([*self.words, *options])

    def _longer(self, times: float) -> list[str]:
        """Options that make a trial so many times as long."""
        trainer = self.base.config.trainer
        whole = {name: getattr(trainer, name) for name in ("max_time_steps", "max_epochs")}
        options = [f"--trainer.{name}={round(n * times)}" for name, n in whole.items() if n is not None]
        return options + (
            [f"--trainer.max_minutes={trainer.max_minutes * times}"] if trainer.max_minutes else []
        )

    @property
    def seed(self) -> int:
        """Of the base recipe, and so of every trial."""
        return int(self.base.config.seed_everything)

    def _monitor(self) -> str | None:
        """The first objective, where the best checkpoint is to be that of its best value."""
        up = high_is_good(self.first)
        agrees = (self.settings.objectives[self.first] == "maximize") == up
        return self.first if self.first.startswith("val/") and agrees else None


def read_search(words: Sequence[str]) -> Search:
    """The search that a file and the options after it describe.

    Args:
        words: one file, options of the search (`--budget.trials=10`) and of the base recipe
            (`--data.path=my.txt`) in any order.

    Raises:
        BadInput: for whatever is wrong, in one line.
    """
    ordered = rewrite(words)
    files = [word.removeprefix("--config=") for word in ordered if word.startswith("--config=")]
    left = [word for word in ordered if not word.startswith("--")]
    if len(files) != 1 or left:
        given = ", ".join([*files, *left]) or "none"
        raise BadInput(f"elman search needs one file of a search: elman search SEARCH.yaml, got {given}")
    path = Path(files[0])
    text, question = read_recipe(path)
    if "space" not in text:
        raise BadInput(f"{path} has no block 'space', so it is no search; `elman fit {path}` runs a recipe")
    parser = make_parser()
    own_keys = {action.dest.partition(".")[0] for action in parser._actions}
    own: list[str] = []
    others: list[str] = []
    for word in ordered:
        if not word.startswith("--config="):
            key = word.removeprefix("--").partition("=")[0].partition(".")[0]
            (own if key in own_keys else others).append(word)
    config = parser.parse_args([f"--config={path}", *own])
    settings = _settings(parser, config, path)
    base_words = _base_words(settings, path.absolute().parent, others)
    base = varied(base_words)
    name = settings.name or f"{path.resolve().parent.name}/{path.stem}"
    space = read_space(settings, base, base_words)
    return Search(
        settings=settings,
        space=space,
        planned=read_first(settings, space),
        base=base,
        words=base_words,
        question="\n\n".join(
            p for p in without_measurements(question).split("\n\n") if not p.lstrip().startswith("elman ")
        ),
        name=name,
        file=f"{path.resolve().parent.name}/{path.stem}",
        text=path.read_text(encoding="utf-8"),
        folder=folder_of(name),
    )


def folder_of(name: str) -> Path:
    """Where a study keeps its files on this machine."""
    # Absolute: a thread that publishes must not depend on the working folder, which a parser may change.
    return Path("searches").absolute() / "".join(c if c.isalnum() or c in "._-" else "-" for c in name)


def make_parser() -> RecipeParser:
    """The parser of a search's file and of the options that are its keys."""
    parser = RecipeParser(prog="elman search")
    parser.add_class_arguments(Settings, None)
    return parser


def _settings(parser: RecipeParser, config: Namespace, path: Path) -> Settings:
    given = vars(parser.instantiate(config))
    try:
        return Settings(**{key: value for key, value in given.items() if key != "config"})
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from error


def _base_words(settings: Settings, folder: Path, others: Sequence[str]) -> list[str]:
    """Recipes and options that make the base; the command line comes last and wins."""
    recipes = [str(folder / recipe) for recipe in settings.recipes]
    fixed = [f"--{target}={in_yaml(value)}" for target, value in settings.fixed.items()]
    return [*recipes, *fixed, *others]
