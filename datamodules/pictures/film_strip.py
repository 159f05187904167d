"""A video as one picture."""

from __future__ import annotations

import torch
from torch import Tensor

MOST = 16
GREY = 0.5


def film_strip(frames: Tensor, *, most: int = MOST) -> Tensor:
    """Frames side by side with a grey line between two; of more than `most`, some that are spread evenly.

    Args:
        frames: (S, H, W, C) in [0, 1], C is 1 or 3, S at least 1.

    Returns:
        (H, S (W + 1) - 1) where C is 1, else (H, S (W + 1) - 1, 3).
    """
    if len(frames) > most:
        frames = frames[torch.linspace(0, len(frames) - 1, most).round().long()]
    lined = torch.nn.functional.pad(frames, (0, 0, 0, 1), value=GREY)  # (S, H, W + 1, C)
    strip = lined.transpose(0, 1).flatten(1, 2)[:, :-1]
    return strip[..., 0] if strip.shape[-1] == 1 else strip
