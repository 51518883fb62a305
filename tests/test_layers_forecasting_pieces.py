"""Pieces of forecasters: filling, smoothing, levels, heads, intervals and objectives, against NumPy loops."""

import ast
import pathlib
import sys

import keras
import numpy as np
import pytest

import rnnkit.layers.forecasting
from rnnkit.layers.forecasting import NORMALIZATIONS, Filled, ForecastHead, Intervals, Normalized, Smoothed, Spread
from rnnkit.layers.forecasting.heads import results_of
from rnnkit.layers.forecasting.normalization import WindowLevel
from rnnkit.training.forecast_objectives import forecasting

BATCH, TIME, TARGETS, HORIZON = 4, 11, 2, 3
LEVELS = (0.1, 0.5, 0.9)


def window(share_known=0.5):
    random = np.random.default_rng(3)
    known = (random.random((BATCH, TIME, TARGETS)) < share_known).astype(np.float32)
    known[0, :, 0], known[1] = 0, 1
    return random.normal(size=known.shape).astype(np.float32) * known, known


def test_unknown_steps_take_the_last_known_value():
    values, known = window()
    filled = np.zeros_like(values)
    for row in range(BATCH):
        for target in range(TARGETS):
            places = np.flatnonzero(known[row, :, target])
            for step in range(TIME if len(places) else 0):
                before = places[places <= step]
                filled[row, step, target] = values[row, before[-1] if len(before) else places[0], target]
    x = [keras.Input((TIME, TARGETS)) for _ in range(2)]
    assert np.array_equal(Filled()(values, known), filled)
    assert np.array_equal(keras.Model(x, Filled()(*x)).predict([values, known], verbose=0), filled)


@pytest.mark.parametrize("learned", [False, True])
def test_smoothing_is_the_moving_average_of_its_definition(learned):
    values, _ = window()
    expected = values.copy()
    for step in range(1, TIME):
        expected[:, step] = 0.3 * expected[:, step - 1] + 0.7 * values[:, step]
    assert np.allclose(Smoothed(0.3, learned)(values), expected, atol=1e-5)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_normalising_and_back_changes_nothing(normalization):
    values, known = window()
    layer = Normalized(affine=normalization == "instance")
    found, location, scale = layer([values, *WindowLevel(normalization, 2)(values, known)])
    assert np.allclose(found * scale + location, values, atol=1e-4)
    assert np.isfinite(found).all()


def test_a_symbolic_level_gives_location_and_scale_in_that_order():
    x = [keras.Input((TIME, TARGETS)) for _ in range(2)]
    values, known = window()
    location, scale = keras.Model(x, WindowLevel("last")(*x))([values, known])
    assert np.array_equal(location, values[:, -1:]) and np.array_equal(scale, np.ones_like(location))


@pytest.mark.parametrize("head", ["point", "quantiles", "gaussian", "student", "negative_binomial"])
def test_a_head_scales_with_its_window_and_its_quantiles_rise(head):
    random = np.random.default_rng(4)
    raw = random.normal(size=(BATCH, HORIZON, TARGETS, results_of(head, LEVELS))).astype(np.float32)
    zero, one = np.zeros((BATCH, 1, TARGETS), np.float32), np.ones((BATCH, 1, TARGETS), np.float32)
    layer = ForecastHead(head, LEVELS)
    plain = layer(raw, zero, one).numpy()
    assert (np.diff(plain[..., 1:4], axis=-1) >= 0).all()
    if head == "negative_binomial":
        assert np.allclose(layer(raw, zero, 5 * one)[..., 0], 5 * plain[..., 0], rtol=1e-4)
    else:
        moved = layer(raw, zero + 7, 5 * one)[..., :4]
        assert np.allclose(moved, 5 * plain[..., :4] + 7, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("levels", [(0.1, 0.9), (0.6, 0.7), (0.2, 0.5)])
def test_quantiles_lie_on_their_side_of_the_point(levels):
    raw = np.random.default_rng(4).normal(size=(BATCH, HORIZON, TARGETS, results_of("quantiles", levels)))
    shape = (BATCH, 1, TARGETS)
    forecast = ForecastHead("quantiles", levels)(raw, np.zeros(shape), np.ones(shape)).numpy()
    sides = np.sign(np.asarray(levels) - 0.5)
    assert np.array_equal(
        np.sign(forecast[..., 1:] - forecast[..., :1]), np.broadcast_to(sides, forecast[..., 1:].shape)
    )


def test_intervals_move_quantiles_by_the_spread_and_keep_them_in_order():
    layer, spread = Intervals(LEVELS, least=-4.0), np.ones((BATCH, TARGETS, 3), np.float32)
    spread[1] = 4
    forecast = np.zeros((BATCH, HORIZON, TARGETS, 4), np.float32)
    assert np.array_equal(layer(forecast, spread), forecast)
    layer.powers.assign([[0.5, 0, 0]] * TARGETS)
    layer.offsets.assign(np.broadcast_to([-1.0, 0.25, 3.0], (HORIZON, TARGETS, 3)))
    found = layer(forecast, spread).numpy()
    assert np.allclose(found[0, 0, 0], [0, -1, 0.25, 3]) and np.allclose(found[1, 0, 0], [0, -2, 0.5, 6])
    layer.offsets.assign(np.broadcast_to([1.0, 0.0, -9.0], (HORIZON, TARGETS, 3)))
    assert np.allclose(layer(forecast, spread)[0, 0, 0], [0, 0, 0, 0])
    assert np.array_equal(layer(forecast, spread, training=True), forecast)


def test_the_spread_is_that_of_what_is_known():
    values, known = window(1.0)
    found = Spread()(values, known).numpy()
    assert np.allclose(found[1, :, 0], values[1].std(0), atol=2e-3)
    assert np.allclose(found[1, :, 1], np.sqrt((np.diff(values[1], axis=0) ** 2).mean(0)), atol=2e-3)
    assert np.isfinite(found).all() and (found > 0).all()


def rows(head="point"):
    random = np.random.default_rng(6)
    width = 4 + (0 if head in ("point", "quantiles") else results_of(head, LEVELS))
    forecast = np.abs(random.normal(1, 0.3, (BATCH, HORIZON, TARGETS, width))).astype(np.float32)
    targets = random.normal(1, 1, (BATCH, HORIZON, TARGETS, 2)).astype(np.float32)
    targets[..., 1] = random.random(targets.shape[:-1]) < 0.6
    targets[2, ..., 1] = 0
    return targets, forecast


@pytest.mark.parametrize(
    ("loss", "of"),
    [
        ("mse", lambda y, f: (y - f[0]) ** 2),
        ("mae", lambda y, f: abs(y - f[0])),
        ("huber", lambda y, f: 0.5 * (y - f[0]) ** 2 if abs(y - f[0]) < 1 else abs(y - f[0]) - 0.5),
        (
            "pinball",
            lambda y, f: np.mean([max(q * (y - x), (q - 1) * (y - x)) for q, x in zip(LEVELS, f[1:4], strict=True)]),
        ),
    ],
)
def test_a_loss_is_the_mean_over_known_steps(loss, of):
    targets, forecast = rows()
    found = forecasting(loss, levels=LEVELS, head="quantiles").train(targets, forecast)
    for row in range(BATCH):
        each = [
            of(targets[row, step, target, 0], forecast[row, step, target])
            for step in range(HORIZON)
            for target in range(TARGETS)
            if targets[row, step, target, 1]
        ]
        assert np.isclose(found[row], np.mean(each) if each else 0, atol=1e-5)


@pytest.mark.parametrize("head", ["gaussian", "student", "negative_binomial"])
def test_rows_with_nothing_known_have_no_loss_and_no_gradient(head):
    import tensorflow as tf

    targets, forecast = rows(head)
    forecast = tf.Variable(forecast)
    if head == "student":
        forecast.assign(forecast + 2)
    with tf.GradientTape() as tape:
        losses = forecasting("likelihood", levels=LEVELS, head=head).train(targets, forecast)
        total = tf.reduce_sum(losses)
    gradient = tape.gradient(total, forecast).numpy()
    assert losses[2] == 0 and not gradient[2].any() and np.isfinite(gradient).all() and gradient[0].any()


@pytest.mark.parametrize(
    ("loss", "head", "message"),
    [
        ("rmse", "point", "Got 'rmse'"),
        ("likelihood", "point", "needs a distribution as head: gaussian"),
        ("pinball", "point", "loss 'pinball' needs a head with quantiles"),
    ],
)
def test_a_loss_that_does_not_fit_is_refused(loss, head, message):
    with pytest.raises(ValueError, match=message):
        forecasting(loss, head=head)


def test_the_package_imports_other_layers_only():
    allowed = {"keras", "tensorflow", "numpy", "scipy", *sys.stdlib_module_names}
    files = sorted(pathlib.Path(rnnkit.layers.forecasting.__file__).parent.glob("*.py"))
    assert len(files) > 10
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in allowed or name.startswith("rnnkit.layers"), f"{file.name}: {name}"
