"""Calibration of forecasters: linear weights, shares and intervals, and paths, against SciPy and counting."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from forecasting_cores import HORIZON, TARGETS, WINDOW, full_core, plain_core, rows_for, with_random_weights

from rnnkit.layers.forecasting import (
    DISTRIBUTIONS,
    PathSampler,
    best_forecast_shares,
    calibrate,
    conformal_offsets,
    fit_linear,
    reset,
    sample_paths,
)
from rnnkit.layers.forecasting.blend import trusted_shares
from rnnkit.layers.forecasting.conformal import shifted
from rnnkit.layers.forecasting.distributions import normal_quantiles

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)
PARAMS = {
    "gaussian": (np.array([2.0, 0.7]), lambda p: scipy.stats.norm(p[0], p[1])),
    "student": (np.array([2.0, 0.7, 3.3]), lambda p: scipy.stats.t(p[2], p[0], p[1])),
    "negative_binomial": (
        np.array([6.0, 0.4]),
        lambda p: scipy.stats.nbinom(1 / p[1], 1 / p[1] / (1 / p[1] + p[0])),
    ),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_distribution_has_scipys_density_and_mean(name):
    params, scipys = PARAMS[name]
    y = np.arange(9.0)
    given = tf.constant(np.tile(params, (9, 1)), tf.float32)
    density = scipys(params).logpmf(y) if name == "negative_binomial" else scipys(params).logpdf(y)
    assert np.allclose(DISTRIBUTIONS[name].log_prob(given, tf.constant(y, tf.float32)), density, atol=1e-4)
    assert np.allclose(DISTRIBUTIONS[name].mean(given), scipys(params).mean(), atol=1e-5)


@pytest.mark.parametrize("freedom", [2.02, 2.5, 3.0, 7.0, 80.0])
def test_students_quantiles_are_scipys(freedom):
    params = tf.constant([[0.0, 1.0, freedom]])
    for z in np.linspace(-3.5, 3.5, 15):
        expected = scipy.stats.t.ppf(scipy.stats.norm.cdf(z), freedom)
        for given in (float(z), tf.constant([z], tf.float32)):
            assert np.allclose(DISTRIBUTIONS["student"].from_normal(params, given), expected, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize(("mean", "alpha"), [(1.0, 0.1), (5.0, 1.0), (3.0, 3.0), (50.0, 0.3), (1000.0, 0.2)])
def test_quantiles_of_counts_are_within_a_count_or_a_tenth_and_rise(mean, alpha):
    levels = np.array([0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
    exact = scipy.stats.nbinom(1 / alpha, 1 / alpha / (1 / alpha + mean)).ppf(levels)
    params = tf.constant([mean, alpha], tf.float32)
    found = [float(DISTRIBUTIONS["negative_binomial"].from_normal(params, z)) for z in normal_quantiles(levels)]
    assert np.all(np.abs(found - exact) < 1.01 + 0.1 * exact)
    assert np.all(np.diff(found) >= 0) and min(found) >= 0


def walk(rows, seed=0):
    random = np.random.default_rng(seed)
    steps = random.normal(size=(rows + WINDOW + HORIZON, TARGETS))
    series = np.zeros_like(steps)
    for place in range(2, len(steps)):
        series[place] = 1.5 * series[place - 1] - 0.7 * series[place - 2] + 0.3 * steps[place]
    series = series.astype(np.float32)
    windows = np.stack([series[place : place + WINDOW + HORIZON] for place in range(rows)])
    targets = np.stack([windows[:, WINDOW:], np.ones((rows, HORIZON, TARGETS))], -1).astype(np.float32)
    return {"values": windows[:, :WINDOW], "known": np.ones((rows, WINDOW, TARGETS), np.float32)}, targets


def in_batches(rows, targets, size=64):
    for start in range(0, len(targets), size):
        stop = start + size
        yield {name: values[start:stop] for name, values in rows.items()}, targets[start:stop]


@pytest.mark.parametrize("per_target", [False, True])
def test_the_linear_path_is_ridge_regression_on_the_window_less_its_last_value(per_target):
    core = plain_core(units=4, segment=5, linear="beside", linear_per_target=per_target)
    rows, targets = walk(200)
    fit_linear(core, in_batches(rows, targets), in_batches(*walk(90, 1)), strengths=(2.0,))
    kernel = core.get_layer("linear").kernel.numpy().astype(np.float64)
    assert len(kernel) == (TARGETS if per_target else 1)
    own = (rows["values"] - rows["values"][:, -1:]).transpose(0, 2, 1).astype(np.float64)
    answers = (targets[..., 0] - rows["values"][:, -1:]).transpose(0, 2, 1)
    own, answers = (x[:, 0] if per_target else x.reshape(-1, x.shape[-1]) for x in (own, answers))
    centred = own - own.mean(0)
    slopes = np.linalg.solve(centred.T @ centred + 2 * np.eye(WINDOW), centred.T @ answers)
    # The last column is 0 in every row.
    assert np.allclose(kernel[0, : WINDOW - 1], slopes[:-1], atol=1e-3)
    assert np.allclose(kernel[0, -1], answers.mean(0) - own.mean(0) @ slopes, atol=1e-3)


def test_unknown_targets_and_rows_of_weight_0_do_not_break_the_fit():
    core = plain_core(units=4, segment=5, linear="beside")
    rows, targets = walk(100)
    targets[:30, 2:, :, 1], targets[:30, 2:, :, 0] = 0, 1e6
    batches = [
        (features, target, np.r_[1.0, np.zeros(len(target) - 1)]) for features, target in in_batches(rows, targets)
    ]
    fit = fit_linear(core, in_batches(rows, targets), in_batches(rows, targets))
    assert fit.rows == 70 * TARGETS and fit.error < 1
    assert fit_linear(core, batches, batches).rows <= 2 * TARGETS
    assert fit_linear(plain_core(units=4, segment=5), [], []) is None


def test_shares_that_do_not_pay_on_other_rows_go_to_the_last_value():
    random = np.random.default_rng(3)
    steps = random.normal(size=(200, 6, 1)).cumsum(1)
    targets = np.stack([steps, np.ones_like(steps)], -1)
    noise, last = 0.3 * random.normal(size=steps.shape), np.zeros_like(steps)
    np.testing.assert_array_equal(trusted_shares([noise, -noise, last], targets)[:, :, 0], [[0] * 6, [0] * 6, [1] * 6])
    foreseen = steps + 0.1 * noise
    assert trusted_shares([foreseen, noise, last], targets)[0].min() > 0.9


@pytest.mark.parametrize("by", ["all", "step", "target"])
def test_shares_prefer_the_better_forecast_and_sum_to_one(by):
    random = np.random.default_rng(1)
    truth = random.normal(size=(400, 12, 2))
    targets = np.stack([truth, np.ones_like(truth)], -1)
    good, bad = truth + random.normal(0, 0.1, truth.shape), truth + random.normal(0, 1, truth.shape)
    shares = best_forecast_shares([good, bad], targets, by=by)
    assert shares.shape == (2, 12, 2) and np.allclose(shares.sum(0), 1) and (shares >= 0).all()
    assert (shares[0] > 0.95).all()
    changing = np.where(np.arange(12)[:, None] < 6, good, bad), np.where(np.arange(12)[:, None] < 6, bad, good)
    shares = best_forecast_shares(list(changing), targets, by=by)
    if by != "all":
        assert shares[0, 0].min() > 0.8 and shares[0, -1].max() < 0.2


def test_half_known_targets_count_where_they_are_known():
    random = np.random.default_rng(1)
    truth = random.normal(size=(100, 5, 2))
    targets = np.stack([truth, random.random(truth.shape) < 0.5], -1)
    first = np.where(targets[..., 1] > 0, truth, 99.0)
    assert (best_forecast_shares([first, truth + 0.5], targets)[0] > 0.95).all()


def test_an_unknown_sharing_is_refused():
    with pytest.raises(ValueError, match="by must be one of all, step, target. Got 'row'."):
        best_forecast_shares([np.zeros((1, 1, 1))], np.zeros((1, 1, 1, 2)), by="row")


@pytest.mark.parametrize("rows", [40, 2000])
def test_conformal_quantiles_cover_as_their_levels_say(rows):
    random = np.random.default_rng(2)

    def drawn(count):
        size = random.uniform(0.5, 3, (count, TARGETS))
        truth = random.gamma(2, 1, (count, HORIZON, TARGETS)) * size[:, None]
        known = np.ones_like(truth)
        known[:, 1, 0] = random.random(count) < 0.7
        return np.zeros((count, HORIZON, TARGETS, 6)), np.stack([np.where(known, truth, 0), known], -1), size

    forecast, targets, size = drawn(rows)
    offsets = conformal_offsets(forecast, targets, LEVELS, size)
    forecast, targets, size = drawn(4000)
    below = targets[..., :1] <= shifted(forecast, offsets, size, LEVELS)
    share = below[targets[..., 1] > 0].mean(0)
    assert np.allclose(share, LEVELS, atol=0.06 if rows == 40 else 0.015)


def test_a_step_that_is_never_known_has_no_offset():
    targets = np.zeros((5, 1, 1, 2))
    assert not conformal_offsets(np.ones((5, 1, 1, 6)), targets, LEVELS).any()


@pytest.mark.parametrize("head", ["point", "quantiles", "gaussian"])
def test_a_calibrated_core_takes_the_linear_path_and_covers(head):
    core = plain_core(units=4, segment=5, linear="beside", head=head)
    train, valid, test = walk(600), walk(700, 1), walk(1500, 2)
    fit_linear(core, in_batches(*train), in_batches(*valid))
    untouched = core(test[0]).numpy()
    found = calibrate(core, list(in_batches(*valid)), list(in_batches(*train)))
    assert found.shares[1] > 0.7 and found.rows == 700 and len(found.powers) == TARGETS
    forecast, truth = core.predict(test[0], verbose=0), test[1][..., 0]
    assert np.mean((forecast[..., 0] - truth) ** 2) < 0.8 * np.mean((untouched[..., 0] - truth) ** 2)
    for lower, upper, level in ((2, 4, 0.8), (1, 5, 0.95)):
        inside = (truth >= forecast[..., lower]) & (truth <= forecast[..., upper])
        assert abs(inside.mean() - level) < 0.06
    reset(core)
    assert np.allclose(core(test[0]), untouched, atol=1e-6)


def test_nothing_to_calibrate_on_is_refused():
    with pytest.raises(ValueError, match="There are no rows to calibrate on. Got 0."):
        calibrate(plain_core(units=4, segment=5), [])


@pytest.mark.parametrize("head", DISTRIBUTIONS)
def test_paths_are_the_same_for_a_row_alone_and_begin_with_the_first_steps_distribution(head):
    core = with_random_weights(full_core(decoder="recursive", units=5, head=head, attention="multiplicative"))
    core.get_layer("intervals").offsets.assign(np.zeros((HORIZON, TARGETS, 5)))
    rows, noise = rows_for(core, 3), np.random.default_rng(1).normal(size=(4, HORIZON, TARGETS)).astype(np.float32)
    noise[0] = normal_quantiles([0.9])[0]
    sampler = PathSampler(core)
    paths = sampler(rows, noise).numpy()
    assert paths.shape == (3, 4, HORIZON, TARGETS)
    assert np.allclose(paths[:, 0, 0], core(rows)[:, 0, :, 4], atol=1e-4)
    alone = sample_paths(core, {name: values[1:2] for name, values in rows.items()}, noise)
    assert np.allclose(alone, paths[1:2], atol=1e-4)
    assert np.allclose(tf.function(sampler)({k: tf.constant(v) for k, v in rows.items()}, noise), paths, atol=1e-4)


def test_paths_of_all_points_are_the_forecast():
    core = with_random_weights(full_core(decoder="recursive", units=5, head="gaussian"))
    rows = rows_for(core, 3)
    paths = sample_paths(core, rows, np.zeros((1, HORIZON, TARGETS), np.float32))
    assert np.allclose(paths[:, 0], core(rows)[..., 0], atol=1e-4)


def test_paths_need_a_distribution():
    with pytest.raises(ValueError, match="the head is 'point'. Train with one of gaussian"):
        PathSampler(plain_core(units=4, segment=5))
    core = plain_core(units=4, segment=5, head="student")
    assert sample_paths(core, rows_for(core, 2), np.zeros((3, HORIZON, TARGETS))).shape == (2, 3, HORIZON, TARGETS)
