"""The faults, in the order of the table."""

from __future__ import annotations

import signal
import sys

from case import Case
from kills import checkpoint_broken, rank_killed, resumed_by_name, stopped
from machine import clock_set, disk_full
from stores import database_stopped, served, store_deleted, store_gone, store_locked
from together import fits, searches, two_resumes

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
SIGNALS = {"kill -9": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "Ctrl-C": signal.SIGINT}
RANKS = {"rank 0 killed": 0, "rank 1 killed": 1, "all killed": None}
CASES = [
    *(Case(f"{name}, fresh store", stopped(n, soon=4.0), "fresh", 10) for name, n in SIGNALS.items()),
    *(Case(f"{name}, text, k2 > k1", stopped(n), "text", 10) for name, n in SIGNALS.items()),
    *(
        Case(f"{name}, {recipe}", stopped(n), recipe)
        for recipe in ("captions", "sound", "bf16", "double")
        for name, n in SIGNALS.items()
    ),
    *(
        Case(f"ranks, {size}: {name}", rank_killed(which), f"ranks{size}")
        for size in (2, 4)
        for name, which in RANKS.items()
    ),
    Case("ranks, 2: SIGTERM", stopped(signal.SIGTERM), "ranks2"),
    *(
        Case(f"torchrun, 2: {name}", rank_killed(which), "torchrun2", launcher=TORCHRUN)
        for name, which in RANKS.items()
    ),
    Case("torchrun, 2: SIGTERM, resumed by name", resumed_by_name, "torchrun2", launcher=TORCHRUN),
    Case("server, killed for 30 s", served("killed", seconds=30), "long"),
    Case("server, killed until the end", served("killed")),
    Case("server, unreachable from the start", served("shut", from_start=True)),
    Case("server, 500 for 30 s", served("broken", seconds=30), "long"),
    Case("server, 500 until the end", served("broken")),
    Case("server, hanging for 30 s", served("hanging", seconds=30), "long"),
    Case("server, hanging until the end", served("hanging")),
    Case("server, 200 ms slow", served("slow", from_start=True)),
    Case("PostgreSQL stopped for 20 s", database_stopped(served=False, seconds=20), "long"),
    Case("PostgreSQL below a server stopped for 20 s", database_stopped(served=True, seconds=20), "long"),
    Case("PostgreSQL stopped until the end", database_stopped(served=False)),
    Case("store locked for 20 s", store_locked, "long"),
    Case("store moved away, and back at the end", store_gone),
    Case("store deleted", store_deleted),
    *(Case(f"checkpoint, {how}", checkpoint_broken(how)) for how in ("cut", "emptied", "one bit")),
    *(
        Case(f"disk full for 10 s, {what}", disk_full(what), "long", needs="root")
        for what in ("store", "spool", "checkpoints")
    ),
    *(Case(f"clock set by {seconds:+} s", clock_set(seconds), "long") for seconds in (30, -30, 3600, -3600)),
    Case("at once: two resumes", two_resumes),
    Case("at once: two fits", fits(2), "fresh"),
    Case("at once: eight first starts", fits(8), "fresh"),
    Case("at once: four searches", searches(4), "fresh"),
]
