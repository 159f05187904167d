"""How a recorded run evaluated its network and took gradients, for one that does the same once more."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from elman.cores.kernels import Choice, kernels_of, use_kernels
from elman.errors import BadInput
from elman.recipes.arguments import Words
from elman.recipes.strict_yaml import read_recipe
from elman.run.checkpoints import newest, read_checkpoint
from elman.run.summary import say
from elman.tracking.runs import RunRow
from elman.tracking.tags import GRADIENT_TAG, KERNEL_TAG

CORES = ("core", "context_encoder")
"""Parts of a network that are evaluated by kernels."""


class KernelsThen:
    """What a run's newest checkpoint says of its kernels; without one, what its tag says.

    Args:
        run: of the store.
    """

    def __init__(self, run: RunRow) -> None:
        self.run = run
        self.kernels: Mapping[str, Sequence[Any]] | None = None  # as `use_kernels` takes them
        self._in_words = run.tags.get(KERNEL_TAG)
        self._by_hand = run.tags.get(GRADIENT_TAG) == "hand"
        self._saved = False
        try:
            if run.checkpoints is not None:
                saved = read_checkpoint(newest(Path(run.checkpoints)))["elman"]
                self.kernels, self._by_hand = saved.get("kernels"), bool(saved.get("by_hand"))
                self._saved = True
        except BadInput:
            pass

    def settle(self, task: Any) -> None:
        """Evaluate the network of a task by them, and take gradients as then.

        A run of a time before kernels had torch's modules.

        Raises:
            BadInput: if the network has no such kernel here.
        """
        kernels, network = self.kernels, task.network
        if not self._by_hand:
            task.gradient = "autograd"
        if not self._saved and self._in_words is not None:
            kernel = _named(self._in_words)
            if kernel is None:
                say(f"run {self.run.id} was evaluated by {self._in_words}; which part by which is not known")
                return
            kernels = dict.fromkeys(kernels_of(network), kernel)
        try:
            use_kernels(network, kernels)
        except BadInput as error:
            raise BadInput(
                f"run {self.run.id} had kernels that are not here ({self._in_words or 'fused'}); for other "
                "last digits, name another: --model.core.kernel=auto"
            ) from error


def names_cores(words: Words) -> bool:
    """Whether options or recipes decide on a core, and so on what evaluates it."""
    begins = tuple(f"--model.{name}" for name in CORES)
    if any(option == "--model" or option.startswith(begins) for option, _ in words.options):
        return True
    models = [read_recipe(recipe)[0].get("model") for recipe in words.recipes]
    return any(isinstance(model, Mapping) and set(CORES) & set(model) for model in models)


def _named(text: str) -> Choice | None:
    """One kernel for all, as `in_words` writes it; None: there are several."""
    found = re.fullmatch(r"(\w+)(?: from (\d+) steps)?", text)
    return None if found is None else Choice(found[1], int(found[2] or 0))
