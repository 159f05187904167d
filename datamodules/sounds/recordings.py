"""Recordings: which sound files there are, and what their names or a manifest hold about them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datamodules.collecting.findings import BadOnes
from datamodules.collecting.manifest import elsewhere, manifest_rows
from datamodules.collecting.partition import PART_NAMES
from datamodules.files import relative_name
from datamodules.sounds.kinds import SUFFIXES
from elman.errors import BadInput


@dataclass(frozen=True)
class Recording:
    """A sound file and what is known of it.

    Args:
        file: where it lies.
        name: its path inside the folder.
        label: its class.
        fields: what else is known, for `Partition`.
        part: train, val or test where that is given.
    """

    file: Path
    name: str
    label: str
    fields: Mapping[str, str] = field(default_factory=dict)
    part: str | None = None


FOLDERS = re.compile("(?P<label>[^/]+)/.+", re.DOTALL)


def from_names(root: Path, files: Sequence[Path], pattern: str | None, bad: BadOnes) -> list[Recording]:
    """Recordings whose class and further fields stand in their names.

    Args:
        pattern: of the name, or of the path inside `root` if it holds a /; None: the class is the name of the
            folder directly inside `root` that holds the file.

    Raises:
        BadInput: if none holds its class so.
    """
    in_path = not pattern or "/" in pattern
    expression = compiled(pattern) if pattern else FOLDERS
    names = [relative_name(file, root) for file in files]
    stems = [name[: -len(file.suffix)] for file, name in zip(files, names, strict=True)]
    matches = [expression.fullmatch(stem if in_path else stem.rpartition("/")[2]) for stem in stems]
    if not any(matches):  # said once, without a hint at skip_bad, which would leave none
        raise BadInput(f"{root}: {_misfit(len(files), names[0], stems, pattern)}")
    found: list[Recording] = []
    for file, name, match in zip(files, names, matches, strict=True):
        with bad.checking(str(file), offered=bool(found)):
            if match is None and pattern:
                raise BadInput(f"{file}: its name does not fit data.pattern={pattern}; rename it")
            if match is None:
                raise BadInput(f"{file}: lies in no class's folder; move it into one")
            fields = match.groupdict()
            found.append(Recording(file, name, fields.pop("label"), fields))
    return found


def _misfit(count: int, name: str, stems: Sequence[str], pattern: str | None) -> str:
    """Why no name holds a class, and what would find one."""
    if pattern is None:
        return (
            f"its {count:,} recordings lie in no class's folder ({name}); make a folder for each class, or "
            "say in data.pattern where names hold the class, such as '{label}_{speaker}_{index}'"
        )
    folders = any(FOLDERS.fullmatch(stem) for stem in stems)
    way = (
        "set data.pattern=null, and the folders are the classes"
        if folders
        else "set it to how names are built"
    )
    return f"none of its {count:,} recordings ({name}) has a name that fits data.pattern={pattern}; {way}"


def compiled(pattern: str) -> re.Pattern[str]:
    """`{label}_{speaker}` as an expression; a part takes as few characters as it can, and never a /.

    Raises:
        ValueError: if the pattern has no {label}, or a part twice.
    """
    pieces = re.split(r"\{([^{}]*)\}", pattern)
    names = pieces[1::2]
    wrong = [name for name in names if not name.isidentifier()]
    if wrong or len(set(names)) < len(names) or "label" not in names:
        raise ValueError(
            "pattern must name {label} once, and other parts at most once by plain words, such as "
            f"'{{label}}_{{speaker}}_{{index}}', got {pattern!r}"
        )
    parts = [re.escape(p) if i % 2 == 0 else f"(?P<{p}>[^/]+?)" for i, p in enumerate(pieces)]
    return re.compile("".join(parts))


def from_manifest(
    manifest: Path,
    *,
    path: str | int,
    label: str | int,
    part: str | int | None,
    bad: BadOnes,
    folder: str | None = None,
) -> list[Recording]:
    """A row a recording: where it lies, relative to the manifest, its class, and perhaps its part.

    All further columns are fields, so that a split may go by them.

    Args:
        folder: of the recordings, relative to the manifest's; None: that one.

    Raises:
        BadInput: for a manifest that cannot be read, lacks a column, or names a file that is not there,
            lies outside its folder, or comes twice.
    """
    root = manifest.parent / folder if folder else manifest.parent
    found: list[Recording] = []
    rows = list(manifest_rows(manifest))
    if len(rows) < 2:
        raise BadInput(f"{manifest}: has no rows under its header; a row names a recording and its label")
    header = rows[0][1]
    places = {
        "path": _place(header, path, "path_column", manifest),
        "label": _place(header, label, "label_column", manifest),
    }
    if part is not None:
        places["part"] = _place(header, part, "part_column", manifest)
    others = [i for i in range(len(header)) if i not in places.values()]
    seen: set[Path] = set()
    labels = [row[places["label"]].strip() for _, row in rows[1:]]
    for (line, row), named in zip(rows[1:], labels, strict=True):
        where = f"{manifest}:{line}"
        with bad.checking(where, offered=bool(found) or (not named and any(labels))):
            file = _inside(root, row[places["path"]], where, manifest.parent)
            if file in seen:
                raise BadInput(f"{where}: names {row[places['path']]} a second time; take one row out")
            if not named:
                raise BadInput(f"{where}: has no label; give one, or take the row out")
            given = row[places["part"]].strip() if "part" in places else None
            if given is not None and given not in PART_NAMES:
                raise BadInput(f"{where}: its part must be train, val or test, got {given!r}")
            seen.add(file)
            fields = {header[i]: row[i] for i in others}
            name = file.relative_to(manifest.parent).as_posix()
            found.append(Recording(file, name, named, fields, given))
    return found


def _place(header: Sequence[str], wanted: str | int, argument: str, manifest: Path) -> int:
    """Which column is meant, by name or by number from 0."""
    if isinstance(wanted, str) and wanted in header:
        return header.index(wanted)
    number = int(wanted) if str(wanted).isdecimal() else -1
    if 0 <= number < len(header):
        return number
    raise BadInput(
        f"{manifest}: has no column {wanted!r}, which data.{argument} names; there are {', '.join(header)}"
    )


def _inside(root: Path, given: str, where: str, top: Path) -> Path:
    """The file that a manifest in `top` names; never one outside that folder, not even through a link."""
    file = root / given
    try:
        inside = file.resolve().is_relative_to(top.resolve())
        there = inside and file.is_file()
    except (OSError, ValueError, RuntimeError) as error:
        raise BadInput(
            f"{where}: names {given!r}, which cannot be looked up ({error}); correct it"
        ) from error
    if not inside:
        raise BadInput(f"{where}: names {given}, which lies outside {top}; move the recording into it")
    if not there:
        raise BadInput(f"{where}: names {given}, and there is no such file; {elsewhere(top, given)}")
    if file.suffix.lower() not in SUFFIXES:
        raise BadInput(f"{where}: names {given}, which is no {', '.join(SUFFIXES)} file; convert it")
    return root / Path(given)
