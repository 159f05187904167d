"""The task: a core learns a sequence loss by a strategy, with every optimiser step in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Literal, cast

import pytorch_lightning as pl
import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt import BackpropThroughTime, Truncated
from elman.cores import LSTM
from elman.tasks import checkpoint as checkpoints
from elman.tasks.by_hand import GradientBy
from elman.tasks.evaluation import Evaluation
from elman.tasks.loss import CrossEntropy, SequenceLoss
from elman.tasks.network import Begins, ContextEncoderFactory, CoreFactory, FeaturesFactory, Network
from elman.tasks.objective import WindowLoss
from elman.tasks.pairs import refuse_impossible_pair
from elman.tasks.predictions import Predictions
from elman.tasks.quiet import quiet_lightning
from elman.tasks.schedule import Constant, Schedule
from elman.tasks.train_state import TrainState
from elman.tasks.training_loop import Setting, TrainingLoop
from elman.tasks.training_metrics import TrainingMetrics
from elman.tasks.updates import Normaliser, Updates
from elman.tasks.way_back import way_back
from elman.tree import tree_map

OptimizerFactory = Callable[[Iterable], torch.optim.Optimizer]
quiet_lightning()  # with the class that they would be about

ADAM: OptimizerFactory = partial(torch.optim.Adam, lr=2e-3)


class SequenceTask(pl.LightningModule):
    """A target at every scored step: a class or a value; every relationship is a mask, a context or both.

    The network is trained by manual optimisation: the strategy cuts each batch into windows, `Updates` makes
    the steps. The train state crosses batches where rows continue; validation, test and prediction each
    begin with a fresh carry and run in windows, with the results of one long forward pass. The weights of
    its `state_dict` are those of its network, under the network's own names.

    Args:
        input_size: tokens or features at a step; taken from the data.
        output_size: classes or values at a step; taken from the data.
        token_ids: whether inputs are token ids; taken from the data.
        context_size: features of the context, or null where there is none; taken from the data.
        class_counts: how often each class is a training target; taken from the data.
        sample_rate_hz: of sound, in frames of samples; taken from the data.
        target_scale: (output_size,) what 1 in a target stands for, in the data's units; taken from the data.
        features: what is made of a frame of sound, all but its size and sample rate; null: its samples.
        core: the recurrent network, all but its input size.
        context_encoder: makes the carry that sequences begin with out of their context, all but its input
            size; null leaves the context unread.
        first_carry: what sequences begin with where no context makes it: zero, the core's own first carry, or
            learned, a parameter for every tensor of it that is no sum or count, shared by all rows.
        bptt: how gradients travel back through time.
        burn_in: steps that warm the carry of a row that begins, in training, without loss or gradient.
        replication: share of the training loss spread over all steps of sequences scored at their last one.
        state_clip: largest size of each number of the gradient of a row's summed loss by its carry, where it
            crosses from a step to the one before; null: no limit.
        credit_decay: factor on that gradient at each such crossing, so on credit for every step back.
        loss: what is learned at a scored step.
        optimizer: the optimiser, all but its parameters.
        schedule: learning rate over the run.
        normaliser: what the summed loss of an update is divided by: steps (rows x steps a full update
            scores), scored (steps it did score), sequence (scored steps of the batch), rows (of the batch: a
            sum over steps), or auto: steps if the first batch scores all and no lr_scale is due, else scored.
        clip: largest norm of the normalised gradient; null: no limit.
        accumulate: the strategy's updates joined into one, or batch for one update a batch.
        skip_at_most: updates in a row that may have no finite gradient; of those of one bad step one counts.
        embedding: width of a learned vector per token; null feeds tokens as one-hot rows.
        embedding_std: standard deviation of the vectors' first values.
        embedding_dropout: share of the vectors' components dropped in training.
        token_dropout: share of the input tokens read as the unknown one, id 0, in training.
        readout_dropout: share of core outputs dropped before the readout.
        gradient: auto: without autograd where every part of the network knows its own; autograd: never so.
        window: steps run at once in validation, test and prediction.
        reset_every: also validate with a carry that forgets every so many steps.
        log_every: updates between two reports of training metrics.

    Raises:
        ValueError: for a pair of core and strategy that cannot work, and values out of range.
    """

    def __init__(
        self,
        *,
        input_size: int,
        output_size: int,
        token_ids: bool,
        context_size: int | None = None,
        class_counts: Tensor | None = None,
        sample_rate_hz: int | None = None,
        target_scale: Tensor | None = None,
        features: FeaturesFactory | None = None,
        core: CoreFactory = LSTM,
        context_encoder: ContextEncoderFactory | None = None,
        first_carry: Begins = "zero",
        bptt: BackpropThroughTime | None = None,
        burn_in: int = 0,
        replication: float = 0.0,
        state_clip: float | None = None,
        credit_decay: float = 1.0,
        loss: SequenceLoss | None = None,
        optimizer: OptimizerFactory = ADAM,
        schedule: Schedule | None = None,
        normaliser: Normaliser = "auto",
        clip: float | None = 1.0,
        accumulate: int | Literal["batch"] = 1,
        skip_at_most: int = 10,
        embedding: int | None = None,
        embedding_std: float = 1.0,
        embedding_dropout: float = 0.0,
        token_dropout: float = 0.0,
        readout_dropout: float = 0.0,
        gradient: GradientBy = "auto",
        window: int = 256,
        reset_every: int | None = None,
        log_every: int = 100,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        for name, count in {"window": window, "reset_every": reset_every, "log_every": log_every}.items():
            if count is not None and count < 1:
                raise ValueError(f"{name} must be at least 1, got {name}={count}")
        self.network = Network(
            input_size=input_size,
            output_size=output_size,
            token_ids=token_ids,
            context_size=context_size,
            sample_rate_hz=sample_rate_hz,
            features=features,
            core=core,
            context_encoder=context_encoder,
            first_carry=first_carry,
            embedding=embedding,
            embedding_std=embedding_std,
            embedding_dropout=embedding_dropout,
            token_dropout=token_dropout,
            readout_dropout=readout_dropout,
        )
        self.target_scale = target_scale
        self.bptt = bptt or Truncated()
        refuse_impossible_pair(self.network, self.bptt, normaliser)
        self.loss = loss or CrossEntropy()
        self.loss.weigh(class_counts)
        back = way_back(self.network.core, self.bptt, state_clip=state_clip, credit_decay=credit_decay)
        self.objective = WindowLoss(self.network, self.loss, way_back=back)
        self.optimizer_factory = optimizer
        self.updates = Updates(
            normaliser=normaliser,
            clip=clip,
            accumulate=accumulate,
            schedule=schedule or Constant(),
            skip_at_most=skip_at_most,
        )
        self.window, self.reset_every, self.log_every = window, reset_every, log_every
        self.gradient = gradient
        self.time_steps = 0  # steps seen in training, over all rows and ranks
        self.max_time_steps: int | None = None  # the budget, set where the run is started
        self.recipe = ""  # as resolved text, for the checkpoint
        self.train_state = TrainState(self.bptt, self.network, burn_in=burn_in, replication=replication)
        self.training_loop = TrainingLoop(self.bptt, self.objective, self.updates, self.train_state)
        self.training_metrics = TrainingMetrics(self.updates, self.loss, self.bptt)
        self.restored: dict[str, Any] | None = None
        self.training_begun = False  # a batch is done
        self._evaluation: Evaluation
        self._predictions = Predictions(None)
        self._stage, self._ranks = "", 1

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.optimizer_factory(self.parameters())

    def setup(self, stage: str) -> None:
        self._stage, self._ranks = stage, self.trainer.world_size

    def transfer_batch_to_device(
        self, batch: SequenceBatch, device: torch.device, dataloader_idx: int
    ) -> SequenceBatch:
        """Only what the network reads moves; what decides control flow stays on the host."""
        x, y, context = tree_map(lambda leaf: leaf.to(device), (batch.x, batch.y, batch.context))
        return batch._replace(x=x, y=y, context=context)

    # Training

    def on_fit_start(self) -> None:
        if self.restored is None:
            self.network.measure_features(getattr(self.trainer, "datamodule", None))

    def on_train_start(self) -> None:
        self.training_loop.begin(self, self._optimizer().optimizer, self._setting())
        checkpoints.load_own(self, rank=self.global_rank)
        self.training_metrics.begin(self.time_steps, self.trainer.train_dataloader)

    def training_step(self, batch: SequenceBatch, batch_index: int) -> None:
        if torch.is_autocast_enabled(self.device.type):
            # A context may cache casts of weights for its life, across our optimiser steps.
            torch.set_autocast_cache_enabled(False)
        self.time_steps += self.training_loop.run(
            self.network.preprocess(batch),
            batch,
            counted=self._optimizer(),
            time_steps=self.time_steps,
            device=self.device,
            setting=self._setting(),
        )
        if self._ranks > 1:
            self.training_metrics.count(int(batch.lengths.sum()))
        self.training_begun = True
        if self.updates.running.updates >= self.log_every:
            self.report()  # here, before any callback saves what has summed up since the last one

    def finish(self) -> None:
        """Make the update of windows that wait for others which do not come, since training is at its end."""
        self.training_loop.finish(self._optimizer().optimizer, self._setting())

    def on_train_end(self) -> None:
        self.finish()
        self.report()

    def report(self) -> None:
        """Log the training metrics since the last report, at the time step reached."""
        rate, loader = self._optimizer().param_groups[0]["lr"], self.trainer.train_dataloader
        counts = self.train_state.counts
        metrics = self.training_metrics.report(self.time_steps, loader, learning_rate=rate, counts=counts)
        if metrics:
            self.log_metrics(metrics)

    def log_metrics(self, metrics: dict[str, float]) -> None:
        """To the logger, with the time step as step; to callbacks under the same names."""
        for name, value in metrics.items():
            self.trainer.callback_metrics[name] = torch.tensor(value, dtype=torch.float64)
        if self.trainer.logger is not None:
            self.trainer.logger.log_metrics(metrics, step=self.time_steps)

    def _setting(self) -> Setting:
        return Setting(self._ranks, self.max_time_steps, self.trainer.train_dataloader)

    def _optimizer(self) -> LightningOptimizer:
        return cast(LightningOptimizer, self.optimizers())

    # Validation, test, prediction: windows of `window` steps, every stage with a carry of its own

    @property
    def _window(self) -> int | None:
        return self.window if self.network.core.streams else None

    def on_validation_start(self) -> None:
        self.training_metrics.pause()

    def on_validation_end(self) -> None:
        self.training_metrics.go_on()

    def on_validation_epoch_start(self) -> None:
        loader, every = self.trainer.val_dataloaders, self.reset_every
        self._evaluation = Evaluation("val", self.objective, loader, window=self._window, reset_every=every)

    def on_test_epoch_start(self) -> None:
        loader = self.trainer.test_dataloaders
        self._evaluation = Evaluation("test", self.objective, loader, window=self._window)

    def validation_step(self, batch: SequenceBatch, batch_index: int) -> None:
        self._evaluation.add(self.network.preprocess(batch), given=batch, index=batch_index)

    def on_validation_epoch_end(self) -> None:
        if not self.trainer.sanity_checking:
            self.log_metrics(self._evaluation.metrics(ranks=self._ranks, scale=self.target_scale))

    test_step, on_test_epoch_end = validation_step, on_validation_epoch_end

    def on_predict_epoch_start(self) -> None:
        self._predictions = Predictions(self._window)

    def predict_step(self, batch: SequenceBatch, batch_index: int) -> tuple[SequenceBatch, Tensor]:
        """The batch and the predictions of its steps, (B, T) classes or (B, T, O) values."""
        return batch, self.loss.prediction(self.outputs(batch))

    def outputs(self, batch: SequenceBatch) -> Tensor:
        """(B, T, output_size), what `loss.prediction` reads, of a batch that follows the one before."""
        return self._predictions.of(self.objective, self.network.preprocess(batch))

    # What a checkpoint holds beside the optimiser

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        return self.network.state_dict(*args, **kwargs)

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        return self.network.load_state_dict(state_dict, strict=strict, assign=assign)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["elman"] = checkpoints.contents(self, ranks=self._ranks)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoints.load(self, checkpoint, stage=self._stage, ranks=self._ranks)
