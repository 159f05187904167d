"""ASequence: the ten characters of "a_sequence", learned by heart."""

from __future__ import annotations

from typing import Any

from datamodules.sequence_data import Part
from datamodules.synthetic.generated import Generated
from datamodules.texts.alphabet import Alphabet
from elman.batch import SequenceBatch, whole

TEXT = "a_sequence"


class ASequence(Generated):
    """The smallest text on which to see how far credit reaches.

    x is "a_sequenc", y is "_sequence", 9 steps. 'u' is step 6 and 's' step 3, counted from 1: what the
    loss at 'u' can teach about 's' depends on how time is cut. Training, validation and test are the same.

    Args:
        batch_size: how many times the sequence stands in a batch, over all processes.
    """

    token_ids = True

    def __init__(self, *, batch_size: int = 1) -> None:
        super().__init__(steps=len(TEXT) - 1, batch_size=batch_size, val_batches=1, seed=0)
        self.text = TEXT
        self.alphabet = Alphabet("".join(sorted(set(TEXT))))
        self.input_size = self.output_size = len(self.alphabet)

    def batch(self, part: Part, index: int) -> SequenceBatch:
        ids = self.alphabet.encode(TEXT).expand(self.batch_size, -1)
        return whole(ids[:, :-1].clone(), ids[:, 1:].clone())

    def metadata(self) -> dict[str, Any]:
        return {"text": TEXT, "token_ids": len(self.alphabet)}
