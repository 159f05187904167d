"""The task: a core learns a sequence loss by a strategy, with every optimiser step in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, cast

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt import BackpropThroughTime, Truncated
from elman.cores import LSTM, Core
from elman.errors import BadInput
from elman.inputs import ContextEncoder, Features
from elman.inputs.embedding import Embedding
from elman.inputs.first_carry import FirstCarry
from elman.tasks.evaluation import Evaluation
from elman.tasks.gradient import FlatGradient
from elman.tasks.loss import CrossEntropy, SequenceLoss
from elman.tasks.objective import WindowLoss, one_hot
from elman.tasks.pairs import refuse_impossible_pair, refuse_unfit_data
from elman.tasks.predictions import Predictions
from elman.tasks.random_state import restore_random, saved_random
from elman.tasks.readout import Readout
from elman.tasks.report import Report
from elman.tasks.saved_state import restored_state, saved_state
from elman.tasks.schedule import Constant, Schedule
from elman.tasks.updates import Normaliser, Steps, Totals, Updates
from elman.tree import Carry, finite_rows, tree_map, zeroed_where_not_finite

CoreFactory = Callable[[int], Core]
ContextEncoderFactory = Callable[[int], ContextEncoder]
FeaturesFactory = Callable[[int, int], Features]
OptimizerFactory = Callable[[Iterable], torch.optim.Optimizer]


MEASURED_FRAMES = 100_000  # from which features take their mean and scale


def adam(parameters: Iterable) -> torch.optim.Optimizer:
    """Adam with a learning rate of 2e-3."""
    return torch.optim.Adam(parameters, lr=2e-3)


class SequenceTask(pl.LightningModule):
    """A target at every scored step: a class or a value; every relationship is a mask, a context or both.

    ids or values -> encoder -> core -> readout -> loss, trained by manual optimisation: the strategy
    cuts each batch into windows, `Updates` makes the steps. The train state crosses batches where
    rows continue; validation, test and prediction each begin with a fresh carry and run in windows,
    with the results of one long forward pass.

    Args:
        input_size: symbols or features at a step; taken from the data.
        output_size: classes or values at a step; taken from the data.
        token_ids: whether inputs are ids; taken from the data.
        context_size: features of the context, or null where there is none; taken from the data.
        class_counts: how often each class is a training target; taken from the data.
        sample_rate_hz: of sound, in frames of samples; taken from the data.
        target_scale: (output_size,) what 1 in a target stands for, in the data's units; taken from the data.
        features: what the core hears of a frame of sound, all but the frame's size and sample rate; null: the
            samples themselves.
        core: the recurrent network, all but its input size.
        context_encoder: makes the carry that sequences begin with out of their context, all but its input
            size; null leaves the context unread.
        bptt: how gradients travel back through time.
        loss: what is learned at a scored step.
        optimizer: the optimiser, all but its parameters.
        schedule: learning rate over the run.
        normaliser: what the summed loss of an update is divided by: steps (rows x steps a full update
            scores), scored (steps it did score), sequence (scored steps of the batch), or auto, which
            takes steps if the first batch scores every step, else scored.
        clip: largest norm of the normalised gradient; null: no limit.
        accumulate: the strategy's updates joined into one, or batch for one update a batch.
        skip_at_most: how many updates in a row may have no finite gradient before the run stops.
        embedding: width of a learned vector per symbol; null feeds symbols as one-hot rows.
        embedding_std: standard deviation of the vectors' first values.
        embedding_dropout: share of the vectors' components dropped in training.
        symbol_dropout: share of the input symbols read as the unknown one, id 0, in training; drawn once a
            batch, so that all windows of it read the same.
        readout_dropout: share of core outputs dropped before the readout.
        window: steps run at once in validation, test and prediction.
        reset_every: also validate with a carry that forgets every so many steps.
        log_every: updates between two reports of training figures.

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
        bptt: BackpropThroughTime | None = None,
        loss: SequenceLoss | None = None,
        optimizer: OptimizerFactory = adam,
        schedule: Schedule | None = None,
        normaliser: Normaliser = "auto",
        clip: float | None = 1.0,
        accumulate: int | Literal["batch"] = 1,
        skip_at_most: int = 10,
        embedding: int | None = None,
        embedding_std: float = 1.0,
        embedding_dropout: float = 0.0,
        symbol_dropout: float = 0.0,
        readout_dropout: float = 0.0,
        window: int = 256,
        reset_every: int | None = None,
        log_every: int = 100,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        refuse_unfit_data(
            token_ids=token_ids,
            embedding=embedding,
            embedding_dropout=embedding_dropout,
            symbol_dropout=symbol_dropout,
            sample_rate_hz=sample_rate_hz,
            features=features,
            context_size=context_size,
            context_encoder=context_encoder,
        )
        counts = {
            "embedding": embedding,
            "window": window,
            "reset_every": reset_every,
            "log_every": log_every,
        }
        for name, count in counts.items():
            if count is not None and count < 1:
                raise ValueError(f"{name} must be at least 1, got {name}={count}")
        for name, share in {"readout_dropout": readout_dropout, "symbol_dropout": symbol_dropout}.items():
            if not 0 <= share < 1:
                raise ValueError(f"{name} is a share and must lie in [0, 1), got {name}={share}")
        self.input_size, self.output_size, self.token_ids = input_size, output_size, token_ids
        self.embedding = (
            Embedding(input_size, embedding, std=embedding_std, dropout=embedding_dropout)
            if embedding
            else None
        )
        self.symbol_dropout = symbol_dropout
        self.sample_rate_hz = sample_rate_hz
        self.features = None if features is None else features(input_size, sample_rate_hz or 0)
        width = input_size if self.features is None else self.features.output_size
        self.core = core(embedding or width)
        self.readout = Readout(self.core.output_size, output_size, dropout=readout_dropout)
        self.context_size, self.target_scale = context_size, target_scale
        self.begins = (
            None if context_encoder is None else FirstCarry(context_encoder(context_size or 0), self.core)
        )
        self.bptt = bptt or Truncated()
        refuse_impossible_pair(self.core, self.bptt)
        self.loss = loss or CrossEntropy()
        self.loss.weigh(class_counts)
        self.optimizer_factory = optimizer
        self.updates = Updates(
            normaliser=normaliser,
            clip=clip,
            accumulate=accumulate,
            schedule=schedule or Constant(),
            skip_at_most=skip_at_most,
        )
        self.window, self.reset_every, self.log_every = window, reset_every, log_every
        self.objective = WindowLoss(
            encode=self.encode,
            core=self.core,
            readout=self.readout,
            loss=self.loss,
            first_carry=self.first_carry,
            parameters=[p for p in self.parameters() if p.requires_grad],
        )
        self.time_steps = 0  # steps seen in training, over all rows and ranks
        self.max_time_steps: int | None = None  # the budget, set by whoever starts the run
        self.recipe = ""  # as resolved text, for the checkpoint
        self.restarted_rows = 0
        self.restored: dict[str, Any] | None = None
        self._state: Any = None
        self._restart: Tensor | None = None  # rows whose state was not finite
        self._evaluation: Evaluation
        self._predictions = Predictions(None)
        self._stage, self._ranks = "", 1
        self._report = Report()

    # What the network is

    @torch.no_grad()
    def preprocess(self, batch: SequenceBatch) -> SequenceBatch:
        """`batch` as the network reads it, once for all windows: features for frames, noise in training."""
        if self.training and self.symbol_dropout:
            unread = torch.rand(batch.x.shape, device=batch.x.device) < self.symbol_dropout
            batch = batch._replace(x=batch.x.masked_fill(unread, 0))
        if self.features is None:
            return batch
        x = self.features(batch.x)
        return batch._replace(x=self.features.augment(x, batch.lengths) if self.training else x)

    def encode(self, x: Tensor) -> Tensor:
        """(B, T) ids, (B, T, F) values or features to what the core reads, (B, T, core.input_size)."""
        if self.embedding is not None:
            return self.embedding(x)
        return one_hot(x, self.input_size, self.readout.weight.dtype) if self.token_ids else x

    def first_carry(self, window: SequenceBatch) -> Carry:
        """The carry with which the rows of `window` begin."""
        if self.begins is None:
            return self.core.initial_carry(len(window.x))
        assert window.context is not None, "data with context_size gives every batch a context"
        return self.begins(window.context)

    def predict(self, x: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        """What the network says at every step, (B, T, output_size), and the carry to go on with."""
        x = x if self.features is None else self.features(x)
        out, carry = self.core(self.encode(x), carry)
        return self.readout(out), carry

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
        if self.features is None or self.restored is not None:
            return
        data: Any = getattr(self.trainer, "datamodule", None)
        if data is None:
            raise ValueError("features are measured on training data; give fit() the data module itself")
        loader = data.train_dataloader()
        a_pass = range(max(1, round(data.steps_per_epoch / (loader.steps_per_batch or data.steps_per_epoch))))
        self.features.fit_from(map(loader.batch, a_pass), limit=MEASURED_FRAMES)

    def on_train_start(self) -> None:
        if self.updates.schedule.needs_budget and self.max_time_steps is None:
            name = type(self.updates.schedule).__name__
            raise BadInput(f"schedule={name} falls over a budget; set the task's max_time_steps")
        self.updates.begin(FlatGradient(self.objective.parameters, ranks=self._ranks))
        if self.restored is not None:
            self._take_back(self.restored)
            self.restored = None
        self._report.begin(self.updates, self.time_steps, self._waited_seconds)

    def training_step(self, batch: SequenceBatch, batch_index: int) -> None:
        if torch.is_autocast_enabled(self.device.type):
            # A context may cache casts of weights for its life, across our optimiser steps.
            torch.set_autocast_cache_enabled(False)
        batch = self._begun(self.preprocess(batch))
        totals, single = self._totals(batch), self._ranks == 1
        updates, objective, gradient = self.updates, self.objective, self.updates.gradient
        assert gradient is not None, "the gradient's buffer is made when training starts"
        updates.choose(totals)
        counted, begun = self._optimizer(), self._progress(totals, 0.0)
        optimizer: Steps = counted
        full, done = self.bptt.update_steps(totals.steps), 0
        state = self._state  # a module's attributes are slow to set
        windows = self.bptt.losses(objective, batch, state)
        while True:
            update = next(windows, None)
            if update is None and single:
                break
            gradient.clear()
            loss = None
            if update is not None:
                loss, state = update.loss, update.state
            if loss is not None:
                loss.backward()
            flags = gradient.reduce(update)
            if not flags.working:
                break
            if updates.take(flags, loss if single else None, room=totals.rows * full):
                progress = self._progress(totals, done * full / totals.steps)
                stepped = updates.step(optimizer, totals=totals, progress=progress)
                if stepped:  # Lightning counts one step a batch; a small network feels its hooks
                    optimizer = counted.optimizer
                if not stepped and objective.broken is None:
                    objective.broken = torch.zeros(len(batch.x), dtype=torch.bool)
            done += 1
        if updates.pending:
            updates.step(optimizer, totals=totals, progress=begun)
        self.time_steps += totals.existing
        self._state = None if batch.is_last else state
        self._restart_broken_rows()
        if self.updates.since.updates >= self.log_every:
            self.report()  # here, before any callback saves what has summed up since the last one

    def on_train_end(self) -> None:
        self.report()

    def report(self) -> None:
        """Log the training figures since the last report, at the time step reached."""
        figures = self._report.figures(
            self.updates,
            loss=self.loss,
            learning_rate=self._optimizer().param_groups[0]["lr"],
            time_steps=self.time_steps,
            restarted_rows=self.restarted_rows,
            waited_seconds=self._waited_seconds,
        )
        if figures:
            self.log_metrics(figures)

    @property
    def waiting_share(self) -> float:
        """Share of the training time, up to the last report, in which this process waited for data."""
        return self._report.waited_seconds / max(self._report.seconds, 1e-9)

    @property
    def _waited_seconds(self) -> float:
        """What training has waited for data so far, in this process."""
        return float(getattr(self.trainer.train_dataloader, "waited_seconds", 0.0))

    def log_metrics(self, figures: dict[str, float]) -> None:
        """To the logger, with the time step as step; to callbacks under the same names."""
        for name, value in figures.items():
            self.trainer.callback_metrics[name] = torch.tensor(value, dtype=torch.float64)
        if self.trainer.logger is not None:
            self.trainer.logger.log_metrics(figures, step=self.time_steps)

    def _begun(self, batch: SequenceBatch) -> SequenceBatch:
        """`batch` with a state to go on from; where nothing went before, all rows begin."""
        if self._state is None:
            self._state = self.bptt.first_state(self.core.initial_carry(len(batch.x)))
            batch = batch._replace(is_first=torch.ones_like(batch.is_first))
        if self._restart is not None:
            batch = batch._replace(is_first=batch.is_first | self._restart)
            self._restart = None
        return batch

    def _optimizer(self) -> LightningOptimizer:
        return cast(LightningOptimizer, self.optimizers())

    def _totals(self, batch: SequenceBatch) -> Totals:
        counts = [len(batch.x), int(batch.lengths.sum()), int(batch.scored.sum())]
        if self._ranks == 1:
            return Totals(rows=counts[0], steps=batch.steps, existing=counts[1], scored=counts[2])
        total = torch.tensor(counts, device=self.device)
        longest = torch.tensor(batch.steps, device=self.device)
        dist.all_reduce(total)
        dist.all_reduce(longest, dist.ReduceOp.MAX)
        rows, existing, scored = total.tolist()
        return Totals(rows=rows, steps=int(longest), existing=existing, scored=scored)

    def _progress(self, totals: Totals, share: float) -> float:
        if self.max_time_steps is None:
            return 0.0
        return min(1.0, (self.time_steps + min(1.0, share) * totals.existing) / self.max_time_steps)

    def _restart_broken_rows(self) -> None:
        """Count rows that were not finite in this batch; those still not finite begin anew with the next."""
        broken, state = self.objective.broken, self._state
        self.objective.broken = None
        if state is not None:
            # Kept inputs may hold padding of any value: they are looked at only where an update failed.
            finite = finite_rows(state[0] if broken is None else state)
            if finite is not None and not bool(finite.all()):
                self._restart = ~finite
                self._state = zeroed_where_not_finite(state, self._restart)
                broken = self._restart if broken is None else broken | self._restart
        if broken is not None:
            self.restarted_rows += int(broken.sum())

    # Validation, test, prediction: windows of `window` steps, every stage with a carry of its own

    @property
    def _window(self) -> int | None:
        return self.window if self.core.streams else None

    def on_validation_start(self) -> None:
        self._report.pause()

    def on_validation_end(self) -> None:
        self._report.go_on()

    def on_validation_epoch_start(self) -> None:
        self._evaluation = Evaluation("val", window=self._window, reset_every=self.reset_every)

    def validation_step(self, batch: SequenceBatch, batch_index: int) -> None:
        self._evaluation.add(self.objective, self.preprocess(batch))

    def on_validation_epoch_end(self) -> None:
        if not self.trainer.sanity_checking:
            self._log_evaluation()

    def on_test_epoch_start(self) -> None:
        self._evaluation = Evaluation("test", window=self._window, reset_every=None)

    def test_step(self, batch: SequenceBatch, batch_index: int) -> None:
        self._evaluation.add(self.objective, self.preprocess(batch))

    def on_test_epoch_end(self) -> None:
        self._log_evaluation()

    def _log_evaluation(self) -> None:
        figures = self._evaluation.figures(
            self.objective,
            self.device,
            ranks=self._ranks,
            output_size=self.output_size,
            scale=self.target_scale,
        )
        self.log_metrics(figures)

    def on_predict_epoch_start(self) -> None:
        self._predictions = Predictions(self._window)

    def predict_step(self, batch: SequenceBatch, batch_index: int) -> tuple[SequenceBatch, Tensor]:
        """The batch and the predictions of its steps, (B, T) classes or (B, T, O) values."""
        return batch, self._predictions.of(self.objective, self.preprocess(batch))

    # What a checkpoint holds beyond weights and optimiser

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        own: dict[str, Any] = {
            "state": saved_state(self._state),
            "restart": self._restart,
            "random": saved_random(),
            "restarted_rows": self.restarted_rows,
        }
        ranks = [own]
        if self._ranks > 1:
            ranks = [{}] * self._ranks
            dist.all_gather_object(ranks, own)
        checkpoint["elman"] = {
            "metadata": {
                "input_size": self.input_size,
                "output_size": self.output_size,
                "token_ids": self.token_ids,
                "context_size": self.context_size,
                "sample_rate_hz": self.sample_rate_hz,
                "target_scale": self.target_scale,
            },
            "recipe": self.recipe,
            "time_steps": self.time_steps,
            "updates": self.updates.state_dict(),
            "bptt": self.bptt.state_dict(),
            "states": [rank["state"] for rank in ranks],
            "restarts": [rank["restart"] for rank in ranks],
            "restarted_rows": [rank["restarted_rows"] for rank in ranks],
            "random": [rank["random"] for rank in ranks],
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        saved = checkpoint["elman"]
        self.time_steps = saved["time_steps"]
        if self._stage != "fit":
            return
        if len(saved["states"]) != self._ranks:
            raise BadInput(
                f"the checkpoint was written by {len(saved['states'])} processes and holds their carries; "
                f"it cannot go on with {self._ranks}: set trainer.devices to match"
            )
        self.updates.load_state_dict(saved["updates"])
        self.bptt.load_state_dict(saved["bptt"])
        self.restored = saved  # the rest waits until the network is on its device

    def _take_back(self, saved: dict[str, Any]) -> None:
        """This rank's own part of a checkpoint."""
        rank = self.global_rank
        self._restart, self.restarted_rows = saved["restarts"][rank], saved["restarted_rows"][rank]
        state = restored_state(saved["states"][rank], self.device)
        if state is not None:
            first = self.bptt.first_state(self.core.initial_carry(1))
            self._state = type(first)(*state) if hasattr(first, "_fields") else state
        restore_random(saved["random"][rank])
