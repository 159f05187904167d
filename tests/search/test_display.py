"""What the terminal shows of a search."""

import io

from study_toys import LOSS, review, row

from elman.search.report.terminal import STOPPING, Display


def test_a_line_for_each_trial_that_ends_where_there_is_no_terminal(capsys):
    stream = io.StringIO()
    display = Display(stream=stream)
    study = review(row(0, 2.5, values={"k1": 20}), row(1, state="running"), row(2, state="waiting"))
    display.show(study)
    display.show(study, ended=1)
    display.show(study, ended=0)
    display.show(study, stopping=True)
    display.show(study, stopping=True)
    display.close()
    (line,) = stream.getvalue().splitlines()
    assert line.startswith("trial 0 complete")
    assert f"{LOSS} 2.5" in line
    assert "k1=20" in line
    assert capsys.readouterr().err == STOPPING + "\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_table_that_renews_itself_on_a_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    display = Display(stream=stream)
    study = review(row(0, 2.5, values={"k1": 20}), row(1, state="waiting", time_steps=300))
    display.show(study, stopping=True)
    display.close()
    shown = stream.getvalue()
    assert "trial" in shown
    assert "2.5" in shown
    assert "waiting" in shown  # it was begun, and will go on
    assert STOPPING in shown
