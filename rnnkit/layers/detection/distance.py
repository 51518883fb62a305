"""Distance: errors of a row's sensors, each in its own spreads -> one number."""

import keras
import numpy as np
import tensorflow as tf

DISTANCES = ("mahalanobis", "mean", "largest")


@keras.saving.register_keras_serializable(package="rnnkit")
class Distance(keras.layers.Layer):
    """Joins the errors of several channels; with one channel, all ways say how many spreads it is off.

    `mahalanobis` heeds which channels usually err together, so that a small error against the others counts
    (Mahalanobis 1936); a channel that is unknown counts as one without an error. `mean` is the root mean square of the
    known channels, `largest` the largest of them.

    Nothing here is trained: the whitening is set from train's errors; without correlations it is diagonal. No mean is
    taken off: of how badly something was rebuilt, less than usual is no sign of anything.

    Args:
        channels: How many.
        how: One of `DISTANCES`.

    Call arguments:
        errors: `(…, channels)`, 0 where unknown.
        known: The same shape, 1 or 0.

    Returns:
        `(…,)`, 0 or more, 0 where nothing is known; about 1 for a usual row.
    """

    def __init__(self, channels, how="mahalanobis", **kwargs):
        super().__init__(**{"dtype": "float32", "autocast": False, **kwargs, "trainable": False})
        self.channels, self.how = channels, how

    def build(self, *_):
        self.whitening = self.add_weight(shape=(self.channels, self.channels), initializer="identity", name="whitening")

    def call(self, errors, known):
        away = errors * known
        if self.how == "mahalanobis":
            squares = tf.square(tf.matmul(away, self.whitening))
            return tf.sqrt(tf.reduce_mean(squares, -1))
        # The diagonal brings each channel to a mean square of 1 by itself.
        own = tf.abs(away) * self.scale
        if self.how == "largest":
            return tf.reduce_max(own, -1)
        return tf.sqrt(tf.reduce_sum(own * own, -1) / tf.maximum(tf.reduce_sum(known, -1), 1.0))

    @property
    def scale(self):
        return tf.linalg.diag_part(self.whitening)

    def set(self, whitening: np.ndarray) -> None:
        """Sets what brings the channels to a mean square of 1, `(channels, channels)`."""
        self.whitening.assign(whitening)

    def compute_output_spec(self, errors, known):
        return keras.KerasTensor(errors.shape[:-1], "float32")

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "how": self.how}
