"""Texts that the network writes while it learns."""

from __future__ import annotations

from typing import Any

from elman.diagnostics.diagnostic import Diagnostic
from elman.predict.sampling import sample_text


class Samples(Diagnostic):
    """After every validation, a text the network writes; the last one is printed at the end.

    Args:
        count: tokens to draw.
    """

    name = "samples"

    def __init__(self, *, count: int = 300) -> None:
        if count < 1:
            raise ValueError(f"count must be at least 1, got count={count}")
        self.count = count

    def missing(self, task: Any, data: Any) -> str:
        net = task.network
        writes = net.token_ids and net.input_size == net.output_size and net.context_size is None
        return "" if writes and getattr(data, "alphabet", None) else "text of which each token is predicted"

    def draw(self, task: Any, data: Any) -> str:
        text = sample_text(task.network, data.alphabet, count=self.count)
        self.closing = f"a sample:\n\n{text.strip()}\n"
        return text
