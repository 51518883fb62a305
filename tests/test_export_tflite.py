"""TFLite: the ladder, what it tells, what it refuses; quantised files; files that remember nothing."""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnkit.export.flatbuffer import ops
from rnnkit.export.tflite import SIGNATURE, ConversionError, Converted, convert
from rnnkit.layers import GRU, LSTM, pool, recurrent_stack

pytest.importorskip("ai_edge_litert")

FEATURES, UNITS, VOCABULARY, CLASSES = 3, 4, 11, 2
IDS = tf.TensorSpec((1, None), tf.int32, name="ids")
X = tf.TensorSpec((1, None, FEATURES), tf.float32, name="x")


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(3)
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = keras.layers.Embedding(VOCABULARY, FEATURES, mask_zero=True)(ids)
    x = pool(recurrent_stack(x, units=UNITS), by="attention", units=5)
    model = keras.Model(ids, keras.layers.Dense(CLASSES)(x))
    random = np.random.default_rng(5)
    for weight in model.weights:
        weight.assign(random.normal(0, 0.5, weight.shape))
    return model


def probability(model):
    return lambda ids: {"probability": tf.nn.softmax(model(ids, training=False)), "count": tf.shape(ids)[1]}


def over_features(layer):
    x = keras.Input((None, FEATURES), name="x")
    return keras.Model(x, layer(x))


def function_of(model):
    return lambda x: {"y": model(x, training=False)}


def words(length):
    return np.random.default_rng(length).integers(1, VOCABULARY, (1, length)).astype("int32")


def runner(content):
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_content=content).get_signature_runner(SIGNATURE)


def test_the_first_rung_that_runs_is_taken_and_the_others_are_told(classifier):
    found = convert([classifier], probability(classifier), [IDS])
    assert isinstance(found, Converted)
    assert found.rung == "fused" and found.tried == {}
    assert {line.rpartition(" ")[2] for line in found.layers} == {"fused"} and len(found.layers) == 2
    assert found.ops == tuple(sorted(set(found.ops))) and "UNIDIRECTIONAL_SEQUENCE_LSTM" in found.ops
    assert "DELEGATE" not in found.ops

    model = over_features(GRU(UNITS, return_sequences=True, name="reader"))
    found = convert([model], function_of(model), [X])
    assert found.rung == "while"
    assert "reader (GRU)" in found.tried["fused"]
    assert found.tried["unrolled"] == "needs a fixed length: --length N"
    # The loop's own ops are listed too, and those inside it.
    assert {"WHILE", "LOGISTIC"} <= set(found.ops)

    found = convert([model], function_of(model), [X], length=5)
    assert found.rung == "unrolled" and "WHILE" not in found.ops


def test_inputs_and_outputs_keep_their_names_and_types(classifier):
    answers = runner(convert([classifier], probability(classifier), [IDS]).content)(ids=words(6))
    assert answers["count"] == 6
    np.testing.assert_allclose(answers["probability"], probability(classifier)(words(6))["probability"], atol=1e-6)


def test_what_was_asked_before_does_not_change_an_answer(classifier):
    """The fused op keeps its states between calls; see `_fused` in rnnkit/layers/exported.py."""
    for settings in ({}, {"quantize": "dynamic"}, {"length": 5}):
        run = runner(convert([classifier], probability(classifier), [IDS], **settings).content)
        first = run(ids=words(5))["probability"]
        run(ids=words(5)[:, ::-1])
        if "length" not in settings:
            run(ids=words(8))
        np.testing.assert_array_equal(run(ids=words(5))["probability"], first)


def test_a_fused_layer_shares_no_state_with_a_loop_of_the_same_size():
    """Equal constants become one in the converter, and the fused op writes over its own."""
    model = over_features(lambda x: GRU(UNITS)(LSTM(UNITS, return_sequences=True)(x)))
    found = convert([model], function_of(model), [X])
    assert found.rung == "fused" and "WHILE" in found.ops
    x = np.random.default_rng(1).normal(size=(1, 5, FEATURES)).astype("float32")
    run = runner(found.content)
    for _ in range(2):
        np.testing.assert_allclose(run(x=x)["y"], model(x), atol=1e-6)


@pytest.mark.parametrize(("quantize", "tolerance"), [("dynamic", 0.03), ("float16", 0.003), ("int8", 0.1)])
def test_quantised_files_are_smaller_and_near(quantize, tolerance):
    keras.utils.set_random_seed(3)
    # Weights of fewer than 1,024 numbers stay as they are, and with one of them all of a fused layer.
    model = over_features(lambda x: recurrent_stack(keras.layers.Dense(24)(x), units=72))
    random = np.random.default_rng(1)
    rows = [{"x": random.normal(size=(1, length, FEATURES)).astype("float32")} for length in range(1, 12)]
    plain = convert([model], function_of(model), [X], rungs=["while"])
    found = convert([model], function_of(model), [X], quantize=quantize, calibration=iter(rows))
    assert found.rung == ("while" if quantize == "int8" else "fused")
    assert len(found.content) < len(plain.content) * (0.65 if quantize == "float16" else 0.5)
    run = runner(found.content)
    for row in rows:
        assert 0 < np.abs(run(**row)["y"] - model(row["x"])).max() < tolerance


def test_without_a_layer_there_is_nothing_to_loop_over():
    x = keras.Input((FEATURES,), name="x")
    model = keras.Model(x, keras.layers.Dense(UNITS)(x))
    found = convert([model], function_of(model), [tf.TensorSpec((1, FEATURES), tf.float32, name="x")])
    assert found.rung == "unrolled" and found.ops == ("FULLY_CONNECTED",)


def test_too_many_steps_are_not_unrolled_and_the_size_is_told():
    model = over_features(GRU(UNITS))
    with pytest.raises(ConversionError, match=r"too deep: 700 steps .* limit is 512; .* about 1\.8 MB. Give a smaller"):
        convert([model], function_of(model), [X], length=700, rungs=["unrolled"])


def test_ops_that_tflite_lacks_are_named_and_taken_along_only_if_asked():
    model = over_features(GRU(UNITS))

    def function(x):
        return {"y": model(x), "size": tf.linalg.det(tf.matmul(x, x, transpose_a=True))}

    with pytest.raises(ConversionError, match=r"while: no built-in op for MatrixDeterminant.*--allow-select-ops"):
        convert([model], function, [X], rungs=["while"])
    found = convert([model], function, [X], rungs=["while"], allow_select_ops=True)
    assert "FlexMatrixDeterminant" in found.ops and "MatrixDeterminant" in found.tried["while"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"quantize": "int4"}, r"quantize must be one of none, dynamic, float16, int8\. Got 'int4'\."),
        ({"rungs": ["fussed"]}, r"rungs must be of fused, unrolled, while\. Got 'fussed'\."),
        ({"rungs": []}, r"rungs must be of fused, unrolled, while\. Got none\."),
        ({"length": 0}, r"length must be at least 1\. Got 0\."),
        ({"quantize": "int8"}, r"calibrated on rows of data, and there are none\. Give rows, or quantize dynamic\."),
        ({"quantize": "int8", "calibration": [{"text": 1}]}, r"row 1 has no 'ids'\. It has 'text'\."),
        (
            {"quantize": "int8", "calibration": [{"ids": words(5)}], "length": 4},
            r"row 1: 'ids' must be \(1, 4\)\. Got \(1, 5\)\.",
        ),
    ],
)
def test_settings_out_of_range_are_refused_with_their_value(classifier, settings, message):
    with pytest.raises(ValueError, match=message):
        convert([classifier], probability(classifier), [IDS], **settings)


def test_a_batch_other_than_one_is_refused(classifier):
    with pytest.raises(ValueError, match=r"Input 'ids' must have batch 1\. Got \(None, None\)\."):
        convert([classifier], probability(classifier), [tf.TensorSpec((None, None), tf.int32, name="ids")])


def test_without_ai_edge_litert_the_line_to_install_it_is_told(classifier, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ImportError, match="pip install ai-edge-litert"):
        convert([classifier], probability(classifier), [IDS])


def test_an_abort_of_the_converter_is_a_refusal(classifier, monkeypatch, tmp_path):
    script = tmp_path / "integers.py"
    script.write_text("import os, sys; print('Check failed: no scale', file=sys.stderr, flush=True); os.abort()")
    monkeypatch.setattr("rnnkit.export.integers.__file__", str(script))
    with pytest.raises(ConversionError, match=r"broke down \(signal 6\): Check failed: no scale.*Quantize dynamic"):
        convert(
            [classifier], probability(classifier), [IDS], quantize="int8", calibration=[{"ids": words(5)}], length=5
        )


def test_the_layers_are_as_they_were_afterwards(classifier):
    before = classifier(words(5))
    convert([classifier], probability(classifier), [IDS], rungs=["fused"])
    assert not [layer for layer in classifier._flatten_layers() if "inner_loop" in layer.__dict__]
    np.testing.assert_array_equal(classifier(words(5)), before)


def test_ops_are_read_from_the_file(classifier):
    found = convert([classifier], probability(classifier), [IDS], rungs=["while"])
    assert ops(found.content) == found.ops


@pytest.mark.parametrize(("quantize", "tolerance"), [("none", 1e-5), ("dynamic", 1e-3), ("float16", 1e-3)])
def test_cells_grow_without_a_bound(quantize, tolerance):
    """The converter bounds them at 10: then these, which count to 20 and back to 2, would end below 0."""
    units, wide = 72, 20.0
    model = over_features(LSTM(units, return_sequences=True))
    kernel, recurrent = np.zeros((FEATURES, 4 * units)), np.zeros((units, 4 * units))
    kernel[:, 2 * units : 3 * units] = wide
    bias = np.repeat([wide, wide, 0, wide], units)
    model.set_weights([kernel, recurrent, bias])
    x = np.repeat([1.0, -1.0], [20, 18])[None, :, None].repeat(FEATURES, 2).astype("float32")
    assert model(x).numpy()[0, -1].min() > 0.9
    found = convert([model], function_of(model), [X], quantize=quantize)
    assert found.rung == "fused"
    np.testing.assert_allclose(runner(found.content)(x=x)["y"], model(x), atol=tolerance)
