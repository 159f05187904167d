"""Spoken: words from a speech synthesiser, an offline substitute for recordings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from datamodules.collecting import BadOnes, Batching, Partition
from datamodules.files import cache_folder, make_once
from datamodules.sequence_data import check_counts
from datamodules.sounds.frames import Frames
from datamodules.sounds.recorded import Listing, Recorded
from datamodules.sounds.recordings import Recording
from datamodules.sounds.speech import speak
from elman.errors import BadInput

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
VOICES = tuple(
    accent + variant
    for accent in ("en-us", "en-gb-x-rp", "en-gb-scotland", "en-029")
    for variant in ("", "+f1", "+f3", "+m2", "+m5")
)


class Spoken(Recorded):
    """Which word is it? Every word by every voice, at every pace and pitch.

    Made once, by `prepare_data`, and kept as wav files in the user's cache. Voice, pace and pitch are fields
    that `split` may go by; by default a voice is on one side only.

    Args:
        words: one class each.
        voices: of eSpeak; a variant may follow an accent, as in en-us+f2.
        words_a_minute: paces, each 80 to 450.
        pitches: each 0 to 99.
        cache: folder for the recordings; null: `$XDG_CACHE_HOME/elman`, or `~/.cache/elman`.
        frames: how recordings become frames.
        split: which recordings train, validate and test.
        batching: which recordings share a batch.

    Raises:
        ValueError: for a value out of range.

    Cost: about 5 ms a recording, once.

    Source: eSpeak NG (GPL 3), which the optional package `espeakng-loader` brings along.
    """

    def __init__(
        self,
        *,
        words: Sequence[str] = DIGITS,
        voices: Sequence[str] = VOICES,
        words_a_minute: Sequence[int] = (130, 170, 220),
        pitches: Sequence[int] = (30, 50, 70),
        cache: str | None = None,
        frames: Frames = Frames(sample_rate_hz=8000),
        split: Partition = Partition(by="voice", shares=(0.6, 0.2, 0.2)),
        batching: Batching = Batching(batch_size=32),
    ) -> None:
        super().__init__(frames=frames, skip_bad=False, split=split, batching=batching)
        for name, values in {"words": words, "voices": voices}.items():
            if not values or len(set(values)) < len(values) or not all(value.strip() for value in values):
                raise ValueError(f"{name} must be different and not empty, got {list(values)}")
        check_counts(2, words=len(words))
        for name, numbers, low, high in (
            ("words_a_minute", words_a_minute, 80, 450),
            ("pitches", pitches, 0, 99),
        ):
            if not numbers or len(set(numbers)) < len(numbers) or not all(low <= n <= high for n in numbers):
                raise ValueError(f"{name} must be different numbers in [{low}, {high}], got {list(numbers)}")
        self.words, self.voices, self.paces, self.pitches = words, voices, words_a_minute, pitches
        base = Path(cache).expanduser() if cache else cache_folder()
        arguments = repr([list(words), list(voices), list(words_a_minute), list(pitches)])
        self.folder = base / f"spoken-{hashlib.sha256(arguments.encode()).hexdigest()[:16]}"

    def prepare_data(self) -> None:
        try:
            make_once(self.folder, self._speak_all)
        except OSError as error:
            raise BadInput(f"{self.folder}: cannot be written ({error}); set data.cache") from error

    def _speak_all(self, folder: Path) -> None:
        import soundfile

        folder.mkdir()
        for number, (word, voice, pace, pitch) in enumerate(self._all()):
            samples, rate = speak(word, voice=voice, words_a_minute=pace, pitch=pitch)
            soundfile.write(folder / f"{number}.wav", samples, rate)

    def listing(self, bad: BadOnes) -> Listing:
        self.prepare_data()
        found = []
        for number, (word, voice, pace, pitch) in enumerate(self._all()):
            fields = {"voice": voice, "words_a_minute": str(pace), "pitch": str(pitch)}
            found.append(Recording(self.folder / f"{number}.wav", f"{number}.wav", word, fields))
        return Listing(self.folder, found)

    def _all(self) -> list[tuple[str, str, int, int]]:
        return list(product(self.words, self.voices, self.paces, self.pitches))
