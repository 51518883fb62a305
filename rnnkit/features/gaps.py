"""Gaps: what is missing in a window is filled from what is known inside of it, in the graph."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="rnnkit")
class Fill(keras.layers.Layer):
    """Fills the gaps of a window: `values (batch, time, columns) float32, NaN where unknown -> the same`.

    What stands before the first known value stays unknown. Infinite values are unknown.

    Args:
        how: `fill`, the last known value before; `interpolate`, a line between the known ones on both sides and,
            after the last one, that one; `mask`, nothing.
    """

    def __init__(self, how, **kwargs):
        super().__init__(**{"dtype": "float32", "autocast": False, **kwargs})
        self.how = how
        self.built = True

    def call(self, values):
        if self.how == "mask":
            return values
        time, known = values.shape[1], tf.math.is_finite(values)
        place = tf.range(time)[None, :, None]
        before = _running_max(tf.where(known, place, -1))
        left = _at(values, tf.maximum(before, 0))
        if self.how == "interpolate":
            after = -_running_max(tf.where(known, -place, -time)[:, ::-1])[:, ::-1]
            right = _at(values, tf.minimum(after, time - 1))
            share = tf.cast(place - before, tf.float32) / tf.cast(tf.maximum(after - before, 1), tf.float32)
            left = tf.where(~known & (after < time), left + share * (right - left), left)
        return tf.where(before >= 0, left, float("nan"))

    def compute_output_spec(self, values):
        return keras.KerasTensor(values.shape, "float32")

    def get_config(self):
        return {**super().get_config(), "how": self.how}


@keras.saving.register_keras_serializable(package="rnnkit")
class Carry(keras.layers.Layer):
    """Replaces an empty text by the last one before it in the window: `texts (batch, time, columns) -> the same`."""

    def call(self, texts):
        place = tf.range(texts.shape[1])[None, :, None]
        before = _running_max(tf.where(texts != "", place, -1))
        # Where none is before, the first text is empty too.
        return _at(texts, tf.maximum(before, 0))

    def compute_output_spec(self, texts):
        return keras.KerasTensor(texts.shape, "string")


def _running_max(places):
    """Returns the largest so far along axis 1, over 1, 2, 4, … steps, for which TensorFlow has no op of its own."""
    distance = 1
    while distance < places.shape[1]:
        earlier = tf.pad(places[:, :-distance], [[0, 0], [distance, 0], [0, 0]], constant_values=-(1 << 30))
        places, distance = tf.maximum(places, earlier), 2 * distance
    return places


def _at(values, places):
    """Returns `values (batch, time, columns)` at `places` along time, of the same shape."""
    return tf.transpose(
        tf.gather(tf.transpose(values, [0, 2, 1]), tf.transpose(places, [0, 2, 1]), batch_dims=2), [0, 2, 1]
    )
