"""Where sequences come from: one file a kind of data.

`from datamodules import Text` imports the file of `Text` and no other.
"""

from importlib import import_module
from typing import Any

_FILES = {
    "arrays": ("Arrays",),
    "audio": ("Audio",),
    "collecting": ("Batching", "Collected", "Example", "Findings", "Partition"),
    "digit_captions": ("DigitCaptions",),
    "digits": ("Digits",),
    "image_captions": ("ImageCaptions",),
    "images": ("Images",),
    "labelled_text": ("LabelledText",),
    "mnist": ("MNIST",),
    "mnist1d": ("MNIST1D",),
    "moving_digits": ("MovingDigits",),
    "music": ("PianoRolls",),
    "pictures.size": ("Size",),
    "sequence_data": ("SequenceData",),
    "sounds.frames": ("Frames",),
    "spoken": ("Spoken",),
    "synthetic": (
        "ASequence",
        "Adding",
        "AnBn",
        "CopyBlocks",
        "CopyCurriculum",
        "CopyMemory",
        "Echo",
        "Generated",
        "Negation",
        "Oscillators",
        "RegularLanguage",
        "Tones",
    ),
    "table": ("Table",),
    "text": ("Text",),
    "torchaudio_sets": ("TorchaudioSet",),
    "video": ("Video",),
    "video_captions": ("VideoCaptions",),
    "waveform": ("Waveform",),
}
"""What is public, by the file that holds it."""

_FILE_OF = {name: file for file, names in _FILES.items() for name in names}

__all__ = list(_FILE_OF)


def __getattr__(name: str) -> Any:
    if name not in _FILE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_FILE_OF[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
