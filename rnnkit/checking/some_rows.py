"""Some rows: a split -> a part of it that is quickly read and stands for the whole."""

from collections.abc import Iterator

import numpy as np


class SomeRows:
    """Looks like the rows of a split and has only some of them.

    Rows in memory are taken evenly spread; of others the first ones, for each pass reads the file anew.

    Args:
        rows: The split.
        most: Rows to take.
        characters: Most characters of text to take, about.

    Attributes:
        spread: Whether they stand for all rows.
        places: Which of the split's rows these are, in order.
    """

    def __init__(self, rows, most: int, characters: int = 8 << 20):
        self._rows = rows
        first = next(rows.chunks(), {})
        row = sum(len(cell) for column in first.values() for cell in column) / max(
            len(next(iter(first.values()), ())), 1
        )
        count = min(most, len(rows), max(int(characters / max(row, 1)), 64))
        self.spread = getattr(rows, "in_memory", True)
        self.places = np.linspace(0, len(rows) - 1, count).astype(int) if self.spread else np.arange(count)
        if hasattr(rows, "codes"):
            self.codes = rows.codes[self.places]

    def __getattr__(self, name):
        if name == "_rows":
            raise AttributeError(name)
        return getattr(self._rows, name)

    def __len__(self):
        return len(self.places)

    @property
    def whole(self) -> bool:
        """Whether these are all rows of the split."""
        return len(self.places) == len(self._rows)

    @property
    def labels(self) -> np.ndarray:
        return self._rows.labels[self.places]

    def chunks(self, size: int = 1024) -> Iterator[dict[str, list[str]]]:
        """Yields the rows by column, up to `size` at a time."""
        start, wanted = 0, self.places
        for chunk in self._rows.chunks(size):
            stop = start + len(next(iter(chunk.values())))
            inside = wanted[(wanted >= start) & (wanted < stop)] - start
            if len(inside):
                yield {name: [column[place] for place in inside.tolist()] for name, column in chunk.items()}
            start = stop
            if start > wanted[-1]:
                return
