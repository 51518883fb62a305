"""Heads: raw numbers per step and target -> the point forecast, quantiles that never cross, and parameters."""

import keras
import tensorflow as tf

from rnnkit.layers.forecasting.distributions import DISTRIBUTIONS, normal_quantiles, positive

HEADS = ("point", "quantiles", *DISTRIBUTIONS)
MEDIAN = 0.5


def check_head(head: str, levels: tuple[float, ...]) -> None:
    """Raises ValueError for an unknown head, or levels that are not rising and between 0 and 1."""
    if head not in HEADS:
        raise ValueError(f"head must be one of {', '.join(HEADS)}. Got {head!r}.")
    if list(levels) != sorted(set(levels)) or not all(0 < level < 1 for level in levels):
        raise ValueError(f"levels must rise, each above 0 and below 1. Got {list(levels)}.")
    if head == "quantiles" and not levels:
        raise ValueError("head 'quantiles' needs at least one level. Got none. Give levels, such as 0.1, 0.5, 0.9.")


def results_of(head: str, levels: tuple[float, ...]) -> int:
    """Returns how many raw numbers a head takes per step and target."""
    if head in DISTRIBUTIONS:
        return DISTRIBUTIONS[head].parameters
    return 1 + sum(level != MEDIAN for level in levels) if head == "quantiles" else 1


@keras.saving.register_keras_serializable(package="rnnkit")
class ForecastHead(keras.layers.Layer):
    """Turns raw numbers into a forecast, back at the location and scale of the window.

    Args:
        head: One of `HEADS`. `point`: quantiles equal the point forecast until they are calibrated. `quantiles`:
            the median, which is the point forecast too, and from there outwards steps that are never below 0.
            Else a distribution, whose mean is the point forecast.
        levels: Of the quantiles, rising.

    Call arguments:
        raw: `(batch, horizon, targets, results_of(head, levels))`.
        location: `(batch, 1 or horizon, targets)`.
        scale: `(batch, 1, targets)`.

    Returns:
        `(batch, horizon, targets, 1 + levels + parameters)`: the point forecast, quantiles, and the
        distribution's parameters.
    """

    def __init__(self, head, levels, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        check_head(head, tuple(levels))
        self.head, self.levels = head, tuple(float(level) for level in levels)

    def call(self, raw, location, scale):
        if self.head in DISTRIBUTIONS:
            return spread_out(self.head, self.levels, DISTRIBUTIONS[self.head].scaled(raw, location, scale))
        location, scale = location[..., None], scale[..., None]
        point = raw[..., :1]
        if self.head == "point":
            return tf.concat([point * scale + location] * (1 + len(self.levels)), -1)
        below, above = _around(self.levels)
        # A learnt factor may be below 0, and must not turn the quantiles round.
        steps, size = positive(raw[..., 1:]), tf.abs(scale)
        point, steps = point * scale + location, steps * size
        lower = _outwards(point, steps[..., :below], -1)[::-1]
        upper = _outwards(point, steps[..., below:], 1)
        middle = [point] if MEDIAN in self.levels else []
        return tf.concat([point, *lower, *middle, *upper], -1)

    def compute_output_spec(self, raw, location, scale):
        return keras.KerasTensor((*raw.shape[:3], width_of(self.head, self.levels)), "float32")

    def get_config(self):
        return {**super().get_config(), "head": self.head, "levels": list(self.levels)}


def width_of(head: str, levels: tuple[float, ...]) -> int:
    """Returns how many numbers a forecast has per step and target."""
    return 1 + len(levels) + (DISTRIBUTIONS[head].parameters if head in DISTRIBUTIONS else 0)


def spread_out(head, levels, params):
    """Gives mean, quantiles and parameters of a distribution, side by side."""
    kind = DISTRIBUTIONS[head]
    quantiles = [kind.from_normal(params, z) for z in normal_quantiles(levels)]
    for place in range(1, len(quantiles)):  # The expansions behind some rise only nearly always.
        quantiles[place] = tf.maximum(quantiles[place], quantiles[place - 1])
    return tf.concat([tf.stack([kind.mean(params), *quantiles], -1), params], -1)


def _around(levels):
    return sum(level < MEDIAN for level in levels), sum(level > MEDIAN for level in levels)


def _outwards(point, steps, direction):
    found = []
    for place in range(steps.shape[-1]):
        point = point + direction * steps[..., place : place + 1]
        found.append(point)
    return found


def moved(head: str, levels: tuple[float, ...], forecast, shift):
    """Moves a whole forecast `(batch, horizon, targets, …)` by `shift` `(batch, horizon, targets)`."""
    if head in DISTRIBUTIONS:
        params = forecast[..., 1 + len(levels) :]
        return spread_out(head, levels, DISTRIBUTIONS[head].moved(params, shift))
    return forecast + shift[..., None]
