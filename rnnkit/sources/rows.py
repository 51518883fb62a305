"""Rows: the raw rows of one split, from memory or read again from their table each time."""

from collections.abc import Iterator

import numpy as np

from rnnkit.sources.faults import Fault
from rnnkit.sources.scan import Scan


class Rows:
    """Raw rows of one split, in the order of their table, as often as asked.

    Args:
        scan: Of the table they are in.
        assignment: `(rows of the table,)` uint8, the split of each.
        part: Which split these are.
        names: All labels, in order.
        codes: `(rows of the table,)`, places in `names`.

    Attributes:
        names: All labels of the data, in order; the same for each split.
        codes: `(rows,)` int32, places in `names`.
        features: Names of the feature columns.
        target: Name of the target column.
        in_memory: Whether the rows are kept, rather than read again.
    """

    def __init__(self, scan: Scan, assignment: np.ndarray, part: int, names: tuple[str, ...], codes: np.ndarray):
        self._scan, self._assignment, self._part = scan, assignment, part
        self.names, self.codes = names, codes[assignment == part]
        self.features, self.target = scan.features, scan.target

    def __len__(self):
        return len(self.codes)

    @property
    def labels(self) -> np.ndarray:
        """The target of each row, `(rows,)` of str, with no pass over the data."""
        return np.array([*self.names, ""], object)[self.codes]

    def truth(self) -> list[str]:
        """Returns the target of each row."""
        return self.labels.tolist()

    @property
    def in_memory(self) -> bool:
        return self._scan.texts is not None

    def chunks(self, size: int = 1024) -> Iterator[dict[str, list[str]]]:
        """Yields the rows by column, `size` at a time, the last ones fewer.

        Raises:
            OSError: The file has changed since it was read first.
        """
        if not len(self):
            return
        columns = self._kept(size) if self.in_memory else self._read(size)
        for start, texts in zip(range(0, len(self), size), columns, strict=True):
            targets = [self.names[code] for code in self.codes[start : start + size].tolist()]
            yield {**dict(zip(self.features, texts, strict=True)), self.target: targets}

    def _kept(self, size):
        places = np.flatnonzero(self._assignment == self._part)
        for start in range(0, len(places), size):
            chunk = places[start : start + size].tolist()
            yield [[column[place] for place in chunk] for column in self._scan.texts]

    def _read(self, size):
        table, part, texts, found = self._scan.table, self._part, [], 0
        if table.stamp() != self._scan.stamp:
            raise self._changed()
        # Not strict: a table that has grown or shrunk without a trace shows in the count below.
        for mine, (_, cells) in zip(memoryview(self._assignment), table.records(), strict=False):
            if mine == part:
                if type(cells) is Fault:
                    raise self._changed()
                texts.append(cells[:-1])
                if len(texts) == size:
                    found += size
                    yield [list(column) for column in zip(*texts, strict=True)]
                    texts = []
        found += len(texts)
        if found != len(self):
            raise self._changed()
        if texts:
            yield [list(column) for column in zip(*texts, strict=True)]

    def _changed(self):
        return OSError(f"{self._scan.table.name} has changed since it was checked. Leave it alone until the run ends.")
