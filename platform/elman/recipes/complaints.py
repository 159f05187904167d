"""jsonargparse's complaints, which run to many lines, as one line in the words of the recipe."""

from __future__ import annotations

import difflib
import inspect
import pydoc
import re
import typing
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from jsonargparse import ArgumentParser

SHOWN = 12
"""Names listed in one error; the closest come first."""
LONGEST = 60
"""Characters shown of what was given for a class."""

UNION = re.compile(
    r"Does not validate against any of the Union subtypes\s*Subtypes: .*?\n\s*Errors:\n(?P<errors>.*)"
    r"\n\s*Given value type: [^\n]*\n\s*Given value: (?P<value>.*)",
    re.DOTALL,
)
TYPE = r"(?:<class '(?P<cls>[\w.]+)'>|(?P<other>\S.*?))"
EXPECTED = re.compile(rf"Expected (?:an? )?{TYPE}(?:\. Got value: (?P<value>.*?))?\Z", re.DOTALL)
NOT_KEYS = ("help", "config", "print_config", "print_shtab", "==SUPPRESS==")
MISSING = "the following arguments are required: "


@dataclass
class Complaint:
    """What is wrong, and where: `keys` leads from the top of the recipe to it, without `init_args`.

    Args:
        class_path: the class that the value at `keys` names, where that is known.
        owner: the class that has the last of `keys` as an argument; empty at the top.
    """

    text: str
    keys: list[str] = field(default_factory=list)
    class_path: str = ""
    owner: str = ""

    @property
    def where(self) -> str:
        return ".".join(self.keys)


def explain(message: str, parser: ArgumentParser) -> Complaint:
    """The essence of an error message of `parser`."""
    complaint = _unwrap(message.strip())
    complaint.text = " ".join(_reword(complaint, parser).split())
    return complaint


def _unwrap(text: str) -> Complaint:
    """Take off, layer by layer, what says where the problem is."""
    found = Complaint(text)
    layers = [
        r'Parser key "(?P<key>[^"]+)"(?: element \d+)?:\s*',
        r"Problem with given class_path '(?P<path>[^']*)':\s*",
        r"Type .*? expects a function or a callable class: ",
        r"- Expected a path but .*? either not accessible or invalid\n\s*- ",
        r"Problems parsing config: ",
    ]
    while True:
        match = next(filter(None, (re.match(layer, text) for layer in layers)), None)
        if match:
            groups = match.groupdict()
            if groups.get("key"):
                found.keys += [key for key in groups["key"].split(".") if key != "init_args"]
                found.owner, found.class_path = found.class_path, ""
            if groups.get("path"):
                found.class_path = groups["path"]
            text = text[match.end() :].strip()
            if match.re.pattern.startswith("Type"):
                # Factories in factories: what the outermost was given comes last.
                given = re.match(
                    r"(.*)\. Got value: (?:Namespace\(class_path='([\w.]+)'|\{'class_path').*\Z",
                    text,
                    re.DOTALL,
                )
                found.class_path = (given[2] or "") if given else ""
                text = given[1] if given else text
        elif match := UNION.match(text):
            text = _one_of(match["errors"], match["value"])
            given = re.match(r"Namespace\(class_path='([\w.]+)'", match["value"])
            found.class_path = found.class_path or (given[1] if given else "")
        else:
            found.text = text
            return found


def _one_of(errors: str, value: str) -> str:
    """One message for the errors of all members of a union: the one that went deepest, else all types."""
    indent = re.match(r" *", errors)[0]  # type: ignore[index]  # matches always
    branches = [b.strip() for b in re.split(rf"(?m)^{indent}- ", errors) if b.strip()]
    deep = [b for b in branches if not EXPECTED.match(b) or "Got value" in b or "import path" in b]
    if deep:
        return deep[0]
    return f"Expected {' or '.join(_type_of(b) for b in branches)}. Got value: {value}"


def _type_of(message: str) -> str:
    match = EXPECTED.match(message)
    if not match:
        return message
    name = match["cls"] or match["other"]
    name = re.sub(r"<class '(?:builtins\.)?([\w.]+)'>", r"\1", name)
    name = re.sub(r"(?:typing\.|collections\.abc\.)", "", name)
    if literal := re.fullmatch(r"Literal\[(.*)\]", name):
        return f"one of {literal[1]}"
    return {"NoneType": "null", "bool": "true or false", "dict": "a mapping", "list": "a list"}.get(
        name, name
    )


def _reword(complaint: Complaint, parser: ArgumentParser) -> str:
    text, keys = complaint.text, complaint.keys
    if match := re.match(
        r"(?:Group '(?P<group>[^']+)' does not accept option|Option) '(?P<key>[^']+)'", text
    ):
        keys += [*(match["group"] or "").split(".") * bool(match["group"]), *match["key"].split(".")]
        return _unknown_key(complaint, parser)
    if match := re.match(r"unrecognized arguments: (?P<word>\S+)", text):
        word = match["word"]
        if not word.startswith("--"):
            return f"unexpected word {word!r}; a recipe ends in .yaml, an option begins with '--'"
        keys += word[2:].partition("=")[0].rstrip("+").split(".")
        return _unknown_key(complaint, parser)
    if text.startswith(MISSING):
        names = text.removeprefix(MISSING).split(", ")
        return (
            f"{_short(complaint.class_path) or 'the recipe'} needs a value for {' and '.join(names)}; give it"
        )
    if match := re.match(r"Expected a dot import path string: (?P<name>.*)", text):
        return _unknown_class(match["name"], complaint, parser)
    if match := re.match(
        r"Import path (?P<path>\S+) does not correspond to a subclass of (?P<base>\S+)", text
    ):
        known = _choices("", _subclass_names(_type_at(complaint, parser)))
        return f"{match['path']} is no {match['base']}{known}"
    if match := re.match(r"Expected an instantiatable class, but (\S+) is abstract", text):
        return f"{match[1]} is abstract{_choices('', _subclass_names(_type_at(complaint, parser)))}"
    if match := re.match(
        r"Expected '(?P<path>\S+)' to be a (?:sub)?class .*?of (?:<class ')?(?P<base>[\w.]+?)(?:'>)?\.*\Z",
        text,
    ):
        known = _choices("", _subclass_names(_type_at(complaint, parser)))
        return f"{match['path']} is no {_short(match['base'])}{known}"
    if match := re.match(r"(?:Multiple subclasses with name (\w+)\.).*: (.*?)\.?\Z", text, re.DOTALL):
        return f"the name {match[1]!r} is ambiguous; write the import path, one of {match[2]}"
    if match := re.match(r"No module named '([^']+)'|.*'([^']+)' has no attribute '[^']+'", text):
        path = complaint.class_path or text
        return f"cannot import {path!r} ({text}); check the import path"
    if re.match(
        r"Dict must include a class_path|Expected an import path or a subclass spec|Not a valid"
        r"|Unexpected import path format",
        text,
    ):
        given = re.search(r"(?:but got|Got value:) (.*)", text)
        known = _choices("", _subclass_names(_type_at(complaint, parser)))
        value = given[1].partition(". Got value")[0] if given else "this"
        return f"{value} names no class; write a name or {{class_path: NAME, init_args: {{...}}}}{known}"
    if match := re.match(r"Unable to load config ['\"](?P<value>.*?)['\"]\s*-", text):
        return f"expected keys and values, got {match['value']!r}; write --{complaint.where}.KEY=VALUE"
    if match := re.match(r"(?:File|Path) does not exist: '?(.*?)'?\Z", text):
        return f"no such recipe: {match[1]}"
    if match := re.match(r"argument .* --> (?P<key>[\w.]+): ", text):
        keys += match["key"].split(".")
        return "follows from other values; leave it out"
    if match := EXPECTED.match(text):
        got = match["value"] or ""
        got = f", got {got if re.match(r'[-+.0-9{[(]', got) else repr(got)}" * (match["value"] is not None)
        return f"expected {_type_of(text)}{got}"
    if match := re.match(r"argument (--\S+): (.*)", text, re.DOTALL):
        return f"{match[1]} {match[2]}"
    return text


def _unknown_key(complaint: Complaint, parser: ArgumentParser) -> str:
    *above, key = complaint.keys
    if complaint.class_path:
        owner, known = (
            f"{_short(complaint.class_path)} takes no",
            _parameters(complaint.class_path, _given(complaint, parser)),
        )
    else:
        dests = [
            a.dest.split(".")
            for a in parser._actions
            if a.dest not in NOT_KEYS and not a.dest.endswith(".help")
        ]
        depth = 0
        while depth < len(above) and any(d[: depth + 1] == above[: depth + 1] for d in dests):
            depth += 1
        key, complaint.keys = complaint.keys[depth], complaint.keys[: depth + 1]
        known = list(dict.fromkeys(d[depth] for d in dests if d[:depth] == above[:depth] and len(d) > depth))
        owner = "there is no"
    return f"{owner} key {key!r}{_choices(key, known)}"


def _unknown_class(name: str, complaint: Complaint, parser: ArgumentParser) -> str:
    known = _subclass_names(_type_at(complaint, parser))
    shown = name if len(name) <= LONGEST else f"{name[:LONGEST]}..."  # given a file, jsonargparse reads it
    return f"there is no class {shown!r}{_choices(shown, known)}; or write an import path"


def _choices(name: str, known: Iterable[str]) -> str:
    """'; did you mean ...' for the closest of `known`, and the rest of them."""
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=1)
    shown = names if len(names) <= SHOWN else [*names[:SHOWN], "..."]
    guess = f"; did you mean {near[0]!r}?" if near else ""
    return f"{guess}{';' if not near else ''} known: {', '.join(shown)}" if names else guess


def _short(path: str) -> str:
    return path.rpartition(".")[2]


def _parameters(class_path: str, given: int) -> list[str]:
    """Names that the constructor at `class_path` takes by keyword, after `given` arguments by position."""
    try:
        # pydoc only looks it up: jsonargparse has imported it before it complained about it.
        parameters = list(inspect.signature(pydoc.locate(class_path)).parameters.values())  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return []
    return [p.name for p in parameters[given:] if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _given(complaint: Complaint, parser: ArgumentParser) -> int:
    """How many arguments a factory gets by position: one for `Callable[[int], Core]`."""
    above = complaint.keys[:-1]
    owned = _argument_type(complaint.owner, above[-1]) if complaint.owner else None
    args = typing.get_args(owned or _type_at(complaint, parser, above))
    return len(args[0]) if args and isinstance(args[0], list) else 0


def _type_at(complaint: Complaint, parser: ArgumentParser, keys: list[str] | None = None) -> Any:
    """The type that the parser declares for the key complained about, or None if that is not known."""
    if keys is None and complaint.owner:
        return _argument_type(complaint.owner, complaint.keys[-1])
    where = ".".join(complaint.keys if keys is None else keys)
    return next((getattr(a, "_typehint", None) for a in parser._actions if a.dest == where), None)


def _argument_type(class_path: str, name: str) -> Any:
    """The declared type of a constructor's argument, or None if that is not known."""
    init = getattr(pydoc.locate(class_path), "__init__", None)
    return typing.get_type_hints(init).get(name) if init else None


def _subclass_names(hint: Any) -> list[str]:
    """Short names of the imported classes that fit `hint`: a class, Optional, or a Callable returning one."""
    parts = typing.get_args(hint)
    if parts:
        last = parts[-1:] if "Callable" in str(typing.get_origin(hint)) else parts
        return [name for part in last for name in _subclass_names(part)]
    if not inspect.isclass(hint) or hint is type(None):
        return []
    names, waiting = [], list(hint.__subclasses__())
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        private = cls.__name__.startswith("_") or cls.__module__.startswith("pytorch_lightning.")
        if not inspect.isabstract(cls) and not private and "<locals>" not in cls.__qualname__:
            names.append(cls.__name__)
    return names
