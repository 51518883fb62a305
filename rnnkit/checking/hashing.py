"""Hashing: texts -> 64-bit numbers, the same in every process, a column at a time."""

from collections.abc import Sequence

import numpy as np

SKETCH = 1_024
"""Smallest hashes kept to estimate how many different values there are; the estimate is off by about 3%."""


def hashes_of(texts: Sequence[str]) -> np.ndarray:
    """Returns a hash of each text, `(texts,)` uint64."""
    from pandas.util import hash_array

    values = np.empty(len(texts), object)
    values[:] = texts
    try:
        return hash_array(values, categorize=False)
    except UnicodeEncodeError:
        values[:] = [text.encode("utf-8", "surrogatepass") for text in texts]
        return hash_array(values, categorize=False)


def rows_of(columns: Sequence[Sequence[str]]) -> np.ndarray:
    """Returns a hash of each row of some columns, `(rows,)` uint64."""
    first, *others = columns
    combined = hashes_of(first)
    for column in others:
        combined = combined * np.uint64(0x9E3779B97F4A7C15) + hashes_of(column)
    return combined


class DistinctCount:
    """Counts different values in little memory: exactly up to `SKETCH`, then by the k smallest hashes.

    Bar-Yossef et al. (2002), Counting distinct elements in a data stream, algorithm 2.
    """

    def __init__(self):
        self._smallest = np.zeros(0, np.uint64)

    def take(self, hashes: np.ndarray) -> None:
        """Adds the hashes of some values."""
        if len(self._smallest) == SKETCH:
            hashes = hashes[hashes < self._smallest[-1]]
        if len(hashes):
            self._smallest = np.unique(np.concatenate([self._smallest, hashes]))[:SKETCH]

    def __int__(self):
        if len(self._smallest) < SKETCH:
            return len(self._smallest)
        return round((SKETCH - 1) / (float(self._smallest[-1]) / 2.0**64))

    @property
    def exact(self) -> bool:
        """Whether the count is no estimate."""
        return len(self._smallest) < SKETCH
