"""Numenta's windowed Gaussian: values of a series -> how far each is from the mean of the window before it."""

import math

import numpy as np
from scipy.special import erfc, log_ndtr

WINDOW, STEP = 6400, 100
"""Rows, as Numenta has chosen them on its benchmark."""
SMALLEST_SPREAD = 1e-6
"""In place of 0."""
DIGITS = 12
"""Of a score, as Numenta wrote them: more scores are 1, and the score on the benchmark depends on it."""


def windowed_gaussian(values: np.ndarray, *, window: int = WINDOW, step: int = STEP) -> np.ndarray:
    """Scores values by how far they are from the mean of a window of those before, in its spreads.

    The window takes up values until it has `window` of them, and then slides whenever `step` more have come.

    Args:
        values: `(rows,)`; those that aren't finite score 0 and stay out of the window.

    Returns:
        `(rows,)`, 0 for the first value and else 0.5 to 1: 1 less the tail of a normal distribution, to 12 digits.

    Lavin & Ahmad (2015), https://arxiv.org/abs/1510.03336, and the detector of their benchmark, version 1.1.
    """
    deviations = _deviations(np.asarray(values, np.float64), window, step)
    return np.round(1.0 - 0.5 * erfc(deviations / math.sqrt(2.0)), DIGITS)


def window_scores(values: np.ndarray, *, window: int = WINDOW, step: int = STEP) -> np.ndarray:
    """Scores rows `(rows, sensors)` by the largest `windowed_gaussian` in them.

    Returns:
        `(rows,)`, -log10(1 - score), which tells all those apart that are 1 there.
    """
    values = np.asarray(values, np.float64)
    farthest = np.max([_deviations(column, window, step) for column in values.T], axis=0)
    return -log_ndtr(-farthest) / math.log(10)


def _deviations(values, window, step):
    """Returns how many spreads each value is off the mean of its window, `(rows,)`; -inf, scored 0, without one."""
    out = np.full(len(values), -np.inf)
    known = np.flatnonzero(np.isfinite(values))
    x = values[known]
    # Values at which a new window begins to count; it ends just before them.
    ends = np.concatenate([np.arange(1, min(window, len(x) - 1) + 1), np.arange(window + step, len(x), step)])
    windows = [_moments(x[max(0, end - window) : end]) for end in ends.tolist()]
    if windows:
        mean, spread = np.repeat(windows, np.diff(ends, append=len(x)), axis=0).T
        # Mirrored before the mean is taken off, as Numenta does: |x - mean| may differ in the last digit.
        larger = np.where(x[1:] < mean, 2.0 * mean - x[1:], x[1:])
        out[known[1:]] = (larger - mean) / spread
    return out


def _moments(x):
    """Gives what np.mean and np.std do, to the last bit; a running sum would lose digits. Quicker where x is short."""
    mean = np.add.reduce(x) / len(x)
    apart = x - mean
    return mean, math.sqrt(np.add.reduce(apart * apart) / len(x)) or SMALLEST_SPREAD
