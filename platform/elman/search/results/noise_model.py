"""What lies behind values that were each measured once or a few times: a Gaussian process with priors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

NOISE, NOISE_SPREAD = 0.1, 1.5  # of the values' variance; of the logarithm
LENGTH, LENGTH_SPREAD = 3.0, 1.0  # in standard deviations of an input; of the logarithm
SIZE, SIZE_SPREAD = 1.0, 1.0  # of the values' variance; of the logarithm
MOST_FITTED = 200  # points from which lengths and noise are fitted
JITTER = 1e-8


@dataclass(frozen=True, kw_only=True)
class Posterior:
    """What is believed of the true values at the points.

    Args:
        mean: (points,).
        covariance: (points, points).
        noise: standard deviation of a single measurement.
    """

    mean: np.ndarray
    covariance: np.ndarray
    noise: float

    def within(self, gap: float) -> np.ndarray:
        """(points,) how likely a point's true value is at most `gap` above that of the best mean."""
        from scipy.special import ndtr

        best = int(self.mean.argmin())
        spread = self.covariance.diagonal() + self.covariance[best, best] - 2 * self.covariance[best]
        distance = self.mean - self.mean[best]
        chance = ndtr((gap - distance) / np.sqrt(np.maximum(spread, 1e-300)))
        chance[best] = 1.0
        return np.asarray(chance)


def posterior(
    inputs: np.ndarray, values: np.ndarray, *, runs: np.ndarray | None = None, noise: float | None = None
) -> Posterior:
    """Fit a Gaussian process to values, less being better.

    Lengths, size and, where it is not given, noise are the most likely ones under log-normal priors: noise
    variance 0.1 of the values' variance within a factor of e^1.5, lengths 3 standard deviations of their
    input within a factor of e. Without them the noise of 40 points may come out at a hundredth of the truth.

    Args:
        inputs: (points, inputs).
        values: (points,), each the mean of its runs.
        runs: (points,) how many; one each.
        noise: standard deviation of one run, where it was measured.

    Cost: 50 ms of a core at 40 points, 0.5 s at 500, where the parameters are fitted to 200 of them.

    Source: Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, equations 2.25, 2.26, 5.9.
    """
    counts = np.ones(len(values)) if runs is None else runs
    centre, scale = float(values.mean()), float(values.std())
    if not scale > 0:
        return Posterior(mean=values.copy(), covariance=np.zeros((len(values),) * 2), noise=noise or 0.0)
    y = (values - centre) / scale
    spread = inputs.std(0)
    x = (inputs - inputs.mean(0))[:, spread > 0] / spread[spread > 0]
    known = None if noise is None else max((noise / scale) ** 2, JITTER)
    rows = np.arange(len(y))
    if len(y) > MOST_FITTED:
        rows = np.sort(np.random.default_rng(0).choice(len(y), MOST_FITTED, replace=False))
    size, lengths, variance = _most_likely(x[rows], y[rows], counts[rows], known)
    kernel = size * np.exp(-0.5 * _squares(x / lengths))
    factor = cho_factor(kernel + np.diag(variance / counts + JITTER), lower=True)
    # The mean of the process is unknown too, and evenly likely everywhere: equations 2.41 and 2.42.
    ones = np.ones((len(y), 1))
    solved = cho_solve(factor, np.hstack([y[:, None], ones, kernel]))
    level = float(solved[:, 0].sum() / solved[:, 1].sum())
    left = 1.0 - kernel @ solved[:, 1]  # (points,)
    mean = level + kernel @ (solved[:, 0] - level * solved[:, 1])
    covariance = kernel - kernel @ solved[:, 2:] + np.outer(left, left) / solved[:, 1].sum()
    return Posterior(
        mean=centre + scale * mean,
        covariance=scale**2 * (covariance + covariance.T) / 2,
        noise=noise if noise is not None else scale * float(np.sqrt(variance)),
    )


def _most_likely(
    x: np.ndarray, y: np.ndarray, counts: np.ndarray, known: float | None
) -> tuple[float, np.ndarray, float]:
    """Size, lengths and noise variance of the largest posterior density; variance 1 of the values."""
    inputs = x.shape[1]
    squares = (x[:, None, :] - x[None, :, :]) ** 2  # (points, points, inputs)
    middle = np.log(np.array([SIZE, NOISE, *[LENGTH] * inputs]))
    width = np.array([SIZE_SPREAD, NOISE_SPREAD, *[LENGTH_SPREAD] * inputs])

    def loss(free: np.ndarray) -> tuple[float, np.ndarray]:
        size, variance = np.exp(free[:2])
        variance = variance if known is None else known
        scaled = squares / np.exp(2 * free[2:])
        kernel = size * np.exp(-0.5 * scaled.sum(2))
        factor = cho_factor(kernel + np.diag(variance / counts + JITTER), lower=True)
        solved = cho_solve(factor, y)
        inverse = cho_solve(factor, np.eye(len(y)))
        off = (free - middle) / width
        value = 0.5 * y @ solved + np.log(factor[0].diagonal()).sum() + 0.5 * off @ off
        weight = 0.5 * (inverse - np.outer(solved, solved))  # d loss / d K
        weighted = weight * kernel
        slope = np.concatenate(
            [
                [
                    weighted.sum(),
                    0.0 if known is not None else float(weight.diagonal() @ (variance / counts)),
                ],
                np.einsum("ij,ijk->k", weighted, scaled),
            ]
        )
        return float(value), slope + off / width

    bounds = [(m - 6 * w, m + 6 * w) for m, w in zip(middle, width, strict=True)]
    found = minimize(loss, middle, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 100})
    size, variance = np.exp(found.x[:2])
    return float(size), np.exp(found.x[2:]), float(variance) if known is None else known


def _squares(x: np.ndarray) -> np.ndarray:
    """(points, points) squared distances."""
    sums = (x**2).sum(1)
    return np.asarray(np.maximum(sums[:, None] + sums[None, :] - 2 * x @ x.T, 0.0))
