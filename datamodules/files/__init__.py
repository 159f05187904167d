"""The ground floor: which files a path stands for, what is in them, and writing them whole."""

from datamodules.files.find import Found, any_case, find_files, kind, look_up, natural, walk
from datamodules.files.read import (
    LARGEST_READ,
    byte_blocks,
    digest,
    digest_of,
    first_line,
    reading,
    relative_name,
    unreadable,
)
from datamodules.files.write import atomic_write, cache_folder, lock, make_once, write_whole

__all__ = [
    "LARGEST_READ",
    "Found",
    "any_case",
    "atomic_write",
    "byte_blocks",
    "cache_folder",
    "digest",
    "digest_of",
    "find_files",
    "first_line",
    "kind",
    "lock",
    "look_up",
    "make_once",
    "natural",
    "reading",
    "relative_name",
    "unreadable",
    "walk",
    "write_whole",
]
