"""Resuming: a training's state into checkpoints while it runs, and back, so that it ends as if never interrupted."""

import time

import keras
import numpy as np

from rnnkit.interrupts import Wish
from rnnkit.training.callbacks import KeepBest
from rnnkit.training.checkpoints import Checkpoints, State


class Resume(keras.callbacks.Callback):
    """Writes checkpoints while a model trains, and begins from one.

    A state is taken between two executions: the variables of model, optimiser and running loss,
    what `KeepBest` remembers, and the place in the stream of batches, whose order follows from
    the seed alone. It must come after `KeepBest` among the callbacks.

    Args:
        checkpoints: Where to.
        keep: The training's own.
        state: To begin from; None for the start.
        steps: Steps of an epoch.
        run: Steps that an epoch really runs, up to a whole number of executions.
        seconds, every: A checkpoint each so many seconds, and each so many steps; 0 for none of the kind.
        wish: Whether the training is asked to stop.
        more: Facts that are kept along.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        keep: KeepBest,
        state: State | None,
        *,
        steps: int,
        run: int,
        seconds: float,
        every: int,
        wish: Wish,
        more: dict,
    ):
        super().__init__()
        self.more = more
        self.checkpoints, self.keep, self.state, self.wish = checkpoints, keep, state, wish
        self.steps, self.run, self.seconds, self.every = steps, run, seconds, every
        facts = state.facts if state else {"epoch": 0, "step": 0}
        self.epoch, self.start = facts["epoch"], facts["step"]
        self.batches = self.epoch * run + self.start
        self._written, self._written_at = time.monotonic(), self.batches
        self.writing = 0.0
        """Seconds spent on checkpoints."""

    def on_train_begin(self, logs=None):
        if self.state is not None:
            _assign([*self.model.variables, *self.model.optimizer.variables], self.state, "variable")

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        if self.state is None:
            self.start = 0
            return
        # Keras has just set the running loss to zero; yet the epoch may be half done.
        if self.start:
            _assign(self.model.metrics_variables, self.state, "metric")
            self.keep.begun -= self.state.facts["seconds"]
        self.state = None

    def on_train_batch_end(self, batch, logs=None):
        done = self.start + batch + 1
        if done >= self.steps:
            # Keras counts the steps of a resumed epoch from 0 and would go on; KeepBest says what comes next.
            self.model.stop_training = True
        elif self._due(self.epoch * self.run + done):
            self._write(self.epoch, done)
            self.wish.heed(f"stopped in epoch {self.epoch + 1}, after step {done:,} of {self.steps:,}")

    def on_epoch_end(self, epoch, logs=None):
        if not self.model.stop_training and self._due((epoch + 1) * self.run):
            self._write(epoch + 1, 0)
            self.wish.heed(f"stopped after epoch {epoch + 1}")

    def on_train_end(self, logs=None):
        self._save({"ended": True}, {})

    def _due(self, batches):
        seconds, steps = time.monotonic() - self._written, batches - self._written_at
        by_time, by_steps = 0 < self.seconds <= seconds, 0 < self.every <= steps
        return self.wish.signal is not None or by_time or by_steps

    def _write(self, epoch, step):
        seconds = time.perf_counter() - self.keep.begun if step else 0.0
        variables = [*self.model.variables, *self.model.optimizer.variables]
        arrays = _named(variables, "variable") | _named(self.model.metrics_variables, "metric")
        self._save({"epoch": epoch, "step": step, "seconds": seconds, "ended": False}, arrays)
        self._written, self._written_at = time.monotonic(), epoch * self.run + step

    def _save(self, facts, arrays):
        begun = time.perf_counter()
        arrays |= _named(self.keep.weights or [], "best")
        for place, weights in enumerate(self.keep.pooled):
            arrays |= _named(weights, f"pool{place}")
        self.checkpoints.save(State(arrays, {**facts, **self.more, "keep": self.keep.memory()}))
        self.writing += time.perf_counter() - begun


def recall(keep: KeepBest, state: State) -> None:
    """Has `keep` remember what it did when the state was taken."""
    memory = state.facts["keep"]
    pooled = [_kept(state, f"pool{place}") for place in range(len(memory["pool"]))]
    keep.recall(memory, _kept(state, "best") or None, pooled)


def _kept(state, kind):
    count = sum(name.startswith(f"{kind}/") for name in state.arrays)
    return [state.arrays[f"{kind}/{place}"] for place in range(count)]


def _named(values, kind):
    return {f"{kind}/{place}": np.asarray(value) for place, value in enumerate(values)}


def _assign(variables, state, kind):
    values = [state.arrays.get(f"{kind}/{place}") for place in range(len(variables))]
    for variable, value in zip(variables, values, strict=True):
        if value is None or tuple(value.shape) != tuple(variable.shape):
            raise ValueError(
                f"The checkpoint is of another model: {variable.path} is {tuple(variable.shape)} here, "
                f"{None if value is None else value.shape} there. Run without --resume."
            )
        variable.assign(value)
