"""Conformal: forecasts of rows kept aside, and the truth -> how far to move each quantile."""

import itertools

import numpy as np

from rnnkit.layers.forecasting.heads import MEDIAN
from rnnkit.layers.forecasting.intervals import in_order

POWERS = (
    (0.5, 0.25, 0.0),
    (0.25, 0.5, 0.0),
    (0.25, 0.0, 0.5),
    (0.75, 0.0, 0.0),
    (1.0, 0.0, 0.0),
    (0.0, 0.75, 0.0),
    (0.0, 0.0, 0.75),
    (0.0, 0.0, 0.0),
)
"""Powers of the window's spreads that `best_powers` tries, in the order of `SPREADS`; the first is the usual one.

Measured on ETTh1 and exchange rates: where the sum is 0, intervals set in restless months hold 5 to 10 points too many
of what comes in quiet ones; where it is 1, 2 to 5 too few.
"""
FOLDS = 4
COMPARED_ROWS, COMPARED_STEPS = 1200, 16


def conformal_offsets(forecast, targets, levels, size=None, *, effective_rows=None) -> np.ndarray:
    """Returns how far each quantile is to move so that as many of the rows lie below it as its level says.

    Each quantile by itself: it moves to where the right share of the errors, over the window's spread, is below,
    with the rank of a finite sample (Romano, Patterson & Candes 2019, section 4, https://arxiv.org/abs/1905.03222,
    asymmetric). Offsets are then averaged over neighbouring steps, the further ahead the more of them.

    Args:
        forecast: `(rows, horizon, targets, 1 + levels …)`, of rows that no model was trained on.
        targets: `(rows, horizon, targets, 2)`: the truth, and 1 where it is known.
        levels: Of the quantiles, rising.
        size: `(rows, targets)`, the windows' spread; None for 1.
        effective_rows: Rows that the sample is worth, windows that overlap being alike; None for as many as known.

    Returns:
        `(horizon, targets, levels)`; 0 where no row is known.
    """
    truth, known = np.asarray(targets[..., 0], np.float64), np.asarray(targets[..., 1]) > 0.5
    size = np.ones(truth.shape[::2]) if size is None else np.asarray(size, np.float64)
    counts = known.sum(0)
    found = np.zeros((*truth.shape[1:], len(levels)))
    for place, level in enumerate(levels):
        errors = (truth - np.asarray(forecast[..., 1 + place], np.float64)) / size[:, None]
        errors = np.sort(np.where(known, errors, np.inf), axis=0)
        found[..., place] = _at(errors, counts, level, effective_rows)
    return _smoothed(found) if len(found) > 1 else found


def _at(errors, counts, level, effective_rows):
    """Interpolates the errors, sorted, at the rank of a level, which a small sample puts further out."""
    worth = counts if effective_rows is None else np.minimum(counts, effective_rows)
    worth = np.maximum(worth, 1)
    away = (level - MEDIAN) / worth  # (n + 1) level / n, seen from the middle.
    ranks = np.clip((level + away) * counts - 0.5, 0, np.maximum(counts - 1, 0))
    below = np.floor(ranks).astype(int)
    above = np.minimum(below + 1, np.maximum(counts - 1, 0))
    lower = np.take_along_axis(errors, below[None], 0)[0]
    upper = np.take_along_axis(errors, above[None], 0)[0]
    with np.errstate(invalid="ignore"):
        found = lower + (upper - lower) * (ranks - below)
    return np.where(counts > 0, found, 0.0)


def _smoothed(offsets):
    steps = np.arange(len(offsets))
    reach = 1 + 0.15 * (steps + 1)
    weights = np.maximum(0, 1 - np.abs(steps[:, None] - steps[None]) / reach[:, None])
    weights /= weights.sum(1, keepdims=True)
    return np.tensordot(weights, offsets, 1)


def best_powers(forecast, targets, levels, spread, typical) -> np.ndarray:
    """Returns for each target the powers of the window's spreads by which calibrated quantiles fit other rows best.

    Compared by the pinball loss over stretches of neighbouring rows, each forecast by offsets from the others. The
    usual powers are kept unless others are better by a hundredth; those without any spread, by a twentieth.

    Args:
        forecast, targets, levels: As for `conformal_offsets`, rows in order of time.
        spread: `(rows, targets, 3)`.
        typical: `(targets, 3)`, the spreads' medians.

    Returns:
        `(targets, 3)`.
    """
    rows = np.unique(np.linspace(0, len(forecast) - 1, min(len(forecast), COMPARED_ROWS)).astype(int))
    horizon = forecast.shape[1]
    steps = np.unique(np.linspace(0, horizon - 1, min(horizon, COMPARED_STEPS)).astype(int))
    tried = np.asarray(POWERS)
    if len(rows) < 20 * FOLDS or not levels:
        return np.repeat(tried[:1], forecast.shape[2], 0)
    forecast, targets = forecast[np.ix_(rows, steps)], targets[np.ix_(rows, steps)]
    losses = np.stack(
        [_held_out_loss(forecast, targets, levels, sizes(spread[rows], typical, powers)) for powers in tried]
    )
    losses[1:] *= 1.01
    losses[~tried.any(1)] *= 1.04
    return tried[losses.argmin(0)]


def sizes(spread, typical, powers) -> np.ndarray:
    """Returns in NumPy what `intervals.sized` gives."""
    relative = np.clip(np.asarray(spread, np.float64) / typical, 0.1, 10.0)
    return np.exp((np.log(relative) * np.asarray(powers)).sum(-1))


def _held_out_loss(forecast, targets, levels, size):
    """Gives the loss of each target, `(targets,)`."""
    edges, total = np.linspace(0, len(forecast), FOLDS + 1).astype(int), 0.0
    for start, end in itertools.pairwise(edges):
        kept = np.r_[:start, end : len(forecast)]
        offsets = conformal_offsets(forecast[kept], targets[kept], levels, size[kept])
        rows = slice(start, end)
        total += pinball(shifted(forecast[rows], offsets, size[rows], levels), targets[rows], levels)
    return total


def shifted(forecast, offsets, size, levels) -> np.ndarray:
    """Returns the quantiles of forecasts moved by offsets times `size` `(rows, targets)`, in order."""
    quantiles = forecast[..., 1 : 1 + len(levels)] + offsets * size[:, None, :, None]
    ordered = in_order([quantiles[..., place] for place in range(len(levels))], levels, np.minimum, np.maximum)
    return np.stack(ordered, -1)


def pinball(quantiles, targets, levels) -> np.ndarray:
    """Returns each target's sum of the pinball loss over all known values and levels: `(targets,)`."""
    apart = targets[..., :1] - quantiles
    levels = np.asarray(levels)
    return (np.maximum(levels * apart, (levels - 1) * apart) * targets[..., 1:]).sum((0, 1, 3))
