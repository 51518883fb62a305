"""Baselines of detection against what they say they are, and that none looks ahead."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.metrics import isolation_forests
from rnnkit.metrics.detection_baselines import (
    baseline_scores,
    fit_baselines,
    last_difference,
    seasonal_residual,
    whole_scores,
)
from rnnkit.metrics.isolation_forests import drawn, isolation_forest
from rnnkit.metrics.windowed_gaussian import window_scores, windowed_gaussian

NAMES = ["windowed_gaussian", "last_difference", "seasonal_residual", "isolation_forest"]
SEASON = 24


def drawn_values(rows, sensors, *, seed=1, missing=0.2):
    random = np.random.default_rng(seed)
    values = random.normal(3.0, 2.0, (rows, sensors))
    values[random.random(values.shape) < missing] = np.nan
    return values


def waves(rows=480, noise=0.05):
    values = np.sin(2 * np.pi * np.arange(rows) / SEASON) + np.random.default_rng(5).normal(0.0, noise, rows)
    return values[:, None]


def scored_waves(values):
    return baseline_scores(values, slice(0, 240), season=SEASON, window=12, seed=3)


def looped_gaussian(values, window, step):
    """Numenta's detector, one value after the other."""
    scores, held, waiting, mean, spread = [], [], [], 0.0, 1.0
    for value in values:
        distance = abs(value - mean) / spread
        scores.append(1.0 - 0.5 * math.erfc(distance / math.sqrt(2.0)) if held else 0.0)
        if len(held) < window:
            held.append(value)
        else:
            waiting.append(value)
            if len(waiting) < step:
                continue
            held, waiting = held[step:] + waiting, []
        mean, spread = np.mean(held), np.std(held) or 1e-6
    return np.array(scores)


@pytest.mark.parametrize("rows", [1, 2, 5, 13, 14, 17, 18, 57])
@pytest.mark.parametrize("step", [1, 4, 13])
def test_windowed_gaussian_matches_its_definition(rows, step):
    values = np.random.default_rng(rows).normal(5.0, 2.0, rows)
    expected = looped_gaussian(values, 13, step)
    np.testing.assert_allclose(windowed_gaussian(values, window=13, step=step), expected, atol=1e-11)


def test_windowed_gaussian_of_values_that_stand_still_at_first_matches_its_definition():
    values = np.concatenate([np.full(20, 2.0), np.random.default_rng(2).integers(0, 3, 40)])
    np.testing.assert_allclose(windowed_gaussian(values, window=7, step=3), looped_gaussian(values, 7, 3), atol=1e-11)


def test_windowed_gaussian_passes_over_what_is_missing():
    values = drawn_values(61, 1)[:, 0]
    values[5] = np.inf
    known, scores = np.isfinite(values), windowed_gaussian(values, window=13, step=4)
    np.testing.assert_array_equal(scores[known], windowed_gaussian(values[known], window=13, step=4))
    assert not scores[~known].any()


def test_window_scores_are_the_logarithm_of_the_largest():
    values = drawn_values(67, 3, missing=0.5)
    scores = window_scores(values, window=13, step=4)
    each = np.max([windowed_gaussian(column, window=13, step=4) for column in values.T], axis=0)
    np.testing.assert_allclose(10.0**-scores, 1.0 - each, atol=1e-11)
    empty = np.isnan(values).all(axis=1)
    assert empty.any() and not scores[empty].any()


def test_window_scores_tell_apart_what_is_certain():
    values = np.concatenate([np.random.default_rng(3).normal(0.0, 1.0, 50), [30.0, 3_000.0]])[:, None]
    scores = window_scores(values)
    assert np.isfinite(scores).all() and scores[51] > scores[50] > 16.0
    assert windowed_gaussian(values[:, 0])[50] == 1.0


def looped_changes(values):
    changes = np.full(values.shape, np.nan)
    for sensor, column in enumerate(values.T):
        last = np.nan
        for row, value in enumerate(column):
            changes[row, sensor] = value - last
            last = last if np.isnan(value) else value
    return changes


def largest(deviations):
    return np.nan_to_num(np.abs(deviations)).max(axis=1)


def test_last_difference_matches_a_loop_with_gaps():
    train, values = drawn_values(41, 2), drawn_values(23, 2, seed=2)
    changes = looped_changes(train)
    expected = largest((looped_changes(values) - np.nanmean(changes, axis=0)) / np.nanstd(changes, axis=0))
    np.testing.assert_allclose(last_difference([train])(values), expected, rtol=1e-9)


def looped_usual(values, season):
    usual = np.full(values.shape, np.nan)
    for row in range(len(values)):
        for sensor in range(values.shape[1]):
            before = [values[row - back * season, sensor] for back in range(1, 8) if row >= back * season]
            known = [value for value in before if not np.isnan(value)]
            if known:
                usual[row, sensor] = np.mean(known) if season == 1 else np.median(known)
    return usual


@pytest.mark.parametrize("season", [1, 5])
def test_seasonal_residual_matches_a_loop_with_gaps(season):
    train, values = drawn_values(97, 2, missing=0.4), drawn_values(43, 2, seed=2, missing=0.4)
    residuals, usual, middle = train - looped_usual(train, season), looped_usual(values, season), np.nanmedian(train, 0)
    seasonal = (values - usual - np.nanmean(residuals, axis=0)) / np.nanstd(residuals, axis=0)
    about_middle = (values - middle - np.nanmean(train - middle, axis=0)) / np.nanstd(train, axis=0)
    expected = largest(np.where(np.isnan(usual), about_middle, seasonal))
    np.testing.assert_allclose(seasonal_residual([train], season)(values), expected, rtol=1e-9)


def test_with_hardly_a_season_in_train_the_spread_is_that_about_its_median():
    train, values = drawn_values(12, 1, missing=0.0), drawn_values(30, 1, seed=2, missing=0.0)
    scores = seasonal_residual([train], 7)(values)
    expected = np.abs(values - looped_usual(values, 7))[:, 0] / np.std(train)
    np.testing.assert_allclose(scores[7:], expected[7:], rtol=1e-9)


@pytest.mark.parametrize("fit", [last_difference, lambda train: seasonal_residual(train, 1)])
@pytest.mark.parametrize(("level", "moved", "score"), [(50.0, 55.0, 10.0), (0.0, 3.0, 3.0), (-2.0, -2.0, 0.0)])
def test_a_sensor_that_stands_still_in_train_has_a_hundredth_of_its_size_as_spread(fit, level, moved, score):
    values = np.full((9, 1), level)
    values[6] = moved
    scores = fit([np.full((31, 1), level)])(values)
    assert scores[6] == pytest.approx(score)
    assert not scores[:6].any()


def test_a_sensor_that_train_does_not_know_says_nothing():
    train, values = drawn_values(60, 2), drawn_values(30, 2, seed=2)
    train[:, 1] = np.nan
    for name, detector in fit_baselines([train], season=4, window=5, seed=0).items():
        if name == "windowed_gaussian":
            continue
        other = np.where([False, True], 1e6 + values, values)
        np.testing.assert_array_equal(detector(values), detector(other), err_msg=name)


def test_where_stretches_of_train_meet_there_is_no_change():
    values = drawn_values(80, 2)
    values[40:] += 1_000.0
    mask = np.ones(80, bool)
    mask[35:45] = False
    found = baseline_scores(values, mask, season=4, window=5, seed=0)
    changes = np.concatenate([looped_changes(values[:35]), looped_changes(values[45:])])
    expected = largest((looped_changes(values) - np.nanmean(changes, axis=0)) / np.nanstd(changes, axis=0))
    np.testing.assert_allclose(found["last_difference"], expected, rtol=1e-9)
    for name, detector in fit_baselines([values[:35], values[45:]], season=4, window=5, seed=0).items():
        np.testing.assert_array_equal(found[name], detector(values), err_msg=name)


def test_a_slice_is_as_good_as_a_mask():
    values = drawn_values(40, 2)
    one = baseline_scores(values, slice(3, 31), season=4, window=5, seed=0)
    other = baseline_scores(values, (np.arange(40) >= 3) & (np.arange(40) < 31), season=4, window=5, seed=0)
    assert list(one) == NAMES
    for name in NAMES:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.fixture(scope="module", params=[1, 3])
def fitted(request):
    """Number of sensors, and the detectors fitted to as many, one of them with a window that slides."""
    train = drawn_values(53, request.param)
    detectors = fit_baselines([train], season=4, window=5, seed=0)
    detectors["sliding"] = lambda values: window_scores(values, window=7, step=3)
    return request.param, detectors


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
@settings(max_examples=15, deadline=None)
def test_later_rows_change_no_score(fitted, seed, cut):
    sensors, detectors = fitted
    values = drawn_values(31, sensors, seed=seed)
    changed = values.copy()
    changed[cut:] = 100.0 * drawn_values(31 - cut, sensors, seed=seed + 1)
    for name, detector in detectors.items():
        np.testing.assert_array_equal(detector(values)[:cut], detector(changed)[:cut], err_msg=name)


@pytest.mark.parametrize("sensors", [1, 3])
def test_bursts_of_missing_values_leave_scores_finite_and_say_nothing(sensors):
    values = drawn_values(120, sensors, missing=0.1)
    values[:4] = values[50:70] = values[100:] = np.nan
    values[30, 0], values[31, 0] = np.inf, 1e30
    found = baseline_scores(values, slice(0, 80), season=6, window=7, seed=0)
    for name, scores in found.items():
        assert scores.shape == (120,) and np.isfinite(scores).all(), name
        assert not scores[np.isnan(values).all(axis=1)].any(), name
        assert scores.any(), name


@pytest.mark.parametrize("values", [np.full((30, 2), np.nan), np.zeros((30, 2)), np.full((1, 2), 4.0)])
def test_where_there_is_nothing_to_learn_scores_are_finite(values):
    for name, scores in baseline_scores(values, slice(None), season=6, window=40, seed=0).items():
        assert scores.shape == (len(values),) and np.isfinite(scores).all(), name


def test_a_spike_is_found_by_its_size_and_by_its_jumps():
    values = waves()
    values[400] += 8.0
    found = scored_waves(values)
    assert found["last_difference"].argmax() in (400, 401)
    assert found["windowed_gaussian"][100:].argmax() == 300
    assert found["seasonal_residual"].argmax() == 400


def test_a_level_shift_is_found_by_the_seasons_before():
    values = waves()
    values[400:] += 3.0
    scores = scored_waves(values)["seasonal_residual"]
    assert scores[400:470].min() > scores[:400].max()


def test_a_stuck_value_is_found_by_the_forest_and_by_the_seasons_before():
    values = waves()
    values[390:430] = values[390]
    found = scored_waves(values)
    assert 12 + found["isolation_forest"][12:].argmax() in range(390, 442)
    assert found["seasonal_residual"].argmax() in range(390, 430)


def test_no_train_is_refused():
    message = r"learn from at least one row of train\. Got none\. Give train some rows\."
    with pytest.raises(ValueError, match=message):
        baseline_scores(drawn_values(20, 2), np.zeros(20, bool), season=4, window=5, seed=0)
    with pytest.raises(ValueError, match=message):
        fit_baselines([np.zeros((0, 2))], season=4, window=5, seed=0)
    with pytest.raises(ValueError, match=message):
        whole_scores(np.zeros((0, 7, 2)), np.zeros((3, 7, 2)), 0)


def test_a_forest_scores_the_same_in_pieces_and_by_the_same_seed(monkeypatch):
    train, values = [drawn_values(31, 2), drawn_values(17, 2, seed=3)], drawn_values(29, 2, seed=2)
    forest, again = (isolation_forest(train, window=5, seed=7) for _ in range(2))
    whole = forest(values)
    np.testing.assert_array_equal(again(values), whole)
    monkeypatch.setattr(isolation_forests, "MOST_CELLS", 40)
    np.testing.assert_array_equal(forest(values), whole)


def test_a_forest_draws_windows_from_all_stretches(monkeypatch):
    monkeypatch.setattr(isolation_forests, "MOST_LEARNT", 6)
    places = drawn(50, 3, 1)
    assert len(places) == 6 and (np.diff(places) > 0).all() and 0 <= places[0] and places[-1] < 50
    np.testing.assert_array_equal(places, drawn(50, 3, 1))
    np.testing.assert_array_equal(drawn(5, 3, 1), np.arange(5))
    # Stretches of one row, some of which none is drawn from.
    train, values = [drawn_values(1, 2, seed=seed, missing=0.0) for seed in range(20)], drawn_values(9, 2, missing=0.0)
    assert np.isfinite(isolation_forest(train, window=3, seed=1)(values)).all()
