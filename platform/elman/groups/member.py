"""Which run of its group a run is: its seed, its fold, or both; and the seeds that were asked for."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from elman.errors import BadInput

Varies = Literal["seed", "fold", "fold and seed"]
MOST_SEEDS = 1000
LARGEST_SEED = 2**32 - 1  # NumPy takes no larger one


class Member(NamedTuple):
    """A run of a group.

    Args:
        seed: None: that of the recipe, the same in all of them.
        fold: None: that of the recipe.
    """

    seed: int | None = None
    fold: int | None = None

    def __str__(self) -> str:
        parts = [("fold", self.fold), ("seed", self.seed)]
        return ", ".join(f"{name} {value}" for name, value in parts if value is not None)

    def options(self) -> list[str]:
        """What tells it from the others, on the command line."""
        seed = [] if self.seed is None else [f"--seed_everything={self.seed}"]
        return seed + ([] if self.fold is None else [f"--data.split.fold={self.fold}"])


def member_of(text: str) -> Member | None:
    """The member that `str` has named; None: the text is something else."""
    found = re.fullmatch(r"(?:fold (\d+))?(?:, )?(?:seed (\d+))?", text)
    if not text or found is None:
        return None
    fold, seed = (None if part is None else int(part) for part in found.groups())
    return Member(seed=seed, fold=fold)


def seeds_of(text: str) -> list[int]:
    """The seeds of `--seeds`: a number of them, 1, 2, ..., or a list.

    Raises:
        BadInput: for no seed, one below zero or too large, and the same one twice.
    """
    inner = text.strip().removeprefix("[").removesuffix("]")
    words = [word.strip() for word in inner.split(",") if word.strip()]
    is_list = "," in inner or text.strip().startswith("[")
    if not words or not all(re.fullmatch(r"[+-]?\d+", word) for word in words):
        raise BadInput(
            f"--seeds must be how many, or a list of seeds, got {text!r}: --seeds=5 or --seeds=1,2,7"
        )
    numbers = [int(word) for word in words]
    if not is_list:
        (count,) = numbers
        if not 1 <= count <= MOST_SEEDS:
            raise BadInput(
                f"--seeds={count} must be 1 to {MOST_SEEDS}, the number of seeds, as in --seeds=5; a list "
                "names them: --seeds=1,2,7"
            )
        return list(range(1, count + 1))
    for number in numbers:
        if not 0 <= number <= LARGEST_SEED:
            raise BadInput(f"--seeds: a seed must lie in [0, {LARGEST_SEED}], got {number}")
        if numbers.count(number) > 1:
            raise BadInput(
                f"--seeds names {number} twice; the same seed gives the same numbers, so name another one"
            )
    if len(numbers) > MOST_SEEDS:
        raise BadInput(f"--seeds names {len(numbers)} seeds; at most {MOST_SEEDS} make a group")
    return numbers
