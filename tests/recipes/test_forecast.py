"""Forecast: every decoder with every head serves what it says; nothing of what is to come gets into a forecast."""

import re

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from shops import HORIZON, ROLES, SHOPS, SIZES, WINDOW, ask, prices, shops, split, train

from rnnkit import catalog
from rnnkit.export.saved_model import write_saved_model
from rnnkit.layers.forecasting import DISTRIBUTIONS
from rnnkit.metrics.forecast_baselines import fitted_baselines
from rnnkit.progress import SILENT
from rnnkit.series.batches import WindowBatches
from rnnkit.series.encoding import encode_panel

MODELS = {
    "segments of quantiles": {"head": "quantiles", "normalization": "instance"},
    "direct gaussian": {"decoder": "direct", "head": "gaussian", "linear": "residual", "transform": "log"},
    "direct counts": {"decoder": "direct", "head": "negative_binomial", "bidirectional": True},
    "recursive student": {"decoder": "recursive", "head": "student", "attention": "additive"},
    "recursive quantiles": {
        "decoder": "recursive",
        "head": "quantiles",
        "attention": "multiplicative",
        "linear": "none",
    },
}


@pytest.mark.parametrize("given", MODELS.values(), ids=MODELS)
def test_every_decoder_and_head_serves_finite_forecasts_and_rising_quantiles(given, tmp_path):
    frame, counts = shops(60), given.get("head") == "negative_binomial"
    if counts:
        frame["y"] = np.random.default_rng(2).poisson(frame["y"] / 4)
    made = train(frame, **{**SHOPS, **given})
    answers, test = made.answers(made.splits.test), made.splits.test
    assert answers["time"].shape == (len(test), HORIZON)
    assert answers["forecast"].shape == (len(test), HORIZON, 1)
    assert answers["quantiles"].shape == (len(test), HORIZON, 1, 5)
    assert np.isfinite(answers["forecast"]).all() and np.isfinite(answers["quantiles"]).all()
    assert (np.diff(answers["quantiles"], axis=-1) >= 0).all()
    if counts or made.settings.transform == "log":
        assert (answers["forecast"] >= 0).all() and (answers["quantiles"] >= 0).all()
    assert answers["time"][0, 0].decode() == str(pd.Timestamp(test.panel.seconds[test.cuts[0]], unit="s"))
    assert ("paths" in made.signatures) == (made.settings.head in DISTRIBUTIONS)
    if "paths" in made.signatures:
        paths = made.answers(test, [0, 1], "paths")["paths"]
        assert paths.shape == (2, HORIZON, 1, 100) and np.isfinite(paths).all()
        assert len(np.unique(paths[0])) > 3 and (not counts or (paths >= 0).all())
        np.testing.assert_allclose(paths[1:], made.answers(test, [1], "paths")["paths"], rtol=1e-4, atol=1e-4)
    if made.settings.linear == "beside":
        assert np.abs(made.core.get_layer("linear").kernel).max() > 0.01
        np.testing.assert_allclose(np.sum(made.core.get_layer("blend").shares, axis=0), 1, atol=1e-5)
    if made.settings.attention == "additive":
        _check_saved(made, tmp_path)


def _check_saved(made, folder):
    signatures = {name: made.signatures[name] for name in ("serving_default", "paths")}
    write_saved_model(folder / "1", [made.preparation.features, made.core], signatures)
    served, raw = tf.saved_model.load(str(folder / "1")).signatures, made.splits.test.raw([0, 3, 5])
    for name in signatures:
        expected = ask(made.signatures[name].function, raw)
        for output, values in ask(served[name], raw).items():
            if values.dtype == object:
                assert values.tolist() == expected[output].tolist()
            else:
                np.testing.assert_allclose(values, expected[output], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("gaps", ["mask", "interpolate", "fill"])
def test_nothing_of_the_step_to_be_forecast_or_after_enters_a_forecast(gaps):
    frame = shops(60)
    frame.loc[frame.index % 60 == 40, ["y", "x"]] = np.nan
    changed, later = frame.copy(), (frame.groupby("unique_id").cumcount() >= 50).to_numpy()
    changed.loc[later, "y"] *= -9
    changed.loc[later, "x"] = 1e6
    changed.loc[later, "wind"] = "a gale"
    changed.loc[later & (frame.index % 3 == 0), "y"] = np.nan
    settings, before = split(frame, **SHOPS, gaps=gaps)
    _, after = split(changed, **SHOPS, gaps=gaps)
    own = before.test.cuts - before.test.panel.starts[before.test.series]
    untouched = before.test.cuts[own <= 50]
    assert 0 < len(untouched) < len(own)
    recipe = catalog.load("forecast")
    preparation = recipe.prepare(before.train, settings, SILENT)
    core = recipe.build(preparation.facts, settings)
    serve = recipe.serve(preparation, core, settings)["serving_default"].function
    told = []
    for splits in (before, after):
        test = splits.test
        places = np.flatnonzero(np.isin(test.cuts, untouched))
        batch = WindowBatches(test, encode_panel(preparation.features, test.panel), len(places)).batch(places)[0]
        answers = ask(serve, test.raw(places))
        linear = {
            name: made.baseline.forecast(test, places, test.arrays(places))
            for name, made in fitted_baselines(splits, settings, [0.5]).items()
            if name != "ets"
        }
        told.append({**batch, **answers, **linear})
    assert {"values", "known", "categories", "forecast", "linear", "linear_covariates"} < set(told[0])
    for name, values in told[0].items():
        np.testing.assert_array_equal(values, told[1][name], err_msg=name)


def test_future_covariates_do_enter():
    settings, splits = split(shops(60), **SHOPS)
    recipe = catalog.load("forecast")
    preparation = recipe.prepare(splits.train, settings, SILENT)
    serve = recipe.serve(preparation, recipe.build(preparation.facts, settings), settings)["serving_default"].function
    raw = splits.test.raw([0])
    other = {**raw, "future_values": raw["future_values"] + 1}
    assert (ask(serve, raw)["forecast"] != ask(serve, other)["forecast"]).all()


def test_scalers_categories_and_scales_are_of_the_train_part_alone():
    frame = shops(60)
    changed, later = frame.copy(), (frame.groupby("unique_id").cumcount() >= 36).to_numpy()
    changed.loc[later, ["y", "x", "promo"]] += 1e5
    changed.loc[later, "wind"], changed.loc[later, "sky"] = "a gale", "stars"
    learnt = []
    for table in (frame, changed):
        settings, splits = split(table, **SHOPS)
        assert splits.train.cuts.max() < 60 + 36 and (splits.train.inside.sum()) == 2 * 36
        preparation = catalog.load("forecast").prepare(splits.train, settings, SILENT)
        scales = splits.train.scales
        learnt.append((preparation, [scales.scale, scales.mean, scales.spread]))
    (first, scales), (second, others) = learnt
    for one, other in zip(scales, others, strict=True):
        np.testing.assert_array_equal(one, other)
    assert first.facts == second.facts
    configs = [
        [re.sub(r"_\d+", "", str(layer.get_config())) for layer in preparation.features.layers]
        for preparation in (first, second)
    ]
    assert configs[0] == configs[1] and any("N" in config and "SW" in config for config in configs[0])


def test_the_day_to_be_forecast_is_not_among_what_a_price_is_forecast_from():
    frame = prices()
    changed = frame.copy()
    changed.loc[149, ["open", "high", "low", "close", "volume"]] = [1.0, 9e3, 0.5, 2.0, 1e9]
    settings, splits = split(frame, preset="stock", window=WINDOW, units=5)
    other = split(changed, preset="stock", window=WINDOW, units=5)[1]
    assert settings.horizon == 1 and settings.transform == "log" and splits.test.panel.closed
    recipe, test = catalog.load("forecast"), splits.test
    preparation = recipe.prepare(splits.train, settings, SILENT)
    serve = recipe.serve(preparation, recipe.build(preparation.facts, settings), settings)["serving_default"].function
    everything, last = np.arange(len(test)), len(test) - 1
    assert test.cuts[last] == 149
    for name, values in ask(serve, test.raw(everything)).items():
        np.testing.assert_array_equal(values, ask(serve, other.test.raw(everything))[name])
    np.testing.assert_array_equal(test.truth().values[:-1], other.test.truth().values[:-1])
    assert test.truth().values[-1] != other.test.truth().values[-1]
    # The day before is: another close of it is another forecast.
    changed.loc[148, "close"] = 60.0
    other = split(changed, preset="stock", window=WINDOW, units=5)[1]
    moved = ask(serve, other.test.raw(everything))["forecast"]
    assert (moved[last] != ask(serve, test.raw([last]))["forecast"][0]).all()


def test_a_target_is_left_as_it_is_where_it_is_counted():
    frame = shops(60)
    frame["y"] = np.random.default_rng(2).poisson(30, len(frame))
    settings, splits = split(frame, **{**SHOPS, "decoder": "direct", "head": "negative_binomial"})
    preparation = catalog.load("forecast").prepare(splits.train, settings, SILENT)
    raw = splits.test.raw([0])
    prepared = ask(lambda **inputs: preparation.features(inputs), raw)
    np.testing.assert_allclose(prepared["values"][..., 0], raw["values"][..., 0])
    assert not np.allclose(prepared["values"][..., 1], raw["values"][..., 1])


@pytest.mark.parametrize(
    ("given", "pattern"),
    [
        ({"bidirectional": True}, r"^decoder 'segments' reads one way\. Got bidirectional\."),
        ({"decoder": "recursive", "linear": "residual"}, r"^linear 'residual' does not go with decoder 'recursive'"),
        (
            {"decoder": "direct", "head": "negative_binomial", "linear": "residual"},
            r"^linear 'residual' does not go with head 'negative_binomial'",
        ),
        ({"head": "negative_binomial", "transform": "log"}, r"^transform 'log' does not go with head 'negative_bin"),
        ({"refit": True}, r"^--refit is of the backtest"),
        ({"levels": "0.9,0.1"}, r"^levels must be numbers between 0 and 1, rising, with commas\. Got '0\.9,0\.1'"),
        ({"levels": "0.1,x"}, r"Got '0\.1,x'"),
        ({"head": "normal"}, r"^head must be one of 'point', 'quantiles'"),
    ],
)
def test_settings_that_do_not_go_together_are_refused_at_once(given, pattern):
    with pytest.raises(ValueError, match=pattern) as caught:
        catalog.load("forecast").settings(**{**ROLES, **SIZES, **given})
    assert "\n" not in str(caught.value)
