"""Answering: a detector and the rows of a split -> what is judged; each series is read from its beginning."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rnnkit.detecting.detector import Detector
from rnnkit.detecting.parts import Part

CHUNK = 2_048
"""Rows that are read at once."""


def answer_part(detector: Detector, part: Part, advance: Callable = lambda done: None) -> dict[str, np.ndarray]:
    """Answers the rows of a split, as a stream of each of its series from the first row on would.

    Where each series is an example, it has one answer, that to its last row.

    Args:
        detector: As it is served.
        part: The rows.
        advance: Told the number of rows done.

    Returns:
        Name -> `(rows, …)`.
    """
    read, found, done = going_on(detector), [], 0
    if part.readings.whole:
        return _examples(read, detector, part, advance)
    readings = part.readings
    for series, spans in _by_series(part):
        begin, end = int(readings.starts[series]), int(spans[-1, 2])
        rows = []
        states, last = detector.begin(1), tf.constant(readings.seconds[begin : begin + 1])
        for start in range(begin, end, CHUNK):
            stop = min(start + CHUNK, end)
            answers, states, last = read(*_rows(readings, slice(start, stop)), states, last)
            rows.append({name: tensor.numpy()[0] for name, tensor in answers.items()})
            done += max(0, stop - max(start, int(spans[0, 1])))
            advance(min(done, len(part)))
        whole = {name: np.concatenate([each[name] for each in rows]) for name in rows[0]}
        found += [
            {name: array[first - begin : last - begin] for name, array in whole.items()} for _, first, last in spans
        ]
    return {name: np.concatenate([each[name] for each in found]) for name in found[0]}


def going_on(detector: Detector) -> Callable:
    """Returns what reads rows of series as `Detector.go_on` does, traced once for any number of them."""
    row, single = [None, None, detector.sensors], tf.TensorSpec([None], tf.int64)
    states = {
        name: tf.TensorSpec([None, *np.shape(value)], tf.int32 if name == "rows" else tf.float32)
        for name, value in detector.begun.items()
    }
    function = tf.function(detector.go_on, autograph=False)
    stamps = tf.TensorSpec(row[:2], tf.int64), tf.TensorSpec(row[:2], tf.bool)
    return function.get_concrete_function(*stamps, tf.TensorSpec(row, tf.float32), states, single)


def _rows(readings, rows):
    seconds, values = tf.constant(readings.seconds[rows])[None], tf.constant(readings.values[rows])[None]
    return seconds, tf.fill(tf.shape(seconds), bool(readings.columns.time)), values


def _by_series(part):
    spans = part.spans
    for series in np.unique(spans[:, 0]).tolist():
        yield series, spans[spans[:, 0] == series]


def _examples(read, detector, part, advance):
    """Answers examples of one length together; returns the answers to their last rows, in order."""
    readings, spans = part.readings, part.spans
    lengths, found = spans[:, 2] - spans[:, 1], {}
    done = 0
    for length in np.unique(lengths).tolist():
        places = np.flatnonzero(lengths == length)
        for start in range(0, len(places), CHUNK):
            chosen = places[start : start + CHUNK]
            rows = spans[chosen, 1][:, None] + np.arange(length)
            seconds = tf.constant(readings.seconds[rows])
            states = detector.begin(len(chosen))
            readable = tf.zeros_like(seconds, tf.bool)
            answers, *_ = read(seconds, readable, tf.constant(readings.values[rows]), states, seconds[:, 0])
            done += len(chosen)
            advance(done)
            for name, tensor in answers.items():
                last = tensor.numpy()[:, -1]
                found.setdefault(name, np.zeros((len(spans), *last.shape[1:]), last.dtype))[chosen] = last
    return found
