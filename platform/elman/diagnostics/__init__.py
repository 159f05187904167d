"""Things measured on a run, each a callback with a name and a picture: listed in recipes."""

from elman.diagnostics.caption_pictures import CaptionPictures
from elman.diagnostics.cost import Cost
from elman.diagnostics.credit_picture import CreditPicture
from elman.diagnostics.diagnostic import Diagnostic
from elman.diagnostics.meter import Meter, Reading
from elman.diagnostics.meters import (
    Dependence,
    FixedPoints,
    GradientByLag,
    InputHorizon,
    JacobianSpectrum,
    Lyapunov,
    MemoryProbes,
    Overwriting,
    Saturation,
    TruncationBias,
    UpdateHealth,
)
from elman.diagnostics.samples import Samples

__all__ = [
    "CaptionPictures",
    "Cost",
    "CreditPicture",
    "Dependence",
    "Diagnostic",
    "FixedPoints",
    "GradientByLag",
    "InputHorizon",
    "JacobianSpectrum",
    "Lyapunov",
    "MemoryProbes",
    "Meter",
    "Overwriting",
    "Reading",
    "Samples",
    "Saturation",
    "TruncationBias",
    "UpdateHealth",
]
