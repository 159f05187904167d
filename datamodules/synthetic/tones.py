"""Tones: in which order were the notes played?"""

from __future__ import annotations

from itertools import permutations
from math import factorial
from typing import Any

import torch
from torch import Tensor

from datamodules.collecting import many_to_one_batch
from datamodules.sequence_data import Part, check_counts
from datamodules.synthetic.generated import Generated
from elman.batch import SequenceBatch

LOWEST_HZ = 300.0
SAMPLE_RATE_HZ = 8000
WINDOW, HOP = 200, 80


class Tones(Generated):
    """Sound with a known answer: each melody plays all the notes once, in an order of its own.

    x (B, T, 200): frames of 25 ms every 10 ms, at 8,000 Hz. y: number of the order, scored at the last
    frame. Note i sounds at 300 * 2^(i / 2) Hz for half of its share of the time, beginning anywhere in the
    first half; loudness, phase and noise differ from row to row.

    All melodies hold the same notes for equally long, so what is in the sound, apart from the order, is
    useless: without memory the share of right answers is about 1 / notes!, a little more for what the
    last frames hold.

    Args:
        notes: 2 to 5; there are notes! melodies.
        note_ms: time from one note to the next, at least 60.
        noise: standard deviation of the noise, where a note's amplitude is 0.2 to 0.8.
        batch_size: melodies of a batch, over all processes.
        val_batches: batches of validation, and of test.
        seed: another seed draws other sound.

    Raises:
        ValueError: for a value out of range.

    Source: ours.
    """

    token_ids = False

    def __init__(
        self,
        *,
        notes: int = 3,
        note_ms: int = 120,
        noise: float = 0.1,
        batch_size: int = 32,
        val_batches: int = 8,
        seed: int = 0,
    ) -> None:
        check_counts(2, notes=notes)
        check_counts(60, note_ms=note_ms)
        if notes > 5:
            raise ValueError(f"notes must be at most 5, which make 120 melodies, got {notes}")
        if not 0 <= noise < float("inf"):
            raise ValueError(f"noise is a standard deviation and must be at least 0, got {noise}")
        self.notes, self.note_ms, self.noise = notes, note_ms, noise
        self.share = note_ms * SAMPLE_RATE_HZ // 1000  # samples from one note to the next
        super().__init__(
            steps=1 + (notes * self.share - WINDOW) // HOP,
            batch_size=batch_size,
            val_batches=val_batches,
            seed=seed,
        )
        self.input_size, self.output_size = WINDOW, factorial(notes)
        self.sample_rate_hz = SAMPLE_RATE_HZ

    def batch(self, part: Part, index: int) -> SequenceBatch:
        draw = self.draw(part, index)
        melodies = torch.randint(self.output_size, (self.batch_size,), generator=draw)
        frames = self.sound(melodies, draw).unfold(1, WINDOW, HOP)  # (B, T, WINDOW)
        return many_to_one_batch(frames, melodies, torch.full((self.batch_size,), self.steps))

    def sound(self, melodies: Tensor, draw: torch.Generator) -> Tensor:
        """(B, samples) of the melodies of these numbers."""
        orders = torch.tensor(list(permutations(range(self.notes))))[melodies]  # (B, notes)
        pitch = LOWEST_HZ * 2 ** (orders / 2)
        loud, phase, late = torch.rand(3, *orders.shape, 1, generator=draw)
        half = self.share // 2
        place = (late * half).long() + torch.arange(
            half
        )  # (B, notes, half), where in its share a note sounds
        time = place / SAMPLE_RATE_HZ
        wave = torch.sin(2 * torch.pi * (pitch[..., None] * time + phase)) * (0.2 + 0.6 * loud)
        clean = torch.zeros(*orders.shape, self.share).scatter_(2, place, wave).flatten(1)
        return clean + self.noise * torch.randn(clean.shape, generator=draw)

    def metadata(self) -> dict[str, Any]:
        return {
            "notes": self.notes,
            "note_ms": self.note_ms,
            "noise": self.noise,
            "chance": 1 / self.output_size,
        }
