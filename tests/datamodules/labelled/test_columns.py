"""Which column is the text, which the label, and whether there is a header."""

import pytest

from datamodules.labelled.columns import Columns
from elman.errors import BadInput

ROWS = [["pos", "a good film"], ["neg", "a bad film"], ["pos", "better"], ["neg", "worse"]]


def picked(sample, names=None, **options):
    found = Columns(**options).pick("a.csv", names, sample)
    return found.text, found.label, found.first_is_header


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ([], (1, 0, False)),
        ([["label", "text"]], (1, 0, True)),
        ([["polarity", "phrase"]], (1, 0, True)),
        ([["polarity", " Review "]], (1, 0, True)),
        ([["SENTIMENT", "what is said"]], (1, 0, True)),
    ],
)
def test_a_first_row(first, expected):
    assert picked([*first, *ROWS]) == expected


def test_a_recipe_that_says_so_is_believed():
    assert picked([["polarity", "phrase"], *ROWS], header=False) == (1, 0, False)
    assert picked(ROWS, header=True) == (1, 0, True)
    assert picked([["text", "label"], *ROWS], text="label") == (1, 0, True)
    assert picked([["text", "label"], *ROWS], label=1, header=True) == (0, 1, True)


def test_a_label_that_comes_once_is_no_header_where_all_come_once():
    assert picked([["a", "one text"], ["b", "two texts"], ["c", "three texts"]]) == (1, 0, False)


def test_other_columns_are_no_candidates():
    sample = [["alice", "pos", "a good film"], ["bob", "neg", "a bad film"]]
    assert picked(sample, group=0) == (2, 1, False)
    assert picked(sample, ["who", "label", "said"], group="who") == (2, 1, False)
    assert picked(sample, ["who", "label", "said"], text=0) == (0, 1, False)


@pytest.mark.parametrize(
    "names", [["a", "b", "c"], ["text", "review", "label"], ["text", "label", "class"], ["text", "a", "b"]]
)
def test_what_is_not_clear_is_refused(names):
    with pytest.raises(BadInput, match="cannot tell which column is the text and which the label"):
        picked([["x", "xy", "xyz"]], names)


def test_columns_of_equal_width_are_not_guessed():
    with pytest.raises(BadInput, match=r"columns are 0 'ab', 1 'cd'; set data\.text and data\.label"):
        picked([["ab", "cd"], ["ef", "gh"]])
