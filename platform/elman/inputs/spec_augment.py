"""SpecAugment: features changed at random, so that a network leans on no single band or moment."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class SpecAugment:
    """Random changes to (B, T, F) features of mean 0, drawn anew for each row; padding is left alone.

    In this order: bands move (`warp`: band f takes the value of band f * a, a uniform in 1 +- warp, as a
    longer or shorter vocal tract would do), all bands rise or fall (`gain`), high bands against low ones
    (`tilt`), then whole bands and whole frames are set to 0, the mean.

    Args:
        frequency_masks: how many runs of bands are hidden.
        frequency_width: most bands of a run; a width is uniform from 0.
        time_masks: how many runs of frames are hidden.
        time_width: most frames of a run.
        time_share: and most of a row's frames that one run hides, as a share.
        warp: largest relative shift of bands.
        gain: standard deviation of the shift of all bands, in standard deviations of a feature.
        tilt: standard deviation of the shift of the highest band, the lowest taking its negative.

    Raises:
        ValueError: for a value out of range.

    Source: Park et al. (2019), Interspeech, section 2; warp: Jaitly & Hinton (2013), ICML workshop, vocal
        tract length perturbation.
    Differs: no time warping; a linear warp of bands in mel; gain and tilt are ours.
    """

    frequency_masks: int = 2
    frequency_width: int = 8
    time_masks: int = 2
    time_width: int = 20
    time_share: float = 0.2
    warp: float = 0.0
    gain: float = 0.0
    tilt: float = 0.0

    def __post_init__(self) -> None:
        for name in ("frequency_masks", "frequency_width", "time_masks", "time_width"):
            value = getattr(self, name)
            if value < 0:
                raise ValueError(f"{name} is a count and must be at least 0, got {name}={value}")
        if not 0 <= self.time_share <= 1:
            raise ValueError(f"time_share must lie in [0, 1], got time_share={self.time_share}")
        if not 0 <= self.warp < 1:
            raise ValueError(f"warp is a share and must lie in [0, 1), got warp={self.warp}")
        for name in ("gain", "tilt"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0, got {name}={getattr(self, name)}")

    def __call__(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Features of the same shape; `lengths` (B,) says how many frames of each row exist."""
        lengths = lengths.to(features.device)
        exists = torch.arange(features.shape[1], device=features.device) < lengths[:, None]  # (B, T)
        changed = self._masked(self._shifted(self._warped(features)), lengths)
        return torch.where(exists[:, :, None], changed, features)

    def _warped(self, features: Tensor) -> Tensor:
        if not self.warp:
            return features
        rows, _, bands = features.shape
        factor = 1 + self.warp * (2 * torch.rand(rows, 1, device=features.device) - 1)
        place = (torch.arange(bands, device=features.device) * factor).clamp(max=bands - 1)  # (B, F)
        low = place.floor().long().clamp(max=max(0, bands - 2))
        share = (place - low).to(features.dtype)[:, None]
        below, above = (
            features.gather(2, index[:, None].expand_as(features))
            for index in (low, (low + 1).clamp(max=bands - 1))
        )
        return torch.lerp(below, above, share.expand_as(below))

    def _shifted(self, features: Tensor) -> Tensor:
        if not (self.gain or self.tilt):
            return features
        rows, _, bands = features.shape
        gain, tilt = torch.randn(2, rows, 1, 1, device=features.device, dtype=features.dtype)
        slope = torch.linspace(-1, 1, bands, device=features.device, dtype=features.dtype)
        return features + self.gain * gain + self.tilt * tilt * slope

    def _masked(self, features: Tensor, lengths: Tensor) -> Tensor:
        _, steps, bands = features.shape
        every = torch.full_like(lengths, bands)
        hidden = _runs(self.frequency_masks, self.frequency_width, every, bands)[:, None]
        most = (self.time_share * lengths).long().clamp(max=self.time_width)
        hidden = hidden | _runs(self.time_masks, most, lengths, steps)[:, :, None]
        return features.masked_fill(hidden, 0.0)


def _runs(count: int, width: int | Tensor, sizes: Tensor, longest: int) -> Tensor:
    """(B, longest) bool: `count` runs of 0 to `width` places in each row, among its first `sizes`."""
    draw = torch.rand(2, len(sizes), count, 1, device=sizes.device)
    width = torch.as_tensor(width, device=sizes.device).expand(len(sizes)).minimum(sizes)[:, None, None]
    run = (draw[0] * (width + 1)).floor()  # (B, count, 1)
    first = (draw[1] * (sizes[:, None, None] - run + 1)).floor()
    place = torch.arange(longest, device=sizes.device)
    return ((place >= first) & (place < first + run)).any(dim=1)
