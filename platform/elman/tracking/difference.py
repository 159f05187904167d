"""What differs between two runs: how they were asked for, what they were made of, what came out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from elman.tracking.tags import COMMIT_TAG, CONTEXT_TAG, DEVICE_TAG, GIT_DIRTY_TAG, VERSION_TAG

BLOCKS = ("recipe", "data", "code", "versions", "machine")
FIRST_RESULTS = ("best ", "test/", "val/", "train/", "cost/")
DIGEST_CHARACTERS = 12


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a run was made of and what came out, block by block, as text by name.

    Args:
        recipe: values by dotted key.
        data: digests by the names of what was read.
        code: commit, branch, whether files differed from it, and how.
        results: last value by metric, `best METRIC` for the best of what is monitored.
        seconds: from start to end.
    """

    recipe: dict[str, str] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)
    results: dict[str, float] = field(default_factory=dict)
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that two runs have, with what each has; None: it has none."""

    block: str
    name: str
    first: Any
    second: Any

    @property
    def same(self) -> bool:
        return bool(self.first == self.second)

    @property
    def by(self) -> float | None:
        """How much larger the second number is."""
        if isinstance(self.first, int | float) and isinstance(self.second, int | float):
            return self.second - self.first
        return None


def made_of(tags: Mapping[str, str], *, inputs: Any = None, diff: str | None = None) -> dict[str, Any]:
    """The blocks data, code, versions and machine, from what a run has recorded.

    Args:
        inputs: of the run in MLflow.
        diff: its artifact `git_diff.txt`.
    """
    code = {"commit": tags[COMMIT_TAG]} if COMMIT_TAG in tags else {}
    if GIT_DIRTY_TAG in tags:
        code["files changed since"] = _changes(tags[GIT_DIRTY_TAG], diff)
    return {
        "data": data_of(inputs),
        "code": code,
        "versions": _beginning(tags, VERSION_TAG),
        "machine": _beginning(tags, DEVICE_TAG),
    }


def data_of(inputs: Any) -> dict[str, str]:
    """Digests of what a run has read, by name; whole where the run has kept them whole."""
    found = {}
    for each in getattr(inputs, "dataset_inputs", None) or ():
        dataset = each.dataset
        try:
            whole = json.loads(dataset.profile or "{}").get("digest")
        except (ValueError, AttributeError):
            whole = None
        context = next((tag.value for tag in each.tags or () if tag.key == CONTEXT_TAG), "")
        found[f"{context} {dataset.name}".strip()] = str(whole or dataset.digest)
    return found


def differences(first: Made, second: Made) -> list[Difference]:
    """Everything that differs, block by block and in each by name; of results all that one of them has."""
    found = []
    for block in BLOCKS:
        one, other = getattr(first, block), getattr(second, block)
        pairs = [Difference(block=block, name=n, first=one.get(n), second=other.get(n)) for n in one | other]
        found += sorted((pair for pair in pairs if not pair.same), key=lambda pair: pair.name)
    names = sorted(first.results | second.results, key=_place)
    found += [
        Difference(block="results", name=n, first=first.results.get(n), second=second.results.get(n))
        for n in names
    ]
    if first.seconds is not None or second.seconds is not None:
        found.append(
            Difference(block="seconds", name="start to end", first=first.seconds, second=second.seconds)
        )
    return found


def alike(first: Made, second: Made) -> tuple[list[str], list[str]]:
    """Blocks that both have and in which nothing differs, and blocks that one of them lacks."""
    known = [block for block in BLOCKS if getattr(first, block) and getattr(second, block)]
    same = [block for block in known if getattr(first, block) == getattr(second, block)]
    return same, [block for block in BLOCKS if block not in known]


def _beginning(tags: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {key.removeprefix(prefix): value for key, value in tags.items() if key.startswith(prefix)}


def _changes(dirty: str, diff: str | None) -> str:
    """Whether files differed from the commit, and a digest of how, so that two can be compared."""
    import hashlib

    if dirty != "true":
        return "none"
    if diff is None:
        return "unknown"
    return f"diff {hashlib.sha256(diff.encode()).hexdigest()[:DIGEST_CHARACTERS]}"


def _place(name: str) -> tuple[int, str]:
    order = [i for i, beginning in enumerate(FIRST_RESULTS) if name.startswith(beginning)]
    return (order[0] if order else len(FIRST_RESULTS), name)
