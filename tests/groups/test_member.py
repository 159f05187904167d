"""Seeds as they are typed, and what tells the runs of a group apart."""

import pytest

from elman.errors import BadInput
from elman.groups.member import Member, member_of, seeds_of


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("3", [1, 2, 3]), ("1", [1]), ("4,0,7", [4, 0, 7]), ("[5]", [5]), ("9,", [9]), (" 2, 1 ", [2, 1])],
)
def test_seeds_are_a_number_of_them_or_a_list(text, seeds):
    assert seeds_of(text) == seeds


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("0", "--seeds=0 must be 1 to 1000, the number of seeds"),
        ("-2", "--seeds=-2 must be 1 to 1000"),
        ("5000", "a list names them: --seeds=1,2,7"),
        ("1,-2", "a seed must lie in [0, 4294967295], got -2"),
        ("1,4294967296", "got 4294967296"),
        ("3,1,3", "--seeds names 3 twice"),
        ("1,x", "got '1,x': --seeds=5 or --seeds=1,2,7"),
        (",", "got ','"),
        ("1.5", "got '1.5'"),
    ],
)
def test_seeds_that_there_cannot_be(text, line):
    with pytest.raises(BadInput) as caught:
        seeds_of(text)
    assert line in str(caught.value)


@pytest.mark.parametrize("member", [Member(seed=3), Member(fold=0), Member(seed=12, fold=4)])
def test_a_member_is_known_by_its_name(member):
    assert member_of(str(member)) == member
    assert member_of(f"{member}!") is None
    assert member_of("") is None


def test_what_tells_it_from_the_others():
    assert Member(seed=3, fold=0).options() == ["--seed_everything=3", "--data.split.fold=0"]
