"""Callbacks: validation after each epoch, the best weights, and what a person sees meanwhile."""

import math
import time

import keras
import numpy as np
import tensorflow as tf


class KeepBest(keras.callbacks.Callback):
    """Validates after each epoch, keeps the weights with the lowest loss, stops when it no longer falls.

    With averaged weights (`use_ema`), the averages are what is validated and kept.

    Args:
        valid: Batches of the validation rows.
        per_row: `(targets, outputs) -> (batch,)` loss.
        patience: Epochs without a lower loss before stopping.
        halve: Halve the step size after each epoch without a lower loss.
        all_from: Epochs after which all layers are trained; patience is counted from there at the earliest.
    """

    def __init__(self, valid, per_row, *, patience, halve=False, all_from=0):
        super().__init__()
        self.valid, self.per_row, self.patience, self.halve = valid, per_row, patience, halve
        self.all_from = all_from
        self.rows, self.weights, self.best, self.lowest, self.seconds = [], None, 0, math.inf, 0.0
        self.begun = 0.0

    def memory(self) -> dict:
        """Returns what was found so far, but for the weights, ready for JSON."""
        return {name: getattr(self, name) for name in ("rows", "best", "lowest", "seconds")}

    def recall(self, memory: dict, weights: list[np.ndarray] | None) -> None:
        """Goes on from what was found before."""
        for name, value in memory.items():
            setattr(self, name, value)
        self.weights = weights

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
        loss = self.loss()
        if loss < self.lowest:
            self.lowest, self.best, self.weights = loss, epoch + 1, self.model.get_weights()
        if self.model.optimizer.use_ema:
            self.model.set_weights(weights)
        row = {"epoch": epoch + 1, "loss": float(logs["loss"]), "valid_loss": loss, "learning_rate": rate}
        self.rows.append({**row, "seconds": round(trained - self.begun, 3)})
        logs["val_loss"] = loss
        self.seconds += time.perf_counter() - trained
        if self.best <= epoch and self.halve:
            self.model.optimizer.learning_rate.assign(rate / 2)
        self.model.stop_training = self.ended

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
        self.reporter.say(f"epoch {epoch + 1:2} of {self.epochs}   {losses}   {row['seconds']:.1f} s{kept}")
