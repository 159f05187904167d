"""Which sequences a folder or file of arrays holds, and their targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from datamodules.array_sets.examples import Pair, Targets
from datamodules.array_sets.files import Stored, in_memory, mat, npy, npz
from datamodules.collecting.findings import BadOnes
from datamodules.files import find_files, natural, relative_name
from elman.errors import BadInput

SUFFIXES = (".npy", ".npz", ".mat")
UNREAD = (".h5", ".hdf5", ".csv", ".tsv", ".parquet", ".pkl", ".pickle", ".pt", ".pth", ".feather", ".json")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where sequences and targets lie; the arguments are those of `Arrays`."""

    targets: Targets
    x: str
    y: str
    parts: Mapping[str, str]


def read_pairs(
    root: Path, files: Sequence[Path], layout: Layout, answers: Answers, bad: BadOnes
) -> list[Pair]:
    """All sequences of the files, by their headers.

    Raises:
        BadInput: for all that is wrong and may not be skipped.
    """
    found: list[Pair] = []
    width: int | None = None
    for number, file in enumerate(files):
        with bad.checking(str(file), offered=bool(found)):
            name = relative_name(file, root)
            if file.suffix not in SUFFIXES:
                raise BadInput(
                    f"{file}: its name does not end in {', '.join(SUFFIXES)}; save it as one of these"
                )
            if file.suffix == ".npy":
                stored = npy(file, name)
                whole = len(stored.shape) < 3
                xs = [stored] if whole else stored.entries()
                part = next((p for p, pattern in layout.parts.items() if _lies_in(name, pattern)), None)
                ys = answers.of(number, file, name, xs, layout.targets)
                sequences = [(part, a, b) for a, b in zip(xs, ys, strict=True)]
            else:
                sequences = list(_by_key(file, name, layout))
            if not sequences:
                raise BadInput(f"{file}: holds no sequence: what should hold some is empty; take it out")
            for part, a, b in sequences:
                with bad.checking(str(file), offered=bool(found)):
                    _check(file, a, b, layout.targets, width)
                    pair = Pair(a.name, a, b, int(layout.targets == "next"), _folder(name), part)
                    width = pair.width
                    found.append(pair)
    if found:
        bad.refuse_most(str(root), len(found))
    return found


class Answers:
    """Targets of .npy files, in files of their own.

    Args:
        target_path: a folder or file; None: there are none.
        root, files: of the sequences.
    """

    def __init__(self, target_path: str | None, root: Path, files: Sequence[Path]) -> None:
        self.root: Path | None = None
        self.files: list[Path] = []
        self.together: Stored | None = None
        if target_path is None:
            return
        self.root, self.files, _ = find_files(target_path, (".npy",), argument="data.target_path")
        if self.root in self.files:
            self.together = npy(self.root, self.root.name)
            rows = npy(files[0], "").shape[0] if len(files) == 1 and files[0] == root else len(files)
            if not self.together.shape or self.together.shape[0] != rows:
                raise BadInput(
                    f"{self.root}: holds targets of shape {self.together.shape} for {rows} sequences; it "
                    "needs one for each along the first axis"
                )
        self.by_name = {relative_name(file, self.root): file for file in self.files}

    def of(
        self, number: int, file: Path, name: str, xs: Sequence[Stored], targets: Targets
    ) -> Sequence[Stored | None]:
        """The target of every sequence of file `number`."""
        if targets == "next":
            return [None] * len(xs)
        if self.together is not None:
            entries = self.together.entries()
            return entries if len(xs) > 1 else [entries[number]]
        if self.root is not None:
            if name not in self.by_name:
                raise BadInput(f"{file}: has no file of this name in {self.root}; give one, or take it out")
            stored = npy(self.by_name[name], f"targets {name}")
            return [stored] if len(xs) == 1 and file.exists() and len(stored.shape) < 3 else stored.entries()
        if targets == "class" and _folder(name):
            return [in_memory(name, np.array(_folder(name).rpartition("/")[2]))] * len(xs)
        way = "put files into a folder a class, or " if targets == "class" else ""
        raise BadInput(f"{file}: no targets; {way}set data.target_path, or data.targets=next")


def _by_key(file: Path, name: str, layout: Layout) -> Iterator[tuple[str | None, Stored, Stored | None]]:
    """(part, x, y) of all sequences of an .npz or .mat file."""
    arrays = npz(file) if file.suffix == ".npz" else mat(file)
    for part, key in (layout.parts or {"": ""}).items():
        x_key = layout.x.replace("{part}", key) if "{part}" in layout.x or not key else key
        xs = _listed(file, arrays, x_key, "x", deep=3)
        if not xs and layout.parts:
            raise BadInput(f"{file}: its array by the key {x_key!r} is empty; give sequences there")
        ys: list[np.ndarray | None] = [None] * len(xs)
        if layout.targets != "next":
            y_key = layout.y.replace("{part}", key)
            deep = 1 if layout.targets in ("class", "value") else 2
            found = _listed(file, arrays, y_key, "y", deep=deep, count=len(xs))
            if len(found) != len(xs):
                raise BadInput(
                    f"{file}: {len(found)} targets by the key {y_key!r} for {len(xs)} sequences by "
                    f"{x_key!r}; each needs one"
                )
            ys = list(found)
        for number, (a, b) in enumerate(zip(xs, ys, strict=True)):
            title = f"{name} {x_key} {number}"
            yield part or None, in_memory(title, a), None if b is None else in_memory(f"target of {title}", b)


def _listed(
    file: Path, arrays: Mapping[str, np.ndarray], key: str, argument: str, *, deep: int, count: int = 1
) -> list[np.ndarray]:
    """The arrays that a key stands for, one a sequence.

    Args:
        deep: axes of an array that holds many sequences, at least; one with fewer is of a single sequence.
        count: sequences there must be, if known.
    """
    if "*" in key:
        keys = sorted((name for name in arrays if fnmatch(name, key)), key=natural)
        if keys:
            return [np.asarray(arrays[name]) for name in keys]
    if key not in arrays:
        there = ", ".join(list(arrays)[:8]) or "none"
        raise BadInput(f"{file}: has no array by the key {key!r}; its keys are {there}; set data.{argument}")
    array = np.asarray(arrays[key])
    if array.dtype == object:  # a cell array
        return [np.asarray(cell) for cell in array.ravel()]
    if file.suffix == ".mat" and argument == "y" and array.ndim == 2 and 1 in array.shape:
        array = array.ravel()  # MATLAB has no (N,)
    many = array.ndim >= deep and (argument == "x" or count > 1 or len(array) == count)
    return list(array) if many else [array]


def _check(file: Path, x: Stored, y: Stored | None, targets: Targets, width: int | None) -> None:
    """Refuse shapes and types that are no sequence, or no target of one."""
    least = 2 if targets == "next" else 1
    if len(x.shape) not in (1, 2) or 0 in x.shape[1:]:
        raise BadInput(f"{file}: {x.name} has the shape {x.shape}; a sequence is (T, F) or (T,)")
    if x.dtype.kind not in "biuf":
        raise BadInput(f"{file}: {x.name} holds {x.dtype}; a sequence is of real numbers")
    if x.shape[0] < least:
        raise BadInput(f"{file}: {x.name} has {x.shape[0]} steps, and needs {least} or more")
    features = x.shape[1] if len(x.shape) == 2 else 1
    if width is not None and features != width:
        raise BadInput(
            f"{file}: {x.name} has {features} features where others have {width}; all need as many"
        )
    if y is None:
        return
    size = int(np.prod(y.shape, dtype=np.int64))
    if targets == "class" and (size != 1 or y.dtype.kind not in "biuU"):
        raise BadInput(
            f"{file}: its target is {y.dtype} of shape {y.shape}; a class is a whole number or a text"
        )
    if targets == "value" and (len(y.shape) > 1 or not size or y.dtype.kind not in "biuf"):
        raise BadInput(f"{file}: its target is {y.dtype} of shape {y.shape}; it must be one or (O,) numbers")
    if targets in ("step_class", "step_value"):
        kinds = "biu" if targets == "step_class" else "biuf"
        flat = targets == "step_value" or len(y.shape) == 1 or size == y.shape[0]
        if y.dtype.kind not in kinds or len(y.shape) not in (1, 2) or y.shape[0] != x.shape[0] or not flat:
            raise BadInput(
                f"{file}: its targets are {y.dtype} of shape {y.shape} for {x.shape[0]} steps; a step needs "
                f"{'a whole number' if targets == 'step_class' else 'numbers'}"
            )


def _lies_in(name: str, pattern: str) -> bool:
    return name.split("/", 1)[0] == pattern or fnmatch(name, pattern)


def _folder(name: str) -> str:
    return name.rpartition("/")[0]
