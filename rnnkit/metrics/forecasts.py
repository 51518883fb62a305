"""Scores of forecasts: answers, truth and levels -> errors, intervals, direction; whole, by step, over time."""

from collections.abc import Mapping, Sequence

import numpy as np

from rnnkit.metrics.direction import by_time, mean_difference
from rnnkit.metrics.forecast_sums import ForecastSums


def score_forecasts(
    answers: Mapping[str, np.ndarray], truth, *, levels: Sequence[float], direction: bool = False
) -> dict[str, float]:
    """Scores forecasts over all windows, steps and targets whose truth is known.

    Args:
        answers: `forecast (windows, horizon, targets)` and `quantiles (windows, horizon, targets, levels)`, in
            the units of the truth.
        truth: A `rnnkit.series.truth.Truth`; NaN in its values is unknown and counts nowhere.
        levels: Rising quantile levels between 0 and 1.
        direction: Also score direction and returns, as for prices.

    Returns:
        In this order:
        `mase`, mean of |error| / `truth.scale` (Hyndman & Koehler 2006, https://doi.org/10.1016/j.ijforecast.2006.03.001);
        `mae` and `rmse`, in the units of the targets, over all of them;
        `mse_standardized` and `mae_standardized`, errors divided by `truth.spread`;
        `smape`, mean of 200 |error| / (|truth| + |forecast|), 0 to 200 as in M4, 0 where both are 0;
        `pinball`, mean over the levels, divided by `truth.spread`;
        `crps`, of the distribution that is linear between the quantiles, divided by `truth.spread`;
        `coverage_80` and `coverage_95`, shares from level 0.1 to 0.9 and 0.025 to 0.975, each if there;
        with `direction` also
        `directional_accuracy`, share of right signs of the change since the last known value: a truth that
        didn't move is left out, a forecast that doesn't is half right;
        `directional_low` and `directional_high`, its 95 % Wilson interval, in which step h counts every h-th window
        since changes over h steps overlap;
        `rising_share`, of the changes scored there: what it takes to be right by naming one direction always;
        `rmse_returns`, of log(forecast / last) against log(truth / last) where last and truth are
        positive, a forecast below 1 % of the last value counting as 1 %;
        `p_against_random_walk`, of a two-sided test that its squared error of returns is that of the
        last value (`diebold_mariano`). Those without anything to be counted (no prices above 0,
        nothing that moved) are left out.

    Raises:
        ValueError: Shapes don't fit, an answer isn't finite, or no value of the truth is known.
    """
    sums = ForecastSums(levels, direction=direction)
    sums.add(answers["forecast"], answers["quantiles"], truth)
    return total_scores(sums)


def total_scores(sums: ForecastSums) -> dict[str, float]:
    """Makes the scores of `score_forecasts` of sums to which all windows were added."""
    if not sums.sums or not sums.sums["count"].any():
        windows = sum(map(len, sums.seconds))
        raise ValueError(f"No value to be forecast is known in {windows:,} windows. Give a split that has some.")
    scores = {name: float(score) for name, score in sums.scores().items()}
    if sums.direction:
        differences = by_time(np.concatenate(sums.differences), np.concatenate(sums.seconds))
        scores["p_against_random_walk"] = mean_difference(differences, len(sums.sums["count"]))[1]
    return {name: score for name, score in scores.items() if np.isfinite(score)}


def by_step(answers, truth, levels, *, direction: bool = False) -> dict[str, list[float]]:
    """Scores each step of the horizon apart: metric -> `horizon` values, NaN where none is known."""
    return step_scores(_sums(answers, truth, levels, direction))


def step_scores(sums: ForecastSums) -> dict[str, list[float]]:
    """Makes what `by_step` gives of sums."""
    return _listed(sums.scores(axis=1))


def by_target(answers, truth, levels, *, direction: bool = False) -> dict[str, dict[str, float]]:
    """Scores each target apart: its name -> metric -> value, NaN where none is known."""
    scores = _listed(_sums(answers, truth, levels, direction).scores(axis=0))
    return {
        name: {metric: values[place] for metric, values in scores.items()} for place, name in enumerate(truth.targets)
    }


def over_time(answers, truth, blocks: int, *, levels, direction: bool = False) -> list[dict[str, float]]:
    """Scores stretches of time one after the other, each with about as many cut-offs.

    Returns:
        A row each of `start` and `end` (seconds, of the first and the last window's first step),
        `windows`, and the scores, NaN where none is known. Fewer than `blocks` where there are fewer cut-offs.

    Raises:
        ValueError: `blocks` is below 1.
    """
    if blocks < 1:
        raise ValueError(f"blocks must be at least 1. Got {blocks}.")
    rows = []
    for part in time_blocks(truth.seconds, blocks):
        sums = ForecastSums(levels, direction=direction)
        sums.add(answers["forecast"][part], answers["quantiles"][part], truth, part)
        rows.append(time_row(sums))
    return rows


def time_row(sums: ForecastSums) -> dict[str, float]:
    """Makes a row of `over_time` of the sums of a stretch."""
    seconds = np.concatenate(sums.seconds)
    row = {"start": int(seconds.min()), "end": int(seconds.max()), "windows": len(seconds)}
    return row | {name: float(score) for name, score in sums.scores().items()}


def time_blocks(seconds, blocks: int) -> list[np.ndarray]:
    """Splits windows by time: places of each block; windows of one time stay together."""
    times, place = np.unique(seconds, return_inverse=True)
    block = np.arange(len(times)) * min(blocks, len(times)) // max(1, len(times))
    return [np.flatnonzero(block[place] == number) for number in range(min(blocks, len(times)))]


def _sums(answers, truth, levels, direction):
    sums = ForecastSums(levels, direction=direction)
    sums.add(answers["forecast"], answers["quantiles"], truth)
    return sums


def _listed(scores):
    return {name: [float(value) for value in values] for name, values in scores.items()}
