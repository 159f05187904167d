"""Kinds of sound files: told by their first bytes, whatever their names say."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, NamedTuple

HAS_PYAV = find_spec("av") is not None


class Kind(NamedTuple):
    """A kind of file.

    Args:
        name: what it is called.
        starts: how its first bytes may look; `?` stands for any byte.
        suffixes: how the names of such files may end.
        reader: what reads it; None: nothing here.
    """

    name: str
    starts: tuple[bytes, ...]
    suffixes: tuple[str, ...] = ()
    reader: str | None = None


MP3_STARTS = tuple(bytes([0xFF, second]) for second in range(0xE2, 0x100) if second & 6)
KINDS = (
    Kind("WAV", (b"RIFF????WAVE", b"RIFX????WAVE", b"RF64????WAVE"), (".wav",), "libsndfile"),
    Kind("FLAC", (b"fLaC",), (".flac",), "libsndfile"),
    Kind("Ogg", (b"OggS",), (".ogg", ".oga", ".opus"), "libsndfile"),
    Kind("MP3", MP3_STARTS, (".mp3",), "libsndfile"),
    Kind("AIFF", (b"FORM????AIF",), (".aiff", ".aif", ".aifc"), "libsndfile"),
    Kind("AU", (b".snd",), (".au", ".snd"), "libsndfile"),
    Kind("NIST SPHERE", (b"NIST_1A",), (".sph", ".nist", ".wav"), "libsndfile"),  # TIMIT's are called .wav
    Kind("MPEG-4", (b"????ftyp",), (".m4a", ".3gp"), "PyAV"),
    Kind("AAC", (b"\xff\xf1", b"\xff\xf9"), (".aac",), "PyAV"),
    Kind("AMR", (b"#!AMR",), (".amr",), "PyAV"),
    Kind("Windows Media", (b"\x30\x26\xb2\x75",), (".wma",), "PyAV"),
    Kind("Matroska", (b"\x1a\x45\xdf\xa3",), (".webm", ".mka"), "PyAV"),
    Kind("WavPack", (b"wvpk",)),
    Kind("CAF", (b"caff",)),
    Kind("W64", (b"riff",)),
    Kind("MIDI", (b"MThd",)),
    Kind("RIFF but no WAV", (b"RIFF",)),
    Kind("a zip archive", (b"PK\x03\x04",)),
)
SUFFIXES = tuple(
    dict.fromkeys(suffix for kind in KINDS if kind.reader != "PyAV" or HAS_PYAV for suffix in kind.suffixes)
)
"""How the names of files end that are read."""

UNREAD = tuple(
    {suffix for kind in KINDS for suffix in kind.suffixes}
    | {".wv", ".caf", ".w64", ".mid", ".midi", ".ape", ".ra", ".voc", ".dsf", ".mp4", ".m4b"} - {*SUFFIXES}
)
"""How the names of sound files end that are not."""


def kind_of(stream: BinaryIO) -> tuple[Kind | None, int]:
    """The kind of an open file, None if unknown, and the byte at which it begins, after any ID3 tags."""
    at = 0
    while True:
        stream.seek(at)
        head = stream.read(12)
        if head[:3] != b"ID3" or len(head) < 10:
            break
        at += 10 + sum((byte & 0x7F) << 7 * (3 - place) for place, byte in enumerate(head[6:10]))
    for kind in KINDS:
        if any(_begins(head, start) for start in kind.starts):
            return kind, at
    return (next(kind for kind in KINDS if kind.name == "MP3"), at) if at else (None, 0)


def converting(file: Path) -> str:
    """How a file is made one that is read."""
    new = f"{file.stem}{'_new' if file.suffix.lower() == '.wav' else ''}.wav"
    return f"put in its place what `ffmpeg -i {file.name} {new}` makes of it"


def _begins(head: bytes, start: bytes) -> bool:
    return len(head) >= len(start) and all(
        want in (have, 0x3F) for have, want in zip(head, start, strict=False)
    )
