"""Sums that forecast scores are made of: answers and truth -> sums over windows for each step and target -> scores."""

import math

import numpy as np

from rnnkit.metrics.direction import wilson_interval
from rnnkit.metrics.quantiles import pinball_loss, quantile_crps, within

BLOCK = 1 << 18  # values looked at together
LEAST_PRICE = 0.01  # of the last value: what a forecast below that counts as where its logarithm is taken
INTERVALS = {"coverage_80": (0.1, 0.9), "coverage_95": (0.025, 0.975)}


class ForecastSums:
    """Adds up what the scores need; windows can come in pieces.

    Args:
        levels: Rising quantile levels.
        direction: Add what the scores of direction and return need.

    Attributes:
        sums: Name -> `(horizon, targets)`.
        differences: Per window (NaN where nothing is known) by how much its mean squared error of log returns exceeds
            that of the last value; only with `direction`.
        seconds: Of these windows.
    """

    def __init__(self, levels, *, direction: bool = False):
        self.levels = _checked_levels(levels)
        self.direction = direction
        self.sums: dict[str, np.ndarray] = {}
        self.differences: list[np.ndarray] = []
        self.seconds: list[np.ndarray] = []

    def add(self, forecast, quantiles, truth, rows=slice(None)) -> None:
        """Adds windows.

        Args:
            forecast: `(windows, horizon, targets)`.
            quantiles: `(windows, horizon, targets, levels)`.
            truth: A `Truth`.
            rows: Which of the truth's windows these are, a slice or places.

        Raises:
            ValueError: Shapes don't fit, or an answer to a known value is not a finite number.
        """
        forecast, quantiles = np.asarray(forecast), np.asarray(quantiles)
        values, scale, last = (np.asarray(part, np.float64)[rows] for part in (truth.values, truth.scale, truth.last))
        _check_shapes(forecast, quantiles, values, self.levels)
        self.seconds.append(np.asarray(truth.seconds)[rows])
        size = max(1, BLOCK // max(1, math.prod(quantiles.shape[1:])))
        for start in range(0, len(values), size):
            block = slice(start, start + size)
            self._add(
                values[block],
                forecast[block].astype(np.float64),
                quantiles[block].astype(np.float64),
                scale[block],
                last[block],
                usable_scale(np.asarray(truth.spread, np.float64)),
            )

    def _add(self, values, forecast, quantiles, scale, last, spread):
        known = np.isfinite(values)
        _check_finite(forecast, quantiles, known)
        # Unknown places become perfect answers of 0, and count nowhere.
        values, forecast = np.where(known, values, 0.0), np.where(known, forecast, 0.0)
        quantiles = np.where(known[..., None], quantiles, 0.0)
        error = np.abs(forecast - values)
        size = np.abs(forecast) + np.abs(values)
        parts = {
            "count": known,
            "scaled": error / usable_scale(scale)[:, None],
            "absolute": error,
            "squared": error**2,
            "squared_standardized": (error / spread) ** 2,
            "absolute_standardized": error / spread,
            "smape": 200.0 * error / np.where(size > 0.0, size, 1.0),
            "pinball": pinball_loss(values, quantiles, self.levels) / spread,
            "crps": quantile_crps(values, quantiles, self.levels) / spread,
        }
        for name, (low, high) in INTERVALS.items():
            inside = within(values, quantiles, self.levels, low=low, high=high)
            if inside is not None:
                parts[name] = inside & known
        if self.direction:
            parts |= self._direction(values, forecast, known, last[:, None])
        for name, part in parts.items():
            self.sums[name] = self.sums.get(name, 0.0) + part.sum(axis=0, dtype=np.float64)

    def _direction(self, values, forecast, known, last):
        moved = np.where(known & np.isfinite(last), np.sign(values - last), 0.0)
        said = np.where(moved != 0.0, np.sign(forecast - last), 0.0)
        positive = known & (last > 0.0) & (values > 0.0)
        base = np.where(positive, last, 1.0)
        truth_return = np.log(np.where(positive, values, base) / base)
        said_return = np.log(np.maximum(np.where(positive, forecast, base) / base, LEAST_PRICE))
        squared = (said_return - truth_return) ** 2
        counts = positive.sum(axis=(1, 2))
        with np.errstate(invalid="ignore"):
            self.differences.append((squared - truth_return**2).sum(axis=(1, 2)) / np.where(counts, counts, np.nan))
        return {
            "moved": moved != 0.0,
            "rose": moved > 0.0,
            "agreed": np.where(moved != 0.0, (1.0 + moved * said) / 2.0, 0.0),
            "returns": positive,
            "squared_returns": squared,
        }

    def join(self, others) -> "ForecastSums":
        """Adds the sums of other windows to these."""
        for other in others:
            for name, part in other.sums.items():
                self.sums[name] = self.sums.get(name, 0.0) + part
            self.differences += other.differences
            self.seconds += other.seconds
        return self

    def scores(self, axis=(0, 1)) -> dict[str, np.ndarray]:
        """Turns the sums into scores over `axis` of `(horizon, targets)`; NaN where nothing is known."""
        total = {name: part.sum(axis=axis) for name, part in self.sums.items()}
        count = total["count"]
        with np.errstate(invalid="ignore", divide="ignore"):
            scores = {
                "mase": total["scaled"] / count,
                "mae": total["absolute"] / count,
                "rmse": np.sqrt(total["squared"] / count),
                "mse_standardized": total["squared_standardized"] / count,
                "mae_standardized": total["absolute_standardized"] / count,
                "smape": total["smape"] / count,
                "pinball": total["pinball"] / count,
                "crps": total["crps"] / count,
            }
            scores |= {name: total[name] / count for name in INTERVALS if name in total}
            if self.direction:
                scores["directional_accuracy"] = share = total["agreed"] / total["moved"]
                apart = self.sums["moved"] / np.arange(1, 1 + len(self.sums["moved"]))[:, None]
                bounds = wilson_interval(share, apart.mean(axis=axis))
                scores["directional_low"], scores["directional_high"] = bounds
                scores["rising_share"] = total["rose"] / total["moved"]
                scores["rmse_returns"] = np.sqrt(total["squared_returns"] / total["returns"])
        return scores


def usable_scale(scale: np.ndarray) -> np.ndarray:
    """Replaces what can't be divided by, such as the spread of a constant series, by 1."""
    return np.where(np.isfinite(scale) & (scale > 0.0), scale, 1.0)


def _checked_levels(levels):
    levels = tuple(float(level) for level in levels)
    rising = all(low < high for low, high in zip(levels[:-1], levels[1:], strict=True))
    if not levels or not rising or not 0.0 < levels[0] <= levels[-1] < 1.0:
        raise ValueError(f"levels must rise between 0 and 1. Got {levels}.")
    return levels


def _check_shapes(forecast, quantiles, values, levels):
    if values.ndim != 3:
        raise ValueError(f"truth must have the shape (windows, horizon, targets). Got {values.shape}.")
    if forecast.shape != values.shape:
        raise ValueError(f"forecast must have the truth's shape {values.shape}. Got {forecast.shape}.")
    if quantiles.shape != (*values.shape, len(levels)):
        raise ValueError(f"quantiles must have shape {(*values.shape, len(levels))}. Got {quantiles.shape}.")


def _check_finite(forecast, quantiles, known):
    for name, wrong in {
        "forecast": known & ~np.isfinite(forecast),
        "quantiles": known & ~np.isfinite(quantiles).all(axis=-1),
    }.items():
        if wrong.any():
            window, step, target = np.argwhere(wrong)[0]
            raise ValueError(
                f"{name} must be finite. Got NaN or infinity in {wrong.sum():,} places, first at step {step + 1} of "
                f"target {target}. Look at the training loss, or lower --learning-rate."
            )
