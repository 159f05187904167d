"""Meters: one question to a trained network each."""

from elman.diagnostics.meter import Meter
from elman.diagnostics.meters.gradient_by_lag import GradientByLag
from elman.diagnostics.meters.input_horizon import InputHorizon
from elman.diagnostics.meters.memory_probes import MemoryProbes

ALL: tuple[type[Meter], ...] = (GradientByLag, MemoryProbes, InputHorizon)
"""In the order in which a diagnosis tells them."""

__all__ = ["GradientByLag", "InputHorizon", "MemoryProbes"]
