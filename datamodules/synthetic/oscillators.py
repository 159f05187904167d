"""Oscillators: a sum of sines in noise, to be predicted one step ahead."""

from __future__ import annotations

from math import pi
from typing import Any

import torch

from datamodules.sequence_data import Part, check_counts
from datamodules.synthetic.generated import Generated
from elman.batch import SequenceBatch, whole


class Oscillators(Generated):
    """Many-to-many aligned: the next value of a series, at every step.

    s_t = sum_k a_k sin(2 pi t / p_k + phi_k);  v_t = s_t + noise e_t.
    x (B, T, 1): v_t.  y (B, T, 1): v_{t+1}.

    The periods p_k are the same in every sequence; amplitudes (a_k^2 / 2 of mean 1 / K, so that s has mean
    square 1) and phases are drawn anew. e_t is Gaussian and independent, so no predictor is better than
    noise^2: `noise_mse`, reached where the sines are given. `best_mse` is that of the best predictor that has
    to estimate them from the steps so far, by the Kalman filter of this model, a mean over the scored steps.
    `mean_mse` is that of answering 0, `repeat_mse` that of repeating v_t.

    Args:
        periods: of the sines, in steps, each above 2.
        noise: standard deviation of e.
        steps: length of a sequence.
        batch_size: sequences of a batch, over all processes.
        val_batches: batches of validation, and of test.
        seed: another seed draws other sequences.

    Raises:
        ValueError: for no period, one that is 2 or less, or a noise of 0 or less.

    Source: ours; the filter is Kalman (1960), J. Basic Eng. 82(1), with a state that only turns.
    """

    input_size = 1
    output_size = 1
    token_ids = False

    def __init__(
        self,
        *,
        periods: list[float] = [7.3, 17.9, 41.7],  # noqa: B006
        noise: float = 0.3,
        steps: int = 200,
        batch_size: int = 32,
        val_batches: int = 8,
        seed: int = 0,
    ) -> None:
        check_counts(1, steps=steps)
        if not periods or not all(2 < period < float("inf") for period in periods):
            raise ValueError(f"periods must be above 2 steps each, at least one, got {periods}")
        if not 0 < noise < float("inf"):
            raise ValueError(f"noise must be above 0, got {noise}")
        super().__init__(steps=steps, batch_size=batch_size, val_batches=val_batches, seed=seed)
        self.periods, self.noise = list(periods), noise

    def batch(self, part: Part, index: int) -> SequenceBatch:
        draw = self.draw(part, index)
        count = len(self.periods)
        # A pair of independent Gaussians for each sine: random amplitude and phase in one.
        pair = torch.randn(self.batch_size, 2 * count, generator=draw, dtype=torch.float64) / count**0.5
        values = pair @ self.waves(self.steps + 1).T  # (B, T + 1)
        values += self.noise * torch.randn(values.shape, generator=draw, dtype=torch.float64)
        values = values.float()[:, :, None]
        return whole(values[:, :-1].clone(), values[:, 1:].clone())

    def waves(self, steps: int) -> torch.Tensor:
        """(steps, 2K) float64, cosine and sine of every period."""
        angle = (
            2 * pi * torch.arange(steps, dtype=torch.float64)[:, None] / torch.tensor(self.periods).double()
        )
        return torch.cat([angle.cos(), angle.sin()], dim=1)

    def best_mse(self) -> float:
        """The expected squared error, averaged over the scored steps, of the best predictor of all.

        Before v_t is observed, the weights of the waves have the covariance P, at first 1/K; then the error
        of predicting v_t has the variance w_t' P w_t + noise^2, and v_t takes P w_t w_t' P / variance off P.
        """
        waves = self.waves(self.steps + 1)
        covariance = torch.eye(waves.shape[1], dtype=torch.float64) / len(self.periods)
        total = 0.0
        for t, wave in enumerate(waves):
            gain = covariance @ wave
            variance = float(wave @ gain) + self.noise**2
            total += variance if t else 0.0  # the first value is no target
            covariance = covariance - gain[:, None] * gain / variance
        return total / self.steps

    def metadata(self) -> dict[str, Any]:
        angles = [2 * pi / period for period in self.periods]
        turned = float(2 - 2 * torch.tensor(angles).cos().mean())
        return {
            "periods": ", ".join(f"{period:g}" for period in self.periods[:4]),
            "noise": self.noise,
            "noise_mse": round(self.noise**2, 6),
            "best_mse": round(self.best_mse(), 6),
            "mean_mse": round(1 + self.noise**2, 6),
            "repeat_mse": round(turned + 2 * self.noise**2, 6),
        }
