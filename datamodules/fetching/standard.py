"""The standard sets by name: `path: standard:NAME` is fetched once, verified and kept.

`standard.toml` lists them; another set is another section there.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from datamodules.fetching.archive import unpack
from datamodules.fetching.download import Expected, fetch
from datamodules.files import cache_folder, digest
from elman.errors import BadInput

log = logging.getLogger(__name__)

PREFIX = "standard:"
MIRROR = "ELMAN_STANDARD_MIRROR"
"""Environment variable: a URL that has each file as NAME/FILE, used instead of the sources listed."""


@dataclass(frozen=True, kw_only=True)
class Standard:
    """One set.

    Args:
        files: (URL, what the file must be) of each.
        one_file: the path is that of the only file; else of the folder that holds them.
        unpacked: folder inside the only file, an archive, whose files are the set.
        listing: SHA-256 of the lines that `sha256sum *` prints there, for an archive that is made anew by
            each download, so that only what it holds can be verified.
        licence: as stated by its source.
    """

    files: Sequence[tuple[str, Expected]]
    one_file: bool = False
    unpacked: str | None = None
    listing: str | None = None
    licence: str

    @classmethod
    def of(cls, *, url: str, files: Mapping[str, Mapping[str, Any]], **rest: Any) -> Standard:
        """From a section of `standard.toml`."""
        return cls(files=[(f"{url}/{name}", Expected(**known)) for name, known in files.items()], **rest)


STANDARD = {
    name: Standard.of(**section)
    for name, section in tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8")).items()
}


MaybePath = TypeVar("MaybePath", str, str | None)


def local(path: MaybePath) -> MaybePath:
    """`standard:NAME` as the path of the set, fetched unless it is there; anything else as it is.

    A set is kept in `$XDG_CACHE_HOME/elman/standard/NAME` (or `~/.cache/...`); files put there by hand are
    taken as they are.

    Raises:
        BadInput: if there is no such set, or it cannot be fetched.
    """
    if path is None or not path.startswith(PREFIX):
        return path
    name = path.removeprefix(PREFIX)
    if name not in STANDARD:
        raise BadInput(f"data.path={path}: no such standard set; there are {', '.join(sorted(STANDARD))}")
    found, folder = STANDARD[name], cache_folder("standard") / name
    if found.unpacked is None:
        first = _fetch(name, found, folder)
        return str(first if found.one_file else folder)
    if not folder.is_dir():
        archive = _fetch(name, found, cache_folder("downloads") / name)
        unpack(archive, folder, only=found.unpacked, verify=lambda files: _verify(archive, files, found))
    return str(folder)


def _fetch(name: str, found: Standard, folder: Path) -> Path:
    """Fetch the files of a set into `folder`; the first of them."""
    mirror = os.environ.get(MIRROR, "").rstrip("/")
    files = [folder / url.rpartition("/")[2] for url, _ in found.files]
    if not all(file.is_file() for file in files):
        log.info("standard set %s; licence: %s", name, found.licence)
    for (url, expected), file in zip(found.files, files, strict=True):
        fetch(
            f"{mirror}/{name}/{file.name}" if mirror else url,
            file,
            expected=expected,
            way_out=f"give a local copy's path as data.path, or a mirror's address in {MIRROR}",
        )
    return files[0]


def _verify(archive: Path, folder: Path, found: Standard) -> None:
    files = sorted(file for file in folder.iterdir() if file.is_file())
    lines = "".join(f"{digest(file)}  {file.name}\n" for file in files)
    listing = hashlib.sha256(lines.encode()).hexdigest()
    if listing != found.listing:
        raise BadInput(
            f"{archive}: its files are not those they should be: expected a listing with SHA-256 "
            f"{found.listing}, got {listing}; remove it to fetch it again, or give a local copy's "
            "path as data.path"
        )
