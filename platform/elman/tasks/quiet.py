"""Warnings of Lightning's that say nothing to those who train a `SequenceTask`."""

from __future__ import annotations

import warnings

MESSAGES = (
    ".*does not have many workers.*",  # batches are made in bursts, or by `batching.workers`
    ".*GPU available but not used.*",
    ".*`isinstance.treespec.*",  # of Lightning's own use of torch
    ".*You have overridden `transfer_batch_to_device`.*",  # masks and lengths stay on the host
    ".*is smaller than the logging interval Trainer.log_every_n_steps.*",  # `log_every` counts updates
    ".*`srun` command is available.*",  # a step of SLURM is recognised without it
    ".*`tensorboardX` has been removed as a dependency.*",
)


def quiet_lightning() -> None:
    """Leave them out, in this process."""
    for message in MESSAGES:
        warnings.filterwarnings("ignore", message)
