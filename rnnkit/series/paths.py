"""Paths: a distribution for each step -> possible courses over the horizon, in the user's units."""

import keras
import numpy as np
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.features.series import unscale
from rnnkit.layers.forecasting import PathSampler

SEED = 0


def path_signature(features: keras.Model, core: keras.Model, paths: int) -> Signature:
    """Returns the signature that draws paths: what `serving_default` takes -> `paths (batch, horizon, targets, paths)`.

    The draws behind them are the same for every row and every call, so that answers are, too.

    Args:
        features: As `series_features` returns it.
        core: With a distribution for a head.
        paths: How many.
    """
    sampler, (_, horizon, targets, _) = PathSampler(core), core.output.shape
    noise = np.random.default_rng(SEED).standard_normal((paths, horizon, targets)).astype(np.float32)
    names = list(features.input)

    def drawn(*given, **named):
        prepared = features({**dict(zip(names, given, strict=False)), **named})
        inputs = {name: prepared[name] for name in core.input if name in prepared}
        if "teacher" in core.input:
            inputs["teacher"] = tf.fill([tf.shape(inputs["values"])[0], horizon, targets], tf.constant(float("nan")))
        scaled = tf.transpose(sampler(inputs, noise), [0, 2, 3, 1])
        return {"paths": unscale(features, scaled)}

    return Signature(drawn, tuple(tf.TensorSpec(t.shape, t.dtype, name=name) for name, t in features.input.items()))
