"""RegularLanguage: strings that a finite automaton sorts into classes, of any length."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor

from datamodules.batches import Batches
from datamodules.collecting import many_to_one_batch
from datamodules.sequence_data import Part, check_counts
from datamodules.synthetic.generated import Generated
from elman.batch import SequenceBatch

Language = Literal["even_pairs", "parity", "cycle_navigation"]
CYCLE = 5  # positions on the cycle


class Rule(NamedTuple):
    """What a language is made of: symbols, classes, and (B, T) symbols to (B,) classes."""

    symbols: int
    classes: int
    classify: Callable[[Tensor], Tensor]


RULES: dict[Language, Rule] = {
    "even_pairs": Rule(2, 2, lambda x: (x[:, 1:] != x[:, :-1]).sum(1) % 2),
    "parity": Rule(2, 2, lambda x: x.sum(1) % 2),
    "cycle_navigation": Rule(3, CYCLE, lambda x: (x - 1).sum(1) % CYCLE),
}


class RegularLanguage(Generated):
    """Many-to-one over random strings; are strings far longer than those of training classified as well?

    even_pairs: symbols 0 and 1; class 1 if the number of 01 and 10 in the string is odd.
    parity: symbols 0 and 1; class 1 if the number of 1 is odd.
    cycle_navigation: symbols 0, 1, 2 move by -1, 0, 1 on a cycle of 5 positions; the class is the last one.

    x (B, T): symbols, all strings equally likely; y: the class, scored at the last step. The strings of a
    batch are equally long: in training and validation as long as is drawn for it, every length from 1 to
    `longest` being equally likely, in test each of `test_steps` in turn. Metrics of test are also given for
    each of these lengths, `test/accuracy_at_500`.

    Args:
        language: even_pairs, parity or cycle_navigation.
        longest: steps of the longest string of training and validation.
        test_steps: steps of the strings of test; several lengths take turns.
        batch_size: strings of a batch, over all processes.
        val_batches: batches of validation, and of test.
        seed: another seed draws other strings.

    Raises:
        ValueError: if `language` is none of these.

    Source: Delétang et al. (2023), arXiv 2207.02098, and their code.
    Differs: the class is read at the string's last step, where theirs adds a step of another symbol.
    """

    token_ids = True

    def __init__(
        self,
        *,
        language: Language = "parity",
        longest: int = 40,
        test_steps: int | list[int] = 100,
        batch_size: int = 128,
        val_batches: int = 40,
        seed: int = 0,
    ) -> None:
        super().__init__(steps=longest, batch_size=batch_size, val_batches=val_batches, seed=seed)
        self.tested = [test_steps] if isinstance(test_steps, int) else [*test_steps]
        for steps in self.tested:
            check_counts(1, test_steps=steps)
        if not self.tested:
            raise ValueError("test_steps must name a length, got []; for instance 100")
        if language not in RULES:
            raise ValueError(f"language must be one of {', '.join(get_args(Language))}, got {language!r}")
        self.language, self.longest = language, longest
        self.rule = RULES[language]
        self.input_size, self.output_size = self.rule.symbols, self.rule.classes
        self.steps_per_epoch = round(batch_size * (1 + longest) / 2)

    def batch(self, part: Part, index: int) -> SequenceBatch:
        draw = self.draw(part, index)
        length = int(torch.randint(1, self.longest + 1, (), generator=draw))
        if part == "test":
            length = self.tested[index % len(self.tested)]
        x = torch.randint(0, self.rule.symbols, (self.batch_size, length), generator=draw)
        return many_to_one_batch(x, self.rule.classify(x), torch.full((self.batch_size,), length))

    def loader(self, part: Part) -> Batches:
        batches = super().loader(part)
        batches.steps_per_batch = self.steps_per_epoch
        if part == "test":
            batches.suffix = lambda index: f"_at_{self.tested[index % len(self.tested)]}"
        return batches

    def metadata(self) -> dict[str, Any]:
        return {
            "language": self.language,
            "longest": self.longest,
            "test_steps": ", ".join(map(str, self.tested)),
            "baseline_nats": math.log(self.rule.classes),
        }
