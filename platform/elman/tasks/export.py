"""A trained network as plain data: what it is, and how to build it again."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import partial
from typing import Any

from elman.cores import Core
from elman.errors import BadInput
from elman.tasks.task import SequenceTask


def describe(task: SequenceTask, core: Mapping[str, Any]) -> dict[str, Any]:
    """What `build` needs, as JSON can hold it.

    Args:
        core: `class_path` and `init_args` of the task's core.
    """
    return {
        "inputs": task.inputs,
        "outputs": task.outputs,
        "symbols": task.symbols,
        "embedding": None if task.embedding is None else task.embedding.embedding_dim,
        "core": {"class_path": core["class_path"], "init_args": dict(core.get("init_args") or {})},
    }


def build(description: Mapping[str, Any]) -> SequenceTask:
    """The network of a description, with fresh weights.

    Raises:
        BadInput: if the description names a class that is no `Core`, or one made of other objects.
    """
    given = dict(description)
    core = given.pop("core")
    nested = [name for name, value in core["init_args"].items() if isinstance(value, dict)]
    if nested:
        raise BadInput(
            f"the core's arguments {', '.join(nested)} are objects, which a description cannot hold"
        )
    return SequenceTask(core=partial(core_class(core["class_path"]), **core["init_args"]), **given)


def core_class(path: str) -> type[Core]:
    """The core of an import path."""
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise BadInput(
            f"core {path!r} cannot be imported: {error}; install what the run was trained with"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Core)):
        raise BadInput(f"core {path!r} is not an elman.cores.Core")
    return found
