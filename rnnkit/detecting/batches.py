"""Batches: encoded rows -> pieces side by side -> windows that go on from each other, for training and validation."""

import dataclasses
import functools
import math
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from rnnkit.detecting.core import EXPECTING
from rnnkit.detecting.detector_settings import DetectorSettings
from rnnkit.detecting.features import Encoded, encode_readings
from rnnkit.detecting.parts import Part
from rnnkit.training.batches import dealt, epochs

READ = (*EXPECTING, "values", "known")


@dataclasses.dataclass(frozen=True)
class RowBatches:
    """Cuts the spans of a split into pieces of about one length, which lie side by side, and reads on in all.

    Each window goes on where the one before ended, so that a state can be carried from one to the next; where pieces
    end and others begin, `begin` is 1. While training, pieces begin at another of their first rows in each epoch.

    Attributes:
        encoded: The rows.
        part: The split.
        columns: Pieces side by side.
        window: Rows of a window.
        settings: Of `DetectorSettings`.
        seed: Of the beginnings and the order of pieces; None: all are read from their first row, in their order.
    """

    encoded: Encoded
    part: Part
    columns: int
    window: int
    settings: DetectorSettings
    seed: int | None = None

    @property
    def spans(self) -> np.ndarray:
        """`(n, 2)`, first row and end row of each span."""
        return self.part.spans[:, 1:]

    @functools.cached_property
    def pieces(self) -> np.ndarray:
        """`(n, 2)`, first row and end row of each piece, the longest first."""
        lengths = self.spans[:, 1] - self.spans[:, 0]
        size = max(math.ceil(math.ceil(lengths.sum() / self.columns) / self.window), 1) * self.window
        found = []
        for begin, end in self.spans.tolist():
            count = math.ceil((end - begin) / size)
            edges = np.linspace(begin, end, count + 1).round().astype(int).tolist()
            found += zip(edges[:-1], edges[1:], strict=True)
        return np.array(sorted(found, key=lambda piece: piece[0] - piece[1]))

    @functools.cached_property
    def groups(self) -> list[tuple[int, int, int]]:
        """First piece, end piece and windows of each group that is read side by side."""
        found = []
        for first in range(0, len(self.pieces), self.columns):
            longest = self.pieces[first, 1] - self.pieces[first, 0]
            found.append((first, min(first + self.columns, len(self.pieces)), math.ceil(longest / self.window)))
        return found

    def __len__(self):
        """Windows in an epoch; the same for each."""
        return sum(windows for _, _, windows in self.groups)

    @property
    def rows_in_all(self) -> int:
        """Rows of the split."""
        return int((self.spans[:, 1] - self.spans[:, 0]).sum())

    @property
    def steps_in_all(self) -> int:
        """The same: each row is a time step."""
        return self.rows_in_all

    def batch(self, epoch: int, group: int, place: int):
        """Returns features, a target for form's sake and the weight of each piece: its rows in the window.

        The features: what the core reads, `(columns, window, …)`; `target`, `target_known (columns, window, ahead,
        sensors)`; `real (columns, window)`, 1 where there is a row; `begin (columns,)`.
        """
        first, end, _ = self.groups[group]
        pieces = self.pieces[self._order(epoch)][first:end]
        begins = pieces[:, 0] + self._late(epoch, pieces) + place * self.window
        rows = begins[:, None] + np.arange(self.window)
        real = rows < pieces[:, 1:]
        rows = np.minimum(rows, pieces[:, 1:] - 1)
        later = rows[:, :, None] + np.arange(self.settings.ahead)
        given = real[:, :, None] & (later < pieces[:, 1:, None])
        later = np.minimum(later, pieces[:, 1:, None] - 1)
        source = self.encoded.rows
        features = {name: source[name][rows] for name in READ}
        features["known"] = features["known"] * real[..., None]
        features["target"] = source["values"][later]
        features["target_known"] = source["known"][later] * given[..., None]
        features["real"] = real.astype(np.float32)
        features["begin"] = np.full(len(pieces), place == 0, np.float32)
        short = self.columns - len(pieces)
        features = {name: _filled(array, short) for name, array in features.items()}
        weights = features["real"].sum(1)
        return features, np.zeros(self.columns, np.float32), weights

    def _order(self, epoch):
        if self.seed is None:
            return np.arange(len(self.pieces))
        # Only pieces of like length change places, so that groups stay as long as they are.
        random = np.random.default_rng((self.seed, epoch))
        drawn = random.permutation(len(self.pieces))
        windows = -((self.pieces[:, 1] - self.pieces[:, 0]) // -self.window)
        return drawn[np.argsort(-windows[drawn], kind="stable")]

    def _late(self, epoch, pieces):
        if self.seed is None:
            return np.zeros(len(pieces), int)
        random = np.random.default_rng((self.seed, epoch, 1))
        most = np.minimum(self.window, (pieces[:, 1] - pieces[:, 0]) // 2)
        share = random.random(len(self.pieces))[: len(pieces)]
        return (share * most).astype(int) if self.window > 1 and len(self.pieces) <= self.columns else 0 * most

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple]:
        """Yields the windows of an epoch, from number `start` on."""
        places = [(group, place) for group, parts in enumerate(self.groups) for place in range(parts[2])]
        for group, place in places[start:]:
            yield self.batch(epoch, group, place)

    def dataset(self, *, repeat: bool, start: int = 0) -> tf.data.Dataset:
        """Returns the windows as a dataset: one epoch, or epoch after epoch without end, from window `start` on."""
        example = self.batch(0, 0, 0)
        signature = tf.nest.map_structure(lambda array: tf.TensorSpec(array.shape, array.dtype), example)
        return dealt(lambda: epochs(self, repeat=repeat, start=start), signature)


def _filled(array, short):
    return np.concatenate([array, np.zeros((short, *array.shape[1:]), array.dtype)]) if short else array


def detection_batches(preparation, splits, settings, reporter) -> tuple[RowBatches, RowBatches]:
    """Encodes the rows once; returns the windows of train and of valid."""
    encoded, made = {}, []
    window = preparation.facts["window"]
    for split, seed in zip(("train", "valid"), (settings.seed, None), strict=True):
        part = getattr(splits, split)
        if id(part.readings) not in encoded:
            with reporter.task(f"encoding {split}"):
                encoded[id(part.readings)] = encode_readings(preparation.features, part.readings)
        columns = max(1, min(settings.batch_size, len(part.rows) // window))
        made.append(RowBatches(encoded[id(part.readings)], part, columns, window, settings, seed))
    return tuple(made)
