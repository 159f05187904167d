"""From many sequences to batches: what was found, what trains, what shares a batch."""

from datamodules.collecting.batching import Batching
from datamodules.collecting.collected import Collected
from datamodules.collecting.examples import (
    Classified,
    Example,
    Examples,
    aligned,
    collate,
    many_to_one,
    many_to_one_batch,
)
from datamodules.collecting.findings import BadOnes, Findings, Skipped
from datamodules.collecting.partition import PART_NAMES, Partition

__all__ = [
    "PART_NAMES",
    "BadOnes",
    "Batching",
    "Classified",
    "Collected",
    "Example",
    "Examples",
    "Findings",
    "Partition",
    "Skipped",
    "aligned",
    "collate",
    "many_to_one",
    "many_to_one_batch",
]
