"""A nested recipe as MLflow parameters."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from elman.tracking.secrets import without_secrets

KEY_CHARACTERS = 250
VALUE_CHARACTERS = 6000


def flat_params(params: Mapping[str, Any]) -> dict[str, str]:
    """`{"model": {"core": {"hidden_size": 64}}}` as `{"model.core.hidden_size": "64"}`.

    Keys hold what MLflow allows, at most 250 characters, and stay unique when shortened; values are
    whole up to MLflow's 6,000 characters, without passwords.
    """
    flat: dict[str, str] = {}
    for key, value in _leaves(params, ""):
        name = clean_name(key)
        while name in flat:
            name = _shortened(name, key + name)
        flat[name] = without_secrets(str(value))[:VALUE_CHARACTERS]
    return flat


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if hasattr(value, "__dict__") and not isinstance(value, Mapping | type) and _is_namespace(value):
        value = vars(value)
    if isinstance(value, Mapping) and (value or not path):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _is_namespace(value: Any) -> bool:
    return any(base.__name__ in ("Namespace", "SimpleNamespace") for base in type(value).__mro__)


@functools.cache
def clean_name(key: str) -> str:
    """`key` as MLflow takes names: of parameters, and of metrics."""
    name = "".join(c if (c.isascii() and c.isalnum()) or c in "_/. :-" else "_" for c in key)
    # A path-like name must be its own normal form, or MLflow refuses it.
    name = name.strip("/").replace("//", "/") or "_"
    name = "_" + name if name.startswith(".") else name
    return name if len(name) <= KEY_CHARACTERS else _shortened(name, key)


def _shortened(name: str, whole: str) -> str:
    return f"{name[: KEY_CHARACTERS - 9]}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
