"""MovingDigits: short videos of a handwritten digit on the move, and what they show in words."""

from __future__ import annotations

import hashlib
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

from datamodules import digits
from datamodules.collecting import PART_NAMES, Batching, Collected, Examples, Findings, Partition
from datamodules.collecting.captions import Captioned, Unit, metadata_of, steps_of, tokens_of
from datamodules.pictures.film_strip import film_strip
from datamodules.sequence_data import check_counts
from datamodules.texts.tokens import tokens_state

SIDE = 16
ROOM = SIDE - digits.SIDE
SHORTEST, LONGEST = 8, 16
NEAREST = 4
DIRECTIONS = ("left", "right", "up", "down")
SIDEWAYS, BACKWARDS = (0, 1), (0, 2)


class MovingDigits(Collected):
    """Which digit moves, and where to? Many-to-many, unaligned: frames in, a caption out.

    A video has 8 to 16 frames of 16 x 16 pixels, values in [0, 1]. A digit of 8 x 8 pixels moves 4 to 8
    pixels left, right, up or down at an even pace, from a place at random. Its caption is "seven moves left".

    The context is the frames (S, 256) and their count (); x is a start and the caption, y the caption and an
    end, all steps scored. Digits and directions are about equally frequent: a guess is right for 1 video
    in 40.

    Args:
        unit: a step of a caption is one of its words or characters.
        videos: in training.
        val_videos: in validation, and in test.
        split: which images train, validate and test; no image is in videos of two parts.
        batching: which videos share a batch.
        seed: another seed draws other videos.

    Cost: a video is painted when it is read; only where its digit is and goes is kept.

    Source: after N. Srivastava, E. Mansimov and R. Salakhutdinov (2015), arXiv 1502.04681, section 3.2.
    Differs: one digit, of scikit-learn's small ones, that moves in one direction and has a caption.
    """

    token_ids = True
    context_size = SIDE**2

    def __init__(
        self,
        *,
        unit: Unit = "words",
        videos: int = 20_000,
        val_videos: int = 1000,
        split: Partition = Partition(shares=(0.67, 0.165, 0.165)),
        batching: Batching = Batching(batch_size=32),
        seed: int = 0,
    ) -> None:
        super().__init__(split=Partition(shares=split.shares), batching=batching, unit=unit)
        check_counts(1, videos=videos, val_videos=val_videos)
        check_counts(0, seed=seed)
        possible = [caption(digit, direction) for digit in range(10) for direction in range(4)]
        self.alphabet = tokens_of(possible, unit)
        self.captions = metadata_of(self.alphabet, possible)
        self.input_size = self.output_size = len(self.alphabet)
        self.videos, self.val_videos = videos, val_videos
        self.image_split, self.caption_unit, self.seed = split, unit, seed

    def find(self) -> Findings:
        images, labels = digits.load()
        parts = self.image_split.assign(len(labels), source="scikit-learn digits", classes=labels.tolist())
        counts = [self.videos, self.val_videos, self.val_videos if len(parts[2]) else 0]
        draws = [np.random.default_rng([self.seed, part]) for part in range(3)]
        drawn = [Plans.drawn(*each) for each in zip(draws, parts, counts, strict=True)]
        self.plans = Plans(*(np.concatenate(columns) for columns in zip(*drawn, strict=True)))
        captions = [
            caption(labels[i], way) for i, way in zip(self.plans.image, self.plans.direction, strict=True)
        ]
        given = np.repeat(PART_NAMES, counts).tolist()
        total = hashlib.sha256(images.tobytes() + labels.tobytes())
        for column in self.plans:
            total.update(column.astype("<i8").tobytes())
        return Findings(
            source="moving digits of scikit-learn",
            digest=total.hexdigest(),
            names=[f"{part} video {number}" for number, part in enumerate(given)],
            lengths=steps_of(captions, self.caption_unit),
            fields={"caption": captions},
            given=given,
            metadata={"seed": self.seed, "unit": self.unit},
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        videos = partial(painted, digits.load()[0], self.plans)
        return Captioned(found.fields["caption"], self.alphabet, self.captions, context=videos)

    def picture(self, context: tuple[Tensor, Tensor]) -> Tensor:
        """(16, 17 S - 1), the S frames of one row side by side."""
        return film_strip(context[0][: int(context[1])].reshape(-1, SIDE, SIDE, 1))

    def remembered(self) -> dict[str, Any]:
        return tokens_state(self.alphabet)


def caption(digit: int, direction: int) -> str:
    """What a video shows."""
    return f"{digits.NAMES[digit]} moves {DIRECTIONS[direction]}"


class Plans(NamedTuple):
    """What N videos show: a column each, (N,) int64.

    Args:
        image: number of the image that moves.
        direction: index into DIRECTIONS.
        frames: of the video.
        distance: pixels from the first place to the last.
        along: pixels between the first place and the border opposite to the direction.
        across: pixels from the left, of one that moves up or down; from the top, of one that moves sideways.
    """

    image: np.ndarray
    direction: np.ndarray
    frames: np.ndarray
    distance: np.ndarray
    along: np.ndarray
    across: np.ndarray

    @classmethod
    def drawn(cls, draw: np.random.Generator, images: np.ndarray, count: int) -> Plans:
        """Of `count` videos that show some of `images`."""
        distance = draw.integers(NEAREST, ROOM + 1, count)
        return cls(
            image=draw.choice(images, count) if count else images,
            direction=draw.integers(len(DIRECTIONS), size=count),
            frames=draw.integers(SHORTEST, LONGEST + 1, count),
            distance=distance,
            along=draw.integers(ROOM - distance + 1),
            across=draw.integers(ROOM + 1, size=count),
        )

    def places(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Top and left pixel of the digit in each frame, (B, LONGEST); beyond the last, of no meaning."""
        moving = self.along[numbers, None] + PASSED[self.distance[numbers], self.frames[numbers]]
        staying = self.across[numbers, None]
        direction = self.direction[numbers, None]
        moving = np.where(np.isin(direction, BACKWARDS), ROOM - moving, moving)
        sideways = np.isin(direction, SIDEWAYS)
        return np.where(sideways, staying, moving), np.where(sideways, moving, staying)


def _passed() -> np.ndarray:
    """[distance, frames, frame]: pixels passed at a frame of a video of this distance and so many frames."""
    passed = np.zeros((ROOM + 1, LONGEST + 1, LONGEST), dtype=np.int64)
    for distance, frames in product(range(NEAREST, ROOM + 1), range(SHORTEST, LONGEST + 1)):
        passed[distance, frames, :frames] = np.linspace(0, distance, frames).round()
    return passed


PASSED = _passed()


def painted(images: np.ndarray, plans: Plans, numbers: np.ndarray) -> tuple[Tensor, Tensor]:
    """Frames of the videos `numbers`, (B, S, 256), zero beyond the last of each, and their counts (B,).

    Args:
        images: all of them, (N, 8, 8).
        plans: what each video shows.
    """
    counts = plans.frames[numbers]
    frames = torch.zeros(len(numbers), int(counts.max()), SIDE, SIDE)
    row, frame = np.nonzero(np.arange(frames.shape[1]) < counts[:, None])
    tops, lefts = (places[row, frame] for places in plans.places(numbers))
    squares = sliding_window_view(
        frames.numpy(),
        (digits.SIDE, digits.SIDE),
        axis=(2, 3),
        writeable=True,  # type: ignore[call-overload]
    )
    squares[row, frame, tops, lefts] = images[plans.image[numbers[row]]]
    return frames.flatten(2), torch.from_numpy(counts)
