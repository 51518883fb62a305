"""Panel: series end to end on a grid of ticks, their values, categories and what is static."""

import dataclasses

import numpy as np

from rnnkit.series.columns import Columns
from rnnkit.series.frequency import Frequency


@dataclasses.dataclass(frozen=True)
class Panel:
    """All series of a table, end to end; 12 bytes a step and 4 for each column.

    Attributes:
        columns: Names by role.
        frequency: The grid.
        zone: IANA name of the zone whose stamps these are, in UTC; "" for wall clock.
        ids: Names of the series, in order.
        starts: `(series + 1,)` int64, the step each series begins at, and the end.
        ticks: `(steps,)` int64. Unless `closed`, those of a series follow each other.
        seconds: `(steps,)` int64 since 1970, of each tick.
        values: `(steps, numeric columns)` float32, NaN where missing.
        categories: `(steps, category columns)` int32 places in `category_names`, -1 where missing.
        category_names: Of each category column, past first, in order.
        static_values: `(series, static)` float32.
        static_categories: `(series, static categories)` int32.
        static_names: Of each static category column.
        closed: Whether steps without a row were closed up, as trading days are.
        filled: `(steps, numeric columns)` bool, where `values` are not the table's; None for nowhere.
    """

    columns: Columns
    frequency: Frequency
    zone: str
    ids: tuple[str, ...]
    starts: np.ndarray
    ticks: np.ndarray
    seconds: np.ndarray
    values: np.ndarray
    categories: np.ndarray
    category_names: tuple[tuple[str, ...], ...]
    static_values: np.ndarray
    static_categories: np.ndarray
    static_names: tuple[tuple[str, ...], ...]
    closed: bool = False
    filled: np.ndarray | None = None

    @property
    def steps(self) -> int:
        """Steps of all series."""
        return len(self.ticks)

    @property
    def lengths(self) -> np.ndarray:
        """`(series,)` steps of each series."""
        return np.diff(self.starts)

    def series_of(self, steps: np.ndarray) -> np.ndarray:
        """Returns which series each step is in."""
        return np.searchsorted(self.starts, steps, side="right") - 1

    def series(self) -> np.ndarray:
        """`(steps,)` int32, the series of every step."""
        return np.repeat(np.arange(len(self.ids), dtype=np.int32), self.lengths)

    def known_values(self) -> np.ndarray:
        """`(steps, numeric columns)` float32: what the table has, NaN elsewhere."""
        return self.values if self.filled is None else np.where(self.filled, np.float32(np.nan), self.values)
