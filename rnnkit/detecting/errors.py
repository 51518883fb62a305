"""Errors: a core and all rows of some readings -> how far each sensor is off at each row, many rows at once."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rnnkit.detecting.core import EXPECTING, Apart
from rnnkit.detecting.features import Encoded
from rnnkit.layers.cpu.choice import recurrent_loop

CHUNK = 512
"""Rows that are read at once."""


def channel_errors(
    apart: Apart,
    encoded: Encoded,
    spans: np.ndarray,
    *,
    window: int,
    whole: bool,
    advance: Callable = lambda done: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the errors of all rows of spans, one after the other; the same as row by row in a stream.

    A channel is a sensor's prediction, then, if windows are rebuilt, a sensor's reconstruction.

    Args:
        apart: The core.
        encoded: The rows.
        spans: `(n, 2)`, first and end row; each is read from its first row on, from nothing.
        window: Rows that are rebuilt.
        whole: Whether a row's error is that of all rows of its span up to it.
        advance: Told the number of rows done.

    Returns:
        Errors and whether they are known, `(rows, channels)` float32 each; unknown ones are 0.
    """
    errors, knowns, done = [], [], 0
    for begin, end in spans.tolist():
        parts = []
        if apart.expecting is not None:
            parts.append(_unexpected(apart, encoded, begin, end, whole))
        if apart.rebuilding is not None:
            parts.append(_misbuilt(apart, encoded, begin, end, window))
        errors.append(np.concatenate([part[0] for part in parts], 1))
        knowns.append(np.concatenate([part[1] for part in parts], 1))
        done += end - begin
        advance(done)
    return np.concatenate(errors), np.concatenate(knowns)


def _unexpected(apart, encoded, begin, end, whole):
    values, known, before = (encoded.rows[name][begin:end] for name in ("values", "known", "before"))
    expected = _expected(apart, encoded, begin, end)
    ahead = expected.shape[1]
    total, count = (np.zeros(values.shape, np.float32) for _ in range(2))
    for lead in range(min(ahead, len(values))):
        earlier = slice(len(values) - lead)
        off = (values[lead:] - before[earlier] - expected[earlier, lead, :, 0]) / expected[earlier, lead, :, 1]
        total[lead:] += off
        count[lead:] += 1
    errors = total / count * known
    if whole:
        seen = np.cumsum(known, 0)
        return np.sqrt(np.cumsum(errors * errors, 0) / np.maximum(seen, 1)), np.minimum(seen, 1).astype(np.float32)
    return errors, known


def _expected(apart, encoded, begin, end):
    """Returns `(rows, ahead, sensors, 2)`."""
    states, parts = apart.begin(1), []
    read = _reader(apart)
    for start in range(begin, end, CHUNK):
        stop = min(start + CHUNK, end)
        inputs = {name: tf.constant(encoded.rows[name][None, start:stop]) for name in EXPECTING}
        expected, states = read(inputs, states)
        parts.append(expected.numpy()[0])
    return np.concatenate(parts)


def _reader(apart):
    if not hasattr(apart.expecting, "reading"):

        @tf.function(reduce_retracing=True, autograph=False)
        def reading(inputs, states):
            with recurrent_loop("plain"):
                return apart.expect(inputs, states)

        apart.expecting.__dict__["reading"] = reading
    return apart.expecting.__dict__["reading"]


def _misbuilt(apart, encoded, begin, end, window):
    values, known = (encoded.rows[name][begin:end] for name in ("values", "known"))
    before = np.zeros((window - 1, values.shape[1]), np.float32)
    # The window of a row is it and those before; where there are none, they are unknown.
    rows = [np.concatenate([before, array]) for array in (values, known)]
    framed = [np.lib.stride_tricks.sliding_window_view(array, window, 0).transpose(0, 2, 1) for array in rows]
    errors, counts = [], []
    for start in range(0, len(values), CHUNK):
        x, seen = (tf.constant(np.ascontiguousarray(array[start : start + CHUNK])) for array in framed)
        squares = tf.square(apart.rebuild(x, seen) - x) * seen
        count = tf.reduce_sum(seen, 1)
        errors.append(tf.sqrt(tf.reduce_sum(squares, 1) / tf.maximum(count, 1.0)).numpy())
        counts.append(np.minimum(count.numpy(), 1))
    return np.concatenate(errors), np.concatenate(counts)
