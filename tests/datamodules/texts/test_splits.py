import pytest

from datamodules.texts.splits import assign, check_split, cut


def test_the_customary_split_of_tiny_shakespeare():
    train, val = cut(1_115_394, (0.9, 0.1, 0.0))
    assert (train, val - train) == (1_003_854, 111_540)
    assert cut(1_000, (0.9, 0.05, 0.05)) == (900, 950)


@pytest.mark.parametrize(
    "split", [(0.9, 0.1), (0.9, 0.2, 0.0), (1.0, 0.0, 0.0), (1.2, -0.1, -0.1), (0, 0.5, 0.5)]
)
def test_bad_shares(split):
    with pytest.raises(ValueError, match="split must be three shares"):
        check_split(split)


def test_shares_of_the_bytes():
    digests, sizes = [f"file {i}" for i in range(1000)], [i % 17 + 1 for i in range(1000)]
    sides = assign(digests, sizes, (0.8, 0.15, 0.05), seed=3)
    for part, share in enumerate((0.8, 0.15, 0.05)):
        got = sum(size for size, side in zip(sizes, sides, strict=True) if side == part) / sum(sizes)
        assert got == pytest.approx(share, abs=0.004)  # two times the largest file


def test_depends_on_content_and_seed_alone():
    digests, sizes = [f"file {i}" for i in range(40)], [3] * 40
    sides = dict(zip(digests, assign(digests, sizes, (0.8, 0.1, 0.1), seed=0), strict=True))
    turned = dict(zip(digests[::-1], assign(digests[::-1], sizes, (0.8, 0.1, 0.1), seed=0), strict=True))
    other = dict(zip(digests, assign(digests, sizes, (0.8, 0.1, 0.1), seed=1), strict=True))
    assert sides == turned != other


def test_equal_files_stay_together():
    digests = ["a", "b", "a", "c", "b", "a", "d", "c"]
    sides = assign(digests, [5] * 8, (0.5, 0.25, 0.25), seed=0)
    assert len(set(zip(digests, sides, strict=True))) == 4
    assert set(sides) == {0, 1, 2}


def test_no_part_is_empty_and_no_giant_is_held_out():
    for seed in range(20):
        sides = assign(["giant", "small", "tiny"], [1000, 9, 5], (0.9, 0.05, 0.05), seed)
        assert sides[0] == 0
        assert sorted(sides[1:]) == [1, 2]


def test_too_few_different_files():
    with pytest.raises(ValueError, match="2 different files cannot make 3 parts"):
        assign(["a", "b", "a"], [1, 2, 1], (0.8, 0.1, 0.1), seed=0)
    assert sorted(assign(["a", "b"], [1, 2], (0.9, 0.1, 0.0), seed=0)) == [0, 1]
