"""A trained network as plain data: what it is, and how to build it again."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from elman.cores import Core
from elman.errors import BadInput
from elman.inputs import ContextEncoder, Features
from elman.stored import translated_description
from elman.tasks.network import Network
from elman.trust import refuse_untrusted

KINDS: dict[str, type] = {"core": Core, "context_encoder": ContextEncoder, "features": Features}
"""Parts of a network that are classes of their kind, called with what only the data tells."""

TRAINING_ONLY = {"augmentation"}


def describe(network: Network, model: Mapping[str, Any]) -> dict[str, Any]:
    """What `build` needs, as JSON can hold it.

    Args:
        model: `class_path` and `init_args` of the core, and of context encoder and features where there are
            any.
    """
    parts = {name: _plain(model[name]) for name in KINDS if model.get(name) is not None}
    width = None if network.embedding is None else network.embedding.embedding_dim
    begins = {} if network.learned_carry is None else {"first_carry": "learned"}
    return {**network.metadata, "embedding": width, **begins, **parts}


def _plain(part: Mapping[str, Any]) -> dict[str, Any]:
    arguments = {
        name: _plain(value) if name in KINDS and isinstance(value, Mapping) else value
        for name, value in (part.get("init_args") or {}).items()
        if name not in TRAINING_ONLY
    }
    return {"class_path": part["class_path"], "init_args": arguments}


def build(description: Mapping[str, Any]) -> Network:
    """The network of a description, with fresh weights. Logged models name this function by its path.

    Args:
        description: from `describe`, of an earlier version too.

    Raises:
        BadInput: if the description names a class that is not of its kind, or one made of other objects.
    """
    given: dict[str, Any] = {
        name: _factory(name, value) if name in KINDS else value
        for name, value in translated_description(description).items()
    }
    return Network(**given)


def _factory(kind: str, part: Mapping[str, Any]) -> Callable[..., Any]:
    """The class of a part, all but its first arguments."""
    arguments = {
        name: _factory(name, value) if name in KINDS and isinstance(value, Mapping) else value
        for name, value in part["init_args"].items()
    }
    nested = [name for name, value in arguments.items() if isinstance(value, Mapping)]
    if nested:
        raise BadInput(
            f"the {kind}'s arguments {', '.join(nested)} are objects, which a description cannot hold"
        )
    return partial(part_class(kind, part["class_path"]), **arguments)


def part_class(kind: str, path: str) -> type:
    """The core, context encoder or features of an import path.

    Raises:
        BadInput: if it is of a package that is not trusted, cannot be imported or is not of that kind.
    """
    module, _, name = path.rpartition(".")
    refuse_untrusted(module)
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise BadInput(
            f"{kind} {path!r} cannot be imported: {error}; install what the run was trained with"
        ) from error
    wanted = KINDS[kind]
    if not (isinstance(found, type) and issubclass(found, wanted)):
        raise BadInput(f"{kind} {path!r} is not an {wanted.__module__.rpartition('.')[0]}.{wanted.__name__}")
    return found
