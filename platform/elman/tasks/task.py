"""The task: a core learns a sequence loss by a strategy, with every optimiser step in one place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from torch import Tensor, nn

from elman.batch import SequenceBatch
from elman.bptt import BackpropThroughTime, Split, Truncated
from elman.cores import LSTM, Core
from elman.errors import BadInput
from elman.tasks.gradient import FlatGradient
from elman.tasks.loss import CrossEntropy, SequenceLoss
from elman.tasks.random_state import restore_random, saved_random
from elman.tasks.objective import WindowLoss, one_hot
from elman.tasks.schedule import Constant, Schedule
from elman.tasks.scores import Scores
from elman.tasks.updates import Normaliser, Totals, Updates
from elman.tree import Carry, finite_rows, plain, tree_map

CoreFactory = Callable[[int], Core]
OptimizerFactory = Callable[[Iterable], torch.optim.Optimizer]


def adam(parameters: Iterable) -> torch.optim.Optimizer:
    """Adam with a learning rate of 2e-3."""
    return torch.optim.Adam(parameters, lr=2e-3)


class SequenceTask(pl.LightningModule):
    """A target at every scored step: a class or a value, many-to-many or, by the mask, many-to-one.

    ids or values -> encoder -> core -> readout -> loss, trained by manual optimisation: the strategy
    cuts each batch into windows, `Updates` makes the steps. The train state crosses batches where
    rows continue; validation, test and prediction each begin with a fresh carry and run in windows,
    with the results of one long forward pass.

    Args:
        inputs: symbols or features at a step; taken from the data.
        outputs: classes or values at a step; taken from the data.
        symbols: whether inputs are ids; taken from the data.
        core: the recurrent network, all but its input size.
        bptt: how gradients travel back through time.
        loss: what is learned at a scored step.
        optimizer: the optimiser, all but its parameters.
        schedule: learning rate over the run.
        normaliser, clip, accumulate, skip_at_most: see `elman.tasks.updates.Updates`.
        embedding: width of a learned vector per symbol; null feeds symbols as one-hot rows.
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
        inputs: int,
        outputs: int,
        symbols: bool,
        core: CoreFactory = LSTM,
        bptt: BackpropThroughTime | None = None,
        loss: SequenceLoss | None = None,
        optimizer: OptimizerFactory = adam,
        schedule: Schedule | None = None,
        normaliser: Normaliser = "auto",
        clip: float | None = 1.0,
        accumulate: int | Literal["batch"] = 1,
        skip_at_most: int = 10,
        embedding: int | None = None,
        readout_dropout: float = 0.0,
        window: int = 256,
        reset_every: int | None = None,
        log_every: int = 100,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        if embedding is not None and not symbols:
            raise ValueError(f"embedding is for data of symbols, but these inputs are values; got embedding={embedding}")
        for name, count in {"embedding": embedding, "window": window, "reset_every": reset_every, "log_every": log_every}.items():
            if count is not None and count < 1:
                raise ValueError(f"{name} must be at least 1, got {name}={count}")
        if not 0 <= readout_dropout < 1:
            raise ValueError(f"readout_dropout is a share and must lie in [0, 1), got readout_dropout={readout_dropout}")
        self.inputs, self.outputs, self.symbols = inputs, outputs, symbols
        self.embedding = nn.Embedding(inputs, embedding) if embedding else None
        self.core = core(embedding or inputs)
        self.readout = nn.Sequential(nn.Dropout(readout_dropout), nn.Linear(self.core.output_size, outputs))
        self.bptt = bptt or Truncated()
        refuse_impossible_pair(self.core, self.bptt)
        self.loss = loss or CrossEntropy()
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
        self._scores: dict[str, Scores] = {}
        self._reported = (0.0, 0)  # clock and time steps at the last report

    # What the network is

    def encode(self, x: Tensor) -> Tensor:
        """(B, T) ids or (B, T, F) values to what the core reads, (B, T, core.input_size)."""
        if self.embedding is not None:
            return self.embedding(x)
        return one_hot(x, self.inputs, self.dtype) if self.symbols else x

    def first_carry(self, window: SequenceBatch) -> Carry:
        """The carry with which the rows of `window` begin."""
        return self.core.initial_carry(len(window.x))

    def predict(self, x: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        """What the network says at every step, (B, T, outputs), and the carry to go on with."""
        out, carry = self.core(self.encode(x), carry)
        return self.readout(out), carry

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.optimizer_factory(self.parameters())

    def transfer_batch_to_device(self, batch: SequenceBatch, device: torch.device, dataloader_idx: int) -> SequenceBatch:
        """Only what the network reads moves; what decides control flow stays on the host."""
        x, y, context = tree_map(lambda leaf: leaf.to(device), (batch.x, batch.y, batch.context))
        return batch._replace(x=x, y=y, context=context)

    # Training

    def on_train_start(self) -> None:
        self.updates.gradient = FlatGradient(self.objective.parameters, ranks=self.trainer.world_size)
        if self.restored is not None:
            restore_random(self.restored["random"][self.global_rank])
            self.restored = None
        self._reported = (time.perf_counter(), self.time_steps)

    def training_step(self, batch: SequenceBatch, batch_index: int) -> None:
        if torch.is_autocast_enabled(self.device.type):
            # Casts of weights are cached for the life of the context, across our optimiser steps.
            torch.set_autocast_cache_enabled(False)
        batch = self._begun(batch)
        totals, single = self._totals(batch), self.trainer.world_size == 1
        self.updates.choose(totals)
        optimizer, gradient = self.optimizers(), self.updates.gradient
        full, done, lr_scale = self.bptt.update_steps(totals.steps), 0, 1.0
        windows = self.bptt.losses(self.objective, batch, self._state)
        while True:
            update = next(windows, None)
            if update is None and single:
                break
            gradient.clear()
            loss, scored, closes = None, 0, True
            if update is not None:
                loss, scored, self._state, closes, lr_scale = update
            if loss is not None:
                loss.backward()
            flags = gradient.reduce(working=update is not None, scored=scored, loss=loss, closes=closes)
            if not flags.working:
                break
            done += 1
            if self.updates.take(flags, loss if single else None):
                progress = self._progress(totals, min(1.0, done * full / max(1, totals.steps)))
                self.updates.step(optimizer, totals=totals, full=full, progress=progress, lr_scale=lr_scale)
        if self.updates.pending:
            progress = self._progress(totals, 1.0)
            self.updates.step(optimizer, totals=totals, full=full, progress=progress, lr_scale=1.0)
        self.time_steps += totals.existing
        if batch.is_last:
            self._state = None
        self._restart_rows_that_are_not_finite()
        if self.updates.since.updates >= self.log_every:  # before any callback saves what is since the last report
            self.report()

    def on_train_end(self) -> None:
        self.report()

    def report(self) -> None:
        """Log the training figures since the last report, at the time step reached."""
        since = self.updates.since
        if since.updates and since.scored:
            now, (then, seen) = time.perf_counter(), self._reported
            figures = {
                **{f"train/{k}": v for k, v in self.loss.metrics(float(since.loss) / since.scored, None).items()},
                "train/gradient_norm": since.norm / since.updates,
                "train/clipped_share": since.clipped / since.updates,
                "train/learning_rate": self.optimizers().param_groups[0]["lr"],
                "train/updates": self.updates.made,
                "train/skipped_updates": self.updates.skipped,
                "train/restarted_rows": self.restarted_rows,
            }
            if self.time_steps > seen:
                figures["train/steps_per_second"] = (self.time_steps - seen) / (now - then)
                figures["train/update_ms"] = 1000 * (now - then) / since.updates
            self.updates.since = type(since)()
            self._reported = (now, self.time_steps)
            self.log_figures(figures)

    def log_figures(self, figures: dict[str, float]) -> None:
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
        if not (self.core.streams or bool(batch.is_first.all())):
            raise BadInput(
                f"{type(self.core).__name__} reads later steps and cannot go on from an earlier batch; "
                "use data whose sequences each lie in one batch"
            )
        return batch

    def _totals(self, batch: SequenceBatch) -> Totals:
        counts = [len(batch.x), int(batch.lengths.sum()), int(batch.scored.sum())]
        if self.trainer.world_size == 1:
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
        return min(1.0, (self.time_steps + share * totals.existing) / self.max_time_steps)

    def _restart_rows_that_are_not_finite(self) -> None:
        ok = finite_rows(self._state)
        if ok is None or bool(ok.all()):
            return
        self.restarted_rows += int((~ok).sum())
        self._restart = ~ok

        def mended(leaf: Tensor) -> Tensor:
            if not leaf.is_floating_point():
                return leaf
            bad = self._restart.to(leaf.device).reshape(-1, *[1] * (leaf.dim() - 1))
            return torch.where(bad, torch.nan_to_num(leaf, 0.0, 0.0, 0.0), leaf)

        self._state = tree_map(mended, self._state)

    # Validation, test, prediction: windows of `window` steps, every stage with a carry of its own

    def run_windows(self, batch: SequenceBatch, carry: Carry) -> Iterator[tuple[SequenceBatch, Tensor, Carry]]:
        """Windows of a batch in order, with what the network says in each and the carry after it."""
        for start in range(0, batch.steps, self.window):
            window = batch.window(start, min(start + self.window, batch.steps))
            features, carry = self.objective.features(window, carry)
            yield window, self.readout(features), carry

    def on_validation_epoch_start(self) -> None:
        self._scores["val"] = Scores(self.window)
        if self.reset_every:
            self._scores[f"val_reset_{self.reset_every}"] = Scores(self.reset_every, strategy=Split(k=self.reset_every))

    def validation_step(self, batch: SequenceBatch, batch_index: int) -> None:
        for split, scores in self._scores.items():
            if split.startswith("val"):
                scores.add(self.objective, batch)

    def on_validation_epoch_end(self) -> None:
        self._log_scores("val")

    def on_test_epoch_start(self) -> None:
        self._scores["test"] = Scores(self.window)

    def test_step(self, batch: SequenceBatch, batch_index: int) -> None:
        self._scores["test"].add(self.objective, batch)

    def on_test_epoch_end(self) -> None:
        self._log_scores("test")

    def _log_scores(self, stage: str) -> None:
        for split in [s for s in self._scores if s.startswith(stage)]:
            figures = self._scores.pop(split).figures(self.loss, self.device, ranks=self.trainer.world_size)
            self.log_figures({f"{split}/{name}": value for name, value in figures.items()})

    def on_predict_epoch_start(self) -> None:
        self._carry: Carry | None = None

    def predict_step(self, batch: SequenceBatch, batch_index: int) -> tuple[SequenceBatch, Tensor]:
        """The batch and the predictions of its steps, (B, T) classes or (B, T, O) values."""
        carry = self._carry if self._carry is not None else self.core.initial_carry(len(batch.x))
        if self._carry is None:
            batch = batch._replace(is_first=torch.ones_like(batch.is_first))
        said = []
        for _, out, carry in self.run_windows(batch, carry):
            said.append(self.loss.prediction(out))
        self._carry = None if batch.is_last else carry
        return batch, torch.cat(said, 1)

    # What a checkpoint holds beyond weights and optimiser

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        own = {"state": plain(self._state), "restart": self._restart, "random": saved_random()}
        ranks = [own]
        if self._trainer is not None and self.trainer.world_size > 1:
            ranks = [None] * self.trainer.world_size
            dist.all_gather_object(ranks, own)
        checkpoint["elman"] = {
            "facts": {"inputs": self.inputs, "outputs": self.outputs, "symbols": self.symbols},
            "recipe": self.recipe,
            "time_steps": self.time_steps,
            "restarted_rows": self.restarted_rows,
            "updates": self.updates.state_dict(),
            "bptt": self.bptt.state_dict(),
            "states": [rank["state"] for rank in ranks],
            "restarts": [rank["restart"] for rank in ranks],
            "random": [rank["random"] for rank in ranks],
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        saved = checkpoint["elman"]
        self.time_steps, self.restarted_rows = saved["time_steps"], saved["restarted_rows"]
        if self._trainer is None or not self.trainer.training:
            return
        if len(saved["states"]) != self.trainer.world_size:
            raise BadInput(
                f"the checkpoint was written by {len(saved['states'])} processes and holds their carries; "
                f"it cannot go on with {self.trainer.world_size}: set trainer.devices to match"
            )
        self.updates.load_state_dict(saved["updates"])
        self.bptt.load_state_dict(saved["bptt"])
        state, self._restart = saved["states"][self.global_rank], saved["restarts"][self.global_rank]
        if state is not None:
            first = self.bptt.first_state(self.core.initial_carry(1))
            self._state = type(first)(*state) if hasattr(first, "_fields") else state
        self.restored = saved


def refuse_impossible_pair(core: Core, bptt: BackpropThroughTime) -> None:
    """Raise ValueError for a core and a strategy that cannot work together."""
    missing = sorted(need for need in bptt.needs if not hasattr(core, need))
    if missing:
        raise ValueError(
            f"{type(bptt).__name__} needs a core that offers {', '.join(missing)}, which {type(core).__name__} does not"
        )
    if bptt.continues and not core.streams:
        raise ValueError(
            f"{type(core).__name__} reads later steps, so it cannot go on from a carry as {type(bptt).__name__} "
            "asks of it; use Full or Split"
        )
