"""Meters: one question to a trained network each."""

from elman.diagnostics.meter import Meter
from elman.diagnostics.meters.dependence import Dependence
from elman.diagnostics.meters.fixed_points import FixedPoints
from elman.diagnostics.meters.gradient_by_lag import GradientByLag
from elman.diagnostics.meters.input_horizon import InputHorizon
from elman.diagnostics.meters.jacobian_spectrum import JacobianSpectrum
from elman.diagnostics.meters.lyapunov import Lyapunov
from elman.diagnostics.meters.memory_probes import MemoryProbes
from elman.diagnostics.meters.overwriting import Overwriting
from elman.diagnostics.meters.saturation import Saturation
from elman.diagnostics.meters.truncation_bias import TruncationBias
from elman.diagnostics.meters.update_health import UpdateHealth

ALL: tuple[type[Meter], ...] = (
    GradientByLag,
    TruncationBias,
    Dependence,
    JacobianSpectrum,
    Lyapunov,
    Saturation,
    MemoryProbes,
    InputHorizon,
    Overwriting,
    FixedPoints,
    UpdateHealth,
)
"""In the order in which a diagnosis tells them."""

__all__ = [
    "Dependence",
    "FixedPoints",
    "GradientByLag",
    "InputHorizon",
    "JacobianSpectrum",
    "Lyapunov",
    "MemoryProbes",
    "Overwriting",
    "Saturation",
    "TruncationBias",
    "UpdateHealth",
]
