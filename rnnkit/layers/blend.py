"""Blend: the scores of two models of the same classes -> their weighted sum, weighted after training."""

import keras
import numpy as np
from keras import ops
from scipy.optimize import minimize
from scipy.special import log_softmax


@keras.saving.register_keras_serializable(package="rnnkit")
class Blend(keras.layers.Layer):
    """Adds up logits of several models, each times a weight, and a bias: `[(…, classes), …] -> (…, classes)`.

    While training, the first model's logits pass as they are, so that it learns by itself what
    the others, fitted to the same rows before, would already explain. Until weights are set,
    the first has 1 and the others 0. The sum is in float32.
    """

    def __init__(self, **kwargs):
        super().__init__(trainable=False, dtype="float32", **kwargs)
        self.supports_masking = True

    def build(self, shapes):
        self.shares = self.add_weight(shape=(len(shapes),), initializer="zeros", name="shares")
        self.bias = self.add_weight(shape=(shapes[0][-1],), initializer="zeros", name="bias")
        self.shares.assign([1.0] + [0.0] * (len(shapes) - 1))

    def call(self, logits, training=False):
        if training:
            return ops.cast(logits[0], "float32")
        return sum(ops.cast(part, "float32") * self.shares[place] for place, part in enumerate(logits)) + self.bias

    def compute_mask(self, logits, mask=None):
        # What is scored at each step has no use for a mask: the targets, or the ids, tell which are real.
        return None

    def compute_output_spec(self, logits, training=False):
        return keras.KerasTensor(logits[0].shape, "float32")

    def get_config(self):
        return {name: value for name, value in super().get_config().items() if name not in ("trainable", "dtype")}


def best_shares(logits: list[np.ndarray], targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the weights, none below 0, and the bias with the lowest log loss: for one model, its temperature.

    Args:
        logits: Each `(rows, classes)`, of rows that no model was trained on.
        targets: `(rows,)`, class numbers.

    Returns:
        Weights, one per model, and bias `(classes,)`. Both are drawn, as by one row in all, to
        the first model alone and to 0, so that a handful of rows moves them little.

    Guo et al. (2017), section 4.2, https://arxiv.org/abs/1706.04599, here for several models at once.
    """
    stacked = np.stack(logits).astype(np.float64)
    models, rows, classes = stacked.shape
    start = np.array([1.0, *[0.0] * (models - 1), *[0.0] * classes])

    def loss(values):
        shares, bias = values[:models], values[models:]
        logarithms = log_softmax(np.tensordot(shares, stacked, 1) + bias, axis=1)
        slope = np.exp(logarithms)
        slope[np.arange(rows), targets] -= 1
        drawn = values - start
        gradient = np.concatenate([(stacked * slope).sum(axis=(1, 2)), slope.sum(axis=0)])
        return (drawn @ drawn / 2 - logarithms[np.arange(rows), targets].sum()) / rows, (gradient + drawn) / rows

    bounds = [(0, None)] * models + [(None, None)] * classes
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return found[:models], found[models:]
