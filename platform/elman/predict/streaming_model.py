"""The logged model: weights, a builder and a description, run piece by piece. MLflow runs this file."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import torch
from mlflow.pyfunc import PythonModel

from elman.trust import refuse_untrusted

TRUST = "builds_streaming_model"


class StreamingModel(PythonModel):
    """`{"x", "carry_0", ...}` in, `{"y", "carry_0", ...}` out; hand the carries on to the next piece.

    A carry that is left out, or holds no number, starts the sequences. (MLflow's signature cannot make
    a tensor optional, so through `mlflow.pyfunc` send empty ones: `start_of_sequence`, in JSON `[[[]]]`.)

    A network whose sequences begin from a context takes `context` too (`context_0`, `context_1` for steps
    and their counts), and reads it where the carry is empty; with later pieces it may be empty itself. One
    that reads later steps has no carries: it takes whole sequences.

    Loading takes the weights with `weights_only`, so no pickled object is built, and calls one
    function: the builder that the description names, if it is a function of elman, or is of a package that
    the environment variable `ELMAN_TRUST` names and sets `builder.builds_streaming_model = True`.
    """

    def load_context(self, context: Any) -> None:
        about = json.loads(Path(context.artifacts["description"]).read_text(encoding="utf-8"))
        self.module = find_builder(about["builder"])(about["description"])
        if not isinstance(self.module, torch.nn.Module):
            raise TypeError(
                f"{about['builder']} must return a torch.nn.Module, got {type(self.module).__name__}"
            )
        weights = torch.load(context.artifacts["weights"], map_location="cpu", weights_only=True)
        self.module.load_state_dict(weights)
        self.module.eval()

    # MLflow makes a schema of the hint on `model_input`, which a dict of arrays has none for, and warns of
    # a missing hint; an array it leaves alone.
    def predict(self, context: Any, model_input: np.ndarray, params: dict[str, Any] | None = None) -> Any:
        """Run the steps of one piece.

        Args:
            model_input: a dict of arrays: x (B, T) or (B, T, F), and the carries of the piece before.
        """
        tensors: Any = model_input
        x = torch.as_tensor(np.asarray(tensors["x"]))
        with torch.inference_mode():
            y, carry = self.module.predict(x, self._carry(tensors, len(x)))
        carries = carry if streams(self.module) else ()
        return {"y": y.numpy(), **{f"carry_{i}": part.numpy() for i, part in enumerate(carries)}}

    def _carry(self, tensors: Mapping[str, Any], row_count: int) -> tuple[torch.Tensor, ...]:
        """The carry that was sent, or one to begin with."""
        blank = self.module.core.initial_carry(row_count)
        given = [tensors.get(f"carry_{i}") for i in range(len(blank))] if streams(self.module) else []
        fresh = [part is None or np.size(part) == 0 for part in given]
        if any(fresh) and not all(fresh):
            raise ValueError(f"give all {len(blank)} carries or none")
        if all(fresh):
            return self._begun(tensors, row_count)
        carry = tuple(
            torch.as_tensor(np.array(part), dtype=like.dtype) for part, like in zip(given, blank, strict=True)
        )
        for i, (part, like) in enumerate(zip(carry, blank, strict=True)):
            if part.shape != like.shape:
                raise ValueError(f"carry_{i} must be {tuple(like.shape)}, got {tuple(part.shape)}")
        return carry

    def _begun(self, tensors: Mapping[str, Any], row_count: int) -> tuple[torch.Tensor, ...]:
        begins = getattr(self.module, "begins", None)
        if begins is None:
            return getattr(self.module, "first_carry", self.module.core.initial_carry)(row_count)
        parts = [torch.as_tensor(np.array(tensors[name])) for name in sorted(tensors) if "context" in name]
        if not parts or any(len(part) != row_count or not part.numel() for part in parts):
            raise ValueError("the first piece of a sequence needs its context, a row for each row of x")
        with torch.inference_mode():
            return begins(parts[0] if len(parts) == 1 else tuple(parts))


def streams(module: torch.nn.Module) -> bool:
    """Whether the module can go on from an earlier piece."""
    return bool(getattr(module.core, "streams", True))


def find_builder(path: str) -> Any:
    """The function `package.module:name` that turns a description into a module.

    Raises:
        ValueError: if the path is malformed, or names anything that is not meant to build a model.
    """
    module, colon, name = path.partition(":")
    if not colon or not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise ValueError(f"builder must look like 'package.module:function', got {path!r}")
    refuse_untrusted(module)
    build = getattr(importlib.import_module(module), name, None)
    own = module.split(".")[0] == "elman" and getattr(build, "__module__", None) == module
    if not callable(build) or not (own or getattr(build, TRUST, False) is True):
        raise ValueError(f"builder {path!r} is not of elman and does not set {TRUST} = True")
    return build


mlflow.models.set_model(StreamingModel())
