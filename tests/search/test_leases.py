"""Who runs where: GPUs are leased to one trial, or shared where it asks for less than one."""

import pytest

from elman.errors import BadInput
from elman.search.workers.places import places, refuse_too_few

FOUR = ["0", "1", "GPU-5f", "3"]


@pytest.mark.parametrize(
    ("workers", "each", "gpus", "cores", "expected"),
    [
        (None, None, [], 4, [((), 1)] * 4),
        (2, None, [], 4, [((), 2)] * 2),
        (3, 0, FOUR, 6, [((), 2)] * 3),
        (None, None, FOUR, 8, [((gpu,), 2) for gpu in FOUR]),
        (None, 2, FOUR, 8, [(("0", "1"), 4), (("GPU-5f", "3"), 4)]),
        (None, 3, FOUR, 8, [(("0", "1", "GPU-5f"), 8)]),
        (3, 0.5, FOUR[:2], 8, [(("0",), 2), (("1",), 2), (("0",), 2)]),
        (None, 0.5, FOUR[:1], 1, [(("0",), 1), (("0",), 1)]),
    ],
)
def test_places(workers, each, gpus, cores, expected):
    found = places(workers=workers, gpus_per_trial=each, gpus=gpus, cores=cores)
    assert [(lease.gpus, lease.threads) for lease in found] == expected
    assert [lease.place for lease in found] == list(range(len(expected)))


@pytest.mark.parametrize(
    ("each", "gpus", "expected"),
    [(1, [], "no GPU is seen"), (5, FOUR, "only 4"), (1.5, FOUR, "whole number"), (-1, FOUR, "whole number")],
)
def test_impossible(each, gpus, expected):
    with pytest.raises(BadInput, match=expected):
        places(workers=None, gpus_per_trial=each, gpus=gpus, cores=2)


def test_a_trial_of_more_processes_than_it_has_gpus():
    refuse_too_few(2, 2)
    refuse_too_few(0, 2)
    refuse_too_few(0.5, 1)
    with pytest.raises(BadInput, match=r"trainer\.devices=2, but a trial has 1 .* --gpus-per-trial=2"):
        refuse_too_few(1, 2)
