"""The loop over the windows of a training batch, and the updates that are due on the way."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer

from elman.batch import SequenceBatch
from elman.bptt import BackpropThroughTime
from elman.errors import BadInput
from elman.tasks.by_hand import ByHand, obstacle
from elman.tasks.flat_step import FlatStep
from elman.tasks.gradient import FlatGradient
from elman.tasks.not_finite import BadData
from elman.tasks.objective import WindowLoss
from elman.tasks.train_state import TrainState
from elman.tasks.updates import Place, Steps, Totals, Updates
from elman.tasks.weight_noise import WeightNoise


class Setting(NamedTuple):
    """What a run decides for its training.

    Args:
        ranks: processes that train together.
        budget: in time steps; None: there is none.
        loader: of the training data, which names a batch's examples.
    """

    ranks: int
    budget: int | None
    loader: Any


class TrainingLoop:
    """Takes batches apart by the strategy, and has the optimiser step where an update is due.

    Args:
        bptt: the strategy.
        objective: the loss of a window.
        updates: the owner of every step.
        state: what crosses batches.

    `place` is where training is; None before the first batch.
    """

    def __init__(
        self, bptt: BackpropThroughTime, objective: WindowLoss, updates: Updates, state: TrainState
    ) -> None:
        self.bptt, self.objective, self.updates, self.state = bptt, objective, updates, state
        self.place: Place | None = None
        self.flat_step: FlatStep | None = None
        self.weight_noise = WeightNoise(objective.network)
        self._bad_data = BadData("training")  # of updates that were skipped

    def begin(self, task: Any, optimizer: torch.optim.Optimizer, setting: Setting) -> None:
        """Settle how gradients and steps are taken.

        Args:
            task: a `SequenceTask`, its network on the device that trains.
            optimizer: of its parameters, its state restored.
        """
        buffer = FlatGradient(self.objective.parameters, ranks=setting.ranks)
        self.updates.begin(buffer, budget=setting.budget)
        self.objective.by_hand = None if obstacle(task) else ByHand(self.objective)
        fits = FlatStep.fits(optimizer, buffer.parameters)
        self.flat_step = FlatStep(optimizer, buffer) if fits else None

    def run(
        self,
        batch: SequenceBatch,
        given: SequenceBatch,
        *,
        counted: LightningOptimizer,
        time_steps: int,
        device: torch.device,
        setting: Setting,
    ) -> int:
        """Train on one batch.

        Args:
            batch: preprocessed.
            given: the same as the data gave it, to be looked at where there is no gradient.
            counted: Lightning counts its steps: one a batch.
            time_steps: seen before it.

        Returns:
            The time steps of the batch, over all rows and ranks.

        Raises:
            BadInput: if too many updates in a row were skipped.
        """
        batch, follow = self.state.begin(batch), getattr(setting.loader, "follow", None)
        sums = self.updates.running.sums() if follow else (0.0, 0.0)
        totals = Totals.of(batch, ranks=setting.ranks, device=device)
        updates, objective, gradient = self.updates, self.objective, self.updates.gradient
        assert gradient is not None, "the gradient's buffer is made when training starts"
        updates.choose(totals, means=self.bptt.scales_lr)
        place = self.place = Place(totals, before=time_steps)
        optimizer: Steps = counted
        if self.flat_step is not None:
            self.flat_step.gather()
        self._draw(device, setting)
        self.bptt.prepare(objective, batch, self.state.value)
        if objective.by_hand is not None:
            batch = objective.by_hand.settle(batch)
        full, state = self.bptt.update_steps(totals.steps), self.state.value
        stride = self.bptt.stride(totals.steps)
        windows = gradient.windows(self.bptt.losses(objective, batch, state))
        for done, (update, flags) in enumerate(windows):
            state = state if update is None else update.state
            place.share = done * stride / totals.steps
            loss = update.loss if update is not None and setting.ranks == 1 else None  # else in the flags
            if updates.take(flags, loss, capacity=totals.rows * full):
                stepped = self._step(optimizer, given, setting)
                self._draw(device, setting)
                if stepped:  # Lightning counts one step a batch; a small network feels its hooks
                    optimizer = counted.optimizer
                if not stepped and objective.broken is None:
                    objective.broken = torch.zeros(len(batch.x), dtype=torch.bool)
        if updates.pending:
            place.share = 0.0
            self._step(optimizer, given, setting)
        if objective.by_hand is not None:
            objective.by_hand.on = False
        self.state.end(None if batch.is_last else state, broken=objective.broken)
        objective.broken = None
        if follow and (mean := updates.running.mean_since(sums)) is not None:
            follow(mean)
        return totals.existing

    def _draw(self, device: torch.device, setting: Setting) -> None:
        """The weights that count until the next update; a skipped one has had its own."""
        update = self.updates.made + self.updates.skipped
        self.weight_noise.draw(update, device=device, ranks=setting.ranks)

    def finish(self, optimizer: Steps, setting: Setting) -> None:
        """Make the update of windows that wait for others which do not come, since training is at its end."""
        if self.updates.waiting and self.updates.gradient is not None and self.place is not None:
            self.updates.gradient.attach()
            self._step(optimizer, None, setting)

    def _step(self, optimizer: Steps, batch: SequenceBatch | None, setting: Setting) -> bool:
        """The update that is due; False if it is skipped.

        Args:
            batch: as the data gave it; None: it is gone.
        """
        assert self.place is not None, "a window comes first"
        progress = self.place.progress(setting.budget)
        if self.updates.step(optimizer, totals=self.place.totals, progress=progress):
            self._bad_data.found = None
            return True
        if batch is not None:
            self._bad_data.look(batch, setting.loader, self.state.batches - 1)
        if too_many := self.updates.too_many(spoilt=self.bptt.updates_of_a_step()):
            found = self._bad_data.on_any_rank(setting.ranks)
            raise BadInput(too_many + (f": {found}" if found else "; lower the learning rate or model.clip"))
        return False
