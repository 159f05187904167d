"""What a process prints is kept in a file of its rank."""

from pathlib import Path

import pytest

from elman.errors import BadInput
from elman.run.printed import HELD_CHARACTERS, Printed, keeping


def test_what_came_before_the_folder_and_after_it(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    kept = Printed()
    with keeping(kept):
        print("first")
        kept.keep_in(tmp_path)
        print("second")
    print("outside")
    began, *lines = (tmp_path / "logs" / "rank-0.txt").read_text().splitlines()
    assert began.startswith("--- ")
    assert lines == ["first", "second"]
    assert capsys.readouterr().out == "first\nsecond\noutside\n"


def test_what_a_bar_draws_over_takes_no_room(tmp_path: Path) -> None:
    kept = Printed()
    kept.add("before\n")
    for step in range(HELD_CHARACTERS // 10):
        kept.add(f"\rstep {step:10}")
    kept.add("\rdone\nafter\n")
    kept.keep_in(tmp_path)
    assert (tmp_path / "logs" / "rank-0.txt").read_text().splitlines()[1:] == ["before", "done", "after"]


@pytest.mark.parametrize(
    ("error", "line"), [(BadInput("no such file"), "no such file"), (OSError("x"), "OSError: x")]
)
def test_the_error_that_ends_it(tmp_path: Path, error: Exception, line: str) -> None:
    kept = Printed()
    kept.keep_in(tmp_path)
    with pytest.raises(type(error)), keeping(kept):
        raise error
    lines = (tmp_path / "logs" / "rank-0.txt").read_text().splitlines()
    assert lines[-1] == line
    assert any("Traceback" in each for each in lines) == isinstance(error, OSError)
