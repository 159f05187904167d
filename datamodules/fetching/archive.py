"""Archive: a zip or tar file unpacked, with nothing outside the folder it is unpacked into."""

from __future__ import annotations

import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from datamodules.files import make_once
from elman.errors import BadInput

BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
)


def unpack(
    archive: Path,
    folder: Path,
    *,
    only: str = "",
    verify: Callable[[Path], None] = lambda folder: None,
    most_bytes: int = 8 << 30,
    most_files: int = 1_000_000,
) -> None:
    """Unpack `archive` into `folder`, unless the folder is there; it appears when all of it is unpacked.

    Args:
        only: the folder inside whose files are taken, without that folder's own name; "": all.
        verify: raises BadInput for unpacked files, in a folder of another name, that are not as expected.
        most_bytes, most_files: more is refused.

    Raises:
        BadInput: if a name leads out of the folder, a member is no plain file, there is too much, or the
            archive is broken or holds nothing.
    """

    def make(part: Path) -> None:
        part.mkdir()
        _extract(archive, part, only, most_bytes, most_files)
        verify(part)

    try:
        make_once(folder, make)
    except BROKEN as error:
        raise BadInput(
            f"{archive}: a broken archive ({error or type(error).__name__}); fetch it again"
        ) from error
    except OSError as error:
        raise BadInput(
            f"{folder}: cannot be written ({error.strerror or error}); make room, or name another"
        ) from error


def _extract(archive: Path, folder: Path, only: str, most_bytes: int, most_files: int) -> None:
    files = written = 0

    def wanted(name: str, *, plain: bool, size: int) -> str | None:
        """The name of a file in `folder`; None: it is not wanted.

        Args:
            plain: whether it is a file; else a link, a device or the like.
            size: bytes by its header, of which neither `tarfile` nor `zipfile` extracts more.
        """
        nonlocal files, written
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
            raise BadInput(f"{archive}: its member {name!r} leads out of the folder; do not use it")
        if not plain:
            raise BadInput(f"{archive}: its member {name!r} is no plain file; do not use it")
        if only and not path.is_relative_to(only):
            return None
        files, written = files + 1, written + size
        if files > most_files or written > most_bytes:
            raise BadInput(
                f"{archive}: holds more than {most_files:,} files or {most_bytes:,} bytes; unpack it by hand "
                "if you trust it"
            )
        return str(path.relative_to(only))

    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                kind, encrypted = stat.S_IFMT(info.external_attr >> 16), info.flag_bits & 1
                plain = kind in (0, stat.S_IFREG) and not encrypted
                name = None if info.is_dir() else wanted(info.filename, plain=plain, size=info.file_size)
                if name is not None:
                    info.filename = name
                    opened.extract(info, folder)
    else:
        with tarfile.open(archive, "r:*") as packed:
            for entry in packed:  # filters of `extractall` are not in every Python 3.11
                name = None if entry.isdir() else wanted(entry.name, plain=entry.isreg(), size=entry.size)
                content = None if name is None else packed.extractfile(entry)
                if name is not None and content is not None:
                    place = folder / name
                    place.parent.mkdir(parents=True, exist_ok=True)
                    with content, place.open("wb") as file:
                        shutil.copyfileobj(content, file)
    if not files:
        raise BadInput(f"{archive}: holds no file{f' in {only}' if only else ''}; give the right archive")
