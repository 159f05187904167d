"""Parquet files, and the message for one that is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from datamodules.files import unreadable
from elman.errors import BadInput

PARQUET = (".parquet", ".pq")


@contextmanager
def reading_parquet(file: Path, broken: Callable[[str], str]) -> Iterator[None]:
    """Around what pyarrow does with a file.

    Args:
        broken: the error of pyarrow -> the text of the message.
    """
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable(file, error) from error
        why = str(error).partition("\n")[0][:120].rstrip(".")
        raise BadInput(f"{file}: {broken(why)}") from error
