"""Which cores and strategies can work together."""

from __future__ import annotations

from elman.bptt import BackpropThroughTime
from elman.cores import Core


def refuse_impossible_pair(core: Core, bptt: BackpropThroughTime) -> None:
    """Raise ValueError for a core and a strategy that cannot work together."""
    missing = sorted(need for need in bptt.needs if not hasattr(core, need))
    if missing:
        raise ValueError(
            f"{type(bptt).__name__} needs a core that offers {', '.join(missing)}, "
            f"which {type(core).__name__} does not"
        )
    if bptt.continues and not core.streams:
        raise ValueError(
            f"{type(core).__name__} reads later steps, so it cannot go on from a carry as "
            f"{type(bptt).__name__} asks of it; use Full or Split"
        )
