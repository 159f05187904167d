"""One small instance of every data module that collects sequences from files."""

from datamodules.batching import Batching
from datamodules.digits import Digits

ROWS = 5  # two processes hold 3 and 2


def digits(folder, batching):
    return Digits(reading="rows", batching=batching)


# Class -> how to build one in an empty folder: at least 20 examples and a test part.
COLLECTED = {
    Digits: digits,
}


def whole():
    return Batching(rows=ROWS)


def refilled():
    return Batching(rows=ROWS, steps=3)
