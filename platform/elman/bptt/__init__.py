"""Strategies: how far gradients travel back through time, and how often weights are updated."""

from elman.bptt.adaptive import Adaptive
from elman.bptt.checkpointed import Checkpointed
from elman.bptt.diagonal_rtrl import DiagonalRTRL
from elman.bptt.eprop import EProp
from elman.bptt.full import Full
from elman.bptt.jittered import Jittered
from elman.bptt.kf_rtrl import KFRTRL
from elman.bptt.randomised import Randomised
from elman.bptt.rtrl import RTRL
from elman.bptt.snap1 import SnAp1
from elman.bptt.split import Split
from elman.bptt.strategy import (
    BackpropThroughTime,
    Carried,
    Objective,
    State,
    Update,
    after_burn_in,
    decayed,
    draws,
    scored_steps,
    update_of,
    weight_of,
    within_sequences,
)
from elman.bptt.truncated import Truncated
from elman.bptt.uoro import UORO

__all__ = [
    "KFRTRL",
    "RTRL",
    "UORO",
    "Adaptive",
    "BackpropThroughTime",
    "Carried",
    "Checkpointed",
    "DiagonalRTRL",
    "EProp",
    "Full",
    "Jittered",
    "Objective",
    "Randomised",
    "SnAp1",
    "Split",
    "State",
    "Truncated",
    "Update",
    "after_burn_in",
    "decayed",
    "draws",
    "scored_steps",
    "update_of",
    "weight_of",
    "within_sequences",
]
