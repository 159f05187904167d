"""Generated tasks with known answers."""

from datamodules.synthetic.a_sequence import ASequence
from datamodules.synthetic.adding import Adding
from datamodules.synthetic.copy_memory import CopyMemory
from datamodules.synthetic.echo import Echo

__all__ = ["ASequence", "Adding", "CopyMemory", "Echo"]
