"""What can work together: cores and strategies, data and what reads it."""

from __future__ import annotations

from typing import Any

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


def refuse_unfit_data(
    *,
    token_ids: bool,
    embedding: int | None,
    embedding_dropout: float,
    token_dropout: float,
    sample_rate_hz: int | None,
    features: Any,
    context_size: int | None,
    context_encoder: Any,
) -> None:
    """Raise ValueError for a part of the network that this data has nothing for, or lacks."""
    if embedding is not None and not token_ids:
        raise ValueError(
            f"embedding is for data of tokens, but these inputs are values; got embedding={embedding}"
        )
    if embedding_dropout and embedding is None:
        raise ValueError(
            f"embedding_dropout drops from learned vectors, and there are none; set embedding, got "
            f"embedding_dropout={embedding_dropout}"
        )
    if token_dropout and not token_ids:
        raise ValueError(
            "token_dropout is for data of tokens, but these inputs are values; got "
            f"token_dropout={token_dropout}"
        )
    if features is not None and sample_rate_hz is None:
        raise ValueError("features are made of sound, and this data has none; leave features out")
    if context_encoder is not None and context_size is None:
        raise ValueError("context_encoder reads a context, but this data has none; leave context_encoder out")
    if context_encoder is None and context_size is not None:
        raise ValueError(
            "this data has a context that only an encoder can read; set context_encoder, for instance Dense"
        )
