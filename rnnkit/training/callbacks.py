"""Callbacks: validation after each epoch, the best weights, and what a person sees meanwhile."""

import dataclasses
import math
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Score:
    """What weights are kept by in the place of the validation loss.

    Attributes:
        name: As it is told.
        function: `core -> float`, higher is better.
    """

    name: str
    function: Callable[[keras.Model], float]


class KeepBest(keras.callbacks.Callback):
    """Validates after each epoch, keeps the best weights, stops when nothing gets better.

    The best have the lowest loss, or the highest score where there is one. With averaged weights
    (`use_ema`), the averages are what is validated and kept. At the end, the mean of the weights of
    several epochs (Junczys-Dowmunt, Dwojak & Sennrich 2016, https://aclanthology.org/W16-2316) is
    kept if it is better still.

    Args:
        valid: Batches of the validation rows.
        per_row: `(targets, outputs) -> (batch,)` loss.
        patience: Epochs without a better one before stopping.
        halve: Halve the step size after each epoch that was no better.
        all_from: Epochs after which all layers are trained; patience is counted from there at the earliest.
        score: See above; None: the loss.
        averaged: Epochs in the mean, the best ones; below 2: no mean.
    """

    def __init__(self, valid, per_row, *, patience, halve=False, all_from=0, score=None, averaged=0):
        super().__init__()
        self.valid, self.per_row, self.patience, self.halve = valid, per_row, patience, halve
        self.all_from, self.score, self.averaged = all_from, score, averaged
        self.rows, self.weights, self.best, self.lowest, self.seconds = [], None, 0, math.inf, 0.0
        self.begun = 0.0
        # The best epochs: their numbers and values here, their weights there, in the same order.
        self.pool, self.pooled, self.notes = [], [], []

    def memory(self) -> dict:
        """Returns what was found so far, but for the weights, ready for JSON."""
        return {name: getattr(self, name) for name in ("rows", "best", "lowest", "seconds", "pool", "notes")}

    def recall(self, memory: dict, weights: list[np.ndarray] | None, pooled: list[list[np.ndarray]] = ()) -> None:
        """Goes on from what was found before."""
        for name, value in memory.items():
            setattr(self, name, value)
        self.weights, self.pooled = weights, list(pooled)

    @property
    def ended(self) -> bool:
        """Whether the loss no longer falls, or is no number."""
        return bool(self.rows) and (
            len(self.rows) - max(self.best, self.all_from) >= self.patience
            or not math.isfinite(self.rows[-1]["valid_loss"])
        )

    def on_train_begin(self, logs=None):
        @tf.function(reduce_retracing=True)
        def sums(features, targets, weights):
            losses = self.per_row(targets, self.model(features, training=False)) * weights
            return tf.reduce_sum(losses), tf.reduce_sum(weights)

        self._sums = sums

    def on_epoch_begin(self, epoch, logs=None):
        self.begun = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        trained = time.perf_counter()
        rate = float(np.asarray(self.model.optimizer.learning_rate))
        weights = self.model.get_weights()
        if self.model.optimizer.use_ema:
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        loss, value, told = self._measured()
        if value < self.lowest:
            self.lowest, self.best, self.weights = value, epoch + 1, self.model.get_weights()
        if self.averaged > 1:
            self._pool(epoch + 1, value)
        if self.model.optimizer.use_ema:
            self.model.set_weights(weights)
        row = {"epoch": epoch + 1, "loss": float(logs["loss"]), "valid_loss": loss, **told, "learning_rate": rate}
        self.rows.append({**row, "seconds": round(trained - self.begun, 3)})
        logs["val_loss"] = loss
        self.seconds += time.perf_counter() - trained
        if self.best <= epoch and self.halve:
            self.model.optimizer.learning_rate.assign(rate / 2)
        self.model.stop_training = self.ended

    def on_train_end(self, logs=None):
        # A training that was stopped by an interrupt is not at its end, and does not come here.
        if len(self.pool) < 2 or self.notes or not math.isfinite(self.lowest):
            return
        begun = time.perf_counter()
        self.model.set_weights([_mean(parts) for parts in zip(*self.pooled, strict=True)])
        _, value, _ = self._measured()
        epochs = ", ".join(str(epoch) for epoch in sorted(epoch for epoch, _ in self.pool))
        named, sign = (f"valid {self.score.name}", -1) if self.score else ("valid loss", 1)
        better = value < self.lowest
        self.notes = [
            f"the mean of the weights of epochs {epochs} has {named} {sign * value:.4g}, epoch {self.best} alone "
            f"{sign * self.lowest:.4g}: the {'mean' if better else 'epoch'} is kept."
        ]
        if better:
            self.lowest, self.weights = value, self.model.get_weights()
        self.pool, self.pooled = [], []
        self.seconds += time.perf_counter() - begun

    def _pool(self, epoch, value):
        self.pool.append([epoch, value])
        self.pooled.append(self.model.get_weights())
        if len(self.pool) > self.averaged:
            worst = max(range(len(self.pool)), key=lambda place: (self.pool[place][1], -self.pool[place][0]))
            del self.pool[worst], self.pooled[worst]

    def _measured(self):
        """Returns the loss, what is to be low, and the score by its name, if there is one."""
        loss = self.loss()
        if self.score is None:
            return loss, loss, {}
        score = float(self.score.function(self.model))
        # Without a number for a loss there is no model.
        return loss, -score if math.isfinite(loss) else loss, {f"valid_{self.score.name}": score}

    def loss(self):
        """Returns the mean loss over all validation rows, each counted once."""
        total = count = 0.0
        for batch in self.valid.dataset(repeat=False):
            losses, rows = self._sums(*batch)
            total, count = total + float(losses), count + float(rows)
        return total / count


class ShowEpochs(keras.callbacks.Callback):
    """Shows a bar per epoch with rate and time left, and a line when it ends.

    `start` is the step at which the first epoch goes on.
    """

    def __init__(self, keep, train, steps, epochs, reporter, start=0):
        super().__init__()
        self.start = start
        self.keep, self.steps, self.epochs, self.reporter = keep, steps, epochs, reporter
        self.tokens = train.steps_in_all / len(train)

    def on_epoch_begin(self, epoch, logs=None):
        title = f"epoch {epoch + 1} of {self.epochs}"
        self._task = self.reporter.task(title, total=int(self.steps * self.tokens), unit="tokens")
        self._advance = self._task.__enter__()

    def on_train_batch_end(self, batch, logs=None):
        self._advance(int((self.start + batch + 1) * self.tokens), f"loss {float(logs['loss']):.4f}")

    def on_epoch_end(self, epoch, logs=None):
        self.start = 0
        self._task.__exit__(None, None, None)
        row = self.keep.rows[-1]
        kept = "   best so far" if self.keep.best == epoch + 1 else ""
        losses = f"loss {row['loss']:.4f}   valid loss {row['valid_loss']:.4f}"
        if self.keep.score:
            losses += f"   valid {self.keep.score.name} {row[f'valid_{self.keep.score.name}']:.2f}"
        self.reporter.say(f"epoch {epoch + 1:2} of {self.epochs}   {losses}   {row['seconds']:.1f} s{kept}")


def _mean(arrays):
    """Returns the mean of weights; of whole numbers, such as the states of seeds, the last."""
    return np.mean(arrays, 0, dtype=np.float64).astype(arrays[-1].dtype) if arrays[-1].dtype.kind == "f" else arrays[-1]
