"""The size and colours that pictures are read in."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from datamodules.sequence_data import check_counts

Colours = Literal["grey", "rgb"]
CHANNELS = {"grey": 1, "rgb": 3}


@dataclass(frozen=True, kw_only=True)
class Size:
    """What every picture or frame is stretched to.

    Args:
        height: pixels.
        width: pixels.
        colours: grey or rgb.

    Raises:
        ValueError: for a value out of range.
    """

    height: int = 32
    width: int = 32
    colours: Colours = "grey"

    def __post_init__(self) -> None:
        check_counts(1, height=self.height, width=self.width)
        if self.colours not in CHANNELS:
            raise ValueError(f"colours must be grey or rgb, got {self.colours!r}")

    @property
    def channels(self) -> int:
        """1 or 3."""
        return CHANNELS[self.colours]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.height, self.width, self.channels

    @property
    def features(self) -> int:
        """Numbers of a picture."""
        return self.height * self.width * self.channels

    def metadata(self) -> dict[str, Any]:
        """What a run records of it."""
        return asdict(self)
