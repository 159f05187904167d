"""Negation: is the sentence positive? One word decides, and another one, some steps before, may invert it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import product
from typing import Any

import torch

from datamodules.collecting import many_to_one_batch
from datamodules.sequence_data import Part, check_counts
from datamodules.synthetic.generated import Generated
from elman.batch import SequenceBatch

FILLERS = ("the", "a", "of", "and", "to", "in", "it", "was", "that", "with", "for", "on")
PLAIN, NOT = "truly", "not"
BAD, GOOD = "bad", "good"
TOPIC = "film"
WORDS = (*FILLERS, PLAIN, NOT, BAD, GOOD, TOPIC)
"""Word of each id."""

ID = {word: number for number, word in enumerate(WORDS)}

CLASSES = ("negative", "positive")


class Negation(Generated):
    """Many-to-one over words: fillers, then "not" or "truly", and `distance` steps later "good" or "bad".

        of was truly the film in not it that was good a the      (distance 4, 2 words after)

    label = good xor not, scored at the last step. Before that pair stands another one, whose "truly" or "not"
    is the opposite and belongs to "film": every sentence holds both words once, so that counting words is
    useless. Exchanging the two in a sentence keeps its words and turns its label, and both sentences are
    equally likely: a bag of words is right in exactly 1/2 of them.

    The deciding word stands at step T - 1 - a - distance, with a words after "good" or "bad", 0 <= a <=
    `after`. What follows it holds nothing about the label, so a gradient from the last step must reach back
    `distance` + a steps, at most `reach_needed` = `distance` + `after`. A strategy teaches it where
    C[T - 1, T - 1 - reach_needed] > 0; `Truncated` with k1 a divisor of T does from k2 = reach_needed + 1 on.

    Args:
        distance: steps from "not" or "truly" to "good" or "bad"; 1: they are neighbours.
        after: most words after "good" or "bad"; each number up to it is equally likely.
        steps: words of a sentence, at least distance + after + 3.
        batch_size: sentences of a batch, over all processes.
        val_batches: batches of validation, and of test.
        seed: another seed draws other sentences.

    Raises:
        ValueError: if the sentence is too short for both pairs.
    """

    input_size = len(WORDS)
    output_size = len(CLASSES)
    token_ids = True
    classes = CLASSES

    def __init__(
        self,
        *,
        distance: int = 8,
        after: int = 0,
        steps: int = 24,
        batch_size: int = 64,
        val_batches: int = 8,
        seed: int = 0,
    ) -> None:
        super().__init__(steps=steps, batch_size=batch_size, val_batches=val_batches, seed=seed)
        check_counts(1, distance=distance)
        check_counts(0, after=after)
        if steps < distance + after + 3:
            raise ValueError(
                "steps must be at least distance + after + 3, for both pairs of words, "
                f"got steps={steps}, distance={distance}, after={after}"
            )
        self.distance, self.after = distance, after

    @property
    def reach_needed(self) -> int:
        """Steps from the last one back to the earliest "not" or "truly" that decides."""
        return self.distance + self.after

    def batch(self, part: Part, index: int) -> SequenceBatch:
        draw, rows = self.draw(part, index), self.batch_size
        x = torch.randint(0, len(FILLERS), (rows, self.steps), generator=draw)
        kind, negated = torch.randint(0, 2, (2, rows), generator=draw)
        judged = self.steps - 1 - torch.randint(0, self.after + 1, (rows,), generator=draw)
        decides = judged - self.distance
        # Two different steps before `decides`, every pair equally likely.
        first = (torch.rand(rows, generator=draw) * decides).long()
        other = (torch.rand(rows, generator=draw) * (decides - 1)).long()
        other += other >= first
        opposite, film = torch.minimum(first, other), torch.maximum(first, other)
        topic = torch.full((rows,), ID[TOPIC])
        words = [ID[BAD] + kind, ID[PLAIN] + negated, ID[NOT] - negated, topic]
        x.scatter_(1, torch.stack([judged, decides, opposite, film], 1), torch.stack(words, 1))
        return many_to_one_batch(x, kind ^ negated, torch.full((rows,), self.steps))

    def metadata(self) -> dict[str, Any]:
        return {
            "distance": self.distance,
            "after": self.after,
            "reach_needed": self.reach_needed,
            "bag_of_words_accuracy": bag_of_words_accuracy(pairs()),
        }


def pairs() -> dict[tuple[tuple[str, ...], int], float]:
    """How likely each (words that are no fillers, label) is; fillers and places do not depend on them."""
    likely: dict[tuple[tuple[str, ...], int], float] = {}
    for good, negated in product((0, 1), repeat=2):
        words = ((NOT, PLAIN)[negated], TOPIC, (PLAIN, NOT)[negated], (BAD, GOOD)[good])
        likely[words, good ^ negated] = 1 / 4
    return likely


def bag_of_words_accuracy(likely: Mapping[tuple[tuple[str, ...], int], float]) -> float:
    """Accuracy of the best classifier that sees only how often each word occurs.

    sum over bags of max over labels of P(bag, label).
    """
    bags: defaultdict[tuple[tuple[str, ...], int], float] = defaultdict(float)
    for (words, label), chance in likely.items():
        bags[tuple(sorted(words)), label] += chance
    best: dict[tuple[str, ...], float] = {}
    for (bag, _), chance in bags.items():
        best[bag] = max(best.get(bag, 0.0), chance)
    return sum(best.values())
