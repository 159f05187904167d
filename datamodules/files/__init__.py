"""The ground floor: which files a path stands for, what is in them, and writing them whole."""

from datamodules.files.find import Found, any_case, find_files, kind, look_up, natural, not_read, walk
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
from datamodules.files.recoded import UTF8, broken_utf8, check_encoding, is_cut, is_utf8, open_utf8
from datamodules.files.write import atomic_write, cache_folder, lock, make_once, write_whole

__all__ = [
    "LARGEST_READ",
    "UTF8",
    "Found",
    "any_case",
    "atomic_write",
    "broken_utf8",
    "byte_blocks",
    "cache_folder",
    "check_encoding",
    "digest",
    "digest_of",
    "find_files",
    "first_line",
    "is_cut",
    "is_utf8",
    "kind",
    "lock",
    "look_up",
    "make_once",
    "natural",
    "not_read",
    "open_utf8",
    "reading",
    "relative_name",
    "unreadable",
    "walk",
    "write_whole",
]
