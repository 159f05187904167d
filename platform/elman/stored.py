"""What was stored before keys were renamed, in today's words: recipes, checkpoints, descriptions of models.

Only what elman itself has stored is translated. A recipe that a user types is refused where it holds an old
key, by a line that names the new one (`new_key`, `new_class`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

GENERATED = ("ASequence", "Adding", "CopyMemory", "Echo", "Negation", "Oscillators", "Tones")
PICTURES = ("Images", "ImageCaptions", "Video", "VideoCaptions")
SOUNDS = ("Audio", "TorchaudioSet", "Spoken")
BATCHING = {"rows": "batch_size", "val_rows": "val_batch_size"}

KEYS: dict[str, dict[str, str]] = {
    "model": {"encoder": "context_encoder", "symbol_dropout": "token_dropout"},
    "trainer": {"max_passes": "max_epochs"},
    "batching": BATCHING,
    "Text": {"lanes": "batch_size", "val_lanes": "val_batch_size"},
    **{name: {"rows": "batch_size"} for name in GENERATED},
    **{name: {key: f"size.{key}" for key in ("height", "width", "colours")} for name in PICTURES},
    **{name: {key: f"frames.{key}" for key in ("scored_share", "check")} for name in SOUNDS},
}
"""Old key -> new one, by the block or the class that holds it; a dotted one lies in a block of the class."""

MODULES = {"elman.encoders": "elman.inputs", "elman.features": "elman.inputs"}
"""Old module -> new one, of classes named by their import path."""

UPDATES = {"joined": "accumulator", "since": "running"}
"""Old key -> new one, in what a checkpoint holds of optimiser steps."""

METADATA = {
    "inputs": "input_size",
    "outputs": "output_size",
    "symbols": "token_ids",
    "context_inputs": "context_size",
    "encoder": "context_encoder",
}
"""Old key -> new one, in the metadata of a checkpoint and in the description of a logged model."""


def new_key(owner: str, key: str) -> str | None:
    """What a key is called today; None: it has not been renamed.

    Args:
        owner: the block of a recipe, or the class, that has the key.
    """
    return KEYS.get(owner, {}).get(key)


def new_class(path: str) -> str:
    """The import path, today, of a class that was named so."""
    module, _, name = path.rpartition(".")
    for old, new in MODULES.items():
        if module == old or module.startswith(old + "."):
            return f"{new}.{name}"
    return path


def translated(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A stored recipe in today's words; one that has them already comes back as it is."""
    return {name: _part(name, value) for name, value in recipe.items()}


def translated_checkpoint(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """A checkpoint in today's words; its recipe stays the text it was."""
    own = checkpoint.get("elman")
    if not isinstance(own, Mapping) or "facts" not in own:
        return dict(checkpoint)
    rest = {name: value for name, value in own.items() if name != "facts"}
    changed = {"metadata": _renamed(own["facts"], METADATA)}
    if "updates" in own:
        waiting = _renamed(own["updates"]["joined"], {"room": "capacity"})
        changed["updates"] = {**_renamed(own["updates"], UPDATES), "accumulator": waiting}
    return {**checkpoint, "elman": {**rest, **changed}}


def translated_description(description: Mapping[str, Any]) -> dict[str, Any]:
    """The description of a logged model in today's words, classes too."""
    return {name: _part(name, value) for name, value in _renamed(description, METADATA).items()}


def _part(owner: str, value: Any) -> Any:
    """A value that stands under the key `owner`, whatever is nested in it."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_part(owner, each) for each in value]
    if not isinstance(value, Mapping):
        return value
    if isinstance(value.get("class_path"), str):
        path = new_class(value["class_path"])
        arguments = value.get("init_args")
        if isinstance(arguments, Mapping):
            arguments = _block(path.rpartition(".")[2], arguments)
        return {**value, "class_path": path} | ({} if arguments is None else {"init_args": arguments})
    return _block(owner, value)


def _block(owner: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Keys renamed; those that moved into a block of the same class are put there."""
    found: dict[str, Any] = {}
    for key, value in _renamed(values, KEYS.get(owner, {})).items():
        block, dot, name = key.partition(".")
        if dot and not isinstance(found.get(block), dict):
            found[block] = dict(values.get(block) or {})
        if dot:
            found[block][name] = value
        elif key in found and isinstance(value, Mapping):
            found[key] = {**_block(key, value), **found[key]}
        else:
            found[key] = _part(key, value)
    return found


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in values.items()}
