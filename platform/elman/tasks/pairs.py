"""What can work together: cores and strategies, data and what reads it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt import BackpropThroughTime
from elman.cores import Core
from elman.errors import BadInput


def refuse_impossible_pair(network: Any, bptt: BackpropThroughTime, normaliser: str = "auto") -> None:
    """Raise ValueError for a strategy that cannot work with this `Network`, or with this normaliser."""
    core: Core = network.core
    if bptt.scales_lr and normaliser in ("steps", "rows"):
        raise ValueError(
            f"{type(bptt).__name__} scales the learning rate by a window's length, and "
            f"normaliser={normaliser} weighs its loss by it already; set normaliser=scored, or "
            "model.bptt.scale_lr=false"
        )
    missing = sorted(need for need in bptt.needs if not hasattr(core, need))
    if missing:
        raise ValueError(
            f"{type(bptt).__name__} needs a core that offers {', '.join(missing)}, "
            f"which {type(core).__name__} does not"
        )
    if why := bptt.refusal(core):
        raise ValueError(why)
    if bptt.traces:
        refuse_untraced(network, bptt)
    if bptt.continues and not core.streams:
        raise ValueError(
            f"{type(core).__name__} reads later steps, so it cannot go on from a carry as "
            f"{type(bptt).__name__} asks of it; use Full or Split"
        )


UNTRACED = {
    "embedding": ("embedding", "leave it out: tokens are then one-hot rows, whose weights are the core's"),
    "features": ("features", "use those that learn nothing"),
    "begins": ("context_encoder", "use a strategy that goes backward"),
    "learned_carry": ("first_carry=learned", "leave it out"),
}
"""Parts of a network before its core that may learn: their argument, and the way out."""


def refuse_untraced(network: Any, bptt: BackpropThroughTime) -> None:
    """Raise ValueError for a part of the network that a strategy would silently not teach."""
    parts = {name.partition(".")[0] for name, p in network.named_parameters() if p.requires_grad}
    for part in sorted(parts - {"core", "readout"}):
        argument, way_out = UNTRACED.get(part, (part, "use a strategy that goes backward"))
        raise ValueError(
            f"{argument} would learn nothing from {type(bptt).__name__}, which traces the core's weights "
            f"alone; {way_out}"
        )


def refuse_unfit_batch(batch: Any, data: Any) -> None:
    """Raise BadInput for a batch that is not what its data module declares: a mistake in a module's code."""
    kind, text = f"data: {type(data).__name__}", "mend its code"
    if not isinstance(batch, SequenceBatch):
        raise BadInput(
            f"{kind} gives a {type(batch).__name__} for a batch, "
            f"where an elman.batch.SequenceBatch is due; {text}"
        )
    rows = tuple(batch.x.shape[:2])
    ends = () if data.token_ids else (data.input_size,)
    if tuple(batch.x.shape[2:]) != ends:
        due = "(B, T)" if data.token_ids else f"(B, T, {data.input_size})"
        raise BadInput(f"{kind} gives x of shape {tuple(batch.x.shape)}, where {due} is due; {text}")
    if data.token_ids:
        _refuse_ids(f"{kind} gives x", batch.x, data.input_size, "input_size")
    if batch.y is not None and not batch.y.is_floating_point():
        _refuse_ids(f"{kind} gives y", batch.y[batch.scored], data.output_size, "output_size")
    for name, shape in {"scored": rows, "lengths": rows[:1], "begins": rows}.items():
        given = tuple(getattr(batch, name).shape)
        if given != shape:
            helper = "; elman.batch.at_first_step makes it" if name == "begins" else ""
            raise BadInput(f"{kind} gives {name} of shape {given}, where {shape} is due{helper}; {text}")
    beyond = batch.begins & (torch.arange(batch.steps) >= batch.lengths.clamp(min=1)[:, None])
    if bool(beyond.any()):
        row, step = beyond.nonzero()[0].tolist()
        raise BadInput(
            f"{kind} gives begins in which a sequence begins at step {step} of row {row}, but lengths gives "
            f"that row {int(batch.lengths[row])} steps; {text}"
        )
    if batch.begins_inside and batch.context is not None:
        raise BadInput(
            f"{kind} gives a context and sequences that begin inside rows, but a row has one context, which "
            f"begins one sequence; {text}"
        )


def refuse_unfit_rows(core: Core, batch: SequenceBatch, data: Any) -> None:
    """Raise BadInput for a core that reads later steps, and rows in which that cannot be.

    Args:
        batch: any of training.
    """
    if core.streams or (batch.is_last and not batch.begins_inside):
        return
    what, option = (
        ("begin inside rows", "packed=false")
        if batch.begins_inside
        else ("go on in the next batch", "steps=null")
    )
    way_out = f"set data.batching.{option}" if hasattr(data, "batching") else "give each a row of one batch"
    raise BadInput(
        f"model.core={type(core).__name__} reads later steps, but sequences of {type(data).__name__} {what}; "
        f"{way_out}, or take a core that reads no later steps"
    )


def _refuse_ids(what: str, ids: Tensor, count: int, name: str) -> None:
    if ids.is_floating_point():
        raise BadInput(f"{what} of type {ids.dtype}, where token ids are due; mend its code")
    if not ids.numel():
        return
    least, most = int(ids.min()), int(ids.max())
    if least < 0 or most >= count:
        raise BadInput(
            f"{what} from {least} to {most}, but {name}={count} allows 0 to {count - 1}; mend its code"
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
