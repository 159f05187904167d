"""What pairs, who is first, what may be claimed, and how it is said."""

import json
from dataclasses import replace

import pytest
from arm_toys import arm

from elman.comparing.picture import comparison_plot, save
from elman.comparing.sentence import sentences
from elman.comparing.table import FORMATS, plain
from elman.comparing.verdict import compare
from elman.errors import BadInput
from elman.pictures.plot import Band, Dots

NATS = "val/nats_per_step"
GOOD, BAD = [0.100, 0.110, 0.120, 0.104, 0.111], [0.131, 0.142, 0.150, 0.135, 0.141]


def said(*arms, metric=NATS, **more):
    return sentences(compare(arms, metric=metric, **more))


def test_a_claim_says_who_by_how_much_in_how_many_and_how_sure():
    (line,) = said(arm("LSTM", BAD, ms=1.0), arm("GRU", GOOD, ms=1.9))
    # The differences are 31, 32, 30, 31, 30 thousandths: mean 30.8, sd 0.837, and 2.776 sd / sqrt(5) is 1.04.
    assert line == (
        "GRU beats LSTM by 0.03080 nats, 5 of 5 seeds, interval 0.02976 to 0.03184; LSTM is 1.9 times faster"
    )


def test_a_speed_that_is_lost_in_the_scatter_is_not_told():
    found = compare([arm("A", GOOD, ms=1.0), arm("B", BAD, ms=1.05)], metric=NATS)
    assert found.pairs[0].speed is None
    slow, fast = arm("A", GOOD), arm("B", BAD)
    for one, times in ((slow, (2.0, 2.1, 3.9, 3.1, 5.1)), (fast, (3.0, 4.3, 2.8, 3.4, 2.4))):
        for which, ms in zip(list(one.outcomes), times, strict=True):
            one.outcomes[which] = replace(one.outcomes[which], ms_per_step=ms)
    assert compare([slow, fast], metric=NATS).pairs[0].speed is None


def test_of_accuracy_more_is_better():
    (line,) = said(arm("LSTM", BAD), arm("GRU", GOOD), metric="val/accuracy")
    assert line.startswith("LSTM beats GRU by 0.03080 of accuracy, 5 of 5 seeds, interval 0.02976 to 0.03184")


def test_three_seeds_are_too_few_unless_the_interval_says_otherwise():
    (line,) = said(arm("A", [0.1, 0.2, 0.3]), arm("B", [0.11, 0.25, 0.5]))
    assert line.startswith(
        "too few seeds for a claim: A is better than B by 0.09 nats, 3 of 3 seeds, interval -0.1"
    )
    (line,) = said(arm("A", GOOD[:3]), arm("B", BAD[:3]))
    assert line.startswith("A beats B by 0.0310 nats, 3 of 3 seeds")
    (line,) = said(arm("A", GOOD[:1]), arm("B", BAD[:1]))
    assert "one pair of runs" in line
    assert "another seed may turn" in line


def test_an_end_close_to_zero_has_a_digit_that_says_on_which_side():
    """Since that side is what a claim hangs on: here it is -0.000392."""
    (line,) = said(arm("A", [0.0, 0.0, 0.0]), arm("B", [0.2008, 0.0835, 0.1552]))
    assert "by 0.1465 nats, 3 of 3 seeds, interval -0.0004 to 0.2934" in line


def test_five_seeds_that_show_nothing():
    (line,) = said(arm("A", [0.1, 0.2, 0.3, 0.1, 0.2]), arm("B", [0.2, 0.1, 0.31, 0.1, 0.21]))
    assert line.startswith("no difference is shown: A is better than B by")


def test_from_six_pairs_on_the_exact_p_is_there():
    one = [0.1, 0.12, 0.11, 0.13, 0.1, 0.12]
    (line,) = said(arm("A", one), arm("B", [v + 0.05 + v / 9 for v in one]))
    assert "6 of 6 seeds" in line
    assert "exact p 0.031" in line


def test_what_did_not_learn_comes_first_and_is_in_no_mean():
    found = compare([arm("A", [None, 0.2, 0.3, None, None]), arm("B", GOOD)], metric=NATS)
    (line,) = sentences(found)
    assert line.startswith("B learned in 5 of 5 runs, A in 2 of 5 runs (Fisher's exact p 0.167, no claim); ")
    assert found.ranked[0].name == "B"
    assert found.pairs[0].difference.count == 2
    (line,) = said(arm("A", [None] * 5), arm("B", GOOD))
    assert line == (
        "B learns more often: B learned in 5 of 5 runs, A in 0 of 5 runs (Fisher's exact p 0.008); "
        "A left nothing to compare"
    )


def test_the_one_that_learns_less_often_may_be_better_where_it_does():
    (line,) = said(arm("A", [0.5, 0.51, 0.52, 0.5, 0.51]), arm("B", [0.1, 0.11, 0.12, None, None]))
    assert "of those that learned, B is better than A by 0.4000 nats, 3 of 3 seeds" in line
    assert " beats " not in line


def test_digits_are_no_difference():
    (line,) = said(arm("A", [1e-6, 2e-6, 1e-6]), arm("B", [1e-4, 1.1e-4, 1.2e-4]), floor=0.693)
    assert line.startswith("no difference that matters between A and B: 0.0001")
    assert "beats" not in line


def test_seeds_that_both_have_pair_and_others_are_compared_as_a_whole():
    whole = compare([arm("A", GOOD), arm("B", BAD[:4])], metric=NATS)
    assert (whole.pairs[0].difference.count, whole.pairs[0].left_out) == (4, "seed 5 of A")
    apart = compare([arm("A", GOOD), arm("B", BAD, seeds=range(11, 16))], metric=NATS)
    assert not apart.pairs[0].difference.paired
    assert "5 and 5 runs that do not pair (Welch)" in sentences(apart)[0]
    both = [arm(name, v, seeds=[1] * 5, folds=range(5)) for name, v in (("A", GOOD), ("B", BAD))]
    folds = compare(both, metric=NATS)
    assert "5 of 5 folds" in sentences(folds)[0]


def test_of_three_recipes_holm_decides():
    close = [v + 0.004 * (i - 1) for i, v in enumerate(GOOD)]
    found = compare([arm("A", GOOD), arm("B", close), arm("C", BAD)], metric=NATS)
    by_name = {(p.first.name, p.second.name): p for p in found.pairs}
    raw = sorted(p.difference.p for p in found.pairs)
    adjusted = [3 * raw[0], max(3 * raw[0], 2 * raw[1]), max(3 * raw[0], 2 * raw[1], raw[2])]
    assert sorted(p.p_holm for p in found.pairs) == pytest.approx(adjusted)
    assert by_name["A", "C"].claimed
    lines = sentences(found)
    assert lines[-1] == "p is by Holm for 3 comparisons at once"
    assert len(lines) == 4


def test_every_format_holds_the_answer():
    found = compare([arm("A_1", GOOD), arm("B|2", BAD)], metric=NATS, notes=["differs: model.core: A, B"])
    (sentence,) = sentences(found)
    text, markdown, csv, latex, whole = (
        FORMATS[f](found) for f in ("text", "markdown", "csv", "latex", "json")
    )
    assert text.splitlines()[0] == sentence
    assert "differs: model.core: A, B" in text
    assert f"**{sentence}**" in markdown
    assert "| B\\|2 | 5 | 5 of 5 | 0.1398 |" in markdown
    assert csv.splitlines()[1] == "A_1,1,,A_11,0.1,true,"
    assert r"A\_1 & 5 & 5 of 5 & 0.1090" in latex
    assert r"95 \% from" in latex
    read = json.loads(whole)
    assert read == json.loads(json.dumps(plain(found)))
    assert read["pairs"][0]["claimed"] is True
    assert read["recipes"][1]["runs"][0] == {
        "run": "B|21",
        "seed": 1,
        "fold": None,
        "value": 0.131,
        "learned": True,
    }


def test_infinity_is_no_json():
    found = compare([arm("A", [1.0, 2.0]), arm("B", [1.5, 2.5])], metric=NATS)
    assert plain(found)["pairs"][0]["difference"]["effect"] is None
    json.dumps(plain(found), allow_nan=False)


def test_the_picture_has_curves_and_pairs(tmp_path):
    found = compare([arm("A", GOOD), arm("B", BAD)], metric=NATS, floor=0.693)
    curves, pairs = comparison_plot(found).panels
    (dots,) = [mark for mark in pairs.marks if isinstance(mark, Dots)]
    assert dots.y == pytest.approx([b - a for a, b in zip(GOOD, BAD, strict=True)])
    (interval,) = [mark for mark in pairs.marks if isinstance(mark, Band)]
    assert (interval.low[0], interval.high[0]) == pytest.approx((0.02976, 0.03184), abs=1e-5)
    assert len([mark for mark in curves.marks if isinstance(mark, Band)]) == 2
    save(comparison_plot(found), str(tmp_path / "two.svg"))
    assert (tmp_path / "two.svg").read_text().startswith("<?xml")
    with pytest.raises(BadInput, match=r"two\.gif: a picture is one of \.png, \.svg, \.pdf, \.html"):
        save(comparison_plot(found), str(tmp_path / "two.gif"))
