"""Sound files: what they promise, whether they keep it, and any part of one as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from datamodules.files import unreadable
from datamodules.sounds.by_pyav import decoded
from datamodules.sounds.kinds import KINDS, Kind, converting, kind_of
from datamodules.sounds.length import Length, length_of
from elman.errors import BadInput

EXACT = ("WAV", "AIFF", "AU", "NIST SPHERE")
"""Kinds whose size is held against their header."""

LEAST_MIX = 0.05
"""Level of the mean of all channels, against theirs, that a recording must have to be mixed."""

LOWEST_HZ, HIGHEST_HZ = 1_000, 768_000
BLOCK_SAMPLES = 1 << 16


class Header(NamedTuple):
    """What the header of a file states.

    Args:
        samples: of each channel.
        sample_rate_hz: samples a second.
        channels: how many.
        sure: the header and the size together vouch for every sample; else only decoding them does.
        states_length: else the file is read to its end, and one that was cut short looks whole.
        by_pyav: PyAV decodes it, all at once.
    """

    samples: int
    sample_rate_hz: int
    channels: int
    sure: bool
    states_length: bool = True
    by_pyav: bool = False


def read_header(file: Path) -> Header:
    """The header of a file, held against its name and its size; no sound is decoded.

    What it is is told by its first bytes; ID3 tags in front are passed over. A WAV, AIFF, AU or SPHERE file
    shorter than its header states, and an Ogg file without its last page, are refused here. A FLAC or
    an MP3 file that was cut short may look whole until it is decoded (`check_body`, `read_sound`), and an MP3
    file without a length in its head cannot be distinguished from a shorter one.

    Raises:
        BadInput: if it is no sound file of the type in its name, or promises what it does not hold.
    """
    try:
        with file.open("rb") as stream:
            kind, at = _kind(file, stream)
            found = length_of(file, stream, kind.name, at)
    except OSError as error:
        raise unreadable(file, error) from error
    if kind.reader == "PyAV" or found == Length.UNREADABLE:
        samples, rate = decoded(file)
        stated = found != Length.UNREADABLE
        header = Header(len(samples), rate, samples.shape[1], True, stated, by_pyav=True)
    else:
        header = _by_libsndfile(file, kind)._replace(states_length=found != Length.UNSTATED)
    if not LOWEST_HZ <= header.sample_rate_hz <= HIGHEST_HZ:
        raise BadInput(
            f"{file}: a sample rate of {header.sample_rate_hz} Hz, outside {LOWEST_HZ} to {HIGHEST_HZ}; "
            "write it anew with its true rate"
        )
    if header.samples < 1:
        raise BadInput(f"{file}: holds no samples; record it anew")
    return header


def _by_libsndfile(file: Path, kind: Kind) -> Header:
    import soundfile

    try:
        with soundfile.SoundFile(file) as sound:
            exact = kind.name in EXACT and sound.subtype.startswith("PCM")
            return Header(sound.frames, sound.samplerate, sound.channels, exact)
    except OSError as error:
        raise unreadable(file, error) from error
    except (soundfile.SoundFileError, RuntimeError, ValueError) as error:
        raise _broken(file, error) from error


def check_body(file: Path, header: Header) -> None:
    """Decode all of a file whose header is not proof enough, a block at a time.

    Raises:
        BadInput: if there is less in it than the header states, or a value that is not finite.
    """
    if header.sure:
        return
    for start in range(0, header.samples, BLOCK_SAMPLES):
        read_sound(file, start, min(start + BLOCK_SAMPLES, header.samples), by_pyav=header.by_pyav)


def refuse_cancelled(file: Path, header: Header, *, whole: bool, argument: str) -> None:
    """Refuse a file whose channels cancel each other, so that next to nothing is left of their mean.

    Args:
        whole: look at all of it; else at its first 65,536 samples.
        argument: of the recipe that chooses the channel.

    Raises:
        BadInput: if the mean has less than a twentieth of the level (root mean square) of the channels.
    """
    mean = each = 0.0
    for start in range(0, header.samples if whole else 1, BLOCK_SAMPLES):
        sound = read_sound(
            file, start, min(start + BLOCK_SAMPLES, header.samples), by_pyav=header.by_pyav
        ).astype(np.float64)
        mean, each = (
            mean + float((sound.mean(axis=1) ** 2).sum()),
            each + float((sound**2).mean(axis=1).sum()),
        )
    if mean < LEAST_MIX**2 * each:
        raise BadInput(
            f"{file}: its {header.channels} channels cancel each other: their mean has "
            f"{(mean / each) ** 0.5:.2%} of their level; set {argument}=left"
        )


def read_sound(file: Path, start: int, stop: int, *, by_pyav: bool = False) -> np.ndarray:
    """Samples [start, stop) of all channels, (stop - start, channels) float32; nothing before is decoded.

    Args:
        by_pyav: as the header says; all of the file is then decoded.

    Raises:
        BadInput: if the file ends earlier, is damaged, or holds a value that is not finite.
    """
    import soundfile

    try:
        if by_pyav:
            found = decoded(file)[0][start:stop]
        else:
            with soundfile.SoundFile(file) as sound:
                if start:
                    sound.seek(start)
                found = sound.read(stop - start, dtype="float32", always_2d=True)
    except BadInput:
        raise
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


def _kind(file: Path, stream: BinaryIO) -> tuple[Kind, int]:
    """What a file is, and where that begins; refused where its name says otherwise."""
    if not stream.seek(0, 2):
        raise BadInput(f"{file}: is empty (0 bytes); record it anew")
    kind, at = kind_of(stream)
    suffix = file.suffix.lower()
    if kind is not None and suffix in kind.suffixes:
        return kind, at
    named = next((each.name for each in KINDS if suffix in each.suffixes), suffix)
    said = f"{file}: is no {named} file, as its name says, but"
    if kind is None:
        raise BadInput(f"{said} no sound file known here; take it out")
    tagged = " with an ID3 tag" if at else ""
    if kind.reader is None:
        raise BadInput(f"{said} {kind.name}{tagged}, which is not read; {converting(file)}")
    raise BadInput(f"{said} {kind.name}{tagged}; let its name end in {kind.suffixes[0]}")


def _broken(file: Path, error: Exception) -> BadInput:
    reason = str(error).rpartition(": ")[2].strip().rstrip(".") or type(error).__name__
    return BadInput(
        f"{file}: cannot be decoded ({reason}); it is damaged or of an unknown codec; {converting(file)}"
    )
