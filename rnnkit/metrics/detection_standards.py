"""What is usual in train: numbers by column -> mean and spread -> how far from usual others are."""

import dataclasses
from collections.abc import Callable

import numpy as np

STILL = 1e-9
STILL_SPREAD = 0.01
"""Of the size of a column: a spread below `STILL` of it is rounding, and this is taken in its place."""

Detector = Callable[[np.ndarray], np.ndarray]
"""Values `(rows, sensors)` of one series from its first row on, NaN where missing -> scores `(rows,)`, finite."""


@dataclasses.dataclass(frozen=True)
class Standard:
    """What is usual in train, by column.

    Attributes:
        mean: `(columns,)`, 0 for one that is never known.
        spread: `(columns,)`, above 0. A column that stands still has 1 % of its size, or 1 if that is 0; one that is
            never known has infinity, so that nothing about it is strange.
    """

    mean: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, sizes: np.ndarray) -> "Standard":
        """Takes it of `rows (rows, columns)`, NaN where unknown; `sizes (columns,)` as from `sizes_of`."""
        known = np.isfinite(rows)
        counts = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, rows, 0.0).sum(axis=0) / counts
        spread = np.sqrt(np.where(known, (rows - mean) ** 2, 0.0).sum(axis=0) / counts)
        still = np.where(sizes > 0.0, STILL_SPREAD * sizes, 1.0)
        spread = np.where(spread > STILL * sizes, spread, still)
        return cls(mean, np.where(known.any(axis=0), spread, np.inf))

    def deviations(self, rows: np.ndarray) -> np.ndarray:
        """Returns how many spreads `(rows, columns)` are off the mean, with their sign; NaN where unknown."""
        return (rows - self.mean) / self.spread


def as_known(values) -> np.ndarray:
    """Returns values as float64, NaN in place of all that is not finite."""
    values = np.asarray(values, np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def sizes_of(rows: np.ndarray) -> np.ndarray:
    """Returns the largest size in each column, `(columns,)`, 0 where nothing is known."""
    return np.abs(np.nan_to_num(rows)).max(axis=0)


def strangest(deviations: np.ndarray) -> np.ndarray:
    """Returns the largest size in each row, `(rows,)`, 0 where nothing is known."""
    return np.abs(np.nan_to_num(deviations)).max(axis=1)


def refuse_no_train(train) -> None:
    """Raises ValueError where there is nothing to learn from."""
    if not len(train):
        raise ValueError("Baselines of detection learn from at least one row of train. Got none. Give train some rows.")
