"""Sound files: what they promise, whether they keep it, and any part of one as numbers."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from datamodules.files import unreadable
from elman.errors import BadInput

STARTS = {  # suffix: what it is called, and how its first bytes may look
    ".wav": ("WAV", (b"RIFF", b"RIFX", b"RF64")),
    ".flac": ("FLAC", (b"fLaC", b"ID3")),
    ".ogg": ("Ogg", (b"OggS",)),
    ".oga": ("Ogg", (b"OggS",)),
    ".opus": ("Ogg", (b"OggS",)),
    ".mp3": ("MP3", (b"ID3", *(bytes([0xFF, second]) for second in range(0xE0, 0x100)))),
}
SUFFIXES = tuple(STARTS)
LOWEST_HZ, HIGHEST_HZ = 1_000, 768_000
UNKNOWN = 0xFFFFFFFF
LAST_PAGE = 4
BLOCK_SAMPLES = 1 << 16


class Header(NamedTuple):
    """What the header of a file states.

    Args:
        samples: of each channel.
        sample_rate_hz: samples a second.
        channels: how many.
        sure: the header and the size together vouch for every sample; else only decoding them does.
    """

    samples: int
    sample_rate_hz: int
    channels: int
    sure: bool


def read_header(file: Path) -> Header:
    """The header of a file, held against its name and its size; no sound is decoded.

    A wav shorter than its header states, and an Ogg file without its last page, are refused here. A FLAC or
    an MP3 file that was cut short may look whole until it is decoded (`check_body`, `read_sound`), and an MP3
    file without a length in its head cannot be distinguished from a shorter one.

    Raises:
        BadInput: if it is no sound file of the type in its name, or promises what it does not hold.
    """
    import soundfile

    try:
        with file.open("rb") as stream:
            _refuse_other_types(file, stream)
    except OSError as error:
        raise unreadable(file, error) from error
    try:
        with soundfile.SoundFile(file) as sound:
            exact = sound.format.startswith(("WAV", "RF64")) and sound.subtype.startswith("PCM")
            header = Header(sound.frames, sound.samplerate, sound.channels, exact)
    except OSError as error:
        raise unreadable(file, error) from error
    except (soundfile.SoundFileError, RuntimeError, ValueError) as error:
        raise _broken(file, error) from error
    if not LOWEST_HZ <= header.sample_rate_hz <= HIGHEST_HZ:
        raise BadInput(
            f"{file}: a sample rate of {header.sample_rate_hz} Hz, outside {LOWEST_HZ} to {HIGHEST_HZ}; "
            "write it anew with its true rate"
        )
    if header.samples < 1:
        raise BadInput(f"{file}: holds no samples; record it anew")
    return header


def check_body(file: Path, header: Header) -> None:
    """Decode all of a file whose header is not proof enough, a block at a time.

    Raises:
        BadInput: if there is less in it than the header states, or a value that is not finite.
    """
    if header.sure:
        return
    for start in range(0, header.samples, BLOCK_SAMPLES):
        read_sound(file, start, min(start + BLOCK_SAMPLES, header.samples))


def read_sound(file: Path, start: int, stop: int) -> np.ndarray:
    """Samples [start, stop) of all channels, (stop - start, channels) float32; nothing before is decoded.

    Raises:
        BadInput: if the file ends earlier, is damaged, or holds a value that is not finite.
    """
    import soundfile

    try:
        with soundfile.SoundFile(file) as sound:
            if start:
                sound.seek(start)
            found = sound.read(stop - start, dtype="float32", always_2d=True)
    except OSError as error:
        raise unreadable(file, error) from error
    except (soundfile.SoundFileError, RuntimeError, ValueError) as error:
        raise _broken(file, error) from error
    if len(found) < stop - start:
        raise BadInput(
            f"{file}: was cut short: its header says at least {stop} samples and {start + len(found)} are "
            "there; copy or record it anew"
        )
    if not np.isfinite(found).all():
        raise BadInput(
            f"{file}: holds NaN or infinite samples (between sample {start} and {stop}); write it anew"
        )
    return found


def _refuse_other_types(file: Path, stream: BinaryIO) -> None:
    kind, starts = STARTS[file.suffix.lower()]
    head, size = stream.read(12), stream.seek(0, 2)
    if not size:
        raise BadInput(f"{file}: is empty (0 bytes); record it anew")
    if not head.startswith(starts):
        other = next((name for name, begins in STARTS.values() if head.startswith(begins)), None)
        raise BadInput(
            f"{file}: is no {kind} file, as its name says, but {other or 'no sound file known here'}; "
            "let its name end in what it is"
        )
    if kind == "WAV":
        _refuse_cut_wav(file, stream, size, ">" if head.startswith(b"RIFX") else "<")
    if kind == "Ogg":
        _refuse_cut_ogg(file, stream, size)


def _refuse_cut_wav(file: Path, stream: BinaryIO, size: int, order: str) -> None:
    """libsndfile reads what is there of a wav that was cut short, without an error."""
    place, long_length = 12, None
    while place + 8 <= size:
        stream.seek(place)
        name, length = struct.unpack(f"{order}4sI", stream.read(8))
        if name == b"ds64" and place + 24 <= size:
            long_length = struct.unpack(f"{order}QQ", stream.read(16))[1]
        if name == b"data":
            if length == UNKNOWN and long_length is None:
                raise BadInput(
                    f"{file}: its header does not say how long it is (as of a file written through a pipe), "
                    "so it cannot be checked; write it anew"
                )
            length = long_length if length == UNKNOWN and long_length is not None else length
            if place + 8 + length > size:
                raise BadInput(
                    f"{file}: was cut short: its header says {length} bytes of samples and "
                    f"{size - place - 8} are there; copy or record it anew"
                )
            return
        place += 8 + length + length % 2
    raise BadInput(f"{file}: a WAV file without samples, or cut short before them; copy or record it anew")


def _refuse_cut_ogg(file: Path, stream: BinaryIO, size: int) -> None:
    """The last page of a stream is marked as such, and ends with the file."""
    stream.seek(max(0, size - (1 << 17)))
    tail = stream.read()
    page = tail.rfind(b"OggS")
    whole = False
    if page >= 0 and page + 27 <= len(tail) and tail[page + 5] & LAST_PAGE:
        segments = tail[page + 27 : page + 27 + tail[page + 26]]
        whole = page + 27 + tail[page + 26] + sum(segments) <= len(tail)
    if not whole:
        raise BadInput(f"{file}: was cut short: its last page is missing; copy or record it anew")


def _broken(file: Path, error: Exception) -> BadInput:
    reason = str(error).rpartition(": ")[2].strip().rstrip(".") or type(error).__name__
    return BadInput(
        f"{file}: cannot be decoded ({reason}); it is damaged or of an unknown codec; "
        "convert it to wav or flac"
    )
