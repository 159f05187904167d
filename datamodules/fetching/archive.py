"""Archive: a zip or tar file unpacked, with nothing outside the folder it is unpacked into."""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from datamodules.files import lock
from elman.errors import BadInput

BLOCK_BYTES = 1 << 20
BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
)


class Member(NamedTuple):
    """A file of an archive.

    Args:
        name: its path inside.
        plain: it is a file; otherwise a link, a device or the like.
        size: bytes it says it has.
        open: its content.
    """

    name: str
    plain: bool
    size: int
    open: Callable[[], AbstractContextManager[IO[bytes]]]


def unpack(
    archive: Path, folder: Path, *, only: str = "", most_bytes: int = 8 << 30, most_files: int = 1_000_000
) -> None:
    """Unpack `archive` into `folder`, unless the folder is there; it appears when all of it is unpacked.

    Args:
        only: the folder inside whose files are taken, without that folder's own name; "": all.
        most_bytes, most_files: more is refused, whatever the archive says of itself.

    Raises:
        BadInput: if a name leads out of the folder, a member is no plain file, there is too much, or the
            archive is broken or holds nothing.
    """
    if folder.is_dir():
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with lock(folder.with_name(f".{folder.name}.lock")):
            if folder.is_dir():
                return
            part = folder.with_name(f".{folder.name}.part")
            shutil.rmtree(part, ignore_errors=True)  # of a process that was killed
            part.mkdir()
            try:
                _write(archive, part, only, most_bytes, most_files)
                os.replace(part, folder)
            except BROKEN as error:
                raise BadInput(
                    f"{archive}: a broken archive ({error or type(error).__name__}); fetch it again"
                ) from error
            finally:
                shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise BadInput(
            f"{folder}: cannot be written ({error.strerror or error}); make room, or name another"
        ) from error


def _write(archive: Path, part: Path, only: str, most_bytes: int, most_files: int) -> None:
    files = written = 0
    for member in _members(archive):
        inside = PurePosixPath(member.name)
        if inside.is_absolute() or ".." in inside.parts or "\\" in member.name or "\0" in member.name:
            raise BadInput(f"{archive}: its member {member.name!r} leads out of the folder; do not use it")
        if not member.plain:
            raise BadInput(f"{archive}: its member {member.name!r} is no plain file; do not use it")
        if only and not inside.is_relative_to(only):
            continue
        files += 1
        too_much = BadInput(
            f"{archive}: holds more than {most_files:,} files or {most_bytes:,} bytes; unpack it by hand if "
            "you trust it"
        )
        if files > most_files:
            raise too_much
        target = part / inside.relative_to(only)
        target.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as source, target.open("xb") as file:
            while block := source.read(BLOCK_BYTES):
                written += len(block)
                if written > most_bytes:
                    raise too_much
                file.write(block)
            if file.tell() != member.size:
                raise BadInput(f"{archive}: its member {member.name!r} is cut short; fetch it again")
    if not files:
        raise BadInput(f"{archive}: holds no file{f' in {only}' if only else ''}; give the right archive")


def _members(archive: Path) -> Iterator[Member]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                kind = stat.S_IFMT(info.external_attr >> 16)
                if not info.is_dir():
                    plain = kind in (0, stat.S_IFREG) and not info.flag_bits & 1  # 1: encrypted
                    yield Member(info.filename, plain, info.file_size, partial(opened.open, info))
        return
    with tarfile.open(archive, "r:*") as packed:
        for entry in packed:
            if not entry.isdir():
                yield Member(entry.name, entry.isreg(), entry.size, partial(_content, packed, entry))


@contextmanager
def _content(packed: tarfile.TarFile, entry: tarfile.TarInfo) -> Iterator[IO[bytes]]:
    content = packed.extractfile(entry)
    assert content is not None
    with content:
        yield content
