"""Baselines of forecasting: windows -> last value, season, drift, ridge, exponential smoothing -> scores on test.

A baseline is an object with `forecast(windows, places, arrays) -> (windows, horizon, targets)`; it has learnt on the
train split. Its intervals are the quantiles of its own errors on the validation split.
"""

from collections.abc import Callable, Sequence

import numpy as np

from rnnkit.metrics.exponential_smoothing import MOST_SERIES, ExponentialSmoothingForecast
from rnnkit.metrics.forecast_sums import ForecastSums, usable_scale
from rnnkit.metrics.forecasts import step_scores, time_blocks, time_row, total_scores
from rnnkit.metrics.linear_forecasts import Linear, LinearCovariates, drawn, pieces
from rnnkit.metrics.naive_forecasts import Drift, LastValue, SeasonalNaive
from rnnkit.progress import SILENT, Reporter

MOST_ERRORS = 1 << 24  # errors on valid kept for the intervals, float32


def forecast_baselines(
    splits, settings, levels: Sequence[float], reporter: Reporter = SILENT, direction: bool = False
) -> dict[str, dict[str, dict[str, float]]]:
    """Scores forecasts that any model should beat on the test split's windows.

    Args:
        splits: `train`, `valid` and `test` are `rnnkit.series.windows.Windows`.
        settings: Holds `seed`.
        levels: Quantile levels of the intervals.
        reporter: Told of what is left out.
        direction: Score direction and returns too; the last value is then called `random_walk`.

    Returns:
        `{name: {"test": scores}}`, scores as from `score_forecasts`, in this order:
        `last_value` or `random_walk`; `seasonal_naive`, where there is a season; `drift`; `linear`, and
        `linear_covariates` where there are columns besides the targets; `ets`, where statsmodels is
        installed and series times targets are at most 16.
    """
    detailed = detailed_baselines(splits, settings, levels, reporter, direction)
    return {name: {"test": parts["test"]} for name, parts in detailed.items()}


def detailed_baselines(
    splits, settings, levels: Sequence[float], reporter: Reporter = SILENT, direction: bool = False, blocks: int = 8
) -> dict[str, dict]:
    """Scores the baselines as `forecast_baselines` does, and by step and over time, for tables and pictures.

    Returns:
        `{name: {"test": scores, "by_step": as by_step, "over_time": as over_time in so many blocks}}`.
    """
    calibrated = fitted_baselines(splits, settings, levels, reporter, direction)
    truth, results = splits.test.truth(), {}
    with reporter.task("scoring baselines", total=len(calibrated)) as advance:
        for number, (name, baseline) in enumerate(calibrated.items()):
            advance(number, name)
            results[name] = _details(baseline, splits.test, truth, levels, direction, blocks)
    return results


def _details(baseline, windows, truth, levels, direction, blocks):
    stretches = []
    for block in time_blocks(truth.seconds, blocks):
        sums = ForecastSums(levels, direction=direction)
        for places, arrays in pieces(windows, block):
            sums.add(*baseline.answer(windows, places, arrays, truth.scale[places]), truth, places)
        stretches.append(sums)
    whole = ForecastSums(levels, direction=direction).join(stretches)
    return {
        "test": total_scores(whole),
        "by_step": step_scores(whole),
        "over_time": [time_row(sums) for sums in stretches],
    }


class Calibrated:
    """A baseline with the quantiles of its errors on valid, by step and target, in units of a series' scale.

    Split conformal prediction: Lei et al. (2018), section 2.2, https://arxiv.org/abs/1604.04173; each
    bound by itself. Overlapping windows aren't exchangeable, so the stated coverage is only about right.

    Attributes:
        offsets: `(horizon, targets, levels)`, to be added to the forecast, times the scale.
    """

    def __init__(self, baseline, valid, levels, seed: int = 0):
        self.baseline = baseline
        truth = valid.truth()
        size = valid.horizon * truth.values.shape[2]
        errors = []
        for places, arrays in pieces(valid, drawn(valid, max(1, MOST_ERRORS // size), seed)):
            said = baseline.forecast(valid, places, arrays)
            scale = usable_scale(truth.scale[places])[:, None]
            errors.append(((truth.values[places] - said) / scale).astype(np.float32))
        self.offsets = error_quantiles(np.concatenate(errors), levels)

    def answer(self, windows, places, arrays, scale) -> tuple[np.ndarray, np.ndarray]:
        """Returns the forecast `(windows, horizon, targets)` and its quantiles `(…, levels)`; `scale` as in `Truth`."""
        said = self.baseline.forecast(windows, places, arrays)
        return said, said[..., None] + self.offsets * usable_scale(scale)[:, None, :, None]


def error_quantiles(errors: np.ndarray, levels) -> np.ndarray:
    """Returns `(horizon, targets, levels)` of errors `(windows, horizon, targets)`, NaN where unknown.

    The levels are widened by (windows + 1) / windows, for the one that is to be forecast. A step of
    which nothing is known has the quantiles of all; 0 where nothing is known at all.
    """
    known = np.isfinite(errors)
    out = np.zeros((*errors.shape[1:], len(levels)))
    if not known.any():
        return out
    for target in range(errors.shape[2]):
        for step in range(errors.shape[1]):
            column = errors[known[:, step, target], step, target]
            column = column if column.size else errors[..., target][known[..., target]]
            column = column if column.size else errors[known]
            wide = 0.5 + (np.asarray(levels) - 0.5) * (column.size + 1) / column.size
            out[step, target] = np.quantile(column, np.clip(wide, 0.0, 1.0))
    return out


def fitted_baselines(
    splits, settings, levels, reporter: Reporter = SILENT, direction: bool = False
) -> dict[str, Calibrated]:
    """Fits the baselines of `forecast_baselines` and their intervals, without scoring them."""
    makers = _makers(splits, settings, reporter, direction)
    calibrated = {}
    with reporter.task("baselines", total=len(makers)) as advance:
        for number, (name, make) in enumerate(makers.items()):
            advance(number, name)
            try:
                baseline = make()
            except ModuleNotFoundError:
                reporter.say(f"note: no baseline '{name}': statsmodels is not installed. pip install 'rnnkit[stats]'.")
                continue
            calibrated[name] = Calibrated(baseline, splits.valid, levels, settings.seed)
    return calibrated


def _makers(splits, settings, reporter, direction) -> dict[str, Callable]:
    panel = splits.train.panel
    targets, mean = len(panel.columns.targets), splits.train.scales.mean
    season = splits.train.scales.season
    makers = {"random_walk" if direction else "last_value": lambda: LastValue(targets, mean)}
    if season > 1:
        makers["seasonal_naive"] = lambda: SeasonalNaive(targets, mean, season)
    makers["drift"] = lambda: Drift(targets, mean)
    makers["linear"] = lambda: Linear(splits, mean, settings.seed)
    if panel.values.shape[1] > targets or panel.categories.shape[1]:
        makers["linear_covariates"] = lambda: LinearCovariates(splits, mean, settings.seed)
    if reason := _no_smoothing(splits, len(panel.ids) * targets):
        reporter.say(f"note: no baseline 'ets': {reason}.")
    else:
        makers["ets"] = lambda: ExponentialSmoothingForecast(splits.train, targets, mean, season)
    return makers


def _no_smoothing(splits, count):
    if count > MOST_SERIES:
        return f"it is for at most {MOST_SERIES} series times targets, not {count:,}"
    if any(windows.panel.starts is not splits.train.panel.starts for windows in (splits.valid, splits.test)):
        return "it runs on from train, and valid or test is a file of its own"
    return ""
