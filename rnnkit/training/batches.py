"""Batches: stored rows -> batches of like length, in an order that depends on the seed and the epoch alone."""

import dataclasses
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from rnnkit.training.store import Column, Store

GROWTH = 1.2
"""Ratio of neighbouring bucket lengths: at most a sixth of a batch is padding."""


@dataclasses.dataclass(frozen=True)
class Batches:
    """Deals the rows of a store into batches.

    Every batch of a bucket has the same shape, so XLA compiles once per bucket; the last one
    is filled up with rows of weight 0. Where each step has a target, a row weighs as much as it has steps.

    Attributes:
        store: The rows.
        batch_size: Rows in a batch, fewer where `token_budget` says so.
        token_budget: Most padded steps in a batch; 0 for no limit.
        seed: Seed of the order; None keeps rows in order of length, for evaluation.
        class_weights: `(classes,)`, weight of a row by its target; None for 1.
    """

    store: Store
    batch_size: int
    token_budget: int = 0
    seed: int | None = None
    class_weights: np.ndarray | None = None

    def __len__(self):
        """Batches in an epoch; the same for each."""
        lengths, counts = np.unique(self._buckets, return_counts=True)
        return sum(-(-int(count) // self.rows(length)) for length, count in zip(lengths, counts, strict=True))

    @property
    def rows_in_all(self) -> int:
        """Rows of the split."""
        return len(self.store)

    @property
    def steps_in_all(self) -> int:
        """Real time steps of all rows."""
        return int(self.store.lengths.sum())

    @property
    def _buckets(self) -> np.ndarray:
        return bucket_lengths(self.store.lengths)

    def rows(self, length: int) -> int:
        """Rows in a batch of that many steps."""
        if not self.token_budget:
            return self.batch_size
        return max(1, min(self.batch_size, self.token_budget // int(length)))

    def order(self, epoch: int) -> list[tuple[int, np.ndarray]]:
        """Returns the batches of an epoch as pairs of padded length and row indices."""
        buckets = self._buckets
        if self.seed is None:
            random, rows = None, np.argsort(self.store.lengths, kind="stable")
        else:
            random = np.random.default_rng((self.seed, epoch))
            rows = random.permutation(len(buckets))
        batches = []
        for length in np.unique(buckets):
            members, size = rows[buckets[rows] == length], self.rows(length)
            batches += [(int(length), members[start : start + size]) for start in range(0, len(members), size)]
        if random is not None:
            batches = [batches[i] for i in random.permutation(len(batches))]
        return batches

    def batch(self, length: int, rows: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Returns features, targets and weights of some rows, padded to `length` steps and a full batch."""
        size = self.rows(length)
        features = {name: column.padded(rows, length, size) for name, column in self.store.sequences.items()}
        filled = np.concatenate([rows, np.repeat(rows[:1], size - len(rows))])
        # Filled rows repeat the first one at weight 0: a fully masked row would be no fair input.
        for name in self.store.sequences:
            features[name][len(rows) :] = features[name][:1]
        for name, values in self.store.fixed.items():
            features[name] = values[filled]
        weights = np.zeros(size, np.float32)
        if isinstance(self.store.targets, Column):
            targets = self.store.targets.padded(filled, length)
            weights[: len(rows)] = self.store.lengths[rows]
            return features, targets, weights
        targets = self.store.targets[filled]
        weights[: len(rows)] = 1 if self.class_weights is None else self.class_weights[targets[: len(rows)]]
        return features, targets, weights

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]]:
        """Yields the batches of an epoch, from number `start` on."""
        for length, rows in self.order(epoch)[start:]:
            yield self.batch(length, rows)

    def dataset(self, *, repeat: bool, start: int = 0) -> tf.data.Dataset:
        """Returns the batches as a dataset: one epoch, or epoch after epoch without end, from batch `start` on."""

        def generate():
            return epochs(self, repeat=repeat, start=start)

        return dealt(generate, self._signature())

    def _signature(self):
        sequences = {
            name: tf.TensorSpec([None, None, *column.shape], column.dtype)
            for name, column in self.store.sequences.items()
        }
        fixed = {name: tf.TensorSpec([None, *v.shape[1:]], v.dtype) for name, v in self.store.fixed.items()}
        targets = self.store.targets
        shape = (None, *targets.shape) if isinstance(targets, Column) else targets.shape[1:]
        target = tf.TensorSpec([None, *shape], targets.dtype)
        return {**sequences, **fixed}, target, tf.TensorSpec([None], tf.float32)


def dealt(generate: Callable[[], Iterator], signature, change: Callable | None = None) -> tf.data.Dataset:
    """Returns what a generator yields, changed by a function if one is given, as a dataset that is two batches ahead.

    Untuned: an iterator that is tuned may wait at its end for its tuner, which misses the word to stop and sleeps on,
    up to a minute (TensorFlow 2.21: `Model::OptimizeLoop` is woken before `CancellationManager` says it is cancelled).
    """
    made = tf.data.Dataset.from_generator(generate, output_signature=signature)
    made = (made.map(change) if change else made).prefetch(2)
    options = tf.data.Options()
    options.autotune.enabled = False
    return made.with_options(options)


def epochs(batches, *, repeat: bool, start: int = 0) -> Iterator:
    """Yields the batches of one epoch, or epoch after epoch without end, from batch `start` on, counted over epochs."""
    epoch, passed = divmod(start, len(batches))
    yield from batches.epoch(epoch, passed)
    while repeat:
        epoch += 1
        yield from batches.epoch(epoch)


def bucket_lengths(lengths: np.ndarray, *, least: int = 8, growth: float = GROWTH) -> np.ndarray:
    """Rounds each length up to a bucket's: 8, 10, 12, 15, 18, …, the last at the longest row.

    Args:
        lengths: `(rows,)`, real steps.
        least: The shortest bucket.
        growth: Ratio of neighbours.
    """
    longest = max(int(lengths.max(initial=1)), 1)
    edges = [min(least, longest)]
    while edges[-1] < longest:
        edges.append(min(int(np.ceil(edges[-1] * growth)), longest))
    return np.asarray(edges)[np.searchsorted(edges, lengths)]


def outputs_of(model: keras.Model, batches: Batches) -> tuple[list[np.ndarray], np.ndarray]:
    """Returns a model's outputs, one array `(rows, …)` each, and the targets, in the order of the batches."""
    answer = tf.function(lambda features: model(features, training=False), reduce_retracing=True)
    outputs, targets = [], []
    for features, target, weights in batches.dataset(repeat=False):
        real = weights > 0
        outputs.append([tf.boolean_mask(output, real).numpy() for output in tf.nest.flatten(answer(features))])
        targets.append(tf.boolean_mask(target, real).numpy())
    return [np.concatenate(parts) for parts in zip(*outputs, strict=True)], np.concatenate(targets)
