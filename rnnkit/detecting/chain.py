"""Chain: errors of a row's channels -> their distance, how strange it is, whether it alarms; and what is kept."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from rnnkit.layers.detection import strangeness
from rnnkit.layers.detection.watch import Watch


class Chain:
    """What stands behind a core: from a row's errors to the answer, with a state of constant size.

    Args:
        watch: What was fitted on train; its values become constants.
        settings: Of `DetectorSettings`.
    """

    def __init__(self, watch: Watch, settings):
        self.watch, self.settings = watch, settings
        self.scale = watch.scale.numpy()
        self.usual = tuple(watch.usual.numpy().tolist())
        self.threshold = float(watch.threshold.numpy()[0])
        self.kind = _kind(watch, settings, self.usual)

    def state(self) -> dict[str, np.ndarray]:
        """Returns what a series begins with, name -> array without the batch's axis."""
        begun = {name: np.asarray(value, np.float32) for name, value in self.kind.state().items()}
        if self.settings.smoothing > 1:
            begun["smoothed"] = np.float32(self.usual[0])
        if self.settings.quiet:
            begun["lately"] = np.zeros(self.settings.quiet, np.float32)
        return begun

    def error(self, errors, known):
        """Returns the distance of errors `(…, channels)`, `(…,)`."""
        return self.watch.distance(errors / self.scale, known)

    def advance(self, error, state: Mapping):
        """Goes on by one row.

        Args:
            error: `(batch,)`, its distance.
            state: As `state` names it, `(batch, …)`.

        Returns:
            `score (batch,)`, how strange the row is; `alarm`, the score, or 0 in the quiet after a stranger row; and
            the state after.
        """
        after = dict(state)
        error = tf.minimum(error, LARGEST)
        if self.settings.smoothing > 1:
            error = state["smoothed"] + 2 / (self.settings.smoothing + 1) * (error - state["smoothed"])
            after["smoothed"] = error
        score, kept = self.kind.score(error, state)
        after |= kept
        alarm = score
        if self.settings.quiet:
            lately = state["lately"]
            alarm = tf.where(score > tf.reduce_max(lately, 1), score, 0.0)
            after["lately"] = tf.concat([lately[:, 1:], score[:, None]], 1)
        return score, alarm, after

    def run(self, errors: np.ndarray) -> dict[str, np.ndarray]:
        """Goes on by all rows of one series from the beginning: errors `(rows,)` -> `score`, `alarm (rows,)`."""
        begun = {name: tf.constant(value)[None] for name, value in self.state().items()}
        score, alarm = self._running(tf.constant(errors, tf.float32), begun)
        return {"score": score.numpy(), "alarm": alarm.numpy()}

    @tf.function(reduce_retracing=True, autograph=False)
    def _running(self, errors, begun):
        count = tf.shape(errors)[0]
        found = [tf.TensorArray(tf.float32, count, element_shape=[1]) for _ in range(2)]

        def body(row, state, scores, alarms):
            score, alarm, state = self.advance(errors[row][None], state)
            return row + 1, state, scores.write(row, score), alarms.write(row, alarm)

        *_, scores, alarms = tf.while_loop(lambda row, *_: row < count, body, [0, begun, *found])
        return scores.stack()[:, 0], alarms.stack()[:, 0]


LARGEST = 1e6
"""Errors past it count as it: their squares must stay numbers."""


def _kind(watch, settings, usual):
    errors, kind = watch.errors.numpy(), settings.strangeness
    if kind == "relative":
        return strangeness.Relative(*usual)
    if kind == "likelihood":
        return strangeness.Likelihood(*usual, short=settings.short, long=settings.long)
    if kind == "rank":
        return strangeness.Rank(errors)
    if kind == "tail":
        return strangeness.Tail(*watch.tail.numpy().tolist())
    return strangeness.Dynamic(errors)
