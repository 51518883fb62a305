"""Filling: a window with unknown steps -> the last known value at each, or the first where none came before."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="rnnkit")
class Filled(keras.layers.Layer):
    """Replaces unknown values by the last known one before them in the window.

    Steps before the first known value get that one; a column without any known value is 0.

    Call arguments:
        values: `(batch, time, features)`.
        known: The same shape, 1 where a value is known, else 0.

    Returns:
        `(batch, time, features)`.
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, values, known):
        real = known > 0.5
        values = tf.where(real, values, tf.zeros_like(values))
        if values.shape[0] is not None:  # On a device one row comes at a time, and its shape is fixed.
            return _filled(values, real)
        return tf.cond(tf.reduce_all(real), lambda: values, lambda: _filled(values, real))

    def compute_output_spec(self, values, known):
        return keras.KerasTensor(values.shape, self.compute_dtype)


def _filled(values, real):
    forward, seen = _carried(values, real, 1)
    backward, later = _carried(values, real, -1)
    return tf.where(seen, forward, tf.where(later, backward, tf.zeros_like(values)))


def _carried(values, real, direction):
    """Carries values over 1, 2, 4, … steps: after log2(time) rounds each step has the nearest one before it."""
    time, distance = values.shape[1], 1
    while distance < time:
        values = tf.where(real, values, _shifted(values, direction * distance))
        real = tf.logical_or(real, _shifted(tf.cast(real, tf.float32), direction * distance) > 0.5)
        distance *= 2
    return values, real


def _shifted(x, steps):
    if steps > 0:
        return tf.pad(x[:, :-steps], [[0, 0], [steps, 0], [0, 0]])
    return tf.pad(x[:, -steps:], [[0, 0], [0, -steps], [0, 0]])
