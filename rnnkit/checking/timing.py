"""Timing: a core and batches of two lengths -> seconds of a training step by its size, and of an epoch."""

import dataclasses
import time
from collections.abc import Callable

import keras
import numpy as np

from rnnkit.training.batches import Batches, bucket_lengths
from rnnkit.training.fit import compiles_loops

STEPS = 8
"""Steps timed at each length, after one that compiles."""
PATIENCE = 4.0
"""Seconds past which no more steps are timed at a length."""


@dataclasses.dataclass(frozen=True)
class Epoch:
    """Batches of an epoch by their padded length.

    Attributes:
        lengths: `(buckets,)`.
        rows: `(buckets,)`, rows in a batch.
        batches: `(buckets,)`, of all rows.
        steps: Gradient steps in an epoch, as asked for.
        real: Steps of the rows of a whole pass, those that only fill up left out.
    """

    lengths: np.ndarray
    rows: np.ndarray
    batches: np.ndarray
    steps: int
    real: float

    @classmethod
    def of(cls, batches: Batches, total: int, settings) -> "Epoch":
        """Returns the batches of `total` rows whose lengths are spread as those of `batches`."""
        found, counts = np.unique(bucket_lengths(batches.store.lengths), return_counts=True)
        rows = np.array([batches.rows(length) for length in found])
        many = np.ceil(counts / len(batches.store) * total / rows).astype(int)
        real = float(batches.store.lengths.mean()) * total
        return cls(found, rows, many, settings.steps_per_epoch or int(many.sum()), real)

    def every(self, seconds: Callable[[int], float]) -> float:
        """Returns the seconds of a pass over all rows; `seconds` are those of a batch by its padded steps."""
        return float(sum(n * seconds(x) for n, x in zip(self.batches, self.lengths * self.rows, strict=True)))

    def over(self, seconds: Callable[[int], float]) -> float:
        """Returns the seconds of an epoch."""
        return self.every(seconds) * self.steps / max(int(self.batches.sum()), 1)

    def compiled(self, settings) -> bool:
        """Says whether `fit` compiles the recurrent loops."""
        return compiles_loops(settings, self.real * self.steps / max(int(self.batches.sum()), 1))

    @property
    def largest(self) -> int:
        """Padded steps of the largest batch."""
        return int((self.lengths * self.rows).max())

    def two(self) -> list[int]:
        """Returns the lengths to be timed: one that a quarter of the batches are below, and one that few are above."""
        share = np.cumsum(self.batches) / self.batches.sum()
        return sorted({int(self.lengths[np.searchsorted(share, point)]) for point in (0.25, 0.9)})


@dataclasses.dataclass(frozen=True)
class Timed:
    """Seconds of a gradient step, as a line through what was measured.

    Attributes:
        start: Of a step, whatever its size.
        each: Of each padded time step.
        first: By which the first step takes longer, for it compiles.
        largest: Padded time steps of the largest batch measured.
    """

    start: float
    each: float
    first: float
    largest: int

    def seconds(self, padded: int) -> float:
        """Returns those of a batch of so many padded time steps."""
        return self.start + self.each * padded


@dataclasses.dataclass(frozen=True)
class _Chosen(Batches):
    """Batches in an order of their own."""

    chosen: tuple = ()

    def __len__(self):
        return len(self.chosen)

    def order(self, epoch):
        return list(self.chosen)


def timed(core: keras.Model, batches: Batches, lengths: list[int]) -> Timed:
    """Trains a compiled core for a few steps on batches of each of one or two lengths.

    Args:
        core: Its weights change.
        batches: Have rows of each length's bucket.
        lengths: Buckets, the shorter first.
    """
    points, firsts = [], []
    buckets = bucket_lengths(batches.store.lengths)
    for length in lengths:
        size = batches.rows(length)
        rows = np.resize(np.flatnonzero(buckets == length), size)
        seconds = _step_seconds(core, _Chosen(**_fields(batches), chosen=((length, rows),) * (STEPS + 1)))
        points.append((size * length, float(np.median(seconds[1:] or seconds))))
        firsts.append(max(seconds[0] - points[-1][1], 0.0))
        if sum(seconds[1:]) > PATIENCE:
            break
    (near, low), (far, high) = points[0], points[-1]
    each = (high - low) / (far - near) if far > near else 0.0
    # Where noise outweighs the difference, all of the time is laid on the steps.
    each, start = (each, low - each * near) if each > 0 and low > each * near else (high / far, 0.0)
    return Timed(start, each, float(np.mean(firsts)), far)


def _fields(batches):
    return {field.name: getattr(batches, field.name) for field in dataclasses.fields(batches)}


def _step_seconds(core, batches):
    return step_seconds(core, batches.dataset(repeat=False), len(batches))


def step_seconds(core: keras.Model, dataset, steps: int) -> list[float]:
    """Trains a compiled core for some steps; returns the seconds of each, as many as there is patience for."""
    clock = _Clock()
    core.fit(dataset, steps_per_epoch=steps, callbacks=[clock], shuffle=False, verbose=0)
    return clock.seconds


class _Clock(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_train_begin(self, logs=None):
        self._told = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        self.seconds.append(now - self._told)
        self._told = now
        self.model.stop_training = sum(self.seconds[1:]) > PATIENCE
