"""Exponential smoothing as a baseline: train part -> parameters, by statsmodels -> recursion over the whole series.

statsmodels is an extra, `stats`; without it there is no such baseline.
"""

import dataclasses
import warnings

import numpy as np

from rnnkit.metrics.naive_forecasts import last_known

MOST_SERIES = 16  # series times targets
MOST_STEPS = 2_000  # last steps of the train part that parameters are fitted on
LONGEST_SEASON = 60


@dataclasses.dataclass(frozen=True)
class Smoothing:
    """Holt-Winters' additive method with damped trend; Hyndman & Athanasopoulos, https://otexts.com/fpp3, 8.3.

    Attributes:
        level, trend, seasonal, damping: Parameters.
        first_level, first_trend, first_season: State before the first step, the season `(season,)`.
    """

    level: float
    trend: float
    seasonal: float
    damping: float
    first_level: float
    first_trend: float
    first_season: np.ndarray

    def forecasts(self, values: np.ndarray, cuts: np.ndarray, horizon: int) -> np.ndarray:
        """Runs over `values (steps,)`, NaN where unknown, and forecasts from before each of the rising `cuts`.

        Returns:
            `(cuts, horizon)`. An unknown value counts as met exactly as forecast.
        """
        damped = np.cumsum(self.damping ** np.arange(1, horizon + 1))
        level, slope, season = self.first_level, self.first_trend, self.first_season.copy()
        out, step = np.empty((len(cuts), horizon)), 0
        for place, cut in enumerate(cuts):
            for value in values[step:cut]:
                level, slope = self._step(value, level, slope, season, step % len(season))
                step += 1
            out[place] = level + slope * damped + season[(cut + np.arange(horizon)) % len(season)]
        return out

    def _step(self, value, level, slope, season, place):
        expected = level + self.damping * slope
        if not np.isfinite(value):
            return expected, self.damping * slope
        new = self.level * (value - season[place]) + (1 - self.level) * expected
        slope = self.trend * (new - level) + (1 - self.trend) * self.damping * slope
        season[place] = self.seasonal * (value - expected) + (1 - self.seasonal) * season[place]
        return new, slope


def fit_smoothing(values: np.ndarray, season: int) -> Smoothing:
    """Fits the method to `values (steps,)`, without gaps; of with and without trend and season the lowest AICc wins."""
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    seasons = [None]
    if 2 <= season <= LONGEST_SEASON and len(values) >= 3 * season + 2:
        seasons.append(season)
    best = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for period in seasons:
            for trend in (None, "add"):
                model = ExponentialSmoothing(
                    values,
                    trend=trend,
                    damped_trend=trend is not None,
                    seasonal="add" if period else None,
                    seasonal_periods=period,
                    initialization_method="heuristic" if len(values) >= 10 else "simple",
                )
                fit = model.fit(optimized=True, remove_bias=False)
                if np.isfinite(fit.aicc) and (best is None or fit.aicc < best.aicc):
                    best = fit
    return _smoothing(best, values)


def _smoothing(fit, values):
    if fit is None:
        return Smoothing(0.5, 0.0, 0.0, 1.0, float(values[0]), 0.0, np.zeros(1))

    def number(name, otherwise):
        value = fit.params.get(name)
        return float(value) if value is not None and np.isfinite(value) else otherwise

    first_season = np.atleast_1d(np.asarray(fit.params.get("initial_seasons"), np.float64))
    return Smoothing(
        number("smoothing_level", 0.5),
        number("smoothing_trend", 0.0),
        number("smoothing_seasonal", 0.0),
        number("damping_trend", 1.0),
        number("initial_level", float(values[0])),
        number("initial_trend", 0.0),
        first_season if first_season.size and np.isfinite(first_season).all() else np.zeros(1),
    )


class ExponentialSmoothingForecast:
    """Exponential smoothing of each series and target by itself, in the panel of `train`.

    A cut-off from before the steps that were fitted, and a series that train lacks, gets the last value.

    Raises:
        ModuleNotFoundError: statsmodels isn't there.
    """

    def __init__(self, train, targets: int, mean: np.ndarray, season: int):
        import statsmodels  # noqa: F401

        self.targets, self.mean, self.fitted = targets, mean, {}
        self.known = train.panel.known_values()
        for series, start in enumerate(train.panel.starts[:-1]):
            steps = np.flatnonzero(train.inside & (train.panel.series() == series))
            if not steps.size:
                continue
            end = int(steps[-1]) + 1
            begin = max(int(start), end - MOST_STEPS)
            for target in range(targets):
                values = _without_gaps(self.known[begin:end, target], mean[target])
                self.fitted[series, target] = begin, fit_smoothing(values, season)

    def forecast(self, windows, places, arrays) -> np.ndarray:
        out = np.empty((len(places), windows.horizon, self.targets))
        cuts = windows.cuts[places]
        series = windows.panel.series_of(cuts)
        out[:] = last_known(arrays["values"][..., : self.targets], self.mean)[:, None]
        for (number, target), (begin, smoothing) in self.fitted.items():
            rows = np.flatnonzero((series == number) & (cuts >= begin))
            rows = rows[np.argsort(cuts[rows], kind="stable")]
            if rows.size:
                values = self.known[begin:, target].astype(np.float64)
                out[rows, :, target] = smoothing.forecasts(values, cuts[rows] - begin, windows.horizon)
        return out


def _without_gaps(values, otherwise):
    known = np.isfinite(values)
    if not known.any():
        return np.full(len(values), otherwise, np.float64)
    places = np.arange(len(values))
    return np.interp(places, places[known], values[known].astype(np.float64))
