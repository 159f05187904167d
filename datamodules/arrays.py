"""Arrays: sequences of numbers from .npy, .npz and .mat files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch

from datamodules.array_sets.examples import ArrayExamples, Pair, Targets, class_names, matrix
from datamodules.array_sets.sets import SUFFIXES, UNREAD, Answers, Layout, read_pairs
from datamodules.array_sets.unpacked import MOST_MB, refuse_unpacked
from datamodules.collecting import BadOnes, Batching, Collected, Examples, Findings, Partition
from datamodules.collecting.findings import check_skip, refuse_unread
from datamodules.files import digest_of, find_files, not_read
from datamodules.sequence_data import check_counts
from datamodules.tables.scaling import Scaling, standardising
from elman.errors import BadInput

MOST_STEPS = 1_000_000
"""Training steps that means and deviations are taken from, at most."""

MOST_SEQUENCES = 10_000
"""Training sequences that these are read from, at most."""

TARGETS = ("next", "class", "value", "step_class", "step_value")


class Arrays(Collected):
    """Sequences that are arrays (T, F), or (T,) of one feature, with targets or without.

    x (T, F): the values, standardised by the training part if `standardise` is set.
    y: the targets, by `targets`:
        "next": the next step; x lacks the last one, y (T - 1, F) the first.
        "class": a class for the sequence, a whole number or a text; scored at its last step.
        "value": a number or (O,) numbers for the sequence, scored at its last step.
        "step_class": (T,) whole numbers, a class at every step.
        "step_value": (T,) or (T, O) numbers, at every step.
    Target values are standardised as x is; `target_shift` and `target_scale` hold their units.

    A folder holds a .npy file for each sequence. Its targets lie in the folder or .npy file `target_path`;
    with "class" and none, the folder that a file lies in is its class. An .npz or .mat file holds, by the
    key `x`, an array (N, T, F) or (T, F), a cell array, or by a key with a star (x_*, arr_*) a sequence by
    each key, in the order of their numbers; by the key `y` the targets, laid out alike. A .npy file alone is
    (N, T, F) or (T, F). A .npy file is read by steps as they are needed, the others whole.

    Whether all values are finite is checked when they are read: in a .npy file by the batch that holds them.

    Args:
        path: folder or file.
        targets: next, class, value, step_class or step_value.
        target_path: of a folder of .npy: a folder with files of the same names, or a .npy file with a target
            for each file in the order of their names.
        x: key of the inputs; {part} in it stands for what `parts` names.
        y: key of the targets, in the same way.
        parts: which train, validate and test, where the data gives parts: {train: traindata, val: validdata,
            test: testdata} names keys (x is then {part}), or the folders in which files lie.
        standardise: mean 0 and deviation 1 for every feature, from the beginnings of at most 10,000 training
            sequences, 1,000,000 steps together.
        split: which sequences train, validate and test, where `parts` is null; its field is `folder`.
        batching: which sequences share a batch.
        skip_bad: leave out and count sequences that cannot be used, at most half or the share that is given.
        most_unpacked_mb: .npz and .mat files may take ten times their own size unpacked, and all of them this
            many MB more.

    Raises:
        ValueError: if an argument is none of these.

    Cost: reading every header; targets of classes, and .npz and .mat files, are read whole.
    """

    token_ids = False

    def __init__(
        self,
        *,
        path: str,
        targets: Targets = "next",
        target_path: str | None = None,
        x: str = "x",
        y: str = "y",
        parts: dict[Literal["train", "val", "test"], str] | None = None,
        standardise: bool = True,
        split: Partition = Partition(),
        batching: Batching = Batching(batch_size=32),
        skip_bad: bool | float = False,
        most_unpacked_mb: int = MOST_MB,
    ) -> None:
        super().__init__(split=split, batching=batching, unit="steps")
        check_counts(1, most_unpacked_mb=most_unpacked_mb)
        if targets not in TARGETS:
            raise ValueError(f"targets must be one of {', '.join(TARGETS)}, got {targets!r}")
        if unknown := set(parts or {}) - {"train", "val", "test"}:
            raise ValueError(f"parts names train, val and test, got {sorted(unknown)[0]!r}")
        if not x or not y:
            raise ValueError(f"x and y are keys, got x={x!r}, y={y!r}")
        self.path, self.targets, self.target_path = path, targets, target_path
        self.given, self.standardise, self.skip_bad = parts, standardise, skip_bad
        self.layout = Layout(targets=targets, x=x, y=y, parts={str(k): v for k, v in (parts or {}).items()})
        check_skip(skip_bad)
        self.most_unpacked_mb = most_unpacked_mb
        self.pairs: list[Pair] = []
        self.scaling: dict[str, list[float]] = {}

    def find(self) -> Findings:
        bad = BadOnes(skip=self.skip_bad)
        root, files, others = find_files(self.path, SUFFIXES)
        answers = Answers(self.target_path, root, files)
        refuse_unread(root, files, others, UNREAD, bad=bad, convert="numpy.save")
        refuse_unpacked(files, self.most_unpacked_mb)
        self.pairs = read_pairs(root, files, self.layout, answers, bad)
        if not self.pairs:
            first = (
                f"; the first of {len(bad.skipped)} faults: {bad.skipped[0].reason}" if bad.skipped else ""
            )
            raise BadInput(f"{root}: nothing in it can be used{first}")
        classes, labels = class_names(self.pairs, self.targets, source=str(root))
        digest, of_content = digest_of(files, root)
        if answers.root is not None:
            targets, whole = digest_of(answers.files, answers.root)
            digest = hashlib.sha256(f"{digest} {targets}".encode()).hexdigest()
            of_content = of_content and whole
        return Findings(
            source=root.name,
            digest=digest,
            names=[pair.name for pair in self.pairs],
            lengths=np.array([pair.steps for pair in self.pairs], dtype=np.int64),
            classes=classes,
            labels=labels,
            fields={"folder": [pair.folder for pair in self.pairs]},
            given=[pair.part for pair in self.pairs] if self.given else None,
            skipped=bad.skipped,
            metadata={
                "digest_of": None if of_content else "names and sizes",
                "features": self.pairs[0].width,
                "targets": self.targets,
                "other_files": len(others),
            },
            notes=[
                "values are looked at as they are read: NaN or infinite ones stop the run there",
                *not_read(others),
            ],
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        self.input_size = self.pairs[0].width
        values = self._value_width(found)
        self.output_size = values or len(found.classes)
        learned = self.saved.get("scaling") or self._learn(train, values)
        if len(learned["shift"]) != self.input_size or len(learned["target_shift"]) != values:
            raise BadInput(
                f"{found.source}: has {self.input_size} features and {values} target values, but the "
                f"checkpoint was trained on {len(learned['shift'])} and {len(learned['target_shift'])}; "
                "give such data"
            )
        self.scaling = learned
        if values and self.standardise:
            self.target_shift = torch.tensor(learned["target_shift"])
            self.target_scale = torch.tensor(learned["target_scale"])
        return ArrayExamples(
            self.pairs,
            self.targets,
            classes={name: number for number, name in enumerate(found.classes)},
            inputs=Scaling(np.array(learned["shift"]), np.array(learned["scale"])),
            values=Scaling(np.array(learned["target_shift"]), np.array(learned["target_scale"])),
        )

    def remembered(self) -> dict[str, Any]:
        return {"scaling": self.scaling}

    def _value_width(self, found: Findings) -> int:
        """Target values of a step; 0: the target is a class."""
        if found.classes:
            return 0
        widths = {pair.width if pair.y is None else _width(pair.y.shape, self.targets) for pair in self.pairs}
        if len(widths) > 1:
            raise BadInput(
                f"{found.source}: its targets have {' and '.join(map(str, sorted(widths)))} values; all need "
                "as many"
            )
        return widths.pop()

    def _learn(self, train: np.ndarray, values: int) -> dict[str, list[float]]:
        """Means and deviations in the training part, or none."""
        learned: dict[str, list[float]] = {}
        for prefix, width in {"": self.input_size, "target_": values}.items():
            scaling = Scaling(np.zeros(width), np.ones(width))
            if self.standardise and width:
                of_targets = bool(prefix) and self.targets != "next"
                scaling, _ = standardising(self._sample(train, of_targets=of_targets), width)
            learned |= {f"{prefix}shift": scaling.shift.tolist(), f"{prefix}scale": scaling.scale.tolist()}
        return learned

    def _sample(self, train: np.ndarray, *, of_targets: bool) -> list[np.ndarray]:
        """The first steps of every training sequence, or of evenly chosen ones, `MOST_STEPS` at most."""
        chosen = train[:: max(1, -(-len(train) // MOST_SEQUENCES))]
        each = max(1, MOST_STEPS // len(chosen))
        sample = []
        for pair in (self.pairs[number] for number in chosen):
            stored = pair.y if of_targets else pair.x
            assert stored is not None
            one = self.targets == "value" and of_targets
            sample.append(matrix(stored).reshape(1, -1) if one else matrix(stored, 0, each))
        return sample


def _width(shape: Sequence[int], targets: Targets) -> int:
    """Values of a step in targets of this shape."""
    if targets == "value":
        return shape[0] if shape else 1
    return shape[1] if len(shape) == 2 else 1
