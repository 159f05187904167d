"""Arrays in files: .npy read piece by piece, .npz and .mat read whole; nothing stored is executed."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from datamodules.files import first_line, reading
from elman.errors import BadInput

NO_OBJECTS = (
    "holds Python objects, which could run code and are not read; save a .npy file a sequence, or all in "
    "one .npz, of numbers alone"
)


@dataclass(frozen=True)
class Stored:
    """An array that lies in a file, or in memory.

    Args:
        name: what to call it.
        shape, dtype: as in its header.
        file: a .npy file; None: it is in memory.
        row: which entry of the file's first axis it is; None: all of the file.
        array: in memory.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    file: Path | None = None
    row: int | None = None
    array: np.ndarray | None = None

    def entries(self) -> list[Stored]:
        """One for each entry of the first axis."""
        if self.array is not None:
            return [in_memory(f"{self.name} {number}", each) for number, each in enumerate(self.array)]
        return [
            Stored(f"{self.name} {number}", self.shape[1:], self.dtype, file=self.file, row=number)
            for number in range(self.shape[0])
        ]

    def read_all(self) -> np.ndarray:
        """All of it, of any shape."""
        return np.array(self._opened())

    def read(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Entries [start, stop) along the first axis; no more of a file is read.

        Raises:
            BadInput: if the file is gone or no longer what it was.
        """
        return np.array(self._opened()[start:stop])

    def _opened(self) -> np.ndarray:
        if self.array is not None:
            return self.array
        assert self.file is not None
        with reading(self.file):
            try:
                found = np.load(self.file, mmap_mode="r", allow_pickle=False)
            except ValueError as error:
                raise BadInput(f"{self.file}: is damaged ({error}); save it anew") from error
        if self.row is not None:
            found = found[self.row]
        if found.shape != self.shape:
            raise BadInput(f"{self.file}: has changed while it was in use; start anew")
        return found


def in_memory(name: str, array: np.ndarray) -> Stored:
    """An array of numbers or texts that is there already."""
    return Stored(name, array.shape, array.dtype, array=array)


def npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether it is in Fortran order, and type of the array that `stream` begins with.

    Raises:
        ValueError, EOFError: if it begins with none.
    """
    read = np.lib.format
    version = read.read_magic(stream)
    return (read.read_array_header_1_0 if version == (1, 0) else read.read_array_header_2_0)(stream)


def npy(file: Path, name: str) -> Stored:
    """A .npy file, by its header alone.

    Raises:
        BadInput: for a file that is none, is cut short, or holds objects.
    """
    with reading(file), file.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(0)
        if not size:
            raise BadInput(f"{file}: is empty; save an array with numpy.save")
        try:
            shape, _, dtype = npy_header(stream)
        except (ValueError, EOFError) as error:
            raise BadInput(
                f"{file}: is no .npy file ({first_line(error)}); save it with numpy.save"
            ) from error
        body = size - stream.tell()
    if dtype.hasobject:
        raise BadInput(f"{file}: {NO_OBJECTS}")
    wanted = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if body != wanted:
        raise BadInput(
            f"{file}: its header promises {wanted:,} bytes of values, but {body:,} follow; it was cut short "
            "or written over, so save it anew"
        )
    return Stored(name, shape, dtype, file=file)


def npz(file: Path) -> Mapping[str, np.ndarray]:
    """All arrays of an .npz file, by key.

    Raises:
        BadInput: for a file that is none, is damaged, or holds objects.
    """
    try:
        with reading(file), np.load(file, allow_pickle=False) as found:
            if not isinstance(found, np.lib.npyio.NpzFile):
                raise BadInput(f"{file}: is one array; let its name end in .npy")
            return {key: found[key] for key in found.files}
    except BadInput:
        raise
    except Exception as error:  # a broken deflate stream raises zlib.error, which has no base of its own
        if "allow_pickle" in str(error) and zipfile.is_zipfile(file):
            raise BadInput(f"{file}: {NO_OBJECTS}") from error
        raise BadInput(
            f"{file}: is damaged or no .npz file ({first_line(error)}); save it anew with numpy.savez"
        ) from error


def mat(file: Path) -> Mapping[str, np.ndarray]:
    """All variables of a MATLAB file up to version 7, by name; a cell array is an array of arrays.

    Nothing in the file is executed.

    Raises:
        BadInput: for a file that is none, is damaged, or is of version 7.3.
    """
    import scipy.io

    try:
        with reading(file), file.open("rb") as stream:
            found: dict[str, Any] = scipy.io.loadmat(stream)
    except BadInput:
        raise
    except NotImplementedError as error:
        raise BadInput(
            f"{file}: is a MATLAB file of version 7.3 (HDF5); save it in MATLAB with save(..., '-v7'), or as "
            ".npz"
        ) from error
    except Exception as error:  # errors of scipy's parser are of many classes
        raise BadInput(f"{file}: is damaged or no MATLAB file ({first_line(error)}); save it anew") from error
    return {key: value for key, value in found.items() if not key.startswith("__")}
