"""Ridge regression from streamed rows: features and targets in pieces -> normal equations -> weights."""

import numpy as np

STRENGTHS = tuple(10.0**power for power in range(-6, 2))
"""Of the penalty, in mean variances of the features."""


class NormalEquations:
    """Sums of products in float64, so that rows can come in pieces.

    Args:
        features: How many.
        outputs: How many are forecast from the same features.
    """

    def __init__(self, features: int, outputs: int):
        self.count, self.known = 0, np.zeros(outputs)
        self.x, self.y = np.zeros(features), np.zeros(outputs)
        self.xx, self.xy = np.zeros((features, features)), np.zeros((features, outputs))

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """Adds rows: `x (rows, features)`, finite; `y (rows, outputs)`, NaN where unknown."""
        known = np.isfinite(y)
        y = np.where(known, y, 0.0)
        self.count += len(x)
        self.known += known.sum(axis=0)
        self.x += x.sum(axis=0)
        self.y += y.sum(axis=0)
        self.xx += x.T @ x
        self.xy += x.T @ y

    def solve(self, strengths=STRENGTHS) -> list[tuple[np.ndarray, np.ndarray]]:
        """Returns weights `(features, outputs)` and intercept `(outputs,)`, not penalised, for each strength.

        An output that is unknown in some rows is fitted as if it were unknown by chance: the
        features' covariance is that of all rows. One that is never known has weights and intercept 0.
        """
        count, known = max(self.count, 1), np.maximum(self.known, 1)
        mean_x, mean_y = self.x / count, self.y / known
        covariance = self.xx / count - np.outer(mean_x, mean_x)
        cross = self.xy / known - np.outer(mean_x, mean_y)
        values, vectors = np.linalg.eigh(covariance)
        values = np.maximum(values, 0.0)
        mean_variance = values.mean() if values.size else 0.0
        rotated = vectors.T @ (cross * (self.known > 0))
        fitted = []
        for strength in strengths:
            weights = vectors @ (rotated / (values + max(strength * mean_variance, 1e-12))[:, None])
            fitted.append((weights, mean_y - mean_x @ weights))
        return fitted


def best_fit(fitted, pieces) -> int:
    """Returns the place of the weights with the lowest squared error over rows in `pieces` of `x, y`."""
    losses = np.zeros(len(fitted))
    for x, y in pieces:
        known = np.isfinite(y)
        y = np.where(known, y, 0.0)
        for place, (weights, intercept) in enumerate(fitted):
            losses[place] += np.square((x @ weights + intercept - y) * known).sum()
    return int(losses.argmin())
