"""Text is decoded as it is, and what is none is refused with its place."""

import errno
import os
from pathlib import Path

import pytest

from datamodules.files import read as file_reading
from datamodules.texts.utf8 import text_blocks
from elman.errors import BadInput


def read(path):
    return "".join(text_blocks(path))


@pytest.mark.parametrize("block", [1, 2, 3, 5, 1 << 16])
def test_text_is_not_changed(tmp_path, monkeypatch, block):
    monkeypatch.setattr(file_reading, "BLOCK_BYTES", block)
    text = "ä漢\ufeff😀\r\na\rb\n\tß"
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode())
    assert read(path) == text
    path.write_bytes(text.encode("utf-8-sig"))
    assert read(path) == text  # but for a byte order mark at the head


@pytest.mark.parametrize("block", [1, 2, 5, 1 << 16])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"fine\nline \xe4\xb6!", r"not UTF-8 at byte 10, line 2 \(0xe4\)"),
        ("漢\n漢\n".encode() + b"\xff", r"not UTF-8 at byte 8, line 3 \(0xff\)"),
        ("ab漢".encode()[:-1], r"ends inside a character at byte 2, line 1 \(0xe6\): it was cut short; copy"),
        ("漢ä".encode()[:-1], r"ends inside a character at byte 3, line 1 \(0xc3\): it was cut short; copy"),
        (
            b"ab\xe6",
            r"not UTF-8 at byte 2, line 1 \(0xe6\), its last: if it was cut short, copy it anew.*iconv",
        ),
        (b"ab\xe6\n", r"not UTF-8 at byte 2, line 1 \(0xe6\)"),
        ("ä b\0c".encode(), "NUL byte at byte 4"),
        ("ä\n".encode("utf-16-le"), "NUL byte at byte 1"),
    ],
)
def test_not_text(tmp_path, monkeypatch, block, content, message):
    monkeypatch.setattr(file_reading, "BLOCK_BYTES", block)
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_permission(tmp_path, monkeypatch):
    path = tmp_path / "text.txt"
    path.write_text("text")

    def refuse(*_, **__):  # a file's mode would not stop root
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("io.open", refuse)
    with pytest.raises(BadInput, match=r"cannot be read \(Permission denied\)"):
        read(path)


def test_a_file_that_fails_while_it_is_read():
    with pytest.raises(BadInput, match="/proc/self/mem: cannot be read"):
        read(Path("/proc/self/mem"))


def test_the_way_out_of_a_text_that_was_cut(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes("ab漢".encode()[:-1])
    with pytest.raises(BadInput, match="or take those bytes off"):
        read(path)
    os.truncate(path, 2)  # at the byte it names
    assert read(path) == "ab"
