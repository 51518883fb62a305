"""Smoothing: a noisy window -> its exponential moving average."""

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable(package="rnnkit")
class Smoothed(keras.layers.Layer):
    """Averages each step with those before it: y(t) = smoothing y(t-1) + (1 - smoothing) x(t), y(0) = x(0).

    Args:
        smoothing: Share of the past, from 0, which changes nothing, to below 1.
        learned: Train the share, one for all features, from there on.

    Call arguments:
        values: `(batch, time, features)`, filled.

    Returns:
        The same shape.
    """

    def __init__(self, smoothing, learned=False, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing must be from 0 to 1 (1 excluded). Got {smoothing}.")
        self.smoothing, self.learned = smoothing, learned

    def build(self, shape):
        if self.learned:
            start = np.clip(self.smoothing, 0.05, 0.95)
            self.logit = self.add_weight(
                shape=(), initializer=keras.initializers.Constant(float(np.log(start / (1 - start)))), name="logit"
            )

    def call(self, values):
        time = values.shape[1]
        distance = np.arange(time)[:, None] - np.arange(time)[None]
        past = (distance >= 0).astype(np.float32)
        # What is left at the window's start stands for all steps before it.
        first = (np.arange(time) == 0).astype(np.float32)[None]
        if self.learned:
            share = tf.sigmoid(self.logit)
            weights = tf.exp(tf.math.log(share) * np.maximum(distance, 0).astype(np.float32)) * past
            weights = weights * (first + (1 - first) * (1 - share))
        else:
            weights = self.smoothing ** np.maximum(distance, 0) * past * (first + (1 - first) * (1 - self.smoothing))
            weights = tf.constant(weights.astype(np.float32))
        flat = tf.reshape(tf.transpose(values, [0, 2, 1]), [-1, time])
        smooth = tf.matmul(flat, weights, transpose_b=True)
        return tf.transpose(tf.reshape(smooth, [-1, values.shape[2], time]), [0, 2, 1])

    def compute_output_spec(self, values):
        return keras.KerasTensor(values.shape, "float32")

    def get_config(self):
        return {**super().get_config(), "smoothing": self.smoothing, "learned": self.learned}
