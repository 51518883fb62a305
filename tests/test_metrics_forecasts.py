"""Scores of forecasts against loops over every value, written here."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.metrics.forecast_sums import ForecastSums
from rnnkit.metrics.forecasts import by_step, by_target, over_time, score_forecasts
from rnnkit.metrics.quantiles import quantile_crps
from rnnkit.series.truth import Truth

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)


def drawn(seed, windows=7, horizon=4, targets=3, unknown=0.2):
    """Prices around 50 with some unknown and some that stay, forecasts of them, and crossing quantiles."""
    random = np.random.default_rng(seed)
    last = random.uniform(20, 80, (windows, targets))
    values = last[:, None] + random.normal(0, 5, (windows, horizon, targets)).round()
    forecast = last[:, None] + random.normal(0, 5, values.shape).round()
    quantiles = forecast[..., None] + random.normal(0, 6, (*values.shape, len(LEVELS)))
    values[random.random(values.shape) < unknown] = np.nan
    values[0, 0, 0] = last[0, 0] + 1
    truth = Truth(
        values=values,
        last=last,
        scale=random.uniform(1, 3, last.shape),
        mean=random.normal(0, 1, targets),
        spread=random.uniform(2, 9, targets),
        seconds=86_400 * np.repeat(np.arange(windows), 2)[:windows],
        series=np.arange(windows) % 2,
        ids=("a", "b"),
        targets=tuple(f"y{i}" for i in range(targets)),
    )
    return {"forecast": forecast, "quantiles": quantiles}, truth


def looped(answers, truth, places):
    """The scores of some `(window, step, target)`, one value after the other."""
    kept = {
        name: []
        for name in ("scaled", "error", "std", "smape", "pinball", "crps", "c80", "c95", "right", "rose", "return")
    }
    for n, h, t in places:
        y, f, q = truth.values[n, h, t], answers["forecast"][n, h, t], answers["quantiles"][n, h, t]
        if math.isnan(y):
            continue
        last, spread = truth.last[n, t], truth.spread[t]
        kept["error"].append(f - y)
        kept["scaled"].append(abs(f - y) / truth.scale[n, t])
        kept["std"].append((f - y) / spread)
        kept["smape"].append(200 * abs(f - y) / (abs(f) + abs(y)) if f or y else 0.0)
        losses = [level * (y - v) if y >= v else (1 - level) * (v - y) for level, v in zip(LEVELS, q, strict=True)]
        kept["pinball"].append(sum(losses) / len(LEVELS) / spread)
        kept["crps"].append(stepped_crps(y, q) / spread)
        kept["c80"].append(q[1] <= y <= q[3])
        kept["c95"].append(q[0] <= y <= q[4])
        if y != last:
            kept["rose"].append(y > last)
            kept["right"].append(0.5 if f == last else float((f > last) == (y > last)))
        kept["return"].append(math.log(max(f / last, 0.01)) - math.log(y / last))
    mean = {name: np.mean(values) for name, values in kept.items()}
    return {
        "mase": mean["scaled"],
        "mae": np.mean(np.abs(kept["error"])),
        "rmse": math.sqrt(np.mean(np.square(kept["error"]))),
        "mse_standardized": np.mean(np.square(kept["std"])),
        "mae_standardized": np.mean(np.abs(kept["std"])),
        "smape": mean["smape"],
        "pinball": mean["pinball"],
        "crps": mean["crps"],
        "coverage_80": mean["c80"],
        "coverage_95": mean["c95"],
        "directional_accuracy": mean["right"],
        "rising_share": mean["rose"],
        "rmse_returns": math.sqrt(np.mean(np.square(kept["return"]))),
    }


def stepped_crps(y, quantiles):
    """The integral of (F(x) - [x >= y])², by Simpson's rule between the places where something bends."""
    quantiles = np.sort(quantiles)
    bends = np.unique([*quantiles, y])
    total = 0.0
    for low, high in zip(bends[:-1], bends[1:], strict=True):
        # A hair inside, since F and the step jump at the bends.
        x = np.array([low + 1e-9 * (high - low), (low + high) / 2, high - 1e-9 * (high - low)])
        f = np.interp(x, quantiles, LEVELS, left=0.0, right=1.0)
        total += (high - low) / 6 * np.dot([1, 4, 1], (f - (x >= y)) ** 2)
    return total


def everywhere(shape):
    return list(np.ndindex(*shape))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), unknown=st.sampled_from([0.0, 0.3, 0.9]))
def test_each_score_is_that_of_a_loop_over_the_known_values(seed, unknown):
    answers, truth = drawn(seed, unknown=unknown)
    scores = score_forecasts(answers, truth, levels=LEVELS, direction=True)
    for name, expected in looped(answers, truth, everywhere(truth.values.shape)).items():
        assert scores[name] == pytest.approx(expected, rel=1e-7), name


def test_scores_come_in_their_order():
    answers, truth = drawn(1)
    plain = ["mase", "mae", "rmse", "mse_standardized", "mae_standardized", "smape", "pinball", "crps"]
    assert list(score_forecasts(answers, truth, levels=LEVELS)) == [*plain, "coverage_80", "coverage_95"]
    without = {**answers, "quantiles": answers["quantiles"][..., 1:4]}
    assert list(score_forecasts(without, truth, levels=LEVELS[1:4])) == [*plain, "coverage_80"]
    with_direction = list(score_forecasts(answers, truth, levels=LEVELS, direction=True))
    assert with_direction[10:] == [
        "directional_accuracy", "directional_low", "directional_high", "rising_share", "rmse_returns",
        "p_against_random_walk",
    ]  # fmt: skip


def test_steps_targets_and_stretches_of_time_are_those_of_a_loop():
    answers, truth = drawn(3, windows=9)
    windows, horizon, targets = truth.values.shape
    steps = by_step(answers, truth, LEVELS, direction=True)
    for h in range(horizon):
        for name, expected in looped(answers, truth, [p for p in everywhere(truth.values.shape) if p[1] == h]).items():
            assert steps[name][h] == pytest.approx(expected, rel=1e-7), (name, h)
    named = by_target(answers, truth, LEVELS)
    assert list(named) == list(truth.targets)
    for t, scores in enumerate(named.values()):
        expected = looped(answers, truth, [p for p in everywhere(truth.values.shape) if p[2] == t])
        assert scores["crps"] == pytest.approx(expected["crps"], rel=1e-7)
        assert scores["mase"] == pytest.approx(expected["mase"])
    rows = over_time(answers, truth, 3, levels=LEVELS)
    assert sum(row["windows"] for row in rows) == windows
    assert [row["start"] for row in rows] == sorted(row["start"] for row in rows)
    for row in rows:
        inside = [n for n in range(windows) if row["start"] <= truth.seconds[n] <= row["end"]]
        assert len(inside) == row["windows"]
        expected = looped(answers, truth, [p for p in everywhere(truth.values.shape) if p[0] in inside])
        assert row["rmse"] == pytest.approx(expected["rmse"])


def test_more_stretches_than_times_are_as_many_as_times():
    answers, truth = drawn(5, windows=6)
    assert [row["windows"] for row in over_time(answers, truth, 99, levels=LEVELS)] == [2, 2, 2]
    with pytest.raises(ValueError, match=r"blocks must be at least 1\. Got 0\."):
        over_time(answers, truth, 0, levels=LEVELS)


def test_perfect_forecasts_have_errors_of_0_and_cover_everything():
    _, truth = drawn(2)
    perfect = {"forecast": truth.values, "quantiles": np.repeat(truth.values[..., None], len(LEVELS), axis=-1)}
    scores = score_forecasts(perfect, truth, levels=LEVELS, direction=True)
    for name in ("mase", "mae", "rmse", "mse_standardized", "mae_standardized", "smape", "pinball", "crps"):
        assert scores[name] == 0.0
    assert scores["rmse_returns"] == 0.0
    assert scores["coverage_80"] == scores["coverage_95"] == scores["directional_accuracy"] == 1.0


def test_answers_to_unknown_values_change_nothing():
    answers, truth = drawn(4)
    before = score_forecasts(answers, truth, levels=LEVELS, direction=True)
    unknown = np.isnan(truth.values)
    assert unknown.any()
    for name in answers:
        answers[name][unknown] = np.nan
    assert score_forecasts(answers, truth, levels=LEVELS, direction=True) == before


def test_windows_in_pieces_give_the_same_scores(monkeypatch):
    answers, truth = drawn(6, windows=11)
    whole = score_forecasts(answers, truth, levels=LEVELS, direction=True)
    monkeypatch.setattr("rnnkit.metrics.forecast_sums.BLOCK", 120)
    assert score_forecasts(answers, truth, levels=LEVELS, direction=True) == pytest.approx(whole)


def test_the_crps_of_one_level_is_the_absolute_error():
    truth, said = np.array([1.0, 4.0]), np.array([[3.0], [3.5]])
    assert quantile_crps(truth, said, (0.5,)) == pytest.approx([2.0, 0.5])


def test_the_crps_of_many_levels_is_near_that_of_the_normal_distribution():
    """Gneiting & Raftery (2007), eq. 21."""
    from scipy.stats import norm

    levels = np.arange(0.001, 1, 0.001)
    y = np.array([-1.7, 0.0, 0.4, 2.5])
    expected = y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / np.sqrt(np.pi)
    assert quantile_crps(y, np.tile(norm.ppf(levels), (4, 1)), levels) == pytest.approx(expected, abs=2e-3)


def test_a_forecast_of_nothing_has_no_direction_or_price():
    answers, truth = drawn(7)
    truth.last[:] = -1.0
    scores = score_forecasts(answers, truth, levels=LEVELS, direction=True)
    assert "rmse_returns" not in scores
    assert all(np.isfinite(list(scores.values())))


def test_truth_of_which_nothing_is_known_is_refused():
    answers, truth = drawn(8)
    truth.values[:] = np.nan
    with pytest.raises(ValueError, match=r"No value to be forecast is known in 7 windows\."):
        score_forecasts(answers, truth, levels=LEVELS)
    assert np.isnan(by_step(answers, truth, LEVELS)["mae"]).all()


def test_wrong_shapes_levels_and_answers_are_refused_with_what_they_are():
    answers, truth = drawn(9)
    with pytest.raises(ValueError, match=r"forecast must have the truth's shape \(7, 4, 3\)\. Got \(7, 4\)\."):
        score_forecasts({**answers, "forecast": answers["forecast"][..., 0]}, truth, levels=LEVELS)
    with pytest.raises(ValueError, match=r"quantiles must have shape \(7, 4, 3, 3\)\. Got \(7, 4, 3, 5\)\."):
        score_forecasts(answers, truth, levels=LEVELS[:3])
    with pytest.raises(ValueError, match=r"levels must rise between 0 and 1\. Got \(0\.5, 0\.1\)\."):
        ForecastSums((0.5, 0.1))
    answers["forecast"][0, 0, 0] = np.inf
    with pytest.raises(ValueError, match=r"forecast must be finite\. Got NaN or infinity in 1 places, first at step 1"):
        score_forecasts(answers, truth, levels=LEVELS)
