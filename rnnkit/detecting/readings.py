"""Readings: what sensors said over time, of one or several series, and which rows are inside true windows."""

import dataclasses

import numpy as np

from rnnkit.series.columns import Columns


@dataclasses.dataclass(frozen=True)
class Readings:
    """Rows of one or several series, one series after the other, each in the order of time.

    Rows of the same moment keep the file's order; none is merged, moved or filled.

    Attributes:
        name: The table's.
        columns: Names by role; the targets are the sensors.
        zone: IANA name of the zone whose stamps these are, in UTC; "" for wall clock.
        ids: Names of the series; ("",) for one without a name.
        starts: `(series + 1,)` int64, row each series begins at, and the end.
        seconds: `(rows,)` int64 since 1970.
        values: `(rows, sensors)` float32, NaN where missing.
        kinds: `(rows,)` int16, place in `kind_names` where the row is inside a true window, -1 elsewhere; None where
            nothing is known of true windows.
        kind_names: Such as ("spike", "drift"); ("anomaly",) where labels have no names.
        windows: First row, last row (inclusive) and kind of each true window, rising; no two share a row.
        places: `(rows,)` int64, the row's number in the file.
        unit: What places are counted in.
        period: Usual seconds between two rows; 1 where there are none.
        whole: Each series is one example, such as a heart beat, that is judged as a whole.
        notes: One-line remarks.
        sha256: Of what was read.
        source: Where it came from, with `stamp()`.
        stamp: The source's when it was read.
        normal: Labels that mean normal, where examples have one.
    """

    name: str
    columns: Columns
    zone: str
    ids: tuple[str, ...]
    starts: np.ndarray
    seconds: np.ndarray
    values: np.ndarray
    kinds: np.ndarray | None
    kind_names: tuple[str, ...]
    windows: tuple[tuple[int, int, int], ...]
    places: np.ndarray
    unit: str
    period: int
    whole: bool
    notes: tuple[str, ...]
    sha256: str
    source: object
    stamp: object
    normal: tuple[str, ...] = ()

    @property
    def sensors(self) -> tuple[str, ...]:
        """Names of the columns of `values`."""
        return self.columns.targets

    def spans(self) -> np.ndarray:
        """Returns `(series, 3)` int64: each series, its first row and its end row, excluded."""
        return np.stack([np.arange(len(self.ids)), self.starts[:-1], self.starts[1:]], axis=1).astype(np.int64)

    def steps(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the seconds between each row and the one before it in its series, and the rows they lead to."""
        inside = np.ones(max(len(self.seconds) - 1, 0), bool)
        inside[self.starts[1:-1] - 1] = False
        return np.diff(self.seconds)[inside], np.flatnonzero(inside) + 1
