"""Heads: what a recurrence made of a row's past -> mean and spread of the row; values of any size -> soft ones."""

import keras
import tensorflow as tf

LEAST_SPREAD = 0.01
"""In spreads of train."""
USUAL_SPREAD = 0.5
"""What spreads begin at before training."""


@keras.saving.register_keras_serializable(package="rnnkit")
class Soft(keras.layers.Layer):
    """Squeezes values of any size: `sign(x) log(1 + |x|)`, so that a spike does not blind a recurrence for long."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.built = True

    def call(self, x):
        return tf.sign(x) * tf.math.log1p(tf.abs(x))

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, self.compute_dtype)


@keras.saving.register_keras_serializable(package="rnnkit")
class AtPlaces(keras.layers.Layer):
    """Puts a learnt vector of each row's place beside it, or adds one to it.

    Args:
        units: Size of the vectors that are put beside; 0: they are added.

    Call arguments:
        x: `(batch, window, features)`, the window fixed.

    Returns:
        `(batch, window, features + units)`.
    """

    def __init__(self, units=0, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        start = "glorot_uniform" if self.units else "zeros"
        self.vectors = self.add_weight(shape=(shape[1], self.units or shape[2]), initializer=start, name="vectors")

    def call(self, x):
        vectors = tf.cast(self.vectors, x.dtype)[None]
        if not self.units:
            return x + vectors
        return tf.concat([x, tf.tile(vectors, [tf.shape(x)[0], 1, 1])], -1)

    def compute_output_spec(self, x):
        return keras.KerasTensor((*x.shape[:2], x.shape[2] + self.units), self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="rnnkit")
class Expected(keras.layers.Layer):
    """Says what a row will be: between its last values and the usual ones, by a gate, and moved by what was learnt.

    Before training it is half way between the two, and the last value where nothing is usual yet.

    Args:
        sensors: How many.
        ahead: Rows that are foretold: the row itself, and those after it.

    Call arguments:
        x: `(batch, time, units)`.
        before, usual, usual_known: `(batch, time, sensors)`.

    Returns:
        `(batch, time, ahead, sensors, 2)`: how far the mean is off `before`, and the spread, float32. The difference
        alone, for `before` is large beside it, and would take its digits.
    """

    def __init__(self, sensors, ahead=1, **kwargs):
        super().__init__(**kwargs)
        self.sensors, self.ahead = sensors, ahead
        self.read = keras.layers.Dense(3 * ahead * sensors, kernel_initializer="zeros", name="read")

    def build(self, shape, *_):
        self.read.build(shape)
        start = tf.math.log(tf.exp(USUAL_SPREAD) - 1.0)
        count = self.ahead * self.sensors
        self.read.bias.assign(tf.concat([tf.zeros([2 * count]), tf.fill([count], start)], 0))

    def call(self, x, before, usual, usual_known):
        time, batch = tf.shape(x)[1], tf.shape(x)[0]
        parts = tf.cast(self.read(x), tf.float32)
        parts = tf.reshape(parts, [batch, time, 3, self.ahead, self.sensors])
        move, gate, width = parts[:, :, 0], parts[:, :, 1], parts[:, :, 2]
        before, usual, known = (tf.cast(each, tf.float32)[:, :, None] for each in (before, usual, usual_known))
        off = tf.sigmoid(gate) * known * (usual - before) + move
        return tf.stack([off, tf.nn.softplus(width) + LEAST_SPREAD], -1)

    def compute_output_spec(self, x, before, usual, usual_known):
        return keras.KerasTensor((*x.shape[:2], self.ahead, self.sensors, 2), "float32")

    def get_config(self):
        return {**super().get_config(), "sensors": self.sensors, "ahead": self.ahead}
