"""Rows: the passages of one split, read again from their files each time."""

import itertools
from collections.abc import Iterator

import numpy as np

from rnnkit.documents.scan import DocumentScan


class Passages:
    """Passages of one split, in the order of the data, as often as asked; none is kept.

    Args:
        scan: Of the texts they are cut from.
        chosen: `(passages of the scan,)` bool, True for these.
        notes: One-line remarks on what was left out, for the user.

    Attributes:
        features: Names of what is read.
        target: Name of what is predicted: the same.
        names: Of classes: there are none.
        in_memory: Whether the passages are kept: they aren't.
        characters: Of all passages together.
    """

    features, target, names, in_memory = ("text",), "text", (), False

    def __init__(self, scan: DocumentScan, chosen: np.ndarray, notes: tuple[str, ...] = ()):
        self._scan, self._chosen, self.notes = scan, chosen, notes
        self._lengths, self._ends = scan.lengths[chosen].astype(np.int64), scan.ends[chosen]
        self.characters = int(self._lengths.sum())

    def __len__(self):
        return len(self._lengths)

    @property
    def labels(self) -> np.ndarray:
        """`(passages,)` of str: there are none."""
        return np.full(len(self), "", object)

    def truth(self) -> np.ndarray:
        """Returns the characters (code points) of each passage, `(passages,)` int64."""
        return self._lengths

    def chunks(self, size: int = 1024) -> Iterator[dict[str, list]]:
        """Yields `text` and `ends` of the passages, `size` at a time, the last ones fewer.

        `ends` is True where a text (a file, a row, a line of its own) ends with the passage. The passages of a text,
        put together, are the text, with `\\n` as the only line end.

        Raises:
            OSError: The texts have changed since they were read first.
        """
        if not len(self):
            return
        texts = self._scan.read(self._chosen)
        start = 0
        while chunk := list(itertools.islice(texts, size)):
            yield {"text": chunk, "ends": self._ends[start : start + len(chunk)].tolist()}
            start += len(chunk)
