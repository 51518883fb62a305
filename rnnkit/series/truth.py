"""Truth: what came after each window, and the sizes that errors are compared with."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Truth:
    """Of the n windows of a split, in their order; in the user's units.

    Attributes:
        values: `(n, horizon, targets)` float64, NaN where the table had no value.
        last: `(n, targets)` float64, the last known value before the horizon.
        scale: `(n, targets)` float64, see `Scales`.
        mean, spread: `(targets,)` float64 of the train part.
        seconds: `(n,)` int64 since 1970 of the first step of the horizon.
        series: `(n,)` places in `ids`.
        ids: Names of the series.
        targets: Names of the targets.
    """

    values: np.ndarray
    last: np.ndarray
    scale: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    seconds: np.ndarray
    series: np.ndarray
    ids: tuple[str, ...]
    targets: tuple[str, ...]
