"""Parquet files, and what is wrong with one in a line."""

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
        broken: what pyarrow says of the file -> what the message says.
    """
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable(file, error) from error
        why = str(error).partition("\n")[0][:120].rstrip(".")
        raise BadInput(f"{file}: {broken(why)}") from error
