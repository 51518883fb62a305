"""Blend: a recurrent and a linear forecast and the last value -> their weighted mean, weighted after training."""

import itertools

import keras
import numpy as np
from scipy.optimize import nnls

from rnnkit.layers.forecasting.heads import moved

PARTS = 3
"""The recurrent forecast, the linear one, and the last value."""
FOLDS = 4
"""Stretches of rows by which shares are tried."""


@keras.saving.register_keras_serializable(package="rnnkit")
class ForecastBlend(keras.layers.Layer):
    """Moves a forecast to the weighted mean of its point, a linear point and the last value, quantiles and all.

    The share of the last value draws both forecasts towards no change, which is best where nothing can be foreseen.
    While training, the first forecast passes as it is, so that it learns by itself. Until shares are set,
    the first has 1 and the others 0.

    Args:
        head, levels: Of the forecast.

    Call arguments:
        forecast: `(batch, horizon, targets, 1 + levels + parameters)`.
        linear: `(batch, horizon, targets)`.
        last: `(batch, 1, targets)`.

    Returns:
        The forecast, moved.
    """

    def __init__(self, head, levels, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs, "trainable": False})
        self.head, self.levels = head, tuple(float(level) for level in levels)

    def build(self, forecast_shape, linear_shape, last_shape):
        horizon, targets = forecast_shape[1:3]
        self.shares = self.add_weight(shape=(PARTS, horizon, targets), initializer="zeros", name="shares")
        self.reset()

    def reset(self) -> None:
        """Gives the first forecast all."""
        self.shares.assign(np.eye(PARTS)[:, 0, None, None] * np.ones(self.shares.shape))

    def call(self, forecast, linear, last, training=False):
        if training:
            return forecast
        point = forecast[..., 0]
        wanted = point * self.shares[0] + linear * self.shares[1] + last * self.shares[2]
        return moved(self.head, self.levels, forecast, wanted - point)

    def compute_output_spec(self, forecast, linear, last, training=False):
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


def trusted_shares(outputs: list[np.ndarray], targets: np.ndarray, *, by="step", gain=0.01) -> np.ndarray:
    """Returns the best shares if they pay on rows they weren't chosen by, else all to the last of the forecasts.

    Args:
        outputs, targets, by: As for `best_forecast_shares`, rows in order of time; the last output is the one that
            needs no trust, such as the last value.
        gain: Share of that one's squared error by which they must be better, over stretches of rows, each
            forecast by shares chosen on the others.
    """
    edges, error, alone = np.linspace(0, len(targets), FOLDS + 1).astype(int), 0.0, 0.0
    truth, known = targets[..., 0], targets[..., 1]
    for start, end in itertools.pairwise(edges):
        kept = np.r_[:start, end : len(targets)]
        if not len(kept) or end == start:
            continue
        shares = best_forecast_shares([output[kept] for output in outputs], targets[kept], by=by)
        rows = slice(start, end)
        blended = sum(share * output[rows] for share, output in zip(shares, outputs, strict=True))
        error += float((((blended - truth[rows]) ** 2) * known[rows]).sum())
        alone += float((((outputs[-1][rows] - truth[rows]) ** 2) * known[rows]).sum())
    shares = best_forecast_shares(outputs, targets, by=by)
    if error < (1 - gain) * alone:
        return shares
    return np.concatenate([np.zeros_like(shares[:-1]), np.ones_like(shares[-1:])])


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
