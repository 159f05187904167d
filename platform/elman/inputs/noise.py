"""Noise on what the network reads, in training."""

from __future__ import annotations

import torch
from torch import Tensor

UNKNOWN = 0


def drop_tokens(ids: Tensor, share: float) -> Tensor:
    """Ids of which a share, drawn anew at every place, is the unknown one, 0.

    Drawn once a batch, before it is cut into windows, so that a look-back computed again reads the same.

    Source: word dropout: Iyyer et al. (2015), ACL, section 3.1.
    Differs: a dropped token stays in its place as the unknown one.
    """
    return ids.masked_fill(torch.rand(ids.shape, device=ids.device) < share, UNKNOWN)
