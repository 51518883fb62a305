"""Blend: the scores of two models of the same classes -> their weighted sum, weighted after training."""

import keras
import numpy as np
from keras import ops
from scipy.optimize import minimize
from scipy.special import log_softmax


@keras.saving.register_keras_serializable(package="rnnkit")
class Blend(keras.layers.Layer):
    """Adds up logits of several models, each times a weight: `[(batch, classes), …] -> (batch, classes)` float32.

    While training, the first model's logits pass as they are, so that it learns by itself what
    the others, fitted to the same rows before, would already explain. Until weights are set,
    the first has 1 and the others 0.
    """

    def __init__(self, **kwargs):
        super().__init__(trainable=False, dtype="float32", **kwargs)

    def build(self, shapes):
        self.shares = self.add_weight(shape=(len(shapes),), initializer="zeros", name="shares")
        self.shares.assign([1.0] + [0.0] * (len(shapes) - 1))

    def call(self, logits, training=False):
        if training:
            return ops.cast(logits[0], "float32")
        return sum(ops.cast(part, "float32") * self.shares[place] for place, part in enumerate(logits))

    def compute_output_spec(self, logits, training=False):
        return keras.KerasTensor(logits[0].shape, "float32")

    def get_config(self):
        return {name: value for name, value in super().get_config().items() if name not in ("trainable", "dtype")}


def best_shares(logits: list[np.ndarray], targets: np.ndarray) -> np.ndarray:
    """Returns the weights, none below 0, with the lowest log loss: for one model, an inverse temperature.

    Args:
        logits: Each `(rows, classes)`, of rows that no model was trained on.
        targets: `(rows,)`, class numbers.

    Guo et al. (2017), section 4.2, https://arxiv.org/abs/1706.04599, here for several models at once.
    """
    stacked = np.stack(logits).astype(np.float64)
    rows = np.arange(len(targets))

    def loss(shares):
        logarithms = log_softmax(np.tensordot(shares, stacked, 1), axis=1)
        slope = np.exp(logarithms)
        slope[rows, targets] -= 1
        return -logarithms[rows, targets].mean(), (stacked * slope).sum(axis=(1, 2)) / len(targets)

    start = np.full(len(logits), 1 / len(logits))
    return minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(logits)).x
