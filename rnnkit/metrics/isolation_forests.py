"""Isolation forests: windows, or whole series -> how few cuts set each apart from those of train."""

import math
from collections.abc import Sequence

import numpy as np
from sklearn.ensemble import IsolationForest

from rnnkit.metrics.detection_standards import Detector, Standard, as_known, sizes_of

MOST_LEARNT = 20_000
"""Windows, or wholes, that are learnt from; of more some are drawn."""
MOST_CELLS = 1 << 24
"""Numbers in windows that are held at once."""
FARTHEST = 1e6
"""Spreads; what is farther off is the same to a forest, which reads float32."""


def isolation_forest(train: Sequence[np.ndarray], *, window: int, seed: int) -> Detector:
    """Scores rows by how few cuts set the window that ends there apart from others, 0 to 1.

    Values are standardised by train, missing ones taken for the mean; before the first row stand copies of it.

    Args:
        train: Stretches `(rows, sensors)`, none empty, at least one; NaN where missing.
        window: Rows, at least 1.
        seed: Draws windows where there are too many, and grows the forest.

    Liu, Ting & Zhou (2008), https://doi.org/10.1109/ICDM.2008.17, as in scikit-learn.
    """
    train = [as_known(part) for part in train]
    rows = np.concatenate(train)
    standard = Standard.of(rows, sizes_of(rows))
    kept, ends = drawn(len(rows), window * rows.shape[1], seed), np.cumsum([len(part) for part in train])
    by_part = np.split(kept, np.searchsorted(kept, ends[:-1]))
    learnt = [
        _windows(part, standard, window)[places - (end - len(part))]
        for part, places, end in zip(train, by_part, ends, strict=True)
    ]
    forest = IsolationForest(random_state=seed).fit(np.concatenate(learnt).reshape(len(kept), -1))

    def scores(values):
        values = as_known(values)
        return np.where(np.isfinite(values).any(axis=1), _scored(forest, _windows(values, standard, window)), 0.0)

    return scores


def _windows(values, standard, window):
    """Returns the windows that end at each row, `(rows, sensors, window)`, a view of far fewer numbers."""
    cells = _cells(standard.deviations(values))
    padded = np.concatenate([np.repeat(cells[:1], window - 1, axis=0), cells])
    return np.lib.stride_tricks.sliding_window_view(padded, window, axis=0)


def _cells(deviations):
    return np.clip(np.nan_to_num(deviations), -FARTHEST, FARTHEST).astype(np.float32)


def _scored(forest, cells):
    """Scores `(n, …)`, a part at a time."""
    out, size = np.empty(len(cells)), max(MOST_CELLS // math.prod(cells.shape[1:]), 1)
    for start in range(0, len(cells), size):
        part = cells[start : start + size]
        out[start : start + size] = -forest.score_samples(part.reshape(len(part), -1))
    return out


def forest_of_wholes(train: np.ndarray, values: np.ndarray, *, seed: int) -> np.ndarray:
    """Scores standardised examples `values (m, columns)` by how few cuts set them apart from those of `train`.

    Returns:
        `(m,)`, 0 to 1; 0 where nothing of an example is known.
    """
    kept = train[drawn(*train.shape, seed)]
    forest = IsolationForest(random_state=seed).fit(_cells(kept))
    return np.where(np.isfinite(values).any(axis=1), _scored(forest, _cells(values)), 0.0)


def drawn(count: int, columns: int, seed: int) -> np.ndarray:
    """Draws as many of `count` examples as can be learnt from: their places, rising."""
    most = min(MOST_LEARNT, max(MOST_CELLS // columns, 1))
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))
