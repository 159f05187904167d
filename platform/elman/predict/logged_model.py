"""Logging trained weights as an MLflow model that predicts streams piece by piece."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor

from elman.tracking.store import quiet

if TYPE_CHECKING:
    from elman.tracking.logger import RunLogger


@rank_zero_only
def log_streaming_model(
    logger: RunLogger,
    *,
    builder: str,
    description: Mapping[str, Any],
    state_dict: Mapping[str, Tensor],
    example_input: Tensor,
    example_context: Tensor | tuple[Tensor, ...] | None = None,
    step: int,
    metrics: Mapping[str, float] | None = None,
    about: Mapping[str, Any] | None = None,
    name: str = "best",
) -> None:
    """Log a model of the logger's run; load it with `mlflow.pyfunc.load_model(f"models:/{id}")`.

    Its id is that of the run's only model of this name and step, once the store has it.

    The module that the builder makes has `core.initial_carry(B)` and `predict(x, carry) -> (y, carry)`, and
    `begins(context) -> carry` where there is a context, or `first_carry(B)` where sequences do not begin with
    the core's own.
    The run's status stays as it is: nothing here goes through MLflow's active run.

    Args:
        builder: import path `package.module:function` of `build(description) -> nn.Module`.
        description: what the builder needs, as JSON.
        state_dict: the module's weights.
        example_input: x (B, T) or (B, T, F), for the signature.
        example_context: of the same rows; None: there is none.
        step: time step of the weights.
        metrics: what the model reached at that step.
        about: what users of the model need, as JSON; its metadata.
    """
    import mlflow.pyfunc
    import torch

    from elman.predict import streaming_model

    quiet()
    build = streaming_model.find_builder(builder)
    module = build(json.loads(json.dumps(description))).cpu()
    module.load_state_dict(state_dict)
    module.eval()
    signature = stream_signature(module, example_input, example_context)

    def save(saved: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            weights, built = Path(folder) / "weights.pt", Path(folder) / "description.json"
            torch.save({key: value.detach().cpu() for key, value in state_dict.items()}, weights)
            text = json.dumps({"builder": builder, "description": description}, indent=2, sort_keys=True)
            built.write_text(text, encoding="utf-8")
            with _silence():
                mlflow.pyfunc.save_model(
                    path=str(saved),
                    python_model=str(streaming_model.__file__),
                    artifacts={"weights": str(weights), "description": str(built)},
                    signature=signature,
                    metadata=dict(about or {}),
                    pip_requirements=[
                        f"{p}=={metadata.version(p)}" for p in ("elman", "torch", "mlflow", "numpy")
                    ],
                )

    logger.log_saved_model(save, name=name, params={"builder": builder}, step=step, metrics=metrics or {})


def stream_signature(module: Any, example: Tensor, context: Tensor | tuple[Tensor, ...] | None = None) -> Any:
    """Named tensors in and out; -1 stands for any size.

    Rows and steps are free, and of carries and contexts every axis is, so that an empty one, `[[[]]]` in
    JSON, may stand for none; the model itself checks their shapes.
    """
    import torch
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    from elman.predict.streaming_model import streams

    contexts = () if context is None else (context,) if isinstance(context, Tensor) else context
    start = module.core.initial_carry(len(example))
    with torch.inference_mode():
        y, _ = module.predict(example.detach().cpu(), start)

    def spec(name: str, tensor: Tensor, free: int | None = None) -> Any:
        shape = (-1,) * tensor.dim() if free is None else (-1,) * free + tuple(tensor.shape[free:])
        return TensorSpec(tensor.detach().cpu().numpy().dtype, shape, name)

    x = spec("x", example, 2)
    carries = [spec(f"carry_{i}", part) for i, part in enumerate(start)] if streams(module) else []
    names = ["context"] if len(contexts) == 1 else [f"context_{i}" for i in range(len(contexts))]
    begins = [spec(name, part) for name, part in zip(names, contexts, strict=True)]
    return ModelSignature(inputs=Schema([x, *begins, *carries]), outputs=Schema([spec("y", y, 2), *carries]))


def start_of_sequence(model: Any) -> dict[str, Any]:
    """The carries to send with a sequence's first piece to a model loaded by `mlflow.pyfunc`: empty ones.

    `model.predict({"x": first, **start_of_sequence(model)})`, then `{"x": next, **carries}`.
    """
    import numpy as np

    specs = model.metadata.get_input_schema().inputs
    return {s.name: np.zeros((0,) * len(s.shape), s.type) for s in specs if s.name.startswith("carry_")}


@contextmanager
def _silence() -> Iterator[None]:
    """No progress bars for three local files, no advice on an input example that the signature replaces."""
    name = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"
    before = os.environ.get(name)
    os.environ[name] = "false"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
