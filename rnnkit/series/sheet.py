"""Sheet: the wanted columns of a table, as texts, numbers or instants, with their lines."""

import dataclasses

import numpy as np

from rnnkit.series.cells import Texts, Values
from rnnkit.sources.faults import FaultLog

SAMPLE = 200
"""Rows looked at to tell what a column holds."""


@dataclasses.dataclass(frozen=True)
class Instants:
    """A column of typed times.

    Attributes:
        times: `(rows,)` datetime64[us], NaT where missing; in UTC if `aware`.
        aware: Whether they had a zone.
    """

    times: np.ndarray
    aware: bool

    def kept(self, rows: np.ndarray) -> "Instants":
        """Returns the column with these rows only, `(rows,)` bool."""
        return Instants(self.times[rows], self.aware)


@dataclasses.dataclass(frozen=True)
class Sheet:
    """The wanted columns of a table.

    Attributes:
        name: The table's, as the user wrote it.
        unit: What places are counted in.
        places: `(rows,)` int64.
        texts: Name -> column of texts, or of typed times.
        values: Name -> column that may hold numbers.
        faults: Rows that were left out.
        sha256: Of the bytes read; of the values of a DataFrame.
    """

    name: str
    unit: str
    places: np.ndarray
    texts: dict[str, Texts | Instants]
    values: dict[str, Values]
    faults: FaultLog
    sha256: str
