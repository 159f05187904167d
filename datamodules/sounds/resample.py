"""Any part of a sound at another sample rate, as if all of it had been resampled."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from torch import Tensor

LARGEST_KERNEL = 1 << 24
"""Weights a resampler may have: 64 MiB. Rates with hardly a common divisor need more."""
FILTER_WIDTH = 6
ROLLOFF = 0.99


def resampled_length(samples: int, rate: int, target: int) -> int:
    """Samples that `samples` at `rate` become at `target`."""
    return -(-samples * target // rate)


def kernel_size(rate: int, target: int) -> int:
    """Weights of the resampler from `rate` to `target`, both in Hz."""
    common = math.gcd(rate, target)
    return target // common * (rate // common + 2 * _reach(rate, target))


def resampled_part(
    read: Callable[[int, int], Tensor], samples: int, start: int, stop: int, *, rate: int, target: int
) -> Tensor:
    """Samples [start, stop) at the rate `target`, read from no more of the source than they depend on.

    A sample at the new rate depends on the few source samples that the filter reaches. Source samples are
    read in whole blocks of rate / gcd, which become whole blocks of target / gcd, with as many blocks more
    on either side as the filter is wide; so the same weights meet the same samples as in one pass over all.

    Args:
        read: [start, stop) -> (stop - start,) source samples.
        samples: of the source.
        start, stop: at the new rate, at most `resampled_length`.
        rate, target: Hz.
    """
    if rate == target:
        return read(start, stop)
    common = math.gcd(rate, target)
    block_in, block_out = rate // common, target // common
    margin = -(-_reach(rate, target) // block_in)
    first = max(0, start // block_out - margin)
    last = -(-stop // block_out) + margin
    source = read(first * block_in, min(last * block_in, samples))
    out = _resampler(rate, target)(source)
    return out[start - first * block_out : stop - first * block_out]


def _reach(rate: int, target: int) -> int:
    """Source samples on either side that a new sample depends on."""
    return math.ceil(FILTER_WIDTH * rate / (min(rate, target) * ROLLOFF))


@lru_cache(maxsize=8)
def _resampler(rate: int, target: int) -> Any:
    from torchaudio.transforms import Resample

    return Resample(rate, target, lowpass_filter_width=FILTER_WIDTH, rolloff=ROLLOFF)
