"""Intervals: a forecast -> quantiles moved by calibrated offsets, in proportion to how much the window moves."""

import keras
import numpy as np
import tensorflow as tf

from rnnkit.layers.forecasting.heads import MEDIAN
from rnnkit.layers.forecasting.normalization import spread_of

SPREADS = ("values", "differences", "recent differences")
LEAST_SPREAD = 1e-3


@keras.saving.register_keras_serializable(package="rnnkit")
class Spread(keras.layers.Layer):
    """Measures how much a window moves: standard deviations of its values, its differences and its recent ones.

    Call arguments:
        values: `(batch, time, targets)`, filled.
        known: The same shape, 1 where a value was known, else 0.

    Returns:
        `(batch, targets, 3)` in the order of `SPREADS`.
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, values, known):
        _, whole = spread_of(values, known)
        if values.shape[1] < 2:
            return tf.stack([whole[:, 0]] * 3, -1)
        steps, both = values[:, 1:] - values[:, :-1], known[:, 1:] * known[:, :-1]
        recent = max(steps.shape[1] // 4, min(8, steps.shape[1]))
        found = [whole[:, 0], _size(steps, both), _size(steps[:, -recent:], both[:, -recent:])]
        return tf.stack([each + LEAST_SPREAD for each in found], -1)

    def compute_output_spec(self, values, known):
        return keras.KerasTensor((values.shape[0], values.shape[2], len(SPREADS)), "float32")


def _size(steps, known):
    count = tf.maximum(tf.reduce_sum(known, 1), 1)
    return tf.sqrt(tf.reduce_sum(steps * steps * known, 1) / count + LEAST_SPREAD**2)


@keras.saving.register_keras_serializable(package="rnnkit")
class Intervals(keras.layers.Layer):
    """Moves quantiles outwards or inwards: quantile + offset * spread of the window.

    Offsets start at 0, are never trained, and are set after training from validation rows: see
    `rnnkit.layers.forecasting.calibration`. The spread of a window is the product of its measures,
    each to a power of its own; with all powers 0 it is 1. While training, forecasts pass as they are.

    Args:
        levels: Of the quantiles, rising.
        least: Bound below all quantiles, such as 0 for counts; None for none.

    Call arguments:
        forecast: `(batch, horizon, targets, 1 + levels + parameters)`.
        spread: `(batch, targets, 3)`, of `Spread`.

    Returns:
        The forecast with its quantiles moved, still in order.
    """

    def __init__(self, levels, least=None, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs, "trainable": False})
        self.levels, self.least = tuple(float(level) for level in levels), least

    def build(self, forecast_shape, spread_shape):
        _, horizon, targets, _ = forecast_shape
        zeros, ones = "zeros", "ones"
        self.offsets = self.add_weight(shape=(horizon, targets, len(self.levels)), initializer=zeros, name="offsets")
        self.powers = self.add_weight(shape=(targets, len(SPREADS)), initializer=zeros, name="powers")
        self.typical = self.add_weight(shape=(targets, len(SPREADS)), initializer=ones, name="typical")

    def call(self, forecast, spread, training=False):
        if training or not self.levels:
            return forecast
        size = sized(spread, self.typical, self.powers)
        first, count = 1, len(self.levels)
        quantiles = forecast[..., first : first + count] + self.offsets * size[:, None, :, None]
        quantiles = [quantiles[..., place : place + 1] for place in range(count)]
        quantiles = in_order(quantiles, self.levels, tf.minimum, tf.maximum)
        if self.least is not None:
            quantiles = [tf.maximum(quantile, self.least) for quantile in quantiles]
        return tf.concat([forecast[..., :first], *quantiles, forecast[..., first + count :]], -1)

    def compute_output_spec(self, forecast, spread, training=False):
        return keras.KerasTensor(forecast.shape, "float32")

    def get_config(self):
        return {**super().get_config(), "levels": list(self.levels), "least": self.least}


def sized(spread, typical, powers):
    """Returns the spread of windows in one number, about 1: `(batch, targets, 3) -> (batch, targets)`.

    No measure counts as less than a tenth, or more than ten times, of what is typical.
    """
    relative = tf.clip_by_value(spread / typical, 0.1, 10.0)
    return tf.exp(tf.reduce_sum(tf.math.log(relative) * powers, -1))


def in_order(quantiles, levels, lower, higher):
    """Keeps quantiles from crossing, from the middle one outwards; `lower` and `higher` are of two tensors."""
    quantiles = list(quantiles)
    middle = int(np.argmin(np.abs(np.asarray(levels) - MEDIAN)))
    for place in range(middle - 1, -1, -1):
        quantiles[place] = lower(quantiles[place], quantiles[place + 1])
    for place in range(middle + 1, len(quantiles)):
        quantiles[place] = higher(quantiles[place], quantiles[place - 1])
    return quantiles
