"""How the threads of a process wait for one another on a machine that does other work, too."""

from __future__ import annotations

import os

ASKED = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""By which a user says how threads wait."""
BUSY = 0.5
"""Load of the last minute, in cores of the machine, from which on others want the processors."""


def share_processors() -> None:
    """On a busy machine, have threads sleep while they wait; before torch is imported.

    They spin otherwise, which is faster as long as each has a core. Where one has to wait for its turn on a
    core, all wait for it, at every parallel piece of an update: small networks become fifty times slower.
    """
    if not hasattr(os, "getloadavg") or any(name in os.environ for name in ASKED):
        return
    if os.getloadavg()[0] > BUSY * (os.cpu_count() or 1):
        os.environ["OMP_WAIT_POLICY"] = "passive"
