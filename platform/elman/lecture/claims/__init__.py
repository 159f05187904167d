"""The claims, in the order of the course."""

from __future__ import annotations

from elman.lecture.claim import Claim
from elman.lecture.claims.a_sequence import ASequence
from elman.lecture.claims.carry import CarryKept
from elman.lecture.claims.feed_forward import FeedForwardCosts
from elman.lecture.claims.gradients import Gradients
from elman.lecture.claims.memory import Memory
from elman.lecture.claims.overwriting import Overwritten
from elman.lecture.claims.reach import Reach
from elman.lecture.claims.relationships import Relationships
from elman.lecture.claims.updates import UpdatesToLoss

ALL: tuple[type[Claim], ...] = (
    Relationships,
    FeedForwardCosts,
    Memory,
    ASequence,
    Reach,
    CarryKept,
    Gradients,
    Overwritten,
    UpdatesToLoss,
)
