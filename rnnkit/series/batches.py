"""Batches of windows: encoded steps of all series -> windows of them, cut out as they are needed."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from rnnkit.series.encoding import EncodedPanel
from rnnkit.series.windows import Windows
from rnnkit.training.batches import dealt, epochs


@dataclasses.dataclass(frozen=True)
class WindowBatches:
    """Deals windows into batches of one shape; the last one is filled up with rows of weight 0.

    Memory holds the encoded steps once, however many windows overlap on them.

    Attributes:
        windows: Of one split.
        encoded: Their panel.
        batch_size: Windows in a batch.
        seed: Seed of the order; None keeps windows in order, for evaluation.
        teacher: Share of steps at which a recursive decoder is given the true value; None where it takes none.
    """

    windows: Windows
    encoded: EncodedPanel
    batch_size: int
    seed: int | None = None
    teacher: float | None = None

    def __len__(self):
        """Batches in an epoch."""
        return -(-len(self.windows) // self.batch_size)

    @property
    def rows_in_all(self) -> int:
        """Windows of the split."""
        return len(self.windows)

    @property
    def steps_in_all(self) -> int:
        """Time steps looked back on, of all windows."""
        return len(self.windows) * self.windows.window

    def order(self, epoch: int) -> list[np.ndarray]:
        """Returns the places of each batch's windows."""
        count = len(self.windows)
        rows = np.arange(count) if self.seed is None else np.random.default_rng((self.seed, epoch)).permutation(count)
        return [rows[start : start + self.batch_size] for start in range(0, count, self.batch_size)]

    def batch(
        self, places: np.ndarray, random: np.random.Generator | None = None
    ) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Returns core inputs, targets `(batch, horizon, targets, 2)` (scaled value, known) and weights."""
        cuts = self.windows.cuts[np.concatenate([places, np.repeat(places[:1], self.batch_size - len(places))])]
        weights = np.zeros(self.batch_size, np.float32)
        weights[: len(places)] = 1
        features, targets = self.encoded.inputs(cuts), self.encoded.target(cuts)
        if self.teacher is not None:
            given = targets[..., 1] > 0
            if self.teacher < 1:
                chance = np.ones(given.shape[:2]) if random is None else random.random(given.shape[:2])
                given &= chance[..., None] < self.teacher
            features["teacher"] = np.where(given, targets[..., 0], np.float32(np.nan))
        return features, targets, weights

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]]:
        """Yields the batches of an epoch, from number `start` on."""
        for place, rows in enumerate(self.order(epoch)[start:], start):
            yield self.batch(rows, None if self.seed is None else np.random.default_rng((self.seed, epoch, place)))

    def dataset(self, *, repeat: bool, start: int = 0) -> tf.data.Dataset:
        """Returns the batches as a dataset: one epoch, or epoch after epoch without end, from batch `start` on."""

        def generate():
            return epochs(self, repeat=repeat, start=start)

        example = self.batch(np.zeros(1, np.int64))
        signature = tf.nest.map_structure(lambda array: tf.TensorSpec(array.shape, array.dtype), example)
        return dealt(generate, signature)


class Pass:
    """All batches in the order of their windows, with nothing of what is to come given; as often as asked.

    Args:
        batches: Of which.
        most: Most of them, evenly spread; None for all.
    """

    def __init__(self, batches: WindowBatches, most: int | None = None):
        self._batches = dataclasses.replace(batches, seed=None, teacher=None if batches.teacher is None else 0.0)
        self._every = -(-len(batches) // most) if most else 1

    def __iter__(self):
        for places in self._batches.order(0)[:: self._every]:
            yield self._batches.batch(places)
