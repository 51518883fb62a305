"""Cells: the texts of a column, chunk by chunk -> numbers, or each different text once."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from rnnkit.sources.cells import as_text

MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "<na>", "nat", "?", "-", "--"})
"""What stands for a missing cell, in any case."""


LARGEST = float(np.finfo(np.float32).max)
"""Past that a number is infinite, as panels are float32."""


def is_missing(text: str) -> bool:
    """Says whether a cell holds nothing, or a mark for it."""
    return text.strip().casefold() in MISSING


class Texts:
    """A column of texts, each different one kept once.

    Attributes:
        names: The different texts, stripped, in the order they came.
    """

    def __init__(self):
        self._places, self._codes = {}, []

    def take(self, cells: Sequence[str]) -> None:
        """Adds some cells."""
        places = self._places
        self._codes.append(np.array([places.setdefault(cell, len(places)) for cell in cells], np.int32))

    def take_values(self, values) -> None:
        """Adds a pandas Series of any type."""
        codes, different = values.factorize(use_na_sentinel=True)
        texts = [text if isinstance(text := as_text(value), str) else str(value) for value in different.tolist()]
        new = [self._places.setdefault(text, len(self._places)) for text in [*texts, ""]]
        self._codes.append(np.array(new, np.int32)[codes])

    @property
    def names(self) -> list[str]:
        return [name.strip() for name in self._places]

    @property
    def codes(self) -> np.ndarray:
        """`(rows,)` int32, places in `names`."""
        return np.concatenate(self._codes) if self._codes else np.zeros(0, np.int32)

    def kept(self, rows: np.ndarray) -> "Texts":
        """Returns the column with these rows only, `(rows,)` bool."""
        other = Texts()
        other._places, other._codes = self._places, [self.codes[rows]]
        return other


@dataclasses.dataclass(frozen=True)
class Values:
    """A column that may hold numbers.

    Attributes:
        numbers: `(rows,)` float64, NaN where missing or no number.
        odd: Rows whose cell is filled and no number.
        infinite: Rows whose cell is infinite, or past float32.
        texts: All cells, where some are no numbers; None else.
    """

    numbers: np.ndarray
    odd: np.ndarray
    infinite: np.ndarray
    texts: Texts | None

    @property
    def categorical(self) -> bool:
        """Whether more than half of the filled cells are no numbers."""
        return 2 * len(self.odd) > np.count_nonzero(np.isfinite(self.numbers)) + len(self.odd) + len(self.infinite)

    @property
    def empty(self) -> bool:
        """Whether no cell is filled."""
        return not len(self.odd) and not len(self.infinite) and bool(np.isnan(self.numbers).all())

    def text(self, row: int) -> str:
        """Returns the cell of a row."""
        return self.texts.names[self.texts.codes[row]] if self.texts else str(self.numbers[row])

    def coded(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """Returns `(rows,)` int32 places in the sorted categories, -1 where missing, and the categories."""
        if self.texts is None:
            texts = Texts()
            texts.take([as_text(number) for number in self.numbers.tolist()])
        else:
            texts = self.texts
        names = texts.names
        categories = tuple(sorted({name for name in names if not is_missing(name)}))
        places = {name: place for place, name in enumerate(categories)}
        return np.array([*(places.get(name, -1) for name in names), -1], np.int32)[texts.codes], categories


class Mixed:
    """Collects a column of cells as `Values`."""

    def __init__(self):
        self._numbers, self._odd, self._infinite, self._texts, self._rows = [], [], [], None, 0

    def take(self, cells: list[str]) -> None:
        """Adds some cells."""
        import pandas as pd

        numbers = np.asarray(pd.to_numeric(np.array(cells, object), errors="coerce"), np.float64)
        gone = np.flatnonzero(np.isnan(numbers))
        odd = [row for row in gone.tolist() if not is_missing(cells[row])]
        if odd and self._texts is None:
            self._texts = Texts()
            for earlier in self._numbers:
                self._texts.take([as_text(number) for number in earlier.tolist()])
        if self._texts is not None:
            self._texts.take(cells)
        self._add(numbers, odd)

    def take_values(self, values) -> None:
        """Adds a pandas Series of any type."""
        import pandas as pd

        if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_complex_dtype(values.dtype):
            self._add(values.to_numpy(np.float64, na_value=np.nan), [])
            return
        texts = Texts()
        texts.take_values(values)
        names = texts.names
        self.take([names[code] for code in texts.codes.tolist()])

    def _add(self, numbers, odd):
        infinite = np.abs(numbers) > LARGEST
        self._infinite.append(np.flatnonzero(infinite) + self._rows)
        self._odd.append(np.array(odd, np.int64) + self._rows)
        self._numbers.append(np.where(infinite, np.nan, numbers) if infinite.any() else numbers)
        self._rows += len(numbers)

    def finish(self) -> Values:
        """Returns the column."""
        joined = [
            np.concatenate(parts) if parts else np.zeros(0) for parts in (self._numbers, self._odd, self._infinite)
        ]
        return Values(joined[0], joined[1].astype(np.int64), joined[2].astype(np.int64), self._texts)
