"""Baselines of detection: train, and a series -> how strange its rows are, or all of it, the higher the stranger.

A `Detector` looks at rows up to the one that it scores and at what train taught, at nothing later. A value that is
missing says nothing, and a row without any value scores 0. Of several sensors the strangest counts.
"""

from collections.abc import Sequence

import numpy as np

from rnnkit.metrics.detection_standards import Detector, Standard, as_known, refuse_no_train, sizes_of, strangest
from rnnkit.metrics.isolation_forests import drawn, forest_of_wholes, isolation_forest
from rnnkit.metrics.windowed_gaussian import window_scores, windowed_gaussian

SEASONS = 7
"""Looked back for what is usual."""
FEWEST = 10
"""Rows of train with a season before them; where they are fewer, the spread about the median is taken."""
VARIANCE = 0.95
"""Share that the principal components make up together."""


def baseline_scores(
    values: np.ndarray, train: np.ndarray | slice, *, season: int, window: int, seed: int
) -> dict[str, np.ndarray]:
    """Scores the rows of one series by the baselines of `fit_baselines`, fitted to some of them.

    Args:
        values: `(rows, sensors)`, NaN where missing.
        train: Which rows the baselines learn from, a slice or `(rows,)`, True for those.
        season, window, seed: As for `fit_baselines`.

    Returns:
        Name -> `(rows,)`, finite, scores of the rows of train too.

    Raises:
        ValueError: No row is for train.
    """
    mask = np.zeros(len(values), bool)
    mask[train] = True
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    stretches = [values[first:end] for first, end in edges.reshape(-1, 2).tolist()]
    detectors = fit_baselines(stretches, season=season, window=window, seed=seed)
    return {name: detector(values) for name, detector in detectors.items()}


def fit_baselines(train: Sequence[np.ndarray], *, season: int, window: int, seed: int) -> dict[str, Detector]:
    """Fits the baselines for series of rows.

    Args:
        train: Stretches of rows that follow one another, `(rows, sensors)` each, NaN where missing, of one series or of
            several.
        season: Rows, 1 for none.
        window: Rows that the forest sees together.
        seed: Of the forest.

    Returns:
        `windowed_gaussian`, for one sensor Numenta's scores and for several `window_scores`, which learn as they go
        and nothing from train; `last_difference`; `seasonal_residual`; `isolation_forest`.

    Raises:
        ValueError: Train has no rows.
    """
    train = [as_known(part) for part in train if len(part)]
    refuse_no_train(train)
    return {
        "windowed_gaussian": _windowed,
        "last_difference": last_difference(train),
        "seasonal_residual": seasonal_residual(train, season),
        "isolation_forest": isolation_forest(train, window=window, seed=seed),
    }


def _windowed(values):
    values = np.asarray(values)
    return windowed_gaussian(values[:, 0]) if values.shape[1] == 1 else window_scores(values)


def last_difference(train: Sequence[np.ndarray]) -> Detector:
    """Scores rows by how unusual the change since the last known value is, in spreads of such changes in train.

    Args:
        train: Stretches `(rows, sensors)`, none empty, at least one; NaN where missing.
    """
    train = [as_known(part) for part in train]
    standard = Standard.of(np.concatenate([_changes(part) for part in train]), sizes_of(np.concatenate(train)))
    return lambda values: strangest(standard.deviations(_changes(as_known(values))))


def _changes(values):
    """Returns values less the last known ones before, `(rows, sensors)`; NaN where one of the two is missing."""
    rows = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(np.isfinite(values), rows, 0), axis=0)
    out = np.full_like(values, np.nan)
    out[1:] = values[1:] - np.take_along_axis(values, last, axis=0)[:-1]
    return out


def seasonal_residual(train: Sequence[np.ndarray], season: int) -> Detector:
    """Scores rows by how far a value is from those 1 to 7 seasons before, in spreads of that distance in train.

    It is the distance to their median, or without a season to the mean of the last 7 values. Where none of them is
    known it is the distance to the median of train, by the spread about that.

    Args:
        train: Stretches `(rows, sensors)`, none empty, at least one; NaN where missing.
        season: Rows, 1 for none.
    """
    train = [as_known(part) for part in train]
    rows = np.concatenate(train)
    sizes, middle = sizes_of(rows), _median(rows)
    about_middle = Standard.of(rows - middle, sizes)
    residuals = np.concatenate([part - _usual(part, season) for part in train])
    seasonal, few = Standard.of(residuals, sizes), np.isfinite(residuals).sum(axis=0) < FEWEST
    seasonal = Standard(np.where(few, 0.0, seasonal.mean), np.where(few, about_middle.spread, seasonal.spread))

    def scores(values):
        values = as_known(values)
        usual = _usual(values, season)
        to_usual, to_middle = seasonal.deviations(values - usual), about_middle.deviations(values - middle)
        return strangest(np.where(np.isfinite(usual), to_usual, to_middle))

    return scores


def _usual(values, season):
    """Returns what the seasons before a row have in its place, `(rows, sensors)`; NaN where nothing is known."""
    middle, out = _mean if season == 1 else _median, np.empty_like(values)
    for sensor, column in enumerate(values.T):
        before = np.full((SEASONS, len(column)), np.nan)
        for number in range(SEASONS):
            back = (number + 1) * season
            before[number, back:] = column[:-back]
        out[:, sensor] = middle(before)
    return out


def _median(rows):
    """Returns the median of what is known in each column, NaN where nothing is."""
    # Sorted, NaN comes last.
    ordered, counts = np.sort(rows, axis=0), np.isfinite(rows).sum(axis=0)
    places = np.stack([np.maximum(counts - 1, 0) // 2, counts // 2])
    return np.take_along_axis(ordered, places, axis=0).mean(axis=0)


def _mean(rows):
    """Returns the mean of what is known in each column, NaN where nothing is."""
    counts = np.isfinite(rows).sum(axis=0)
    return np.where(counts > 0, np.nan_to_num(rows).sum(axis=0) / np.maximum(counts, 1), np.nan)


def whole_scores(train: np.ndarray, values: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Scores whole series by how strange they are, the higher the stranger.

    Args:
        train: `(n, time, sensors)`, NaN where missing.
        values: `(m, time, sensors)`; each is scored by itself.
        seed: Draws those of train that are learnt from where there are too many, and grows the forest.

    Returns:
        Scores `(m,)`, finite, 0 for one of which nothing is known, where a missing value says nothing:
        `distance_to_mean`, the root mean square of the distances to the mean of train, step by step, in spreads of
        the step; `principal_components`, that of what principal components with 95 % of the variance leave over, in
        spreads of the sensor; `isolation_forest`, of all steps, standardised, as in scikit-learn.

    Raises:
        ValueError: Train has no series.
    """
    refuse_no_train(train)
    train, values = as_known(train), as_known(values)
    sizes, spread = _of_sensors(train)
    rows, flat = train.reshape(len(train), -1), values.reshape(len(values), -1)
    standard = Standard.of(rows, np.tile(sizes, train.shape[1]))
    apart, train_apart = standard.deviations(flat), standard.deviations(rows)
    # Back from spreads of the step to those of the sensor; a step that is never known in train stays at 0.
    ratio = np.where(np.isfinite(standard.spread), standard.spread, 0.0) / np.tile(spread, train.shape[1])
    return {
        "distance_to_mean": _root_mean_square(apart),
        "principal_components": _root_mean_square(_left_over(train_apart * ratio, apart * ratio, seed)),
        "isolation_forest": forest_of_wholes(train_apart, apart, seed=seed),
    }


def _of_sensors(train):
    """Returns size and spread of each sensor, all steps together, `(sensors,)` each."""
    rows = train.reshape(-1, train.shape[-1])
    sizes = sizes_of(rows)
    return sizes, Standard.of(rows, sizes).spread


def _left_over(train, values, seed):
    """Returns `(m, columns)` less what principal components of train say of it; NaN where unknown."""
    kept = np.nan_to_num(train[drawn(*train.shape, seed)])
    center = kept.mean(axis=0)
    _, sizes, directions = np.linalg.svd(kept - center, full_matrices=False)
    variances = np.cumsum(sizes**2)
    # As few as make up the share; none where all of train is alike.
    count = np.searchsorted(variances, VARIANCE * variances[-1]) + 1 if variances[-1] > 0.0 else 0
    x = np.nan_to_num(values) - center
    x = x - x @ directions[:count].T @ directions[:count]
    return np.where(np.isfinite(values), x, np.nan)


def _root_mean_square(rows):
    known = np.isfinite(rows)
    return np.sqrt((np.nan_to_num(rows) ** 2).sum(axis=1) / np.maximum(known.sum(axis=1), 1))
