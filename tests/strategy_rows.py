"""Every public strategy, and what a user could write: a test over all of them reads this table."""

from __future__ import annotations

from strategy_toys import Fading, LastSteps, RandomReach

from elman.bptt import (
    KFRTRL,
    RTRL,
    UORO,
    Adaptive,
    BackpropThroughTime,
    Checkpointed,
    DiagonalRTRL,
    EProp,
    Full,
    Jittered,
    Randomised,
    SnAp1,
    Split,
    Truncated,
)

STRATEGIES = [
    Full(),
    Split(k=1),
    Split(k=4),
    Split(k=30),
    Truncated(k1=1, k2=1),
    Truncated(k1=4, k2=4),
    Truncated(k1=1, k2=4),
    Truncated(k1=2, k2=5),
    Truncated(k1=3, k2=4),
    Truncated(k1=4, k2=11),
    Truncated(k1=11, k2=11),
    Truncated(k1=20, k2=30),
    Truncated(k1=4, k2=4, scored="window"),
    Truncated(k1=2, k2=5, scored="window"),
    Truncated(k1=1, k2=3, scored="window"),
    Truncated(k1=3, k2=20, scored="window"),
    Jittered(k=4, base_share=0.7, spread=1.5, least=2, most=7),
    Jittered(k=3, base_share=0.5, spread=0, least=1),
    Jittered(k=30, spread=0),
    Randomised(k=2, length=4),
    Randomised(k=1, length=3, alpha=3),
    Randomised(k=3, length=5, alpha=4, longest=8),
    Adaptive(k=3, most=5, stretch=5),
    Checkpointed(),
    Checkpointed(window=4),
    Checkpointed(schedule="revolve", window=1, slots=2),
    Checkpointed(schedule="revolve", window=2, slots=1),
    Checkpointed(memory=4),
    RTRL(),
    RTRL(k1=4),
    LastSteps(k=3),
    Fading(keep=0.7),
    RandomReach(k1=2, longest=6),
]
UNCREDITED = [SnAp1(k1=2), EProp(), DiagonalRTRL(), UORO(k1=3), KFRTRL()]
"""No sum of credited pairs, or one in expectation alone, or on some cores: tests/bptt/test_online.py."""
EVERY = STRATEGIES + UNCREDITED

RANDOM = [s for s in STRATEGIES if type(s).begin is not BackpropThroughTime.begin]


def name(value: object) -> str:
    """Of a strategy, its class and arguments; of anything else, what it prints."""
    if not isinstance(value, BackpropThroughTime):
        return str(value)
    return type(value).__name__ + "-".join(str(v) for k, v in vars(value).items() if k[0] != "_")
