"""PianoRolls: music as the keys that sound at each step, and which sound next."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from datamodules.array_sets.files import mat
from datamodules.array_sets.unpacked import refuse_unpacked
from datamodules.collecting import (
    BadOnes,
    Batching,
    Collected,
    Example,
    Examples,
    Findings,
    Partition,
    aligned,
)
from datamodules.collecting.findings import check_skip
from datamodules.fetching import standard
from datamodules.files import digest_of, reading
from datamodules.sequence_data import check_counts
from elman.errors import BadInput

PARTS = {"traindata": "train", "validdata": "val", "testdata": "test"}
LARGEST = 256 << 20
"""Bytes of a file, which is read whole."""


class PianoRolls(Collected):
    """Which keys sound next? One yes or no for each key at each step, so the loss is `BinaryCrossEntropy`.

    x: (T, 88), 1 for each key that sounds at a step; y: (T, 88), x one step later. A piece of T + 1 steps
    gives T of them.

    Args:
        path: a MATLAB file (up to version 7) with the cell arrays traindata, validdata and testdata of
            (steps, keys) arrays of 0 and 1; or `standard:jsb_chorales`, `standard:nottingham`.
        skip_bad: leave out and count pieces that cannot be used, at most half or the share that is given.
        most_unpacked_mb: the file may take ten times its own size unpacked, and this many MB more.
        split: which pieces train, validate and test; the file gives the parts.
        batching: which pieces share a batch.

    Source: N. Boulanger-Lewandowski, Y. Bengio and P. Vincent (2012), Modeling temporal dependencies in
        high-dimensional sequences; the files are those of S. Bai, J. Z. Kolter and V. Koltun (2018).
    """

    token_ids = False

    def __init__(
        self,
        *,
        path: str = "standard:jsb_chorales",
        skip_bad: bool | float = False,
        most_unpacked_mb: int = 512,
        split: Partition = Partition(),
        batching: Batching = Batching(batch_size=16),
    ) -> None:
        super().__init__(split=split, batching=batching, unit="steps")
        check_counts(1, most_unpacked_mb=most_unpacked_mb)
        check_skip(skip_bad)
        self.path, self.skip_bad, self.most_unpacked_mb = path, skip_bad, most_unpacked_mb
        self.rolls: list[np.ndarray] = []

    def prepare_data(self) -> None:
        standard.local(self.path)

    def find(self) -> Findings:
        file = Path(standard.local(self.path)).expanduser()
        with reading(file):
            if file.is_dir() or file.stat().st_size > LARGEST:
                raise BadInput(
                    f"{file}: a folder, or larger than 256 MiB; set data.path to a music file (.mat)"
                )
        refuse_unpacked([file], self.most_unpacked_mb)
        content, bad = mat(file), BadOnes(skip=self.skip_bad)
        names, given, keys = [], [], 0
        self.rolls = []
        for key, part in PARTS.items():
            if key not in content:
                there = ", ".join(content) or "nothing"
                raise BadInput(
                    f"{file}: holds no {key} (but {there}); a music file has {', '.join(PARTS)}, each a cell "
                    "array of pieces"
                )
            for number, piece in enumerate(np.ravel(content[key])):
                name = f"{file}: {key}[{number}]"
                with bad.checking(name, offered=bool(self.rolls)):
                    roll = checked(piece, name, keys)
                    keys = roll.shape[1]
                    self.rolls.append(roll)
                    names.append(f"{key}[{number}]")
                    given.append(part)
        if not self.rolls:
            why = f"; the first: {bad.skipped[0].reason}" if bad.skipped else ""
            raise BadInput(f"{file}: holds no piece that can be used{why}; give another file")
        bad.refuse_most(str(file), len(self.rolls))
        digest, of_content = digest_of([file], file)
        return Findings(
            source=file.name,
            digest=digest,
            names=names,
            lengths=np.array([len(roll) - 1 for roll in self.rolls]),
            given=given,
            skipped=bad.skipped,
            metadata={"keys": keys, "digest_of": None if of_content else "names and sizes"},
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        self.input_size = self.output_size = self.rolls[0].shape[1]
        return _NextRoll(self.rolls)


class _NextRoll:
    def __init__(self, rolls: list[np.ndarray]) -> None:
        self.rolls = rolls
        self.lengths = np.array([len(roll) - 1 for roll in rolls])

    def window(self, number: int, start: int, stop: int) -> Example:
        stop = min(stop, int(self.lengths[number]))
        piece = torch.from_numpy(self.rolls[number][start : stop + 1].astype(np.float32))
        return aligned(piece[:-1], piece[1:])


def checked(piece: np.ndarray, name: str, keys: int) -> np.ndarray:
    """(steps, keys) uint8 of 0 and 1.

    Args:
        keys: of the pieces before; 0: there was none.
    """
    rule = "a piece is a (steps, keys) array of 0 and 1"
    if not isinstance(piece, np.ndarray) or piece.dtype.kind not in "buif" or piece.ndim != 2:
        raise BadInput(f"{name}: no array of numbers with two axes; {rule}")
    if len(piece) < 2 or not piece.shape[1]:
        raise BadInput(
            f"{name}: too short; it has {len(piece)} steps of {piece.shape[1]} keys and needs two steps"
        )
    if keys and piece.shape[1] != keys:
        raise BadInput(f"{name}: another number of keys; it has {piece.shape[1]}, those before {keys}")
    if not np.isin(piece, (0, 1)).all():
        odd = piece[~np.isin(piece, (0, 1))][0]
        raise BadInput(f"{name}: other values than 0 and 1; for instance {odd}, but {rule}")
    return piece.astype(np.uint8)
