"""The report: one page with everything in it, in which nothing that was given becomes markup or a script."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from study_toys import BPTT, COST, K1, LAYERS, LR, RATIO, realistic, review, row

from elman.search.report.page import report
from elman.search.report.parts import failures, paragraphs, tiles, trials_table
from elman.search.results.answer import headline
from elman.search.space.space import Choices, Dimension

EVIL = """</script><script>alert(1)</script><img src=x onerror="alert(2)">'&"""


pytestmark = pytest.mark.usefixtures("strict")


class Page(HTMLParser):
    """Counts what a browser would see, plotly.js aside."""

    VOID = frozenset(("meta", "link", "br", "img"))

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text, self.scripts = [], [], [], "", []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        else:
            self.text += data


def evil():
    core = Dimension(target=EVIL, label=EVIL, values=Choices(values={EVIL: {}, "GRU": {}}))
    study = realistic(several=True)
    trials = [
        replace(
            t, values={**t.values, EVIL: (EVIL, "GRU")[t.number % 2]}, why=EVIL if t.why else "", run_id=EVIL
        )
        for t in study.trials
    ]
    words = dict.fromkeys(("name", "question", "command", "experiment", "sampler", "pruner", "budget"), EVIL)
    return replace(study, trials=tuple(trials), dimensions=(BPTT, core, K1, RATIO, LAYERS, LR), **words)


def test_one_page_with_everything():
    study = realistic(running=False)
    page = Page(report(study))
    assert page.tags.count("figure") == 6
    assert page.tags.count("script") == 6 + 2
    assert sum(len(script) > 1_000_000 for script in page.scripts) == 1  # plotly.js, once
    for expected in (
        "Which windows does a character model need?",
        "of 30 trials (6 above a limit) the cheapest that is likely as good as the best",
        "All 30 trials",
        "Trial 11: the core's carry is not finite after 410,000 time steps (lr=0.0098)",
        "elman search experiments/char_lm/search.yaml",
        "5 to 80, whole, log",
        "pareto: the study has one objective",
        "importance: needs 30 complete trials",
    ):
        assert expected in page.text
    assert page.tags.count("tr") >= 31


def test_of_a_front_what_is_named_and_the_knee_come_before_the_list():
    study = realistic(several=True, running=False)
    text = Page(report(study)).text
    for sentence in headline(study):
        assert text.index(sentence) < text.index("beaten by no other in")


def test_it_asks_the_network_for_nothing():
    page = Page(report(realistic()))
    given = dict(page.attributes)
    assert given["http-equiv"] == "Content-Security-Policy"
    assert next(v for k, v in page.attributes if k == "content" and "default-src" in v).startswith(
        "default-src 'none'"
    )
    assert [value for key, value in page.attributes if key in ("src", "href")] == ["data:,"]


def test_nothing_given_becomes_markup_or_ends_a_script():
    plain, odd = Page(report(realistic(several=True))), Page(report(evil()))
    assert "img" not in odd.tags
    assert odd.tags.count("script") == plain.tags.count("script")
    assert not any(key.startswith("on") for key, _ in odd.attributes)
    assert odd.text.count(EVIL) >= 8
    assert not any("alert" in script and "</script" in script for script in odd.scripts)


def test_a_study_without_trials():
    page = Page(report(review()))
    assert "No trial has begun yet." in page.text
    assert "table" in page.tags  # the space
    assert "figure" not in page.tags


def test_the_best_and_the_front_are_marked():
    pairs = [(3, 1), (1, 3), (2, 4)]
    trials = [row(n, objectives={"val/bits_per_step": a, COST: b}) for n, (a, b) in enumerate(pairs)]
    study = review(*trials, objectives={"val/bits_per_step": "minimize", COST: "minimize"})
    text = trials_table(study)
    classes = [part.split('"')[0] for part in text.split('<tr class="')[1:]]
    assert classes == ["front", "best front", ""]


def test_what_can_be_sorted_carries_its_number():
    text = trials_table(review(row(0, 1234567.0, values={"lr": 3e-4}), row(1, None, "failed")))
    assert 'data-value="1234567.0"' in text
    assert 'data-value="0.0003"' in text
    assert '<td class="none">' in text


def test_tiles_answer_at_a_glance():
    values = {"k1": 20, "k2/k1": 3, "k2": 60, "layers": 2}
    text = tiles(review(row(0, 1.9119, values=values, costs={COST: 3.0}, seconds=41.3)))
    found = dict(
        part.split("</dt><dd>") for part in text.replace("</dd>", "<dt>").split("<dt>") if "</dt>" in part
    )
    assert found == {
        "val/bits_per_step": "1.912",
        "k1": "20",
        "k2": "60",
        "layers": "2",
        "core steps a time step": "3.0",
        "time": "41 s",
    }
    assert tiles(review(row(0, 1.0, "running"))) == ""


def test_failures_and_paragraphs():
    assert failures(review(row(0, 1.0))) == ""
    assert "<li><b>Trial 0</b>: no reason is known</li>" in failures(review(row(0, None, "failed")))
    assert paragraphs("a < b\n- c\n- d\n\ne") == ("<p>a &lt; b</p><ul><li>c</li><li>d</li></ul><p>e</p>")
