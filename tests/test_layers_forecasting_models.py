"""Forecasters: each decoder and head is saved, exported to TFLite, keeps rows apart and learns a toy series."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from forecasting_cores import HORIZON, TARGETS, WINDOW, full_core, plain_core, rows_for, with_random_weights

from rnnkit.export.tflite import SIGNATURE, convert
from rnnkit.layers import recurrent_loop
from rnnkit.layers.forecasting import forecaster
from rnnkit.training.forecast_objectives import forecasting
from rnnkit.training.objectives import RowLoss

MODELS = {
    "segments": lambda: full_core(units=8, segment=6, linear="beside", head="quantiles"),
    "segments, lstm": lambda: plain_core(cell="lstm", units=8, segment=30, depth=2, head="student", smoothing=0.3),
    "segments, affine": lambda: plain_core(
        units=8, segment=3, normalization="instance", affine=True, smoothing_learned=True, level_inputs=True
    ),
    "direct": lambda: full_core(decoder="direct", cell="lstm", units=8, linear="residual", pooling="last+attention"),
    "direct, both ways": lambda: plain_core(decoder="direct", units=8, bidirectional=True, head="gaussian"),
    "recursive": lambda: full_core(decoder="recursive", teacher=True, units=8, attention="none", head="point"),
    "recursive, additive": lambda: full_core(
        decoder="recursive", cell="lstm", units=8, attention="additive", head="student"
    ),
    "recursive, multiplicative": lambda: full_core(
        decoder="recursive", cell="mingru", units=8, depth=2, attention="multiplicative", head="negative_binomial"
    ),
}


@pytest.fixture(scope="module", params=MODELS)
def core(request):
    keras.utils.set_random_seed(1)
    return with_random_weights(MODELS[request.param]())


def test_a_saved_core_forecasts_the_same(core, tmp_path):
    core.save(tmp_path / "core.keras")
    again = keras.saving.load_model(tmp_path / "core.keras", safe_mode=True)
    rows = rows_for(core, 3)
    forecast = core(rows).numpy()
    assert forecast.shape[:3] == (3, HORIZON, TARGETS) and np.isfinite(forecast).all()
    assert np.array_equal(again(rows), forecast)


def test_rows_do_not_see_each_other_and_answers_stay_the_same(core):
    rows = rows_for(core, 4)
    forecast = core(rows).numpy()
    alone = core({name: values[2:3] for name, values in rows.items()}).numpy()
    assert np.allclose(alone, forecast[2:3], atol=2e-5)
    assert np.array_equal(core(rows), core(rows))


def test_quantiles_never_cross(core):
    quantiles = core(rows_for(core, 5))[..., 1:6].numpy()
    assert (np.diff(quantiles, axis=-1) >= 0).all()


def test_unknown_values_do_not_matter_whatever_stands_there(core):
    rows = rows_for(core, 3)
    targets = rows["values"][..., :TARGETS]
    changed = np.where(rows["known"][..., :TARGETS] > 0, targets, 7.0).astype(np.float32)
    changed = np.concatenate([changed, rows["values"][..., TARGETS:]], -1)
    assert np.array_equal(core({**rows, "values": changed}), core(rows))


@pytest.mark.parametrize("core", ["segments", "direct, both ways", "recursive, additive"], indirect=True)
def test_a_core_converts_to_tflite(core):
    pytest.importorskip("ai_edge_litert")
    from ai_edge_litert.interpreter import Interpreter

    names = [x.name for x in core.inputs]
    specs = [tf.TensorSpec((1, *x.shape[1:]), x.dtype, name=x.name) for x in core.inputs]
    found = convert([core], lambda *given: {"y": core(dict(zip(names, given, strict=True)), training=False)}, specs)
    assert not [op for op in found.ops if op.startswith("Flex") or not op.isupper()] and "WHILE" not in found.ops
    run, row = Interpreter(model_content=found.content).get_signature_runner(SIGNATURE), rows_for(core, 1)
    assert np.abs(run(**row)["y"] - core(row)).max() < 1e-4


@pytest.mark.parametrize("decoder", ["segments", "direct", "recursive"])
def test_a_sine_is_learnt(decoder):
    keras.utils.set_random_seed(2)
    core = plain_core(targets=1, decoder=decoder, units=16, segment=5, dropout=0.0, head="gaussian")
    starts = np.arange(256) * 0.31
    wave = np.sin(starts[:, None] + np.arange(WINDOW + HORIZON) * 0.5)[..., None].astype(np.float32)
    rows = {"values": wave[:, :WINDOW], "known": np.ones((256, WINDOW, 1), np.float32)}
    targets = np.stack([wave[:, WINDOW:], np.ones((256, HORIZON, 1))], -1).astype(np.float32)
    core.compile(keras.optimizers.Adam(0.01), RowLoss(forecasting("mse").train))
    with recurrent_loop("plain"):
        core.fit(rows, targets, epochs=20, batch_size=32, verbose=0)
    assert np.mean((core.predict(rows, verbose=0)[..., 0] - targets[..., 0]) ** 2) < 0.05


def test_the_teacher_at_once_is_the_teacher_step_by_step():
    core = full_core(decoder="recursive", teacher=True, units=8, depth=2, attention="multiplicative", dropout=0.0)
    rows = rows_for(with_random_weights(core), 3)
    rows["teacher"] = np.nan_to_num(rows["teacher"], nan=0.5)
    at_once, one_by_one = (core(rows, training=training)[..., 0] for training in (True, False))
    assert np.allclose(at_once, one_by_one, atol=2e-5)


def test_without_a_teacher_the_own_forecast_is_fed_back():
    core = with_random_weights(full_core(decoder="recursive", teacher=True, units=8))
    rows = rows_for(core, 3)
    own = core({**rows, "teacher": np.full_like(rows["teacher"], np.nan)})[..., 0].numpy()
    assert np.allclose(core({**rows, "teacher": own})[..., 0], own, atol=1e-5)
    assert not np.allclose(core({**rows, "teacher": own + 1})[:, 1:, :, 0], own[:, 1:], atol=1e-3)


@pytest.mark.parametrize("normalization", ["last", "instance", "recent", "last_instance"])
def test_a_shifted_series_has_a_shifted_forecast(normalization):
    core = with_random_weights(plain_core(units=8, segment=5, normalization=normalization, recent=3))
    core.get_layer("intervals").offsets.assign(np.zeros((HORIZON, TARGETS, 5)))
    rows = rows_for(core, 3)
    moved = {**rows, "values": (rows["values"] + 5) * rows["known"]}
    assert np.allclose(core(moved), core(rows) + 5, atol=1e-3)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"decoder": "magic"}, "decoder must be one of segments, direct, recursive. Got 'magic'."),
        ({"head": "cauchy"}, "Got 'cauchy'."),
        ({"normalization": "first"}, "Got 'first'."),
        ({"linear": "both"}, "linear must be one of none, beside, residual. Got 'both'."),
        ({"levels": (0.9, 0.1)}, r"levels must rise, each above 0 and below 1. Got \[0.9, 0.1\]."),
        ({"segment": 0}, "segment must be at least 1. Got 0."),
        ({"smoothing": 1.0}, "Got 1.0."),
        ({"bidirectional": True}, "decoder 'segments' has no bidirectional. Got True."),
        ({"decoder": "recursive", "attention": "dot"}, "Got 'dot'."),
    ],
)
def test_a_setting_out_of_range_is_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        plain_core(**{"units": 8, **setting})


def test_a_category_without_a_size_is_refused():
    inputs = {name: keras.Input((5, 1), name=name) for name in ("values", "known")}
    inputs["categories"] = keras.Input((5, 1), name="categories", dtype="int32")
    with pytest.raises(LookupError, match="facts has no 'category_0'"):
        forecaster(inputs, {"window": 5, "horizon": 2, "targets": 1, "covariates": 0}, units=4)
