"""Baselines of forecasting against what they say they are, and on ETTh1 against published figures."""

import contextlib
import types

import numpy as np
import pytest
from toy_windows import split_series

from rnnkit.metrics import forecast_baselines as forecast_baselines_module
from rnnkit.metrics.exponential_smoothing import Smoothing, fit_smoothing
from rnnkit.metrics.forecast_baselines import (
    detailed_baselines,
    error_quantiles,
    fitted_baselines,
    forecast_baselines,
)
from rnnkit.metrics.forecasts import by_step, over_time, score_forecasts
from rnnkit.metrics.linear_forecasts import Linear, fill_forward
from rnnkit.metrics.naive_forecasts import Drift, LastValue, SeasonalNaive
from rnnkit.metrics.ridge import NormalEquations
from rnnkit.series import SeriesSettings, read_splits

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)
SETTINGS = types.SimpleNamespace(seed=1)
SPLIT = (0.6, 0.2, 0.2)


class Heard:
    """A reporter that keeps what is said."""

    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)

    @contextlib.contextmanager
    def task(self, title, **_):
        yield lambda *_: None


def waves(steps, columns, seed=0, noise=0.1, season=5):
    random = np.random.default_rng(seed)
    phase = np.arange(steps)[:, None] + np.arange(columns)
    return 10 + columns * np.sin(2 * np.pi * phase / season) + random.normal(0, noise, (steps, columns))


def said_by(baseline, windows):
    places = np.arange(len(windows))
    return baseline.forecast(windows, places, windows.arrays(places))


def test_naive_forecasts_match_loops_with_gaps():
    random = np.random.default_rng(2)
    series = [random.normal(0, 3, (61, 2)), random.normal(9, 3, (43, 2))]
    for part in series:
        part[random.random(part.shape) < 0.3] = np.nan
    series[0][:4] = np.nan
    splits = split_series(series, 2, window=7, horizon=6, split=SPLIT)
    windows, mean = splits.test, splits.test.truth().mean
    naive = {
        "last": said_by(LastValue(2, mean), windows),
        "season": said_by(SeasonalNaive(2, mean, 4), windows),
        "drift": said_by(Drift(2, mean), windows),
    }
    panel = windows.panel
    assert len(windows) > 5
    for place, cut in enumerate(windows.cuts):
        begin = panel.starts[windows.series[place]]
        for t in range(2):
            inside = [(row, panel.values[row, t]) for row in range(cut - 7, cut) if np.isfinite(panel.values[row, t])]
            row, last = inside[-1] if inside else (None, mean[t])
            first = next((r for r in range(begin, cut) if np.isfinite(panel.values[r, t])), None)
            for h in range(6):
                assert naive["last"][place, h, t] == pytest.approx(last)
                seasons = [r for r in range(cut + h - 4, begin - 1, -4) if r < cut and np.isfinite(panel.values[r, t])]
                back = [r for r in seasons if r >= cut + h - 4 * (h // 4 + 12)]
                expected = panel.values[back[0], t] if back else last
                assert naive["season"][place, h, t] == pytest.approx(expected)
                slope = (last - panel.values[first, t]) / (row - first) if inside and row > first else 0.0
                steps = cut + h - row if inside else 0
                assert naive["drift"][place, h, t] == pytest.approx(last + slope * steps, rel=1e-5)


def test_ridge_of_pieces_is_the_closed_form_with_an_unpenalised_intercept():
    random = np.random.default_rng(3)
    x, noise = random.normal(2, 1, (60, 5)), random.normal(0, 0.1, (60, 2))
    y = x @ random.normal(0, 1, (5, 2)) + 7 + noise
    equations = NormalEquations(5, 2)
    for part in np.array_split(np.arange(60), 7):
        equations.add(x[part], y[part])
    (weights, intercept), *_ = equations.solve([0.3])
    centred = x - x.mean(axis=0)
    covariance = centred.T @ centred / 60
    penalty = 0.3 * np.trace(covariance) / 5 * np.eye(5)
    expected = np.linalg.solve(covariance + penalty, centred.T @ (y - y.mean(axis=0)) / 60)
    assert weights == pytest.approx(expected)
    assert intercept == pytest.approx(y.mean(axis=0) - x.mean(axis=0) @ expected)


def test_ridge_with_unknown_outputs_is_near_the_one_with_all():
    random = np.random.default_rng(4)
    x = random.normal(0, 1, (20_000, 3))
    y = x @ [[1.0], [-2.0], [0.5]] + 3
    y[random.random(y.shape) < 0.4] = np.nan
    equations = NormalEquations(3, 1)
    equations.add(x, y)
    (weights, intercept), *_ = equations.solve([1e-6])
    assert np.append(weights, intercept) == pytest.approx([1, -2, 0.5, 3], abs=0.05)


def test_filling_takes_the_value_before_then_the_one_after_then_0():
    values = np.array([[np.nan, 2.0, np.nan, 4.0, np.nan], [np.nan] * 5]).reshape(2, 5, 1)
    assert fill_forward(values)[..., 0].tolist() == [[2, 2, 2, 4, 4], [0, 0, 0, 0, 0]]


def test_linear_finds_a_wave_that_last_values_miss():
    splits = split_series([waves(300, 1), 50 + 20 * waves(260, 1, seed=1)], window=11, horizon=4, split=SPLIT)
    scores = {name: parts["test"]["mase"] for name, parts in forecast_baselines(splits, SETTINGS, LEVELS).items()}
    assert scores["linear"] < 0.7 * scores["last_value"]
    assert scores["seasonal_naive"] < 0.7 * scores["last_value"]


def test_a_series_in_other_units_has_its_forecasts_in_them():
    small = split_series([waves(200, 1)], window=9, horizon=3, split=SPLIT)
    large = split_series([1000 * waves(200, 1)], window=9, horizon=3, split=SPLIT)
    said = [said_by(Linear(splits, splits.test.truth().mean, 1), splits.test) for splits in (small, large)]
    assert said[1] == pytest.approx(1000 * said[0], rel=1e-4)


def test_covariates_help_where_the_future_of_one_is_the_target():
    random = np.random.default_rng(5)
    driver = random.normal(0, 1, 400)
    target = np.concatenate([[0, 0], driver[:-2]]) + random.normal(0, 0.05, 400)
    wind = (np.sign(driver) > 0).astype(np.int32)[:, None]
    splits = split_series(
        [np.stack([target, driver, driver], axis=1)], future=1, window=6, horizon=3, split=SPLIT,
        categories=wind, names=("E", "W"),
    )  # fmt: skip
    scores = {name: parts["test"]["mae"] for name, parts in forecast_baselines(splits, SETTINGS, LEVELS).items()}
    assert scores["linear_covariates"] < 0.2 * scores["linear"]


def test_what_is_streamed_is_what_is_scored_at_once(monkeypatch):
    monkeypatch.setattr("rnnkit.metrics.linear_forecasts.PIECE", 200)
    splits = split_series([waves(150, 2, seed=1), waves(130, 2, seed=2)], 2, window=8, horizon=3, split=SPLIT)
    detailed = detailed_baselines(splits, SETTINGS, LEVELS, direction=True, blocks=3)
    truth, places = splits.test.truth(), np.arange(len(splits.test))
    assert list(detailed)[:4] == ["random_walk", "seasonal_naive", "drift", "linear"]
    for name, baseline in fitted_baselines(splits, SETTINGS, LEVELS, direction=True).items():
        forecast, quantiles = baseline.answer(splits.test, places, splits.test.arrays(places), truth.scale)
        answers = {"forecast": forecast, "quantiles": quantiles}
        assert detailed[name]["test"] == pytest.approx(score_forecasts(answers, truth, levels=LEVELS, direction=True))
        assert detailed[name]["by_step"]["mae"] == pytest.approx(by_step(answers, truth, LEVELS)["mae"])
        expected = over_time(answers, truth, 3, levels=LEVELS)
        assert [row["mae"] for row in detailed[name]["over_time"]] == pytest.approx([row["mae"] for row in expected])


def test_intervals_cover_about_what_they_say():
    random = np.random.default_rng(6)
    series = [random.normal(0, size, (400, 1)).cumsum(axis=0) for size in (1.0, 9.0)]
    splits = split_series(series, window=5, horizon=2, split=SPLIT)
    scores = forecast_baselines(splits, SETTINGS, LEVELS)["last_value"]["test"]
    assert 0.7 < scores["coverage_80"] < 0.9
    assert 0.9 < scores["coverage_95"] < 1.0


def test_quantiles_of_errors_are_widened_for_the_next_one():
    errors = np.arange(1.0, 10.0).reshape(9, 1, 1)
    assert error_quantiles(errors, (0.1, 0.5, 0.9))[0, 0] == pytest.approx(
        np.quantile(errors, 0.5 + np.array([-0.4, 0, 0.4]) * 10 / 9)
    )
    errors = np.stack([errors[..., 0], np.full((9, 1), np.nan)], axis=1)
    assert error_quantiles(errors, (0.5,)).ravel().tolist() == [5.0, 5.0]


def test_a_constant_series_and_unknown_stretches_have_finite_scores():
    series = np.concatenate([np.full((90, 1), 4.0), waves(90, 1)], axis=1)
    series[10:40, 1] = np.nan
    splits = split_series([series], 2, window=6, horizon=3, split=SPLIT)
    for parts in forecast_baselines(splits, SETTINGS, LEVELS).values():
        assert np.isfinite(list(parts["test"].values())).all()
        assert {"mase", "mse_standardized", "smape", "crps"} <= set(parts["test"])


def test_ets_is_left_out_with_a_note_where_statsmodels_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "statsmodels", None)
    heard = Heard()
    splits = split_series([waves(120, 1)], window=6, horizon=3, split=SPLIT)
    assert "ets" not in forecast_baselines(splits, SETTINGS, LEVELS, heard)
    assert heard.lines == ["note: no baseline 'ets': statsmodels is not installed. pip install 'rnnkit[stats]'."]


def test_ets_is_left_out_with_a_note_where_series_are_many():
    heard = Heard()
    splits = split_series([waves(40, 1, seed=i) for i in range(17)], window=6, horizon=3, split=SPLIT)
    assert "ets" not in forecast_baselines(splits, SETTINGS, LEVELS, heard)
    assert heard.lines == ["note: no baseline 'ets': it is for at most 16 series times targets, not 17."]


def test_smoothing_with_gaps_goes_on_from_what_it_expects():
    smoothing = Smoothing(1.0, 0.0, 0.0, 0.5, 3.0, 2.0, np.zeros(1))
    said = smoothing.forecasts(np.array([10.0, np.nan]), np.array([0, 2]), 2)
    assert said[0] == pytest.approx([3 + 2 * 0.5, 3 + 2 * (0.5 + 0.25)])
    # after 10 the slope is 1, after the gap 0.5
    assert said[1] == pytest.approx([10.5 + 0.25, 10.5 + 0.25 + 0.125])


@pytest.mark.parametrize("season", [1, 5])
def test_smoothing_runs_as_statsmodels_does(season):
    pytest.importorskip("statsmodels", reason="statsmodels is not installed: pip install 'rnnkit[stats]'")
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    values = waves(80, 1, season=5, noise=0.5)[:, 0] + 0.05 * np.arange(80)
    smoothing = fit_smoothing(values, season)
    cuts = np.arange(80)
    ours = smoothing.forecasts(values, cuts, 1)[:, 0]
    trend = smoothing.trend > 0 or smoothing.first_trend != 0
    seasonal = smoothing.first_season.size > 1
    model = ExponentialSmoothing(
        values, trend="add" if trend else None, damped_trend=trend, seasonal="add" if seasonal else None,
        seasonal_periods=5 if seasonal else None, initialization_method="known", initial_level=smoothing.first_level,
        initial_trend=smoothing.first_trend if trend else None,
        initial_seasonal=smoothing.first_season if seasonal else None,
    )  # fmt: skip
    fixed = {"smoothing_level": smoothing.level}
    fixed |= {"smoothing_trend": smoothing.trend, "damping_trend": smoothing.damping} if trend else {}
    fixed |= {"smoothing_seasonal": smoothing.seasonal} if seasonal else {}
    theirs = model.fit(optimized=False, **fixed).fittedvalues
    assert seasonal == (season > 1)
    assert ours == pytest.approx(theirs, abs=1e-8)


def test_the_published_protocol_on_etth1(real_data, monkeypatch):
    """Seasonal naive and ridge as measured elsewhere: 0.512 / 0.433 and 0.370 / 0.391."""
    monkeypatch.setattr(forecast_baselines_module, "MOST_SERIES", 0)  # Exponential smoothing takes its time.
    settings = SeriesSettings(split="8640,2880,2880", window=336, horizon=96)
    splits = read_splits(real_data / "forecasting/etth1/ETTh1.csv", settings=settings)
    assert len(splits.test) == 2785
    results = forecast_baselines(splits, SETTINGS, LEVELS)
    for name, mse, mae in (("seasonal_naive", 0.512, 0.433), ("linear", 0.370, 0.391)):
        assert results[name]["test"]["mse_standardized"] == pytest.approx(mse, abs=1.5e-3)
        assert results[name]["test"]["mae_standardized"] == pytest.approx(mae, abs=1.5e-3)
