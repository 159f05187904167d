"""Generated tasks with known answers."""

from datamodules.synthetic.a_n_b_n import AnBn
from datamodules.synthetic.a_sequence import ASequence
from datamodules.synthetic.adding import Adding
from datamodules.synthetic.copy_blocks import CopyBlocks
from datamodules.synthetic.copy_curriculum import CopyCurriculum
from datamodules.synthetic.copy_memory import CopyMemory
from datamodules.synthetic.echo import Echo
from datamodules.synthetic.generated import Generated
from datamodules.synthetic.negation import Negation
from datamodules.synthetic.oscillators import Oscillators
from datamodules.synthetic.regular_language import RegularLanguage
from datamodules.synthetic.tones import Tones

__all__ = [
    "ASequence",
    "Adding",
    "AnBn",
    "CopyBlocks",
    "CopyCurriculum",
    "CopyMemory",
    "Echo",
    "Generated",
    "Negation",
    "Oscillators",
    "RegularLanguage",
    "Tones",
]
