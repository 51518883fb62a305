"""Linear path: the window less its last value, times a matrix -> the horizon; the matrix is solved for, not trained."""

import keras
import numpy as np
import tensorflow as tf
from scipy.linalg import LinAlgError, cho_factor, cho_solve

STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0, 100000.0)
SHARES = (1.0, 0.7, 0.5, 0.35, 0.25)
"""Shares of the window that the linear forecast may look back on."""


@keras.saving.register_keras_serializable(package="rnnkit")
class LinearForecast(keras.layers.Layer):
    """Forecasts each target linearly from its window, and from covariates where they are given.

    The window and the forecast are taken less the window's last value (Zeng et al. 2023, NLinear,
    https://arxiv.org/abs/2205.13504). Weights start at 0, which is the last value's forecast, are never trained,
    and are set by `fit_linear`.

    Args:
        horizon: Steps forecast.
        per_target: Whether each target has weights of its own.

    Call arguments:
        values: `(batch, window, targets)`, filled.
        further: `(batch, features)`, the same for all targets; or None.

    Returns:
        `(batch, horizon, targets)`.
    """

    def __init__(self, horizon, per_target=False, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs, "trainable": False})
        self.horizon, self.per_target = horizon, per_target

    def build(self, values_shape, further_shape=None):
        width = values_shape[1] + (0 if further_shape is None else further_shape[1]) + 1
        shape = (values_shape[2] if self.per_target else 1, width, self.horizon)
        self.kernel = self.add_weight(shape=shape, initializer="zeros", name="kernel")

    def call(self, values, further=None):
        window, targets = values.shape[1:]
        last = values[:, -1:]
        own = tf.transpose(values - last, [0, 2, 1])
        outputs = []
        for place in range(targets if self.per_target else 1):
            kernel = self.kernel[place]
            rows = own[:, place : place + 1] if self.per_target else own
            found = tf.reshape(
                tf.matmul(tf.reshape(rows, [-1, window]), kernel[:window]), [-1, rows.shape[1], self.horizon]
            )
            if further is not None:
                found = found + tf.matmul(further, kernel[window:-1])[:, None]
            outputs.append(found + kernel[-1])
        return tf.transpose(tf.concat(outputs, 1), [0, 2, 1]) + last

    def rows(self, values, further=None) -> np.ndarray:
        """Gives what the kernel multiplies, in float64: `(batch, targets, width)`."""
        values = np.asarray(values, np.float64)
        own = (values - values[:, -1:]).transpose(0, 2, 1)
        parts = [own]
        if further is not None:
            further = np.asarray(further, np.float64)[:, None]
            parts.append(np.broadcast_to(further, (*own.shape[:2], further.shape[-1])))
        return np.concatenate([*parts, np.ones((*own.shape[:2], 1))], -1)

    def compute_output_spec(self, values, further=None):
        return keras.KerasTensor((values.shape[0], self.horizon, values.shape[2]), "float32")

    def get_config(self):
        return {**super().get_config(), "horizon": self.horizon, "per_target": self.per_target}


class Moments:
    """Sums over rows from which least squares are solved: rows x rows, rows x answers, answers x answers.

    Args:
        targets: Sums kept apart; 1 for all targets in one.
    """

    def __init__(self, targets: int):
        self.targets, self.count = targets, np.zeros(targets)
        self.inner = self.cross = self.outer = None

    def add(self, rows: np.ndarray, answers: np.ndarray, known: np.ndarray) -> None:
        """Adds `(batch, targets, width)` and the answers `(batch, targets, horizon)`, 1 in `known` where they count.

        Rows that lack more than half of their answers are left out; other unknown answers are taken from the
        step before.
        """
        if self.inner is None:
            width, horizon = rows.shape[-1], answers.shape[-1]
            self.inner = np.zeros((self.targets, width, width))
            self.cross = np.zeros((self.targets, width, horizon))
            self.outer = np.zeros((self.targets, horizon))
        answers = carried(np.asarray(answers, np.float64), known)
        usable = known.mean(-1) > 0.5
        for target in range(self.targets):
            mine = np.s_[:, target] if self.targets > 1 else np.s_[:]
            chosen = usable[mine]
            x, y = rows[mine][chosen], answers[mine][chosen]
            self.inner[target] += x.T @ x
            self.cross[target] += x.T @ y
            self.outer[target] += (y * y).sum(0)
            self.count[target] += len(x)

    def solve(self, strength: float, left_out: int = 0) -> np.ndarray:
        """Returns ridge weights `(targets, width, horizon)`; the last row, the bias, isn't drawn to 0.

        The first `left_out` columns, the earliest steps, have weights of 0.
        """
        found = []
        for inner, cross in zip(self.inner[:, left_out:, left_out:], self.cross[:, left_out:], strict=True):
            ridge = np.full(len(inner), strength)
            ridge[-1] = 0
            # A little on every row: a window that never moves leaves its sums at 0.
            ridge += 1e-8 * max(np.trace(inner) / len(inner), 1e-8)
            try:
                found.append(cho_solve(cho_factor(inner + np.diag(ridge), lower=True), cross))
            except LinAlgError:
                found.append(np.linalg.lstsq(inner + np.diag(ridge), cross, rcond=None)[0])
        return np.pad(np.stack(found), [(0, 0), (left_out, 0), (0, 0)])

    def error(self, weights: np.ndarray) -> float:
        """Returns the mean squared error of weights on these rows."""
        fitted = np.einsum("twh,twh->th", weights, self.inner @ weights - 2 * self.cross)
        return float((fitted + self.outer).sum() / (max(self.count.sum(), 1) * self.outer.shape[-1]))


def carried(answers: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fills unknown answers `(…, horizon)` with the last known ones before them, else with 0."""
    known = np.asarray(known) > 0.5
    places = np.where(known, np.arange(answers.shape[-1]), -1)
    places = np.maximum.accumulate(places, axis=-1)
    filled = np.take_along_axis(answers, np.maximum(places, 0), axis=-1)
    return np.where(places >= 0, filled, 0.0)


def best_linear(
    train: Moments, valid: Moments, window: int, strengths=STRENGTHS, shares=SHARES
) -> tuple[np.ndarray, float, int, float]:
    """Chooses ridge strength and look-back by the error on valid; what is left out of a window costs no new pass.

    Args:
        train, valid: Sums over their rows.
        window: Steps of the window, the first columns of a row.
        strengths: To try.
        shares: Of the window, to try.

    Returns:
        The weights, and their strength, steps looked back on, and error.
    """
    tried = []
    for steps in dict.fromkeys(max(round(share * window), 1) for share in shares):
        for strength in strengths:
            weights = train.solve(strength, window - steps)
            tried.append((valid.error(weights), strength, steps, weights))
    error, strength, steps, weights = min(tried, key=lambda each: each[0])
    return weights, strength, steps, error
