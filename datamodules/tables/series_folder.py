"""All series of a file or a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datamodules.collecting.collected import few
from datamodules.collecting.findings import BadOnes
from datamodules.files import digest_of, find_files, kind, relative_name
from datamodules.tables.account import Account, no_numeric
from datamodules.tables.cells import Codes, no_number
from datamodules.tables.columns import TableFile
from datamodules.tables.parquet import PARQUET
from datamodules.tables.series import Series, SeriesReader
from elman.errors import BadInput

SUFFIXES = (".csv", ".tsv", ".txt", *PARQUET)


@dataclass(frozen=True)
class SeriesSet:
    """What was read.

    Args:
        root: file or folder.
        columns, targets: names of the numeric inputs, and of what is predicted.
        codes: for each text column, the numbers of its values.
        digest: hex, and whether it is of the content.
        account: of what was found out, left out and changed.
    """

    root: Path
    series: list[Series]
    columns: list[str]
    targets: list[str]
    codes: list[Codes]
    digest: tuple[str, bool]
    account: Account


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
    account = reader.account()
    unused = len(partners.keys() - {relative_name(file, root) for file in files})
    if unused and len(target_files) > 1:  # one goes with one, whatever their names
        account.others["of targets alone"] = unused
    account.others.update(map(kind, others))
    series: list[Series] = []
    for file in files:
        with bad.checking(str(file), offered=len(files) > 1):
            name = relative_name(file, root)
            partner = None
            if target_path is not None:
                partner = target_files[0] if len(files) == len(target_files) == 1 else partners.get(name)
                if partner is None:
                    raise BadInput(
                        f"{file}: has no file of this name in {target_root}; give one, or take it out"
                    )
            table = reader.open(file)
            answers = None if partner is None else reader.open(partner)
            if columns is None:
                targets = reader.target_names(table if answers is None else answers)
                columns = _columns(reader, table, targets, account, aside=answers is not None, shown=shown)
            series += reader.read(table, answers, columns, account, name=name, bad=bad)
    digest, whole = digest_of(files, root)
    if target_path is not None:
        own, own_whole = digest_of(target_files, target_root)
        digest, whole = hashlib.sha256(f"{digest} {own}".encode()).hexdigest(), whole and own_whole
    return SeriesSet(root, series, columns or [], targets, account.codes, (digest, whole), account)


def _columns(
    reader: SeriesReader,
    table: TableFile,
    targets: Sequence[str],
    account: Account,
    *,
    aside: bool,
    shown: bool,
) -> list[str]:
    """Names of the numeric inputs, as the first file shows them."""
    columns = reader.input_names(table, account)
    if not aside and not shown:
        if reader.inputs is not None and (both := set(targets) & set(columns)):
            raise BadInput(
                f"{table.file}: {sorted(both)[0]!r} is read and, with data.horizon=0, asked for at the same "
                "step; leave it out of data.inputs, or set a horizon"
            )
        columns = [name for name in columns if name not in targets]
    if not columns and not reader.categories:
        faults = account.left_out
        own = [faults[name] for name in targets if name in faults and not aside]
        if (fault := no_numeric(own or list(faults.values()))) is None:
            raise BadInput(
                f"{table.file}: its columns are {few(table.names)}, and none is left to read; set "
                "data.horizon=1 to read the target itself, or name text columns in data.categories"
            )
        way_out = "no column of the table holds numbers alone; name text columns in data.categories"
        place, cell, others = fault
        raise BadInput(no_number(place, cell or "", others, reader.numerals, way_out, may_be_mark=True))
    return columns
