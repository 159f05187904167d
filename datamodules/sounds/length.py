"""The length that a sound file's header states, held against its size; libsndfile reads what is there."""

from __future__ import annotations

import re
import struct
from enum import Enum, auto
from pathlib import Path
from typing import BinaryIO

from elman.errors import BadInput

UNKNOWN = 0xFFFFFFFF
ABSURD = (range(0x7FFFF000, 0x80001000), range(0xFFFFF000, 0x100000000))
"""Lengths that programs write where they do not know it, as into a pipe."""
LAST_PAGE = 4


class Length(Enum):
    """What a header says of a file's length."""

    STATED = auto()
    UNSTATED = auto()
    UNREADABLE = auto()
    """Not stated, and libsndfile reads nothing then."""


def length_of(file: Path, stream: BinaryIO, kind: str, at: int) -> Length:
    """Whether a file states its length.

    Args:
        kind: its name in `KINDS`.
        at: byte at which it begins.

    Raises:
        BadInput: if it was cut short.
    """
    size = stream.seek(0, 2)
    stream.seek(at)
    if kind == "WAV":
        return _wav(file, stream, size, at)
    if kind == "Ogg":
        _refuse_cut_ogg(file, stream, size)
    elif kind == "FLAC":
        head = stream.read(26)
        return Length.STATED if len(head) < 26 or head[21] & 15 or any(head[22:26]) else Length.UNREADABLE
    elif kind == "AIFF":
        _refuse_cut(file, struct.unpack(">4xI", stream.read(8))[0], size - at - 8)
    elif kind == "AU":
        head = stream.read(12)
        begin, length = struct.unpack(">4xII", head) if len(head) == 12 else (0, 0)
        if length == UNKNOWN:
            return Length.UNSTATED
        _refuse_cut(file, length, size - at - begin)
    elif kind == "NIST SPHERE":
        return _sphere(file, stream, size - at)
    return Length.STATED


def _wav(file: Path, stream: BinaryIO, size: int, at: int) -> Length:
    order = ">" if stream.read(4) == b"RIFX" else "<"
    place, long_length = at + 12, None
    while place + 8 <= size:
        stream.seek(place)
        name, length = struct.unpack(f"{order}4sI", stream.read(8))
        if name == b"ds64" and place + 24 <= size:
            long_length = struct.unpack(f"{order}QQ", stream.read(16))[1]
        if name == b"data":
            there = size - place - 8
            if long_length is None and length > there and any(length in each for each in ABSURD):
                return Length.UNSTATED
            if length == 0 and there and not _chunks_follow(stream, place + 8, size, order):
                return Length.UNREADABLE
            length = long_length if length == UNKNOWN and long_length is not None else length
            _refuse_cut(file, length, there)
            return Length.STATED
        place += 8 + length + length % 2
    raise BadInput(f"{file}: a WAV file without samples, or cut short before them; copy or record it anew")


def _chunks_follow(stream: BinaryIO, place: int, size: int, order: str) -> bool:
    """Whether all from `place` on are further chunks, so that there really are no samples."""
    while place + 8 <= size:
        stream.seek(place)
        name, length = struct.unpack(f"{order}4sI", stream.read(8))
        if not name.isascii() or not name.decode().isprintable():
            return False
        place += 8 + length + length % 2
    return place == size


def _sphere(file: Path, stream: BinaryIO, size: int) -> Length:
    head = stream.read(1024).decode("latin-1")
    begin = int(found[1]) if (found := re.match(r"NIST_1A\n\s*(\d+)\n", head)) else 1024
    fields = dict(re.findall(r"^(\w+) -\w+ (\S+)", head, re.MULTILINE))
    if "shorten" in fields.get("sample_coding", ""):
        raise BadInput(
            f"{file}: is NIST SPHERE packed by shorten, which is not read; put in its place what "
            f"`sph2pipe -f wav {file.name} {file.stem}_new.wav` makes of it"
        )
    numbers = [fields.get(name, "") for name in ("sample_count", "channel_count", "sample_n_bytes")]
    if not all(number.isdigit() for number in numbers):
        return Length.UNSTATED
    count, channels, width = map(int, numbers)
    _refuse_cut(file, count * channels * width, size - begin)
    return Length.STATED


def _refuse_cut(file: Path, stated: int, there: int) -> None:
    if stated > there:
        raise BadInput(
            f"{file}: was cut short: its header says {stated} bytes of samples and {max(0, there)} are "
            "there; copy or record it anew"
        )


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
