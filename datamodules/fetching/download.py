"""Download: a file from a URL, whole and as expected, or not at all."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datamodules.files import digest, lock
from elman.errors import BadInput

log = logging.getLogger(__name__)

BLOCK_BYTES = 1 << 16
LOG_EVERY_SECONDS = 5.0
TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
"""Status codes that may be others a little later."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a file must be.

    Args:
        size: bytes; None where it was never published.
        sha256: hex digest.
        md5: hex digest, where only that is published; it tells accidents from the real file, not an attack.
    """

    size: int | None = None
    sha256: str | None = None
    md5: str | None = None

    def is_there(self, file: Path) -> bool:
        """Whether there is a file of this size; it was verified when it was put there."""
        return file.is_file() and self.size in (None, file.stat().st_size)

    def complaint(self, file: Path) -> str | None:
        """What is wrong with `file`, in a few words; None: nothing."""
        size = file.stat().st_size
        if self.size is not None and size != self.size:
            return f"expected {self.size:,} bytes, got {size:,}"
        for name, wanted in (("sha256", self.sha256), ("md5", self.md5)):
            if wanted is not None and (found := digest(file, name)) != wanted:
                return f"expected {name} {wanted}, got {found}"
        return None


def fetch(
    url: str,
    file: Path,
    *,
    expected: Expected,
    way_out: str,
    stall_seconds: float = 30.0,
    pause_seconds: float = 1.0,
    tries: int = 4,
) -> None:
    """Fetch `url` to `file`, unless it is there.

    What has come is kept beside it as `.NAME.part`, and continued after an interruption, in this process or
    a later one. `file` appears under its name only when all of it is there and as expected. Of two processes
    one fetches and the other waits.

    Args:
        expected: what the file must be.
        way_out: ends every message: what to do where the network cannot help.
        stall_seconds: longest wait for the next bytes.
        pause_seconds: before the second try; each further pause is twice as long.
        tries: attempts in a row that bring nothing new.

    Raises:
        BadInput: if it cannot be had, or is not what was expected.
    """
    if expected.is_there(file):
        return
    part = file.with_name(f".{file.name}.part")
    transfer = _Transfer(url, part, expected.size, way_out, stall_seconds, pause_seconds, tries)
    try:
        with lock(file.with_name(f".{file.name}.lock")):
            if expected.is_there(file):
                return  # by the process that was waited for
            resumed = _size(part) > 0
            transfer.complete()
            complaint = expected.complaint(part)
            if complaint and resumed:  # what an earlier process left may be of another file
                part.unlink()
                transfer.complete()
                complaint = expected.complaint(part)
            if complaint:
                part.unlink()
                raise BadInput(f"{url}: not the file it should be: {complaint} (for {file}); {way_out}")
            with part.open("rb+") as written:
                os.fsync(written.fileno())
            os.replace(part, file)
    except OSError as error:
        raise BadInput(
            f"{file}: cannot be written ({error.strerror or error}); set XDG_CACHE_HOME to a folder that you "
            f"can write and that has room, or {way_out}"
        ) from error


@dataclass(frozen=True)
class _Transfer:
    """Brings `part` to its full length, `size` if that is known; the other arguments are those of `fetch`."""

    url: str
    part: Path
    size: int | None
    way_out: str
    stall_seconds: float
    pause_seconds: float
    tries: int

    def complete(self) -> None:
        """Fetch what is missing."""
        import requests

        most, failed = _size(self.part), 0
        while failed < self.tries:
            try:
                self._attempt()
                return
            except requests.HTTPError as error:
                answer = error.response
                assert answer is not None
                reason = f"the server answers {answer.status_code} {answer.reason}".rstrip()
                transient = answer.status_code in TRANSIENT
            except requests.Timeout:
                reason, transient = f"no byte came for {self.stall_seconds:g} s", True
            except requests.RequestException as error:
                dropped = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
                reason, transient = _root(error), isinstance(error, dropped)
            if not transient:
                break
            have = _size(self.part)
            failed, most = (0, have) if have > most else (failed + 1, most)
            if 0 < failed < self.tries:
                log.info("%s: %s; trying again", self.url, reason)
                time.sleep(self.pause_seconds * 2 ** (failed - 1))
        raise BadInput(f"{self.url}: cannot be fetched ({reason}); {self.way_out}")

    def _attempt(self) -> None:
        """One request; what it brings is added to `part`, which begins anew if the server does not resume."""
        import requests

        have = _size(self.part)
        if have == self.size:
            return
        if self.size is not None and have > self.size:
            self.part.unlink()
            have = 0
        # Uncompressed: a server that packs what it sends could not be asked to resume in the middle.
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
        with requests.get(self.url, headers=headers, stream=True, timeout=self.stall_seconds) as response:
            place = response.headers.get("Content-Range", "")
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                if place.endswith(f"/{have}"):
                    return  # all of it is there
                self.part.unlink()
                raise requests.ConnectionError("the server has less of it than before")
            response.raise_for_status()
            resumes = response.status_code == requests.codes.partial_content
            if resumes and not place.startswith(f"bytes {have}-"):
                self.part.unlink(missing_ok=True)
                raise requests.ConnectionError("the server resumes elsewhere")
            with self.part.open("ab" if resumes else "wb") as file:
                for block in self._blocks(response, file.tell()):
                    file.write(block)
                    if self.size is not None and file.tell() > self.size:
                        raise BadInput(
                            f"{self.url}: sends more than the expected {self.size:,} bytes; {self.way_out}"
                        )
        if self.size is not None and _size(self.part) < self.size:
            raise requests.ConnectionError(f"it ended after {_size(self.part):,} of {self.size:,} bytes")

    def _blocks(self, response: Any, have: int) -> Iterator[bytes]:
        """The blocks of an answer, with progress in the log."""
        import requests
        import urllib3

        logged = time.monotonic()
        log.info("fetching %s%s", self.url, f", resumed after {have:,} bytes" if have else "")
        try:
            for block in response.raw.stream(BLOCK_BYTES, decode_content=False):
                have += len(block)
                yield block
                if time.monotonic() - logged > LOG_EVERY_SECONDS:
                    logged = time.monotonic()
                    log.info("%s: %d of %s MB", self.url, have // 10**6, self.size and self.size // 10**6)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise requests.Timeout(error) from error
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(error) from error


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _root(error: BaseException) -> str:
    """The innermost reason, in one line."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return " ".join(str(error).split())[:200] or type(error).__name__
