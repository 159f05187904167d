"""The readable page of a study: what comes first, in which order, and that it never grows too long."""

import pytest
from study_toys import COST, LOSS, realistic, review, row

from elman.search.report.note import NOTE_CHARACTERS, experiment_note, note
from elman.search.space.space import Choices, Dimension

LINKS = {"charts": "http://localhost:5000/#/experiments/1", "report": "http://localhost:5000/report"}


def rows_of(text, head="| trial |"):
    """Cells of the rows of the table that begins with `head`."""
    lines = text.replace("&nbsp;&nbsp; |", " |").split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith(head))
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def test_the_answer_comes_before_the_links_the_table_and_the_set_up():
    text = note(realistic(60, running=False), links=LINKS).replace("&nbsp;&nbsp; |", " |")
    parts = [
        "**val/bits_per_step ",
        "guessed from the trials, not measured.**",
        "### Which windows does a character model need?",
        "[charts](http://localhost:5000/#/experiments/1) · [report](http://localhost:5000/report)",
        "core decided most",
        "| trial | k1 | k2 | k2/k1 | layers |",
        "| space | values |",
        "| limits | cost/peak_memory_mib <= 1400 |",
        "elman search experiments/char_lm/search.yaml",
        "elman best char_lm",
        "elman fit best.yaml",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_the_ten_best_in_order():
    study = review(*[row(n, float(v)) for n, v in enumerate((5, 3, 8, 1, 9, 2, 7, 4, 6, 10, 11, 12))])
    assert [cells[0] for cells in rows_of(note(study, links={}))] == list("3517086249")
    study = review(row(0, 0.1), row(1, 0.9), objectives={LOSS: "maximize"})
    assert [cells[0] for cells in rows_of(note(study, links={}))] == ["1", "0"]


def test_the_front_comes_first_and_bold():
    """By the first objective alone the order would be 1, 2, 0; 2 is beaten by 1 in both."""
    trials = [row(n, objectives={LOSS: a, COST: b}) for n, (a, b) in enumerate([(3, 1), (1, 3), (2, 4)])]
    text = note(review(*trials, objectives={LOSS: "minimize", COST: "minimize"}), links={})
    assert [cells[0] for cells in rows_of(text)] == ["**1**", "**0**", "2"]
    assert "elman fit pareto/trial_0.yaml" in text


def test_without_a_front_there_is_no_point_of_it():
    study = review(row(0, 1.0), objectives={LOSS: "minimize", COST: "minimize"})
    assert "elman fit best.yaml" in note(study, links={})
    assert "pareto/" not in note(study, links={})


def test_without_a_winner_there_is_nothing_to_fit():
    text = note(review(row(0, None, "running")), links={})
    assert "elman search experiments/char_lm/search.yaml" in text
    assert "best.yaml" not in text
    assert "| trial |" not in text


def test_space_in_words():
    cells = {row[0]: row[1] for row in rows_of(note(realistic(), links={}), "| space |")}
    assert cells == {
        "bptt": "Full, Truncated",
        "core": "LSTM, GRU, Elman",
        "k1": "5 to 80, whole, log",
        "k2/k1": "1 to 6, whole, times model.bptt.k1",
        "layers": "1 to 4, whole",
        "lr": "0.0001 to 0.01, log",
    }


@pytest.mark.parametrize("links", [{}, LINKS])
def test_it_never_grows_too_long(links):
    wide = [
        Dimension(target=f"model.a.b{n}", label=f"b{n}", values=Choices(values={"x" * 90: 1, "y": 2}))
        for n in range(60)
    ]
    values = {d.label: "x" * 90 for d in wide}
    study = review(
        *[row(n, float(n), values=values) for n in range(40)], dimensions=wide, question="why " * 5000
    )
    text = note(study, links=links)
    assert len(text) <= NOTE_CHARACTERS
    assert "**Best of 40 trials" in text
    assert all(url in text for url in links.values())


def test_cells_do_not_break_the_table():
    odd = Dimension(target="model.a", label="a|b", values=Choices(values={"x|y\nz": 1, "w": 2}))
    text = note(review(row(0, 1.0, values={"a|b": "x|y\nz"}), dimensions=[odd]), links={}).replace(
        "&nbsp;&nbsp; |", " |"
    )
    assert "| 0 | x\\|y z | 1 |" in text
    assert "| a\\|b | x\\|y z, w |" in text


def test_a_name_with_a_space_is_quoted_for_the_shell():
    text = note(review(row(0, 1.0), experiment="my study"), links={})
    assert "elman best 'my study'" in text


def test_of_a_front_the_best_and_the_knee_come_first():
    """The knee of (3, 1), (1.2, 1.2), (1, 3) is the one near the corner."""
    trials = [row(n, objectives={LOSS: a, COST: b}) for n, (a, b) in enumerate([(3, 1), (1.2, 1.2), (1, 3)])]
    study = review(*trials, objectives={LOSS: "minimize", COST: "minimize"})
    best = "Best of 3 trials: val/bits_per_step 1 (trial 2), at 3.0 core steps a time step."
    knee = "The knee of the front is trial 1: val/bits_per_step 1.2, at 1.2 core steps a time step."
    assert f"**{best} {knee}**" in note(study, links={})
    short, sentences, links, *_ = experiment_note(study, links=LINKS).split("\n\n")
    assert short == ("**val/bits_per_step 1: #2, 3.0 core steps** · knee 1.2: #1, 1.2 core steps")
    assert sentences == f"{best} {knee}"
    assert links.startswith("[charts](http://")


def test_of_one_objective_the_knee_against_cost_is_in_the_first_line():
    """The knee of (1, 3), (1.2, 1.2), (3, 1) in value and core steps."""
    points = [(3, 1.0), (1.2, 1.2), (1, 3.0)]
    trials = [row(n, a, costs={COST: b}, values={"k1": 5 * n + 5}) for n, (a, b) in enumerate(points)]
    first = note(review(*trials), links=LINKS).split("\n")[0]
    assert "trial 2" in first
    assert first.endswith(
        "At the knee of value against cost: trial 1, val/bits_per_step 1.2 with k1=10, "
        "at 1.2 core steps a time step."
    )


def test_beyond_what_mlflow_draws_the_first_line_leads_to_all():
    """MLflow's charts load 100 runs."""
    few, many = (review(*[row(n, 1.0 + n) for n in range(count)]) for count in (100, 101))
    links = {"all trials": "http://h/all"}
    for write in (note, experiment_note):
        assert "MLflow draws" not in write(few, links=links)
        assert "[the report](http://h/all) draws all of them" in write(many, links=links)
        assert "`elman report` draws all of them" in write(many, links={})
    line = experiment_note(many, links=links).split("\n")[0]
    assert line.endswith("[all 101 trials](http://h/all), 100 here")


def test_only_the_question_itself_is_the_title():
    text = note(review(row(0, 1.0), question="Which\nwindows?\n\nWhy we ask."), links={})
    assert text.startswith("**Best of 1 trial")
    assert "\n\n### Which windows?\n\n" in text
    assert text.index("Why we ask.") > text.index("| trial&nbsp;")
