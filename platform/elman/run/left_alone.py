"""A process of a run whose starter is gone."""

from __future__ import annotations

import os
import threading
import time

LOOK_SECONDS = 1.0
GRACE_SECONDS = 5.0  # for what tells it by itself that the others have gone


def end_with(starter: int, *, look: float = LOOK_SECONDS, grace: float = GRACE_SECONDS) -> None:
    """End this process, without more ado, once the one that started it has ended.

    torch waits up to half an hour for a first process that was killed before they met, deaf to signals.

    Args:
        starter: its process id.
        look: seconds between two looks.
        grace: seconds that it has to end by itself.
    """

    def watch() -> None:
        while os.getppid() == starter:
            time.sleep(look)
        time.sleep(grace)
        os._exit(1)

    threading.Thread(target=watch, name="elman-left-alone", daemon=True).start()
