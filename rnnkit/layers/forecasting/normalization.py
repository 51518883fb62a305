"""Normalisation: a window of targets -> its level and spread -> values around 0; forecasts take the way back."""

import keras
import tensorflow as tf

LEAST_VARIANCE = 1e-5
NORMALIZATIONS = {
    "none": "values as they are",
    "last": "less the last known value (Zeng et al. 2023, NLinear, https://arxiv.org/abs/2205.13504)",
    "recent": "less the mean of the last `recent` steps",
    "instance": "less the window's mean, over its standard deviation (Kim et al. 2022, RevIN)",
    "last_instance": "less the last known value, over the window's standard deviation",
    "mean": "over 1 + the mean of the absolute values, for counts (Salinas et al. 2020, section 3.3)",
}


def check_normalization(normalization: str, recent: int) -> None:
    """Raises ValueError for an unknown normalisation, or no steps to take the recent mean of."""
    if normalization not in NORMALIZATIONS:
        raise ValueError(f"normalization must be one of {', '.join(NORMALIZATIONS)}. Got {normalization!r}.")
    if recent < 1:
        raise ValueError(f"recent must be at least 1. Got {recent}.")


@keras.saving.register_keras_serializable(package="rnnkit")
class WindowLevel(keras.layers.Layer):
    """Measures a window: its location and its scale, by which it is normalised.

    Args:
        normalization: Key of `NORMALIZATIONS`.
        recent: Steps at the window's end whose mean is the location, for `recent`.

    Call arguments:
        values: `(batch, time, targets)`, filled.
        known: The same shape, 1 where a value was known, else 0.

    Returns:
        Location and scale, each `(batch, 1, targets)`; 0 and 1 where nothing is known.
    """

    def __init__(self, normalization, recent=1, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        check_normalization(normalization, recent)
        self.normalization, self.recent = normalization, recent

    def call(self, values, known):
        last = values[:, -1:]
        zeros, ones = tf.zeros_like(last), tf.ones_like(last)
        if self.normalization == "none":
            return zeros, ones
        if self.normalization == "last":
            return last, ones
        if self.normalization == "recent":
            return tf.reduce_mean(values[:, -self.recent :], 1, keepdims=True), ones
        count = tf.reduce_sum(known, 1, keepdims=True)
        if self.normalization == "mean":
            return zeros, 1 + tf.reduce_sum(tf.abs(values) * known, 1, keepdims=True) / tf.maximum(count, 1)
        mean, scale = spread_of(values, known)
        scale = tf.where(count > 0.5, scale, ones)
        return (last if self.normalization == "last_instance" else mean), scale

    def compute_output_spec(self, values, known):
        shape = (values.shape[0], 1, values.shape[2])
        # Two of them: Keras tells the outputs of a layer apart by identity.
        return keras.KerasTensor(shape, "float32"), keras.KerasTensor(shape, "float32")

    def get_config(self):
        return {**super().get_config(), "normalization": self.normalization, "recent": self.recent}


def spread_of(values, known):
    """Returns the mean and the standard deviation of the known values over time, each `(batch, 1, targets)`."""
    count = tf.maximum(tf.reduce_sum(known, 1, keepdims=True), 1)
    mean = tf.reduce_sum(values * known, 1, keepdims=True) / count
    apart = (values - mean) * known
    variance = tf.reduce_sum(apart * apart, 1, keepdims=True) / count
    return mean, tf.sqrt(variance + LEAST_VARIANCE)


@keras.saving.register_keras_serializable(package="rnnkit")
class Normalized(keras.layers.Layer):
    """Moves a window to location 0 and scale 1.

    Args:
        affine: Also give each target a learnt factor and shift (Kim et al. 2022, eq. 2).

    Call arguments:
        given: Values `(batch, time, targets)`, location and scale `(batch, 1, targets)`.

    Returns:
        The values, and the location and scale that take forecasts all the way back.
    """

    def __init__(self, affine=False, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.affine = affine

    def build(self, shapes):
        if self.affine:
            targets = shapes[0][-1]
            self.factor = self.add_weight(shape=(targets,), initializer="ones", name="factor")
            self.shift = self.add_weight(shape=(targets,), initializer="zeros", name="shift")

    def call(self, given):
        values, location, scale = given
        values = (values - location) / scale
        if not self.affine:
            return values, location, scale
        # Away from 0, where the way back would blow up.
        factor = tf.where(tf.abs(self.factor) < 0.01, 0.01 * tf.ones_like(self.factor), self.factor)
        scale = scale / factor
        return values * factor + self.shift, location - self.shift * scale, scale

    def compute_output_spec(self, given):
        return tuple(keras.KerasTensor(each.shape, "float32") for each in given)

    def get_config(self):
        return {**super().get_config(), "affine": self.affine}
