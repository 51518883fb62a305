"""Windows: one long sequence -> equal windows of rows that go on from window to window (truncated back-propagation).

Layers with `stateful=True` carry their state from a batch into the next; the gradient ends at each window's start.
Within one long row, `truncate_every` of a layer does the same.
"""

import keras
import numpy as np


def windows(sequence, *, rows: int, length: int) -> np.ndarray:
    """Cuts a sequence into `rows` stretches, and those into windows that are read one after the other.

    Args:
        sequence: `(time, ...)`.
        rows: Stretches side by side: the batch.
        length: Time steps of a window.

    Returns:
        `(windows, rows, length, ...)`; row r of a window goes on where row r of the one before
        ends. Steps at the end that fill no window in every row are left out.

    Raises:
        ValueError: The sequence is too short for one window.
    """
    sequence = np.asarray(sequence)
    count = len(sequence) // (rows * length)
    if count < 1:
        raise ValueError(
            f"{rows} rows of {length} steps need at least {rows * length} steps. Got {len(sequence)}. "
            "Take fewer rows or shorter windows."
        )
    stretches = sequence[: count * rows * length].reshape(rows, count, length, *sequence.shape[1:])
    return stretches.swapaxes(0, 1)


class ResetStates(keras.callbacks.Callback):
    """Sets all carried states to zero before each epoch and each evaluation: the sequence starts anew."""

    def on_epoch_begin(self, epoch, logs=None):
        self._reset()

    def on_test_begin(self, logs=None):
        self._reset()

    def on_predict_begin(self, logs=None):
        self._reset()

    def _reset(self):
        for layer in self.model._flatten_layers():
            if getattr(layer, "stateful", False) and hasattr(layer, "reset_state"):
                layer.reset_state()
