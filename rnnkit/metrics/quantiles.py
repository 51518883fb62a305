"""Scores of forecast quantiles: truth and quantiles at known levels -> pinball loss, CRPS, coverage."""

import numpy as np


def pinball_loss(truth: np.ndarray, quantiles: np.ndarray, levels) -> np.ndarray:
    """Weighs the miss of each quantile by its level, and takes the plain mean over the levels.

    Args:
        truth: `(…)`.
        quantiles: `(…, levels)`.
        levels: Shares between 0 and 1.

    Returns:
        `(…)`, in the units of `truth`; at level 0.5 alone half the absolute error.

    Koenker & Bassett (1978), eq. 3.1, https://doi.org/10.2307/1913643.
    """
    levels = np.asarray(levels, np.float64)
    miss = truth[..., None] - quantiles
    return np.maximum(levels * miss, (levels - 1.0) * miss).mean(axis=-1)


def quantile_crps(truth: np.ndarray, quantiles: np.ndarray, levels) -> np.ndarray:
    """Integrates `(F(x) - [x >= truth])²` over x, for the distribution F that the quantiles describe.

    F is linear between neighbouring quantiles and has no tails: below the lowest quantile it is 0,
    above the highest 1. Crossing quantiles are sorted first.

    Args:
        truth: `(…)`.
        quantiles: `(…, levels)`.
        levels: Rising shares between 0 and 1.

    Returns:
        `(…)`, in the units of `truth`; with one level the absolute error.

    Gneiting & Raftery (2007), eq. 20, https://doi.org/10.1198/016214506000001437.
    """
    quantiles = np.sort(quantiles, axis=-1)
    lowest, highest = quantiles[..., 0], quantiles[..., -1]
    total = np.maximum(lowest - truth, 0.0) + np.maximum(truth - highest, 0.0)
    for place, (low, high) in enumerate(zip(levels[:-1], levels[1:], strict=True)):
        start, stop = quantiles[..., place], quantiles[..., place + 1]
        middle = np.clip(truth, start, stop)
        width = stop - start
        with np.errstate(invalid="ignore", divide="ignore"):
            level = np.where(width > 0.0, low + (high - low) * (middle - start) / width, low)
        total += (middle - start) * _mean_square(low, level) + (stop - middle) * _mean_square(1.0 - level, 1.0 - high)
    return total


def _mean_square(start, stop):
    """Returns the mean of x² where x goes from `start` to `stop` evenly."""
    return (start * start + start * stop + stop * stop) / 3.0


def within(truth: np.ndarray, quantiles: np.ndarray, levels, *, low: float, high: float) -> np.ndarray | None:
    """Tells where `truth` lies from the quantile of level `low` to that of `high`; None if one of them isn't there."""
    places = [next((place for place, level in enumerate(levels) if abs(level - sought) < 1e-6), None)
              for sought in (low, high)]  # fmt: skip
    if None in places:
        return None
    return (quantiles[..., places[0]] <= truth) & (truth <= quantiles[..., places[1]])
