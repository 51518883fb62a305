"""Streams: ids of texts end to end -> columns side by side -> windows that go on from each other."""

import dataclasses
import functools
import math
import pathlib
import tempfile
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from rnnkit.layers.embedding import END
from rnnkit.training.batches import dealt, epochs
from rnnkit.training.store import Column

HALVED = 0.05
"""Share of the windows that are of half the length, where lengths are drawn (Merity et al. 2017, section 5)."""
STEP, SPREAD = 5, 5.0
"""Lengths drawn are multiples of the first; the second is their standard deviation."""


class Stream:
    """Ids end to end, in memory or in a temporary file, and how many each passage has.

    Attributes:
        lengths: `(passages,)`, known once it is closed.
    """

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="rnnkit-")
        self._column = Column(pathlib.Path(self._folder.name), "ids")

    def append(self, ids: np.ndarray, lengths: np.ndarray) -> None:
        """Adds the ids of some passages `(tokens,)`, and the number of each one's `(passages,)`."""
        self._column.append(np.split(ids.astype(np.int32), np.cumsum(lengths)[:-1]))

    def close(self) -> None:
        """Ends the writing; from here on ids can be read."""
        self._column.close()
        self.lengths = self._column.lengths

    def __len__(self):
        return int(self.lengths.sum())

    def ids(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Returns the ids from one place to another, `(stop - start,)` int32."""
        stop = min(len(self) if stop is None else stop, len(self))
        return self._column.steps(start, stop) if start < stop else np.zeros(0, np.int32)


@dataclasses.dataclass(frozen=True)
class StreamBatches:
    """Cuts a stream into columns of one length, which lie side by side as the rows of a batch, and reads on in all.

    Each window goes on where the one before ended, so that a state can be carried from one to the next. What the
    columns leave over at the end, fewer ids than there are columns, is left out.

    Attributes:
        stream: The ids.
        columns: Rows of a batch.
        window: Tokens of a window; of a drawn one, about.
        seed: Of the lengths; None: all windows have the same length, but the last.
    """

    stream: Stream
    columns: int
    window: int
    seed: int | None = None

    @functools.cached_property
    def length(self) -> int:
        """Tokens of a column."""
        return len(self.stream) // self.columns

    def __len__(self):
        """Windows in an epoch; the same for each. Where lengths are drawn, it may end before the text or after."""
        mean = self.window * (1 - HALVED / 2) if self.seed is not None else self.window
        return max(1, math.ceil(self.length / mean))

    @property
    def rows_in_all(self) -> int:
        """Passages of the split."""
        return len(self.stream.lengths)

    @property
    def steps_in_all(self) -> int:
        """Tokens that are predicted."""
        return self.length * self.columns

    def lengths(self, epoch: int) -> np.ndarray:
        """Returns the lengths of an epoch's windows, before they are cut at the end of the text."""
        if self.seed is None:
            return np.full(len(self), self.window)
        random = np.random.default_rng((self.seed, epoch))
        mean = np.where(random.random(len(self)) < HALVED, self.window / 2, self.window)
        drawn = STEP * np.rint(random.normal(mean, SPREAD) / STEP)
        return np.maximum(drawn, min(STEP, self.window)).astype(int)

    def windows(self, epoch: int) -> list[tuple[int, int]]:
        """Returns where each window of an epoch begins in a column, and where it ends."""
        place = 0
        for before in range(epoch if self.seed is not None else 0):
            for length in self.lengths(before).tolist():
                place = (place + length) if place + length < self.length else 0
        found = []
        for length in self.lengths(epoch).tolist():
            stop = min(place + length, self.length)
            found.append((place, stop))
            place = stop if stop < self.length else 0
        return found

    def batch(self, start: int, stop: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Returns features, a target for form's sake and the weight of each row: its tokens.

        The features: `ids (columns, time)`, what is read; `target`, what follows each, 0 where nothing does;
        `begin (columns,)`, 1 where the text begins, whose first token follows the end of another.
        """
        rows = range(self.columns)
        parts = [self.stream.ids(max(row * self.length + start - 1, 0), row * self.length + stop) for row in rows]
        if not start:
            parts[0] = np.concatenate([[END], parts[0]])
        both = np.stack(parts).astype(np.int32)
        # Where all windows have one length the last is filled up: so there is one shape.
        missing = self.window - (stop - start) if self.seed is None else 0
        both = np.pad(both, [(0, 0), (0, missing)])
        begin = np.full(self.columns, not start, np.float32)
        features = {"ids": both[:, :-1], "target": both[:, 1:], "begin": begin}
        return features, np.zeros(self.columns, np.float32), np.full(self.columns, stop - start, np.float32)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]]:
        """Yields the windows of an epoch, from number `start` on."""
        for window in self.windows(epoch)[start:]:
            yield self.batch(*window)

    def dataset(self, *, repeat: bool, start: int = 0) -> tf.data.Dataset:
        """Returns the windows as a dataset: one epoch, or epoch after epoch without end, from window `start` on."""
        time = self.window if self.seed is None else None
        ids, row = tf.TensorSpec([self.columns, time], tf.int32), tf.TensorSpec([self.columns], tf.float32)
        signature = {"ids": ids, "target": ids, "begin": row}, row, row
        return dealt(lambda: epochs(self, repeat=repeat, start=start), signature)


def columns_of(tokens: int, most: int, window: int) -> int:
    """Returns how many columns a text of so many tokens is cut into: fewer than `most` where they are short."""
    return max(1, min(most, tokens // window))
