"""Scales: what the train part says of each target's size, to compare errors with."""

import dataclasses

import numpy as np

from rnnkit.series.panel import Panel


@dataclasses.dataclass(frozen=True)
class Scales:
    """Of the train part alone; never 0 or NaN.

    Attributes:
        scale: `(series, targets)` float64, mean absolute error of the seasonal naive forecast.
        mean, spread: `(targets,)` float64, mean and standard deviation over all series.
        season: Steps between a value and its seasonal naive forecast.
    """

    scale: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    season: int

    def pooled(self) -> np.ndarray:
        """`(targets,)` float64, the mean scale, for series that weren't there."""
        return self.scale.mean(axis=0)


def learn_scales(panel: Panel, season: int, inside: np.ndarray) -> Scales:
    """Measures the targets.

    Args:
        panel: All steps.
        season: See `Scales`.
        inside: `(steps,)` bool, the train part.

    Where a series has no pair a season apart, or is always the same then, its scale is that of
    steps one apart, its own spread, or the mean of the other series'.
    """
    count = len(panel.columns.targets)
    values = np.where(inside[:, None], panel.known_values()[:, :count], np.nan).astype(np.float64)
    series = panel.series()
    scale = np.full((len(panel.ids), count), np.nan)
    for lag in dict.fromkeys((season, 1)):
        scale = np.where(_usable(scale), scale, _naive_error(values, series, len(panel.ids), lag))
    means = _mean_by(values, series, len(panel.ids))
    spread_by_series = np.sqrt(_mean_by((values - means[series]) ** 2, series, len(panel.ids)))
    scale = np.where(_usable(scale), scale, spread_by_series)
    known = ~np.isnan(values)
    mean = np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    spread = np.sqrt(np.where(known, (values - mean) ** 2, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))
    spread = np.where(_usable(spread), spread, 1.0)
    usable = _usable(scale)
    pooled = np.where(usable, scale, 0).sum(axis=0) / np.maximum(usable.sum(axis=0), 1)
    scale = np.where(usable, scale, np.where(pooled > 0, pooled, spread))
    return Scales(scale, mean, spread, season)


def _usable(values):
    # An exact 0 only: the last digits of a sum of float32 values are no scale, but a small price is.
    return np.isfinite(values) & (values > 0)


def _naive_error(values, series, count, lag):
    if lag >= len(values):
        return np.full((count, values.shape[1]), np.nan)
    errors = np.abs(values[lag:] - values[:-lag])
    errors[series[lag:] != series[:-lag]] = np.nan
    return _mean_by(errors, series[lag:], count)


def _mean_by(values, series, count):
    """Returns the mean of the known values of each series, NaN where there is none."""
    means = np.full((count, values.shape[1]), np.nan)
    for column in range(values.shape[1]):
        known = ~np.isnan(values[:, column])
        counts = np.bincount(series[known], minlength=count)
        sums = np.bincount(series[known], values[known, column], minlength=count)
        means[:, column] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return means
