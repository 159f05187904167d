"""The network: token ids or values -> embedding or features -> core -> readout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from elman.batch import SequenceBatch
from elman.cores import LSTM, Core
from elman.inputs import ContextEncoder, Embedding, Features, FirstCarry, LearnedCarry, drop_tokens
from elman.tasks.pairs import refuse_unfit_data
from elman.tasks.readout import Readout
from elman.tree import Carry

CoreFactory = Callable[[int], Core]
ContextEncoderFactory = Callable[[int], ContextEncoder]
FeaturesFactory = Callable[[int, int], Features]
Begins = Literal["zero", "learned"]

MEASURED_FRAMES = 100_000  # from which features take their mean and scale


class Network(nn.Module):
    """What is trained, and all that is needed to predict: it has neither loss nor strategy.

    Args:
        input_size, output_size, token_ids, context_size, sample_rate_hz, features, core, context_encoder,
            first_carry, embedding, embedding_std, embedding_dropout, token_dropout, readout_dropout: as in
            `SequenceTask`.

    Raises:
        ValueError: for a part that this data has nothing for, or lacks, and for values out of range.
    """

    def __init__(
        self,
        *,
        input_size: int,
        output_size: int,
        token_ids: bool,
        context_size: int | None = None,
        sample_rate_hz: int | None = None,
        features: FeaturesFactory | None = None,
        core: CoreFactory = LSTM,
        context_encoder: ContextEncoderFactory | None = None,
        first_carry: Begins = "zero",
        embedding: int | None = None,
        embedding_std: float = 1.0,
        embedding_dropout: float = 0.0,
        token_dropout: float = 0.0,
        readout_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        refuse_unfit_data(
            token_ids=token_ids,
            embedding=embedding,
            embedding_dropout=embedding_dropout,
            token_dropout=token_dropout,
            sample_rate_hz=sample_rate_hz,
            features=features,
            context_size=context_size,
            context_encoder=context_encoder,
        )
        if first_carry not in get_args(Begins):
            raise ValueError(f"first_carry must be 'zero' or 'learned', got {first_carry!r}")
        if first_carry == "learned" and context_encoder is not None:
            raise ValueError(
                "first_carry=learned: here context_encoder makes the carry that sequences begin with; leave "
                "first_carry out"
            )
        if embedding is not None and embedding < 1:
            raise ValueError(f"embedding must be at least 1, got embedding={embedding}")
        for name, share in {"readout_dropout": readout_dropout, "token_dropout": token_dropout}.items():
            if not 0 <= share < 1:
                raise ValueError(f"{name} is a share and must lie in [0, 1), got {name}={share}")
        self.input_size, self.output_size, self.token_ids = input_size, output_size, token_ids
        self.context_size, self.sample_rate_hz = context_size, sample_rate_hz
        self.token_dropout = token_dropout
        # The order of these is the order of the parameters in the flat gradient and in optimisers' states.
        self.embedding = (
            Embedding(input_size, embedding, std=embedding_std, dropout=embedding_dropout)
            if embedding
            else None
        )
        self.features = None if features is None else features(input_size, sample_rate_hz or 0)
        width = input_size if self.features is None else self.features.output_size
        self.core = core(embedding or width)
        self.readout = Readout(
            self.core.output_size, output_size, dropout=readout_dropout, learned=not self.core.predicts
        )
        self.begins = (
            None if context_encoder is None else FirstCarry(context_encoder(context_size or 0), self.core)
        )
        self.learned_carry = LearnedCarry(self.core) if first_carry == "learned" else None

    @property
    def metadata(self) -> dict[str, Any]:
        """What of its data the network is made for."""
        return {
            "input_size": self.input_size,
            "output_size": self.output_size,
            "token_ids": self.token_ids,
            "context_size": self.context_size,
            "sample_rate_hz": self.sample_rate_hz,
        }

    @torch.no_grad()
    def preprocess(self, batch: SequenceBatch) -> SequenceBatch:
        """`batch` as `embed` reads it, once for all windows: features for frames, noise in training."""
        if self.training and self.token_dropout:
            batch = batch._replace(x=drop_tokens(batch.x, self.token_dropout))
        if self.features is None:
            return batch
        x = self.features(batch.x)
        return batch._replace(x=self.features.augment(x, batch.lengths) if self.training else x)

    def embed(self, x: Tensor) -> Tensor:
        """(B, T) ids, (B, T, F) values or features to what the core reads, (B, T, core.input_size)."""
        if self.embedding is not None:
            return self.embedding(x)
        if self.token_ids:
            return nn.functional.one_hot(x, self.input_size).to(self.readout.weight.dtype)
        return x

    def first_carry(self, row_count: int, context: Tensor | tuple[Tensor, ...] | None = None) -> Carry:
        """The carry with which rows begin, of sequences with this context."""
        if self.begins is not None:
            assert context is not None, "data with context_size gives every batch a context"
            return self.begins(context)
        start = self.core.initial_carry(row_count)
        return start if self.learned_carry is None else self.learned_carry(start)

    def predict(self, x: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        """The outputs of every step, (B, T, output_size), and the carry to go on with."""
        x = x if self.features is None else self.features(x)
        out, carry = self.core(self.embed(x), carry)
        return self.readout(out), carry

    def measure_features(self, data: Any) -> None:
        """Take the mean and the scale of features from the data module's training part."""
        if self.features is None:
            return
        if data is None:
            raise ValueError("features are measured on training data; give fit() the data module itself")
        loader = data.train_dataloader()
        steps = data.steps_per_epoch
        epoch = range(max(1, round(steps / (loader.steps_per_batch or steps))))
        self.features.fit_from(map(loader.batch, epoch), limit=MEASURED_FRAMES)
