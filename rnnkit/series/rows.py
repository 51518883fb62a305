"""Rows: those of a table, read and checked, before they are put on a grid."""

import dataclasses

import numpy as np

from rnnkit.series.columns import Columns


@dataclasses.dataclass(frozen=True)
class Rows:
    """The rows of a table, in their order.

    Attributes:
        name: The table's.
        columns: Names by role.
        zone: See `Panel.zone`.
        seconds: `(rows,)` int64.
        places: `(rows,)` int64 in the table.
        unit: What places are counted in.
        series: `(rows,)` int32, places in `ids`.
        ids: Names of the series, in the order they come.
        values: `(rows, numeric columns)` float32, NaN where missing.
        categories: `(rows, category columns)` int32, -1 where missing or unknown.
        category_names: Of each category column.
        static_values, static_categories: `(series, …)`.
        static_names: Of each static category column.
        notes: One-line remarks.
        sha256: Of what was read.
        source: Where it came from, with `stamp()`.
        stamp: The source's when it was read.
        made: Whether the stamps were made.
        unseen: Category columns with categories that the model never saw.
    """

    name: str
    columns: Columns
    zone: str
    seconds: np.ndarray
    places: np.ndarray
    unit: str
    series: np.ndarray
    ids: tuple[str, ...]
    values: np.ndarray
    categories: np.ndarray
    category_names: tuple[tuple[str, ...], ...]
    static_values: np.ndarray
    static_categories: np.ndarray
    static_names: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    sha256: str
    source: object
    stamp: object
    made: bool
    unseen: frozenset[str] = frozenset()
