"""Is it better than the random walk? Errors of two forecasts -> paired test -> one plain sentence."""

import math
from collections.abc import Mapping

import numpy as np
from scipy import special

NORMAL_95 = 1.959963984540054


def wilson_interval(share, count):
    """Returns the 95 % bounds of a share seen in `count` independent trials; numbers or arrays of one shape.

    Wilson (1927), https://doi.org/10.1080/01621459.1927.10502953. NaN where `count` is 0.
    """
    square = NORMAL_95**2
    centre = share + square / (2 * count)
    spread = NORMAL_95 * np.sqrt(share * (1 - share) / count + square / (4 * count**2))
    # The bounds of 0 and 1 are exact; the rounding isn't.
    return tuple(np.clip((centre + sign * spread) / (1 + square / count), 0.0, 1.0) for sign in (-1, 1))


def diebold_mariano(errors_a, errors_b, horizon: int) -> tuple[float, float]:
    """Tests whether two forecasts of the same cut-offs have the same mean squared error.

    Args:
        errors_a, errors_b: `(cut-offs, …)` in the order of time, NaN where the truth is unknown; a
            cut-off's loss is the mean of its squared errors that both know.
        horizon: Steps ahead; neighbouring cut-offs share that many less one.

    Returns:
        The statistic, below 0 where `a` has the smaller errors, and the two-sided p-value. `(0, 1)`
        where nothing can be said: fewer than 3 cut-offs, or no difference at all.

    Diebold & Mariano (1995), https://doi.org/10.1080/07350015.1995.10524599, with the small-sample factor and the t
    distribution of Harvey, Leybourne & Newbold (1997), eq. 9. Unlike there, the autocovariances have Bartlett's weights
    (Newey & West 1987), over at least `horizon` lags, so that the variance is never negative.
    """
    losses = np.square(np.asarray(errors_a, np.float64)) - np.square(np.asarray(errors_b, np.float64))
    return mean_difference(_row_means(losses), horizon)


def _row_means(losses):
    flat = losses.reshape(len(losses), -1)
    known = np.isfinite(flat)
    counts = known.sum(axis=1)
    return np.where(known, flat, 0.0).sum(axis=1) / np.where(counts, counts, np.nan)


def mean_difference(differences, horizon: int) -> tuple[float, float]:
    """Tests whether the mean of loss differences `(cut-offs,)` is 0; as `diebold_mariano`."""
    differences = np.asarray(differences, np.float64)
    differences = differences[np.isfinite(differences)]
    count = len(differences)
    if count < 3:
        return 0.0, 1.0
    centred = differences - differences.mean()
    lags = min(count - 1, max(2 * (horizon - 1), int(4 * (count / 100) ** (2 / 9))))
    variance = centred @ centred / count
    for lag in range(1, lags + 1):
        variance += 2 * (1 - lag / (lags + 1)) * (centred[lag:] @ centred[:-lag]) / count
    # The rounding of a difference that never changes is no evidence.
    if variance <= 1e-20 * np.square(differences).mean():
        return 0.0, 1.0
    overlap = min(horizon, count // 2)
    factor = math.sqrt((count + 1 - 2 * overlap + overlap * (overlap - 1) / count) / count)
    statistic = float(differences.mean() / math.sqrt(variance / count) * factor)
    return statistic, float(2 * special.stdtr(count - 1, -abs(statistic)))


def by_time(differences, seconds) -> np.ndarray:
    """Means of `(windows,)` over the windows of one time, in the order of time: series of one day move together."""
    differences, seconds = np.asarray(differences, np.float64), np.asarray(seconds)
    known = np.isfinite(differences)
    _, place = np.unique(seconds[known], return_inverse=True)
    return np.bincount(place, weights=differences[known]) / np.bincount(place) if known.any() else np.zeros(0)


def sentence_on_random_walk(scores: Mapping[str, float], baselines: Mapping[str, Mapping]) -> str:
    """Says in one plain sentence whether the model beats the random walk.

    Args:
        scores: From `score_forecasts` with `direction`.
        baselines: From `forecast_baselines` with `direction`.

    Returns:
        The verdict with the errors of both, the p-value of the paired test over the test windows,
        and the share of directions told right with its 95 % interval.
    """
    walk = baselines["random_walk"]["test"]
    ours, theirs = scores["rmse_returns"], walk["rmse_returns"]
    p = scores["p_against_random_walk"]
    change = 100 * (ours / theirs - 1) if theirs > 0 else 0.0
    numbers = f"RMSE of log returns {ours:.5f} against {theirs:.5f}, {change:+.1f} %, {_p_text(p)}"
    if p < 0.05:
        verdict = "beats the random walk" if ours < theirs else "is worse than the random walk"
    else:
        verdict = "does not beat the random walk: the difference is within chance"
    return f"On the test windows the model {verdict} ({numbers}); {_direction_text(scores)}."


def _direction_text(scores):
    if "directional_accuracy" not in scores:
        return "no direction could be scored"
    share, low, high = (scores[f"directional_{part}"] for part in ("accuracy", "low", "high"))
    rising = scores["rising_share"]
    common = max(rising, 1 - rising)
    than = "better than" if low > common else "worse than" if high < common else "not told apart from"
    always = f"always saying {'up' if rising >= 0.5 else 'down'} ({common:.1%})"
    return f"it tells {share:.1%} of directions right (95 % interval {low:.1%} to {high:.1%}), {than} {always}"


def _p_text(p):
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
