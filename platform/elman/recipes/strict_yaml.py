"""Recipes: strict YAML in, and back out in a form that reads the same."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from elman.errors import BadInput
from elman.stored import translated

MAX_BYTES = 1 << 20
MAX_NODES = 20_000
"""Values in a recipe once its aliases are written out; a few nested aliases can stand for billions."""

TAG = "tag:yaml.org,2002:"
PLAIN_TAGS = {TAG + kind for kind in ("null", "bool", "int", "float", "str", "map", "seq", "merge")}
PLAIN_SCALARS = [
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    ("merge", r"<<", ["<"]),
]


class _Loader(yaml.SafeLoader):
    """Plain values as in YAML 1.2: 1e-3 is a number; 1:30, 2026-01-01 and no are text."""

    yaml_implicit_resolvers: dict[str, list] = {}  # noqa: RUF012


class _Dumper(yaml.SafeDumper):
    """Quotes all text that either `_Loader` or a YAML 1.1 reader would take for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _kind, _pattern, _first in PLAIN_SCALARS:
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(TAG + _kind, re.compile(f"^(?:{_pattern})$"), _first)


def load_yaml(text: str, name: str) -> dict[str, Any]:
    """The mapping that `text` holds.

    Args:
        text: one YAML document; anchors and merge keys are allowed, tags that make objects are not.
        name: what to call the text in an error, usually its path.

    Raises:
        BadInput: if it is no such document; the line says where, and what to do.
    """
    value = _load(text, name)
    if value is None:
        raise BadInput(f"{name}: the recipe is empty; it needs at least the keys 'model' and 'data'")
    if not isinstance(value, dict):
        raise BadInput(
            f"{name}: a recipe is a mapping of keys to values, but this is a {type(value).__name__}; "
            "begin it with 'model:'"
        )
    return value


def load_fragment(text: str, path: str = "") -> Any:
    """The loader jsonargparse gets: a recipe where `path` names one, otherwise a value of the command line.

    Raises:
        BadInput: if a recipe, or a list or mapping in brackets, breaks the rules of `load_yaml`.
        yaml.YAMLError: if a value is no YAML at all; jsonargparse then takes it as text.
    """
    if path:
        return load_yaml(text, str(path))
    if not text.strip():
        return text
    braced = text.lstrip().startswith(("{", "["))
    try:
        value = _load(text, "the value", malformed=yaml.YAMLError)
    except BadInput:
        if braced:
            raise
        return text
    # "note: a" on the command line is a text; a mapping there is in braces. Dumps have many lines.
    return text if isinstance(value, dict) and not braced and "\n" not in text else value


def read_recipe(path: str | Path) -> tuple[dict[str, Any], str]:
    """The values of a recipe, and the question in its header.

    Returns:
        The mapping, and the leading comment lines without their `#`.

    Raises:
        BadInput: if the file cannot be read or is no recipe.
    """
    text = read_text(path)
    header = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        header.append(line[1:].removeprefix(" ").rstrip())
    return load_yaml(text, str(path)), "\n".join(header).strip()


def read_text(path: str | Path) -> str:
    """The text of a recipe file; BadInput if there is none."""
    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such recipe; name an existing .yaml file") from None
    except IsADirectoryError:
        raise BadInput(f"{path}: is a folder; name a .yaml file in it") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    if len(raw) > MAX_BYTES:
        raise BadInput(f"{path}: a recipe has at most {MAX_BYTES} bytes; is this the data?")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadInput(
            f"{path}:{line}: not UTF-8 (byte 0x{raw[error.start]:02x}); save it as UTF-8"
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise BadInput(f"{path}:{line}: holds a NUL byte; a recipe is plain text")
    return text


def todays_text(text: str, name: str) -> str:
    """The text of a stored recipe in today's words, with the comment at its head; as it is if none differ."""
    try:
        then = load_yaml(text, name)
    except BadInput:  # no recipe; refused where it is used
        return text
    now = translated(then)
    if now == then:
        return text
    head = takewhile(lambda line: line.startswith("#"), text.splitlines(keepends=True))
    return "".join(head) + dump_yaml(now)


def dump_yaml(values: Any) -> str:
    """YAML that `load_yaml` reads back as the same values."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def digest(resolved_text: str) -> str:
    """16 hex digits that name the values of a recipe, whatever the order of its keys and its comments."""
    values = load_yaml(resolved_text, "the resolved recipe")
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def find_line(text: str, keys: Sequence[str]) -> int | None:
    """The line, from 1, of the key at `keys` in a valid recipe, or None; `keys` leave out `init_args`."""
    node: Node | None = yaml.compose(text, Loader=_Loader)
    line = None
    for key in keys:
        below = _children(node)
        if key not in below and "init_args" in below:
            below = _children(below["init_args"][1])
        if key not in below:
            return None
        line, node = below[key]
    return line


def _children(node: Node | None) -> dict[str, tuple[int, Node]]:
    if not isinstance(node, MappingNode):
        return {}
    return {str(key.value): (key.start_mark.line + 1, value) for key, value in node.value}


def _load(text: str, name: str, malformed: type[Exception] = BadInput) -> Any:
    loader = None
    try:
        loader = _Loader(text)
        if not loader.check_node():
            return None
        node = loader.get_node()
        if loader.check_node():
            mark = loader.get_event().start_mark
            raise BadInput(
                f"{_at(name, mark)}: a second YAML document; a recipe is one document, remove '---'"
            )
        _check(node, name, {}, ())
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        about = " ".join(part for part in (error.context, error.problem) if part)
        raise malformed(f"{_at(name, mark)}: not valid YAML: {about}; mend the line") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise malformed(
            f"{name}:{line}: holds the character U+{error.character:04X}, which YAML forbids; remove it"
        ) from None
    except RecursionError:
        raise malformed(f"{name}: nested too deeply to be a recipe; write it flatter") from None
    finally:
        if loader is not None:
            loader.dispose()


def _check(node: Node, name: str, sizes: dict[int, int], above: tuple[int, ...]) -> int:
    """Refuse what a recipe must not hold; return how many values `node` stands for."""
    if id(node) in sizes:
        return sizes[id(node)]
    here = _at(name, node.start_mark)
    if id(node) in above:
        raise BadInput(f"{here}: an anchor that contains itself; write the value out")
    if node.tag not in PLAIN_TAGS:
        tag = node.tag.replace(TAG, "!!")
        raise BadInput(f"{here}: the tag {tag!r} is refused, a recipe holds plain values; remove the tag")
    above = (*above, id(node))
    size = 1
    if isinstance(node, MappingNode):
        seen: dict[str, yaml.Mark] = {}
        for key, value in node.value:
            _check_key(key, name, seen)
            size += _check(value, name, sizes, above)
    elif isinstance(node, SequenceNode):
        size += sum(_check(item, name, sizes, above) for item in node.value)
    elif isinstance(node, ScalarNode):
        _check_scalar(node, here)
    if size > MAX_NODES:
        raise BadInput(f"{here}: its aliases stand for more than {MAX_NODES} values; write fewer")
    sizes[id(node)] = size
    return size


def _check_key(key: Node, name: str, seen: dict[str, yaml.Mark]) -> None:
    here = _at(name, key.start_mark)
    if not isinstance(key, ScalarNode) or key.tag not in (TAG + "str", TAG + "merge"):
        written = repr(key.value) if isinstance(key, ScalarNode) else "that is a list or mapping"
        raise BadInput(f"{here}: keys are text, but here is the key {written}; put it in quotes")
    if key.value in seen:
        first = seen[key.value]
        raise BadInput(
            f"{here}: the key {key.value!r} is given twice, first at line {first.line + 1}, "
            f"column {first.column + 1}; keep one"
        )
    seen[key.value] = key.start_mark


def _check_scalar(node: ScalarNode, here: str) -> None:
    """Only a written-out tag (`!!int x`) can promise what the text does not hold."""
    kind = node.tag.removeprefix(TAG)
    for plain, pattern, _ in PLAIN_SCALARS:
        if kind == plain and not re.fullmatch(pattern, node.value):
            raise BadInput(f"{here}: {node.value!r} is no {kind}; remove the tag '!!{kind}'")


def _at(name: str, mark: yaml.Mark | None) -> str:
    return name if mark is None else f"{name}:{mark.line + 1}:{mark.column + 1}"
