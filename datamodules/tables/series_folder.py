"""All series of a file or a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datamodules.collecting.findings import BadOnes
from datamodules.files import digest_of, find_files, relative_name
from datamodules.tables.cells import Codes
from datamodules.tables.parquet import PARQUET
from datamodules.tables.series import Series, SeriesReader
from elman.errors import BadInput

SUFFIXES = (".csv", ".tsv", ".txt", *PARQUET)


@dataclass(frozen=True)
class SeriesSet:
    """What was read.

    Args:
        root: file or folder.
        others: files of the folder that are no tables.
        columns, targets: names of the numeric inputs, and of what is predicted.
        codes: for each text column, the numbers of its values.
        digest: hex, and whether it is of the content.
    """

    root: Path
    others: int
    series: list[Series]
    columns: list[str]
    targets: list[str]
    codes: list[Codes]
    digest: tuple[str, bool]


def read_all(
    reader: SeriesReader, path: str, target_path: str | None, *, shown: bool, bad: BadOnes
) -> SeriesSet:
    """Read a table, or every table of a folder.

    Args:
        shown: whether a target may be an input too: it is known when it is read.

    Raises:
        BadInput: for whatever is wrong and may not be skipped.
    """
    root, files, others = find_files(path, SUFFIXES, argument="data.path")
    target_root, target_files, _ = (
        (root, files, [])
        if target_path is None
        else find_files(target_path, SUFFIXES, argument="data.target_path")
    )
    partners = {relative_name(file, target_root): file for file in target_files}
    columns: list[str] | None = None
    targets: list[str] = []
    codes = [Codes(reader.missing_marks) for _ in reader.categories]
    series: list[Series] = []
    for file in files:
        with bad.checking(str(file)):
            name = relative_name(file, root)
            partner = None
            if target_path is not None:
                partner = target_files[0] if len(files) == len(target_files) == 1 else partners.get(name)
                if partner is None:
                    raise BadInput(
                        f"{file}: has no file of this name in {target_root}; give one, or take it out"
                    )
            if columns is None:
                targets = reader.target_names(reader.open(partner or file))
                columns = _columns(reader, file, targets, aside=partner is not None, shown=shown)
            series += reader.read(file, partner, columns, codes, name=name, bad=bad)
    digest, whole = digest_of(files, root)
    if target_path is not None:
        answers, answers_whole = digest_of(target_files, target_root)
        digest, whole = hashlib.sha256(f"{digest} {answers}".encode()).hexdigest(), whole and answers_whole
    return SeriesSet(root, len(others), series, columns or [], targets, codes, (digest, whole))


def _columns(
    reader: SeriesReader, file: Path, targets: Sequence[str], *, aside: bool, shown: bool
) -> list[str]:
    """Names of the numeric inputs, as the first file shows them."""
    table = reader.open(file)
    columns = reader.input_names(table)
    if not aside and not shown:
        if reader.inputs is not None and (both := set(targets) & set(columns)):
            raise BadInput(
                f"{file}: {sorted(both)[0]!r} is read and, with data.horizon=0, asked for at the same step; "
                "leave it out of data.inputs, or set a horizon"
            )
        columns = [name for name in columns if name not in targets]
    if not columns and not reader.categories:
        raise BadInput(f"{file}: no numeric column is left to read; name some in data.inputs")
    return columns
