"""Strategies: how far gradients travel back through time, and how often weights are updated."""

from elman.bptt.adaptive import Adaptive
from elman.bptt.checkpointed import Checkpointed
from elman.bptt.full import Full
from elman.bptt.jittered import Jittered
from elman.bptt.randomised import Randomised
from elman.bptt.split import Split
from elman.bptt.strategy import (
    BackpropThroughTime,
    Carried,
    Objective,
    State,
    Update,
    after_burn_in,
    draws,
    update_of,
    within_sequences,
)
from elman.bptt.truncated import Truncated

__all__ = [
    "Adaptive",
    "BackpropThroughTime",
    "Carried",
    "Checkpointed",
    "Full",
    "Jittered",
    "Objective",
    "Randomised",
    "Split",
    "State",
    "Truncated",
    "Update",
    "after_burn_in",
    "draws",
    "update_of",
    "within_sequences",
]
