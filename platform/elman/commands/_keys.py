"""Every key of a recipe with its type, default and meaning, read from the source of the classes.

Importing those classes takes seconds, which is long for a help; reading them takes a fraction of one. A test
compares what is printed with the schema that recipes are held against.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from elman.recipes.blocks import BLOCKS, DEFAULTS, HELP

HOUSE = Path(__file__).parents[1]
HOMES = {
    "Core": HOUSE / "cores",
    "BackpropThroughTime": HOUSE / "bptt",
    "ContextEncoder": HOUSE / "inputs",
    "Features": HOUSE / "inputs",
    "SequenceLoss": HOUSE / "tasks",
    "Schedule": HOUSE / "tasks",
    "SequenceData": HOUSE.parents[1] / "datamodules",
}
"""Where the classes of a kind are."""
WIDTH, INDENT = 110, 6 * " "
WORDS = {"None": "null", "True": "true", "False": "false"}
TOP = {
    "seed_everything": ("int", "1"),
    "data": ("SequenceData", ""),
    "model.beam_width": ("int", "4"),
    "diagnostics": ("list[Diagnostic] | None", "null"),
    "callbacks": ("list[Callback] | None", "null"),
}


class Key(NamedTuple):
    """A key of a recipe.

    Args:
        name: dotted, as after `--`.
        type: as the constructor declares it, `None` as null.
        default: as a recipe would write it; empty: there is none.
        text: what it means.
        known: names of the classes it may be, where it is one.
    """

    name: str
    type: str
    default: str
    text: str
    known: tuple[str, ...] = ()


def key_lines() -> Iterator[str]:
    """The help of all keys: type and default in a line, the meaning below it."""
    for key in keys():
        yield f"  --{key.name} ({key.type}{f'; default {key.default}' if key.default else ''})"
        about = [key.text, *([f"known: {', '.join(key.known)}"] if key.known else [])]
        for paragraph in about:
            yield from textwrap.wrap(paragraph, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)


def keys() -> Iterator[Key]:
    """All keys, those at the top first."""
    for name, (kind, default) in TOP.items():
        yield Key(name, _words(kind), default or _default(name, None), HELP[name], _known(kind))
    for block, (path, file, skip) in BLOCKS.items():
        module = ast.parse((HOUSE / file).read_text(encoding="utf-8"))
        names = _assigned(module)
        for node in module.body:  # types that another file of the house names
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("elman."):
                other = (HOUSE.parent / node.module.replace(".", "/")).with_suffix(".py")  # type: ignore[union-attr]
                if other.is_file() and any(alias.name[0].isupper() for alias in node.names):
                    there = _assigned(ast.parse(other.read_text(encoding="utf-8")))
                    names |= {alias.name: there[alias.name] for alias in node.names if alias.name in there}
        cls = next(
            n for n in module.body if isinstance(n, ast.ClassDef) and n.name == path.rpartition(".")[2]
        )
        meanings = _meanings(ast.get_docstring(cls) or "")
        for argument, hint, value in _arguments(cls):
            if argument not in skip:
                written = names.get(hint.id, hint) if isinstance(hint, ast.Name) else hint
                kind = _kind(written, names)
                name = f"{block}.{argument}"
                yield Key(
                    name, _words(kind), _default(name, value), meanings[argument].rstrip("."), _known(kind)
                )


def _assigned(module: ast.Module) -> dict[str, ast.expr]:
    """What the names of a file stand for."""
    return {
        node.targets[0].id: node.value
        for node in module.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def _arguments(cls: ast.ClassDef) -> Iterator[tuple[str, ast.expr, ast.expr | None]]:
    """(name, type, default) of the fields of a dataclass, or of the arguments of a constructor."""
    made = next((n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
    if made is None:
        for field in cls.body:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                yield field.target.id, field.annotation, field.value
        return
    for argument, default in zip(made.args.kwonlyargs, made.args.kw_defaults, strict=True):
        assert argument.annotation is not None, "constructors are typed"
        yield argument.arg, argument.annotation, default


def _kind(hint: ast.expr, names: dict[str, ast.expr]) -> str:
    """A type with the names that its file gives to types written out; a factory is the class it makes."""

    class Written(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return self.visit(names[node.id]) if node.id in names else node

        def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
            is_factory = isinstance(node.value, ast.Name) and node.value.id == "Callable"
            if is_factory and isinstance(node.slice, ast.Tuple):
                return self.visit(node.slice.elts[1])
            return node

    return ast.unparse(Written().visit(hint))


def _words(kind: str) -> str:
    """A type in the words of a recipe."""
    kind = re.sub(r"Literal\[([^]]*)\]", lambda match: match[1].replace("'", "").replace(", ", " | "), kind)
    return re.sub(r"\bNone\b", "null", kind).replace("torch.optim.", "")


def _default(name: str, value: ast.expr | None) -> str:
    if name in DEFAULTS:
        arguments = ", ".join(f"{k} {v}" for k, v in DEFAULTS[name].get("init_args", {}).items())
        return DEFAULTS[name]["class_path"].rpartition(".")[2] + (f" with {arguments}" if arguments else "")
    if value is None:
        return ""
    written = ast.unparse(value)
    return WORDS.get(written, written.strip("'"))


def _meanings(docstring: str) -> dict[str, str]:
    """The sections of `Args:`, by argument."""
    section = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)+)", docstring + "\n", re.MULTILINE)
    found: dict[str, str] = {}
    last: list[str] = []
    for line in (section[1] if section else "").splitlines():
        if match := re.match(r" {4}(\w[\w, ]*): (.*)", line):
            last = match[1].split(", ")
            found |= dict.fromkeys(last, match[2])
        elif line.strip():
            found |= {name: f"{found[name]} {line.strip()}" for name in last}
    return found


def _known(kind: str) -> tuple[str, ...]:
    """Names of the concrete public classes of a kind, from the files that have them."""
    base = kind.removesuffix(" | None")
    if base not in HOMES:
        return ()
    bases: dict[str, set[str]] = {}
    abstract, found = {base}, {base}
    for file in HOMES[base].rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        for node in ast.parse(text).body if "\nclass " in text else []:
            if isinstance(node, ast.ClassDef):
                of = bases.setdefault(node.name, set())
                of |= {ast.unparse(each).rpartition(".")[2] for each in node.bases}
                marks = [ast.unparse(mark) for n in node.body for mark in getattr(n, "decorator_list", ())]
                abstract |= {node.name} if "abstractmethod" in marks else set()
    while more := {name for name in bases if bases[name] & found} - found:
        found |= more
    front = ast.parse((HOMES[base] / "__init__.py").read_text(encoding="utf-8"))
    public = {str(node.value) for node in ast.walk(front) if isinstance(node, ast.Constant)}
    return tuple(sorted(public & (found - abstract)))
