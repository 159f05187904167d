"""The schema of a recipe: which blocks it has, and what each is made of."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from jsonargparse import Namespace

import elman.bptt
from datamodules.sequence_data import SequenceData
from elman.batch import SequenceBatch
from elman.captions.captioning import has_captions, refuse_core
from elman.captions.scores import CAPTION_METRICS, CaptionScores
from elman.diagnostics import Diagnostic
from elman.errors import BadInput, out_of_memory
from elman.recipes.arguments import Words, sort_words
from elman.recipes.blocks import BLOCKS, DEFAULTS, FROM_DATA, HELP
from elman.recipes.parser import RecipeParser, Source, minimal, resolved
from elman.recipes.strict_yaml import digest, load_yaml, read_recipe
from elman.recipes.training import REFUSED, Training
from elman.recipes.trust import Stored, Trust, named_packages, without_places
from elman.stored import translated
from elman.tasks import SequenceTask
from elman.tracking.logger import RunLogger
from elman.tracking.params import flat_params

log = logging.getLogger("elman.recipes.parser")

NOT_OURS = {
    f"trainer.{name}": f"trainer.{name} is not for elman: {instead}" for name, instead in REFUSED.items()
}
YAML_WORDS = {"None": "null", "True": "true", "False": "false"}
TRAINING = ("diagnostics", "callbacks")
"""Keys that only training reads."""
LARGEST_SEED = 2**32 - 1  # NumPy takes no larger one


@dataclass(frozen=True)
class Recipe:
    """A parsed recipe.

    Args:
        config: values as parsed, classes by name.
        question: the comment at the head of the file.
        name: file name without suffix, with its folder.
        command: that first trained it, where it is read from a run that goes on.
        whole: the same with the places that it names, where it is read from a run: they are recorded, but
            nothing is written there.
        origin: of a fork, the run and the step that it goes on from: it is no run of its recipe alone.
    """

    config: Namespace
    question: str
    name: str
    parser: RecipeParser
    command: str = ""
    whole: Recipe | None = None
    origin: str = ""

    @cached_property
    def resolved(self) -> str:
        """YAML of every value."""
        return self.whole.resolved if self.whole else resolved(self.parser, self.config)

    @cached_property
    def minimal(self) -> str:
        """YAML of what departs from the defaults."""
        return self.whole.minimal if self.whole else minimal(self.parser, self.config)

    @cached_property
    def digest(self) -> str:
        """Names all that decides the numbers: two runs with the same one train alike."""
        return self._digest(self._decisive())

    @property
    def group_digest(self) -> str:
        """The same without seed and fold: it names the group of runs that differ in nothing else."""
        config = self._decisive()
        config.pop("seed_everything")
        split = (config.data.get("init_args") or {}).get("split")  # of the clone
        if split is not None and hasattr(split, "fold"):
            split.fold = 0
        return self._digest(config)

    def _digest(self, config: Namespace) -> str:
        found = digest(self.parser.dump(config, skip_unset=False, skip_validation=True))
        return digest(f"{found}: {self.origin}") if self.origin else found

    @property
    def decisive(self) -> dict[str, str]:
        """All values that the digest depends on, by the option that sets each, without its dashes."""
        values = flat_params(self._decisive().as_dict())
        return {
            name.replace(".init_args", "").removesuffix(".class_path"): YAML_WORDS.get(value, value)
            for name, value in values.items()
        }

    def _decisive(self) -> Namespace:
        config = (self.whole or self).config.clone()
        for key in ("tracking", "config", "diagnostics"):
            config.pop(key, None)
        if not config.get("callbacks"):
            config.pop("callbacks", None)  # a recipe without any has the digest it had before there were any
        for key in ("checkpoints", "progress", "checkpoint_every_minutes", "keep_every"):
            config.trainer.pop(key, None)
        config.trainer.devices = 1  # how many processes share the rows changes no number but the last digits
        config.trainer.pop("num_nodes", None)
        return config

    def typed(self, block: str, key: str) -> bool:
        """Whether the user gives a value, as an option or in a file; what was stored is not typed."""
        files = [source.values.get(block) for source in self.parser.sources if source.trust is None]
        in_files = any(isinstance(values, Mapping) and key in values for values in files)
        return in_files or self.parser.words.value(f"--{block}.{key}") is not None

    def classes(self) -> Namespace:
        """The blocks with their classes made: data, the parts of the model, the rest as settings.

        Diagnostics and callbacks are left out: only what trains makes them.
        """
        return self.parser.instantiate(Namespace(**{**vars(self.config), **dict.fromkeys(TRAINING)}))

    def diagnostics(self) -> list[Diagnostic] | None:
        """Those that the recipe lists, made; None: it leaves the choice to the run."""
        return self.parser.instantiate(Namespace(diagnostics=self.config.diagnostics)).diagnostics

    def callbacks(self) -> list[pl.Callback]:
        """The user's own, made."""
        return self.parser.instantiate(Namespace(callbacks=self.config.callbacks)).callbacks or []


def make_parser(command: str) -> RecipeParser:
    """The parser of recipes and dotted options."""
    parser = RecipeParser(prog=f"elman {command}")
    parser.add_argument("--seed_everything", type=int, default=1, help=HELP["seed_everything"])
    parser.add_class_arguments(SequenceTask, "model", skip=set(FROM_DATA), instantiate=False)
    parser.add_argument("--model.beam_width", type=int, default=4, help=HELP["model.beam_width"])
    parser.add_subclass_arguments(SequenceData, "data", required=False, help=HELP["data"])
    parser.add_class_arguments(Training, "trainer")
    parser.add_class_arguments(RunLogger, "tracking", skip=set(BLOCKS["tracking"].skip), instantiate=False)
    for name, kind in (("diagnostics", Diagnostic), ("callbacks", pl.Callback)):
        parser.add_argument(f"--{name}", type=list[kind] | None, default=None, help=HELP[name])  # type: ignore[valid-type]
    parser.set_defaults(DEFAULTS)
    return parser


def parse(
    command: str,
    words: Words | Sequence[str],
    *,
    base: Stored | None = None,
    trains: bool = True,
) -> Recipe:
    """Parse the words after a command.

    Args:
        words: recipes and options in any order.
        base: a stored recipe that comes before all of them. What names places to write to is left out of it.
        trains: whether the stored recipe's diagnostics and callbacks, and so their files, are needed.

    Raises:
        BadInput: for whatever is wrong, in one line.
    """
    found = words if isinstance(words, Words) else sort_words(words)
    files = [Source(file, *read_recipe(file)) for file in found.recipes]
    for file in files:
        if "space" in file.values:
            raise BadInput(f"{file.file} is the file of a search; run it with: elman search {file.file}")
    stored = [] if base is None else [_stored_source(base, found, files, trains=trains)]
    parser = make_parser(command)
    config = parser.parse_words(found, [*stored, *files], refused=NOT_OURS)
    if not 0 <= config.seed_everything <= LARGEST_SEED:
        raise BadInput(f"seed_everything must lie in [0, {LARGEST_SEED}], got {config.seed_everything}")
    name = f"{Path(files[-1].file).resolve().parent.name}/{Path(files[-1].file).stem}" if files else "run"
    question = files[-1].question if files else ""
    return Recipe(config, question, name, parser)


def _stored_source(base: Stored, words: Words, typed: Sequence[Source], *, trains: bool) -> Source:
    """A stored recipe, without what its reader has to decide: where to write, and what to fetch."""
    values = translated(load_yaml(base.text, base.name))
    values, places = (values, {}) if base.places else without_places(values)
    for key, value in places.items():
        default = key == "trainer.checkpoints" and (value == Training.checkpoints or not trains)
        unread = key.startswith("data.") and not base.reads_data
        if not (default or unread) and words.value(f"--{key}") is None:
            log.warning("%s: %s=%r is left out, as nobody typed it; add --%s=...", base.name, key, value, key)
    packages = base.trusted.union(*(named_packages(source.values) for source in typed))
    values = values if trains else {**values, **dict.fromkeys(TRAINING)}
    return Source(base.name, values, trust=Trust(packages, base.command))


def make_task(parts: Namespace, data: Any) -> SequenceTask:
    """The task of a recipe, for data that is set up or metadata of the same names.

    Raises:
        BadInput: if core, strategy and values cannot work together.
    """
    model = dict(vars(parts.model))
    beam_width = model.pop("beam_width")
    try:
        metadata: dict[str, Any] = {name: getattr(data, name, None) for name in FROM_DATA}
        task = SequenceTask(**metadata, **model)
        CaptionScores(data, beam_width=beam_width)
        if has_captions(data):
            refuse_core(task.network.core)
    except ValueError as error:
        raise BadInput(str(error)) from error
    except (RuntimeError, MemoryError) as error:
        if (line := out_of_memory(error)) is None:
            raise
        raise BadInput(line) from error
    refuse_optimizer(task)
    return task


def refuse_optimizer(task: SequenceTask) -> None:
    """Make the optimiser once, so that what it refuses is known before a run exists."""
    try:
        optimizer = task.configure_optimizers()
        probe = torch.nn.Parameter(torch.zeros(1))
        probe.grad = torch.zeros(1)
        closure = inspect.signature(optimizer.step).parameters.get("closure")
        if closure is None or closure.default is not inspect.Parameter.empty:
            task.optimizer_factory([probe]).step()
    except (ValueError, TypeError, RuntimeError) as error:
        raise BadInput(f"model.optimizer: {error}") from error
    rates = [group["lr"] for group in optimizer.param_groups if "lr" in group]
    if not all(isfinite(rate) for rate in rates):
        raise BadInput(f"model.optimizer.lr must be a finite number, got {rates[0]}")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise BadInput(
            f"model.optimizer={type(optimizer).__name__} computes the loss anew several times an update, "
            "but an update here has one gradient; use one such as Adam"
        )


def refuse_targets(task: SequenceTask, batch: SequenceBatch) -> None:
    """Try the loss on one step, so that targets of the wrong kind are refused before a run exists."""
    if batch.y is None:
        raise BadInput("this data has no targets to learn from; `elman predict` is all it can be used for")
    try:
        task.loss.sums(torch.zeros(1, task.network.output_size), batch.y[:1, 0].cpu())
    except ValueError as error:
        raise BadInput(f"model.loss: {error}") from error


def refuse_monitor(monitor: str | None, task: SequenceTask, data: Any, batch: SequenceBatch) -> None:
    """Refuse to monitor a metric that validation does not have, before a run exists."""
    if monitor is None:
        return
    there = validated_metrics(task, data, batch)
    if monitor not in there:
        raise BadInput(
            f"trainer.monitor={monitor}: validation will have no such metric; name one of {', '.join(there)}"
        )


def validated_metrics(task: SequenceTask, data: Any, batch: SequenceBatch) -> list[str]:
    """The metrics that validation will have, by name."""
    assert batch.y is not None, "refuse_targets comes first"
    with torch.no_grad():
        loss, tally = task.loss.sums(torch.zeros(1, task.network.output_size), batch.y[:1, 0].cpu())
    named = set(task.loss.metrics(float(loss), tally))
    if has_captions(data):
        named |= set(CAPTION_METRICS)
    return [f"val/{name}" for name in sorted(named)]


def strategy_settings(bptt: elman.bptt.BackpropThroughTime) -> dict[str, Any]:
    """A strategy's class and arguments, for parameters and notes."""
    values = {
        k: v for k, v in vars(bptt).items() if not k.startswith("_") and not isinstance(v, torch.Tensor)
    }
    return {"class": type(bptt).__name__, **values}
