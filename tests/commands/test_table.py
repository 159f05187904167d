"""Widths of columns in a terminal."""

from elman.commands._table import printable, shared


def test_room_is_shared_in_turn_and_never_exceeded():
    assert shared([2, 6, 6], [2, 10, 30], 30) == [2, 10, 18]
    assert shared([2, 6, 6], [2, 10, 30], 17) == [2, 8, 7]
    assert shared([2, 3], [2, 3], 80) == [2, 3]
    assert shared([5, 5], [9, 9], 4) == [5, 5]  # too narrow: rich cuts the line


def test_what_would_move_the_cursor_is_not_printed():
    assert printable("a\x1b[2Jb\nc\u202ed") == "a?[2Jb?c?d"
    assert printable("größer 神経") == "größer 神経"
