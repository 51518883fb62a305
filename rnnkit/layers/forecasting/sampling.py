"""Sampling: a probabilistic forecaster and a table of normal draws -> paths over the horizon."""

import keras
import tensorflow as tf

from rnnkit.layers.forecasting.calibration import before
from rnnkit.layers.forecasting.distributions import DISTRIBUTIONS


class PathSampler:
    """Draws paths from a core of `forecaster` with a distribution as head.

    With decoder `recursive` each value drawn is fed back, so that a path hangs together (Salinas et al. 2020);
    other decoders' steps are drawn one by one from their own distributions. The draws are given, the same for every
    row: answers are the same each time, and never change with the rows beside.

    Args:
        core: Keras model.

    Raises:
        ValueError: The head is no distribution.
    """

    def __init__(self, core: keras.Model):
        self.head, self.levels = core.get_layer("head").head, core.get_layer("head").levels
        if self.head not in DISTRIBUTIONS:
            raise ValueError(
                f"Paths are drawn from a distribution, and the head is {self.head!r}. "
                f"Train with one of {', '.join(DISTRIBUTIONS)}."
            )
        self.decoder = next((layer for layer in core.layers if layer.name == "recursive"), None)
        self.model = core if self.decoder is None else before(core, "recursive")

    def __call__(self, inputs, noise):
        """Draws paths.

        Args:
            inputs: Core inputs by name; a teacher isn't looked at.
            noise: `(paths, horizon, targets)`, standard normal draws.

        Returns:
            `(batch, paths, horizon, targets)`, scaled as the core's forecasts are.
        """
        noise = tf.cast(noise, tf.float32)
        paths = noise.shape[0]
        if self.decoder is None:
            params = self.model(inputs, training=False)[..., 1 + len(self.levels) :]
            return DISTRIBUTIONS[self.head].from_normal(params[:, None], noise[None])
        given = dict(zip(self.decoder.parts, self.model(inputs, training=False), strict=True))
        given.pop("teacher", None)
        rows = tf.shape(given["memory"])[0]
        given = {name: tf.repeat(each, paths, 0) for name, each in given.items()}
        drawn = self.decoder.steps(given, tf.tile(noise, [rows, 1, 1]))
        return tf.reshape(drawn, [-1, paths, *noise.shape[1:]])


def sample_paths(core: keras.Model, inputs, noise):
    """Draws paths once: see `PathSampler`, which is faster for many batches."""
    return PathSampler(core)(inputs, noise)
