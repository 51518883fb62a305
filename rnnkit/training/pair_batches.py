"""Pair batches: pairs of texts -> batches of like length on both sides, dealt by the seed and the epoch alone."""

import dataclasses
import functools
import pathlib
import tempfile
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from rnnkit.training.batches import bucket_lengths, dealt, epochs
from rnnkit.training.store import Column

GROWTH = 1.4
"""Ratio of neighbouring bucket lengths: each pair of lengths is compiled once, and there are two."""


@dataclasses.dataclass(frozen=True)
class PairStore:
    """Encoded pairs.

    Attributes:
        ids: What is read, `(time,)` a row.
        target: What is written, `(steps,)` a row.
    """

    ids: Column
    target: Column
    folder: tempfile.TemporaryDirectory

    def __len__(self):
        return len(self.ids.lengths)


def pair_encoder(preparation) -> Callable:
    """Returns `(texts, translations) -> (ids, target)`, traced once for all splits.

    Args:
        preparation: `features`: text -> `ids (batch, time)`; `target`: text -> `(batch, steps)`; 0 is padding.
    """

    def encoded(texts, translations):
        return preparation.features({"text": texts})["ids"], preparation.target(translations)

    text = tf.TensorSpec([None], tf.string)
    return tf.function(encoded, autograph=False).get_concrete_function(text, text)


def encode_pairs(rows, encoded: Callable, advance=lambda done: None) -> PairStore:
    """Encodes pairs of raw texts, once.

    Args:
        rows: With `chunks()`, one feature `text`, and a target.
        encoded: What `pair_encoder` gave.
        advance: Told the number of rows done.
    """
    folder = tempfile.TemporaryDirectory(prefix="rnnkit-")
    columns = {name: Column(pathlib.Path(folder.name), name) for name in ("ids", "target")}
    done = 0
    for chunk in rows.chunks():
        pairs = encoded(tf.constant(chunk["text"]), tf.constant(chunk[rows.target]))
        for column, ids in zip(columns.values(), pairs, strict=True):
            ids = ids.numpy()
            column.append([row[:length] for row, length in zip(ids, np.count_nonzero(ids, 1), strict=True)])
        done += len(chunk["text"])
        advance(done)
    for column in columns.values():
        column.close()
    return PairStore(**columns, folder=folder)


@dataclasses.dataclass(frozen=True)
class PairBatches:
    """Deals pairs into batches.

    The steps that are counted are those that are written, the end of a text included.

    Attributes:
        store: The pairs.
        batch_size: Rows in a batch, fewer where `token_budget` says so; the last of a bucket is filled up with rows of
            weight 0.
        seed: Seed of the order; None keeps pairs in order of length, for evaluation.
        token_budget: Most padded steps that are written in a batch; 0 for no limit.
    """

    store: PairStore
    batch_size: int
    seed: int | None = None
    token_budget: int = 0

    def __len__(self):
        """Batches in an epoch; the same for each."""
        lengths, counts = np.unique(self._buckets[1], return_counts=True)
        return sum(-(-int(count) // self.rows(length)) for length, count in zip(lengths, counts, strict=True))

    def rows(self, length: int) -> int:
        """Rows in a batch of so many steps to be written."""
        if not self.token_budget:
            return self.batch_size
        return max(1, min(self.batch_size, self.token_budget // int(length)))

    @property
    def rows_in_all(self) -> int:
        """Pairs of the split."""
        return len(self.store)

    @property
    def steps_in_all(self) -> int:
        """Units to be written in all pairs."""
        return int(self.store.target.lengths.sum())

    @functools.cached_property
    def _buckets(self):
        """Lengths, rounded up, of what is read and of what is written."""
        sides = self.store.ids.lengths, self.store.target.lengths
        return [bucket_lengths(lengths, growth=GROWTH) for lengths in sides]

    def order(self, epoch: int) -> list[np.ndarray]:
        """Returns the batches of an epoch as row indices."""
        read, written = self._buckets
        random = None if self.seed is None else np.random.default_rng((self.seed, epoch))
        rows = np.arange(len(read)) if random is None else random.permutation(len(read))
        # Of like length on both sides; equal ones stay in the order drawn.
        rows = rows[np.lexsort((read[rows], written[rows]))]
        starts = np.flatnonzero(np.diff(written[rows], prepend=-1))
        batches = []
        for members in np.split(rows, starts[1:]):
            size = self.rows(written[members[0]])
            batches += [members[start : start + size] for start in range(0, len(members), size)]
        return batches if random is None else [batches[place] for place in random.permutation(len(batches))]

    def batch(self, rows: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Returns features, targets and the weight of each row: the units to be written in it."""
        size = self.rows(self._buckets[1][rows[0]])
        filled = np.concatenate([rows, np.repeat(rows[:1], size - len(rows))])
        sides = zip((self.store.ids, self.store.target), self._buckets, strict=True)
        ids, target = (column.padded(filled, int(lengths[rows].max())) for column, lengths in sides)
        weights = self.store.target.lengths[filled].astype(np.float32)
        weights[len(rows) :] = 0
        return {"ids": ids, "target": target}, target, weights

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]]:
        """Yields the batches of an epoch, from number `start` on."""
        for rows in self.order(epoch)[start:]:
            yield self.batch(rows)

    def dataset(self, *, repeat: bool, start: int = 0) -> tf.data.Dataset:
        """Returns the batches as a dataset: one epoch, or epoch after epoch without end, from batch `start` on."""
        size = None if self.token_budget else self.batch_size
        ids = tf.TensorSpec([size, None], tf.int32)
        signature = {"ids": ids, "target": ids}, ids, tf.TensorSpec([size], tf.float32)
        return dealt(lambda: epochs(self, repeat=repeat, start=start), signature)
