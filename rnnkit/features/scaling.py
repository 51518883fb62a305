"""Scaling: values in the user's units <-> values about 0 of spread 1, in the graph."""

import keras
import numpy as np
import tensorflow as tf

MOST_LOGARITHM = 85.0
"""Past it, exp leaves float32."""


@keras.saving.register_keras_serializable(package="rnnkit")
class Scale(keras.layers.Layer):
    """Brings columns to mean 0 and spread 1, some of them to their logarithm before.

    `values (…, columns) float32, NaN where unknown -> scaled, 0 where unknown, and known, 1 or 0, both of that shape`.
    Infinite values are unknown, and so are those of 0 and below where the logarithm is taken.

    Args:
        means, spreads: Of each column, of the logarithm where that is taken. A spread of 0 is taken for 1.
        logarithm: Of each column, whether its logarithm is taken; none by default.
    """

    def __init__(self, means, spreads, *, logarithm=None, **kwargs):
        super().__init__(**{"dtype": "float32", "autocast": False, **kwargs})
        self.means, self.spreads = ([float(value) for value in column] for column in (means, spreads))
        self.logarithm = [bool(value) for value in logarithm or [False] * len(self.means)]
        self.built = True

    def call(self, values):
        known = tf.math.is_finite(values)
        if any(self.logarithm):
            chosen = tf.constant(self.logarithm)
            known &= ~chosen | (values > 0)
            values = tf.where(chosen & known, tf.math.log(tf.where(known, values, 1)), values)
        mean, spread = self.columns
        scaled = tf.where(known, (values - mean) / spread, 0)
        return scaled, tf.cast(known, tf.float32)

    def restore(self, scaled, axis=-1):
        """Returns scaled values in the units they were in.

        Args:
            scaled: Tensor whose `axis` is of the columns, or of the first of them.
            axis: Which.
        """
        count, rank = scaled.shape[axis], scaled.shape.rank
        shape = [count if place == axis % rank else 1 for place in range(rank)]
        mean, spread = (column[:count].reshape(shape) for column in self.columns)
        values = scaled * spread + mean
        if not any(self.logarithm[:count]):
            return values
        return tf.where(
            tf.reshape(tf.constant(self.logarithm[:count]), shape),
            tf.exp(tf.minimum(values, MOST_LOGARITHM)),
            values,
        )

    @property
    def columns(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and spread of each column as they are used, float32: 0 and 1 where there is none."""
        means, spreads = (np.asarray(values, np.float32) for values in (self.means, self.spreads))
        usable = np.isfinite(spreads) & (spreads > 0)
        return np.where(np.isfinite(means), means, 0), np.where(usable, spreads, 1).astype(np.float32)

    def compute_output_spec(self, values):
        return keras.KerasTensor(values.shape, "float32"), keras.KerasTensor(values.shape, "float32")

    def get_config(self):
        settings = {"means": self.means, "spreads": self.spreads, "logarithm": self.logarithm}
        return {**super().get_config(), **settings}
