"""Meters: one question to a trained network each."""

from elman.diagnostics.meter import Meter
from elman.diagnostics.meters.gradient_by_lag import GradientByLag

ALL: tuple[type[Meter], ...] = (GradientByLag,)
"""In the order in which a diagnosis tells them."""

__all__ = ["GradientByLag"]
