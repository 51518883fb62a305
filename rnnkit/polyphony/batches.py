"""Batches: rolls -> pieces side by side -> windows that go on from each other, for training and validation."""

import dataclasses
import functools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from rnnkit.training.batches import dealt, epochs


@dataclasses.dataclass(frozen=True)
class FrameBatches:
    """Lays pieces of like length side by side, long ones cut, and reads on in all of them.

    Each window goes on where the one before ended, so that a state can be carried from one to the next; where pieces
    end and others begin, `begin` is 1.

    Attributes:
        rolls: `(frames, pitches)` booleans each.
        columns: Pieces side by side.
        window: Frames of a window.
        seed: Of the order of pieces in each epoch; None: always the longest first.
    """

    rolls: Sequence[np.ndarray]
    columns: int
    window: int
    seed: int | None = None

    @functools.cached_property
    def pieces(self) -> np.ndarray:
        """`(n, 3)`: roll, first frame and end frame of each piece."""
        size = max(math.ceil(self.rows_in_frames / self.columns / self.window), 1) * self.window
        found = []
        for number, roll in enumerate(self.rolls):
            edges = np.linspace(0, len(roll), math.ceil(len(roll) / size) + 1).round().astype(int).tolist()
            found += [(number, first, end) for first, end in zip(edges[:-1], edges[1:], strict=True)]
        return np.array(found)

    @functools.cached_property
    def windows(self) -> np.ndarray:
        """`(n,)`, of each piece."""
        return -((self.pieces[:, 1] - self.pieces[:, 2]) // self.window)

    @functools.cached_property
    def groups(self) -> list[tuple[int, int, int]]:
        """First piece, end piece and windows of each group that is read side by side, the longest first."""
        longest = np.sort(self.windows)[::-1].tolist()
        firsts = range(0, len(longest), self.columns)
        return [(first, min(first + self.columns, len(longest)), longest[first]) for first in firsts]

    def __len__(self):
        """Windows in an epoch; the same for each."""
        return sum(windows for _, _, windows in self.groups)

    @property
    def rows_in_frames(self) -> int:
        """Frames of all rolls."""
        return sum(map(len, self.rolls))

    @property
    def rows_in_all(self) -> int:
        """Rolls."""
        return len(self.rolls)

    @property
    def steps_in_all(self) -> int:
        """Frames: each is a time step."""
        return self.rows_in_frames

    def batch(self, order: np.ndarray, group: int, place: int):
        """Returns features, a target for form's sake and the weight of each row: its frames in the window.

        The features: `frames`, those before `target (columns, window, pitches)`, silence before a piece; `real
        (columns, window)`, 1 where there is a frame; `begin (columns,)`.
        """
        first, end, _ = self.groups[group]
        shape = (self.columns, self.window, self.rolls[0].shape[1])
        features = {name: np.zeros(shape, np.float32) for name in ("frames", "target")}
        real = np.zeros(shape[:2], np.float32)
        for column, (number, start, stop) in enumerate(self.pieces[order[first:end]].tolist()):
            begin = start + place * self.window
            target = self.rolls[number][begin : min(begin + self.window, stop)]
            if len(target):
                read = self.rolls[number][max(begin - 1, 0) : begin + len(target) - 1]
                features["target"][column, : len(target)] = target
                features["frames"][column, len(target) - len(read) : len(target)] = read
                real[column, : len(target)] = 1
        features |= {"real": real, "begin": np.full(self.columns, place == 0, np.float32)}
        return features, np.zeros(self.columns, np.float32), real.sum(1)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple]:
        """Yields the windows of an epoch, from number `start` on."""
        order, groups = np.arange(len(self.pieces)), np.arange(len(self.groups))
        if self.seed is not None:
            random = np.random.default_rng((self.seed, epoch))
            order, groups = random.permutation(order), random.permutation(groups)
        # Only pieces of like length change places, so that groups stay as long as they are.
        order = order[np.argsort(-self.windows[order], kind="stable")]
        places = [(group, place) for group in groups.tolist() for place in range(self.groups[group][2])]
        for group, place in places[start:]:
            yield self.batch(order, group, place)

    def dataset(self, *, repeat: bool, start: int = 0) -> tf.data.Dataset:
        """Returns the windows as a dataset: one epoch, or epoch after epoch without end, from window `start` on."""
        signature = tf.nest.map_structure(lambda array: tf.TensorSpec(array.shape, array.dtype), next(self.epoch(0)))
        return dealt(lambda: epochs(self, repeat=repeat, start=start), signature)


def frame_batches(preparation, splits, settings, reporter) -> tuple[FrameBatches, FrameBatches]:
    """Returns the windows of train and of valid."""
    made = []
    for rows, seed in ((splits.train, settings.seed), (splits.valid, None)):
        columns = max(1, min(settings.batch_size, rows.frames // settings.window))
        made.append(FrameBatches(rows.rolls, columns, settings.window, seed))
    return tuple(made)
