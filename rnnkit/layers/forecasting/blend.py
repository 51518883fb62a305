"""Blend: the forecasts of a recurrent and a linear path -> their weighted mean, weighted after training."""

import keras
import numpy as np
from scipy.optimize import nnls

from rnnkit.layers.forecasting.heads import moved


@keras.saving.register_keras_serializable(package="rnnkit")
class ForecastBlend(keras.layers.Layer):
    """Moves a forecast to share x its point + other shares x linear points + bias, quantiles and all.

    While training, the first forecast passes as it is, so that it learns by itself. Until shares are set,
    the first has 1 and the other 0.

    Args:
        head, levels: Of the forecast.

    Call arguments:
        forecast: `(batch, horizon, targets, 1 + levels + parameters)`.
        linear: `(batch, horizon, targets)`.

    Returns:
        The forecast, moved.
    """

    def __init__(self, head, levels, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs, "trainable": False})
        self.head, self.levels = head, tuple(float(level) for level in levels)

    def build(self, forecast_shape, linear_shape):
        horizon, targets = forecast_shape[1:3]
        self.shares = self.add_weight(shape=(2, horizon, targets), initializer="zeros", name="shares")
        self.bias = self.add_weight(shape=(horizon, targets), initializer="zeros", name="bias")
        self.shares.assign(np.stack([np.ones((horizon, targets)), np.zeros((horizon, targets))]))

    def call(self, forecast, linear, training=False):
        if training:
            return forecast
        point = forecast[..., 0]
        wanted = point * self.shares[0] + linear * self.shares[1] + self.bias
        return moved(self.head, self.levels, forecast, wanted - point)

    def compute_output_spec(self, forecast, linear, training=False):
        return keras.KerasTensor(forecast.shape, "float32")

    def get_config(self):
        return {**super().get_config(), "head": self.head, "levels": list(self.levels)}


def best_forecast_shares(outputs: list[np.ndarray], targets: np.ndarray, *, by="step", rows_drawn=50.0) -> np.ndarray:
    """Returns the shares of several forecasts with the least squared error, from 0 to 1 and in sum 1.

    Args:
        outputs: Points, each `(rows, horizon, targets)`, of rows that no model was trained on.
        targets: `(rows, horizon, targets, 2)`: the truth, and 1 where it is known.
        by: `all`: one share for all steps and targets. `step`: shares that may differ from step to step, smooth
            over neighbours. `target`: also from target to target.
        rows_drawn: How many rows the drawing of single steps to the shares of all weighs.

    Returns:
        `(outputs, horizon, targets)`.

    Raises:
        ValueError: Unknown `by`.
    """
    if by not in ("all", "step", "target"):
        raise ValueError(f"by must be one of all, step, target. Got {by!r}.")
    points = np.stack([np.asarray(each, np.float64) for each in outputs])
    truth, known = np.asarray(targets[..., 0], np.float64), np.asarray(targets[..., 1], np.float64)
    apart = (points - truth) * known
    # Errors of each pair of forecasts multiplied, summed over the rows: (horizon, targets, outputs, outputs).
    products = np.einsum("irht,jrht->htij", apart, apart)
    counts = known.sum(0)
    whole = products.sum((0, 1))
    shares = _simplex(whole)
    found = np.broadcast_to(shares[:, None, None], (len(points), *counts.shape)).copy()
    if by == "all":
        return found
    if by == "step":
        products, counts = products.sum(1, keepdims=True), counts.sum(1, keepdims=True)
    products, weights = _smoothed(products), _smoothed(counts[..., None, None])
    mean = whole / max(known.sum(), 1)
    for step in range(products.shape[0]):
        for target in range(products.shape[1]):
            drawn = products[step, target] + rows_drawn * mean * min(1.0, weights[step, target, 0, 0])
            found[:, step, slice(None) if by == "step" else target] = (
                _simplex(drawn)[:, None] if by == "step" else _simplex(drawn)
            )
    return found


def _simplex(products):
    """Gives shares, none below 0 and in sum 1, with the least `shares @ products @ shares`."""
    size = max(np.trace(products) / len(products), 1e-12)
    values, vectors = np.linalg.eigh(products / size + 1e-6 * np.eye(len(products)))
    root = (vectors * np.sqrt(np.maximum(values, 0))).T
    # The sum as one more equation of great weight (Lawson & Hanson 1974, chapter 23).
    strong = 1e3
    found, _ = nnls(np.vstack([root, strong * np.ones(len(products))]), np.r_[np.zeros(len(products)), strong])
    return found / found.sum() if found.sum() > 0 else np.eye(len(products))[0]


def _smoothed(x):
    """Averages over neighbouring steps on the first axis, about a sixth of them on either side."""
    reach = max(len(x) // 6, 0)
    places = np.arange(len(x))
    weights = np.maximum(0, 1 - np.abs(places[:, None] - places[None]) / (reach + 1))
    weights /= weights.sum(1, keepdims=True)
    return np.tensordot(weights, x, 1)
