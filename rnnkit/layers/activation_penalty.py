"""Activation penalty: hidden (batch, time, features) -> the same; its size and its change are added to the losses."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="rnnkit")
class ActivationPenalty(keras.layers.Layer):
    """Passes activations on; while training it adds to the model's losses what keeps them small and slow.

    Merity, Keskar & Socher (2017), https://arxiv.org/abs/1708.02182: `size` is AR, there 2, of the last layer's
    outputs after dropout; `change` is TAR, there 1, of those before it, so that a network has one of these layers in
    each place. Means are over real steps and all features; a pair of steps counts where both are real.

    Args:
        size: Weight of the mean square.
        change: Weight of the mean square of differences between a step and the next; a row of one step has none.

    Call arguments:
        x: `(batch, time, features)`.

    Raises:
        ValueError: A weight is below 0.
    """

    def __init__(self, size=0.0, change=0.0, **kwargs):
        super().__init__(**kwargs)
        for name, weight in (("size", size), ("change", change)):
            if not weight >= 0:
                raise ValueError(f"{name} must be at least 0. Got {weight}.")
        self.supports_masking = True
        self.size, self.change = size, change

    def call(self, x, training=False, mask=None):
        if training and self.size:
            self.add_loss(self.size * _mean_square(x, mask))
        if training and self.change:
            both = None if mask is None else tf.logical_and(mask[:, 1:], mask[:, :-1])
            self.add_loss(self.change * _mean_square(x[:, 1:] - x[:, :-1], both))
        return x

    def compute_output_spec(self, x, training=False, mask=None):
        return keras.KerasTensor(x.shape, x.dtype)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "change": self.change}


def _mean_square(x, mask):
    squares = tf.reduce_mean(tf.square(tf.cast(x, tf.float32)), -1)
    real = tf.ones_like(squares) if mask is None else tf.cast(mask, tf.float32)
    return tf.math.divide_no_nan(tf.reduce_sum(squares * real), tf.reduce_sum(real))
