"""Errors: a core and rows of some readings -> how far each sensor is off at each, or in each example, many at once."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rnnkit.detecting.core import EXPECTING, Apart
from rnnkit.detecting.detector_settings import STANDARDISED
from rnnkit.detecting.features import Encoded

CHUNK = 512
"""Rows, windows or examples that are read at once."""


def channel_errors(
    apart: Apart,
    encoded: Encoded,
    spans: np.ndarray,
    *,
    window: int,
    error: str = STANDARDISED,
    advance: Callable = lambda done: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the errors of all rows of spans, one after the other; the same as row by row in a stream.

    A channel is a sensor's prediction, then, if windows are rebuilt, a sensor's reconstruction.

    Args:
        apart: The core.
        encoded: The rows.
        spans: `(n, 2)`, first and end row; each is read from its first row on, from nothing.
        window: Rows that are rebuilt.
        error: The setting.
        advance: Told the number of rows done.

    Returns:
        Errors and whether they are known, `(rows, channels)` float32 each; unknown ones are 0.
    """
    found, done = [], 0
    for begin, end in spans.tolist():
        parts, rows = [], np.arange(begin, end)[None]
        if apart.expecting is not None:
            parts.append([array[0] for array in _unexpected(apart, encoded, rows, error)])
        if apart.rebuilding is not None:
            parts.append(_misbuilt(apart, *_windows(encoded, rows[0], window)))
        found.append([np.concatenate(arrays, 1) for arrays in zip(*parts, strict=True)])
        done += end - begin
        advance(done)
    return tuple(np.concatenate(arrays) for arrays in zip(*found, strict=True))


def example_errors(
    apart: Apart, encoded: Encoded, spans: np.ndarray, *, window: int, error: str = STANDARDISED
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the errors of spans that are an example each: that of all its rows, and of the window at its end.

    Args:
        apart, encoded, spans, window, error: As for `channel_errors`.

    Returns:
        Errors and whether they are known, `(spans, channels)` float32 each.
    """
    lengths, found = spans[:, 1] - spans[:, 0], None
    for length in np.unique(lengths).tolist():
        places = np.flatnonzero(lengths == length)
        for start in range(0, len(places), CHUNK):
            chosen = places[start : start + CHUNK]
            rows = spans[chosen, :1] + np.arange(length)
            each = _errors_at_the_end(apart, encoded, rows, window, error)
            found = found or [np.zeros((len(spans), array.shape[1]), np.float32) for array in each]
            for whole, part in zip(found, each, strict=True):
                whole[chosen] = part
    return tuple(found)


def _errors_at_the_end(apart, encoded, rows, window, error):
    """Returns errors and known `(examples, channels)` of examples whose rows are `(examples, length)`."""
    parts = []
    if apart.expecting is not None:
        errors, known = _unexpected(apart, encoded, rows, error)
        seen = known.sum(1)
        parts.append((np.sqrt((errors * errors).sum(1) / np.maximum(seen, 1)), np.minimum(seen, 1)))
    if apart.rebuilding is not None:
        last = rows[:, -window:]
        short = ((0, 0), (window - last.shape[1], 0), (0, 0))
        parts.append(_misbuilt(apart, *(np.pad(encoded.rows[name][last], short) for name in ("values", "known"))))
    return [np.concatenate(arrays, 1) for arrays in zip(*parts, strict=True)]


def _unexpected(apart, encoded, rows, error):
    """Returns errors and known `(batch, time, sensors)` of rows `(batch, time)`."""
    values, known, before = (encoded.rows[name][rows] for name in ("values", "known", "before"))
    expected, count = _expected(apart, encoded, rows), rows.shape[1]
    total, times = np.zeros(values.shape, np.float32), np.zeros((1, count, 1), np.float32)
    for lead in range(min(expected.shape[2], count)):
        earlier = slice(count - lead)
        off = values[:, lead:] - before[:, earlier] - expected[:, earlier, lead, :, 0]
        total[:, lead:] += off / expected[:, earlier, lead, :, 1] if error == STANDARDISED else off
        times[:, lead:] += 1
    return total / times * known, known


def _expected(apart, encoded, rows):
    """Returns `(batch, time, ahead, sensors, 2)`."""
    states, parts = apart.begin(len(rows)), []
    for start in range(0, rows.shape[1], CHUNK):
        some = rows[:, start : start + CHUNK]
        expected, states = apart.reading({name: tf.constant(encoded.rows[name][some]) for name in EXPECTING}, states)
        parts.append(expected.numpy())
    return np.concatenate(parts, 1)


def _windows(encoded, rows, window):
    """Returns values and known `(rows, window, sensors)` of the windows that end at rows `(rows,)` of a series."""
    found = []
    for name in ("values", "known"):
        # The window of a row is it and those before; where there are none, they are unknown.
        array = np.pad(encoded.rows[name][rows], ((window - 1, 0), (0, 0)))
        found.append(np.lib.stride_tricks.sliding_window_view(array, window, 0).transpose(0, 2, 1))
    return found


def _misbuilt(apart, values, known):
    """Returns errors and known `(windows, sensors)` of windows `(windows, window, sensors)`."""
    errors, counts = [], []
    for start in range(0, len(values), CHUNK):
        x, seen = (tf.constant(np.ascontiguousarray(array[start : start + CHUNK])) for array in (values, known))
        squares = tf.square(apart.rebuilt(x, seen) - x) * seen
        count = tf.reduce_sum(seen, 1)
        errors.append(tf.sqrt(tf.reduce_sum(squares, 1) / tf.maximum(count, 1.0)).numpy())
        counts.append(np.minimum(count.numpy(), 1))
    return np.concatenate(errors), np.concatenate(counts)
