"""Streaming: a model answered step by step, its states handed back each time, equals itself over whole sequences."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from rnnkit.export.saved_model import write_saved_model
from rnnkit.export.streaming import step_signature
from rnnkit.layers import (
    LSTM,
    MinLSTM,
    NgramScores,
    VariantLSTM,
    convolutional_front,
    embedding,
    in_segments,
    pool,
    recurrent_stack,
)
from rnnkit.layers.stack import CELLS, PARALLEL_CELLS

BATCH, TIME, FEATURES, UNITS, CLASSES, VOCABULARY = 3, 6, 5, 7, 4, 11
LOOPS = {"WHILE", "IF", "UNIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN"}


def stacked(cell):
    """Two layers with residual and layer normalisation, and what else a variant has."""
    inputs = keras.Input((None, FEATURES), name="reading")
    if cell in CELLS | PARALLEL_CELLS:
        sizes = {"units": FEATURES, "depth": 2, "bidirectional": False}
        x = recurrent_stack(inputs, cell=cell, residual=True, layer_normalization=True, dropout=0.2, **sizes)
    elif cell == "variant":
        x = VariantLSTM(UNITS, layer_normalization=True, peephole=True, return_sequences=True)(inputs)
        x = VariantLSTM(CLASSES, coupled=True, zoneout=0.3, cell_zoneout=0.2, return_sequences=True)(x)
    elif cell == "stock":
        x = keras.layers.LSTM(UNITS, return_sequences=True)(inputs)
        x = keras.layers.GRU(CLASSES, reset_after=False, return_sequences=True)(x)
        x = keras.layers.SimpleRNN(UNITS, activation="relu", return_sequences=True)(x)
        x = 2 * x + keras.layers.Dense(UNITS, activation="gelu")(x)
    else:
        cells = [keras.layers.LSTMCell(UNITS), keras.layers.GRUCell(CLASSES)]
        x = keras.layers.RNN(cells, return_sequences=True, name="of_cells")(inputs)
    return randomised(keras.Model(inputs, keras.layers.Dense(CLASSES, name="level")(x)))


def randomised(model, seed=1):
    """Gives every weight a value, biases too, at which a swap or an omission shows."""
    draw = np.random.default_rng(seed)
    model.set_weights([draw.normal(0, 0.5, weight.shape) for weight in model.get_weights()])
    return model


def drawn(*shape):
    return np.random.default_rng(2).normal(size=shape).astype(np.float32)


def streamed(call, states, sequences, **names):
    """Feeds the steps one by one, the states handed back, and returns the answers of each step by name."""
    (feature,) = names.values() or ("reading",)
    answers = []
    for time in range(sequences.shape[1]):
        answer = {name: np.asarray(value) for name, value in call(**{feature: sequences[:, time]}, **states).items()}
        states = {name: answer.pop(name) for name in states}
        answers.append(answer)
    return {name: np.stack([answer[name] for answer in answers], axis=1) for name in answers[0]}


def called(step):
    """The step as it is, by the names of its inputs."""
    return lambda **tensors: step.function(*[tf.constant(tensors[spec.name]) for spec in step.inputs])


@pytest.fixture(scope="module", params=[*CELLS, *PARALLEL_CELLS, "variant", "stock", "cells"])
def exported(request, tmp_path_factory):
    """A model, its step, and a SavedModel of that for any batch and for one row."""
    model = stacked(request.param)
    step, path = step_signature(model), tmp_path_factory.mktemp(request.param) / "model"
    signatures = {"step": step, "step_of_one": step_signature(model, batch=1)}
    return model, step, path, write_saved_model(path, [model], signatures)


def test_steps_through_a_saved_model_equal_the_whole_sequence(exported):
    model, step, path, _ = exported
    sequences = drawn(BATCH, TIME, FEATURES)
    loaded = tf.saved_model.load(str(path)).signatures["step"]
    answers = streamed(lambda **given: loaded(**constants(given)), step.zero_states(BATCH), sequences)
    np.testing.assert_allclose(answers["level"], model(sequences), atol=1e-5)


def constants(given):
    return {name: tf.constant(value) for name, value in given.items()}


def test_steps_through_tflite_equal_the_whole_sequence_without_a_loop(exported):
    model, step, path, _ = exported
    converter = tf.lite.TFLiteConverter.from_saved_model(str(path), signature_keys=["step_of_one"])
    interpreter = Interpreter(model_content=converter.convert())
    ops = {op["op_name"] for op in interpreter._get_ops_details()}
    assert ops and not ops & LOOPS and not [op for op in ops if op.startswith(("Flex", "CUSTOM"))]
    sequences = drawn(1, TIME, FEATURES)
    answers = streamed(interpreter.get_signature_runner(), step.zero_states(), sequences)
    np.testing.assert_allclose(answers["level"], model(sequences), atol=1e-5)


def test_a_saved_step_gives_its_states_the_names_it_takes_them_by(exported):
    _, step, _, described = exported
    names = {spec.name for spec in step.states}
    inputs, outputs = described["step"]["inputs"], described["step"]["outputs"]
    assert names and inputs.keys() == names | {"reading"} and outputs.keys() == names | {"level"}
    assert inputs["reading"]["shape"] == [None, FEATURES] and outputs["level"]["shape"] == [None, CLASSES]
    for name, value in step.zero_states(BATCH).items():
        assert [BATCH, *inputs[name]["shape"][1:]] == list(value.shape) and not value.any()


def test_states_are_named_after_layer_and_role():
    names = {cell: [spec.name for spec in step_signature(stacked(cell)).states] for cell in ("lstm", "gru", "lru")}
    assert names["lstm"] == [f"recurrent_{level}_lstm_{role}" for level in (1, 2) for role in "hc"]
    assert names["gru"] == ["recurrent_1_gru_h", "recurrent_2_gru_h"]
    assert names["lru"][:2] == ["recurrent_1_lru_real", "recurrent_1_lru_imaginary"]
    assert [spec.name for spec in step_signature(stacked("cells")).states] == [f"of_cells_{n}" for n in (1, 2, 3)]


def words_model(last):
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = embedding(ids, vocabulary=VOCABULARY, units=FEATURES, word_dropout=0.1, dropout=0.2)
    sizes = {"units": FEATURES, "depth": 2, "residual": True, "layer_normalization": True}
    x = recurrent_stack(x, cell="gru", bidirectional=False, **sizes)
    x = pool(x, by="last", bidirectional=False) if last == "pooled" else LSTM(CLASSES, name="top")(x)
    return randomised(keras.Model(ids, keras.layers.Dense(CLASSES, name="logits")(x)))


@pytest.mark.parametrize("last", ["pooled", "recurrent"])
def test_a_model_of_the_last_step_answers_as_if_each_step_were_the_last(last):
    model = words_model(last)
    step = step_signature(model)
    ids = np.random.default_rng(0).integers(1, VOCABULARY, (BATCH, TIME)).astype(np.int32)
    answers = streamed(called(step), step.zero_states(BATCH), ids, feature="ids")
    expected = [model(ids[:, : time + 1]) for time in range(TIME)]
    np.testing.assert_allclose(answers["logits"], np.stack(expected, axis=1), atol=1e-5)


def test_padding_between_words_leaves_the_states_as_they_are():
    model = words_model("pooled")
    step = step_signature(model)
    ids = np.array([[3, 0, 0, 5], [3, 5, 0, 0], [0, 3, 0, 5]], np.int32)
    call, states = called(step), step.zero_states(BATCH)
    for time in range(ids.shape[1]):
        before, answer = states, call(ids=ids[:, time], **states)
        states = {name: answer[name].numpy() for name in states}
        for name, paused in ((name, ids[:, time] == 0) for name in states):
            assert np.array_equal(states[name][paused], before[name][paused])
            assert (states[name] != before[name]).any(axis=1)[~paused].all()
    for value in states.values():
        np.testing.assert_allclose(value, value[:1].repeat(BATCH, axis=0), atol=1e-6)


def test_named_outputs_returned_states_and_a_layer_used_twice_come_through():
    inputs = keras.Input((None, UNITS), name="reading")
    shared = LSTM(UNITS, return_sequences=True, name="shared")
    x, h = keras.layers.GRU(CLASSES, return_sequences=True, return_state=True, name="top")(shared(shared(inputs)))
    narrow = keras.layers.Conv1D(BATCH, 1, name="narrow")(x)
    model = randomised(keras.Model(inputs, {"each": keras.layers.Softmax()(narrow), "state": h}))
    step = step_signature(model)
    assert [spec.name for spec in step.states] == ["shared_h", "shared_c", "shared_2_h", "shared_2_c", "top_h"]
    sequences = drawn(BATCH, TIME, UNITS)
    answers, expected = streamed(called(step), step.zero_states(BATCH), sequences), model(sequences)
    np.testing.assert_allclose(answers["each"], expected["each"], atol=1e-5)
    np.testing.assert_allclose(answers["state"][:, -1], expected["state"], atol=1e-5)


def test_a_sequential_model_has_a_step_and_float16_states_where_it_computes_so():
    layers = [MinLSTM(UNITS, return_sequences=True, dtype="mixed_float16", name="gates"), keras.layers.Dense(CLASSES)]
    model = keras.Sequential([keras.Input((None, FEATURES), name="reading"), *layers])
    step = step_signature(model)
    assert {name: value.dtype for name, value in step.zero_states().items()} == {"gates_h": np.float16}
    sequences = drawn(BATCH, TIME, FEATURES)
    (answers,) = streamed(called(step), step.zero_states(BATCH), sequences).values()
    np.testing.assert_allclose(answers, model(sequences), atol=2e-3)


def test_a_class_vouched_for_may_stand_in_a_step():
    inputs = keras.Input((None, FEATURES), name="reading")
    x = keras.layers.GRU(UNITS, return_sequences=True)(keras.layers.Lambda(lambda x: 2 * x, name="twice")(inputs))
    model = keras.Model(inputs, x)
    with pytest.raises(ValueError, match=r"Layer 'twice' \(Lambda\) sees more than one step, or may do so\."):
        step_signature(model)
    step = step_signature(model, per_step=(keras.layers.Lambda,))
    (answers,) = streamed(called(step), step.zero_states(2), drawn(2, TIME, FEATURES)).values()
    np.testing.assert_allclose(answers, model(drawn(2, TIME, FEATURES)), atol=1e-5)


def in_one_direction(x):
    return recurrent_stack(x, units=UNITS, bidirectional=False)


def nested(x):
    inputs = keras.Input((None, FEATURES))
    return keras.Model(inputs, in_one_direction(inputs), name="inner")(x)


UNSTREAMABLE = {
    "'recurrent_1' (Bidirectional) sees more than one step, or may do so. A step can hold recurrent layers that read "
    "forwards, and layers that treat each step by itself. Train with --no-bidirectional.": lambda x: recurrent_stack(
        x, units=UNITS
    ),
    "'back' (LSTM) reads backwards": lambda x: LSTM(UNITS, go_backwards=True, name="back")(x),
    "Train with --no-bidirectional --pooling last.": lambda x: pool(in_one_direction(x), by="mean+last"),
    "'pooling_last' (LastStep) sees more than one step": lambda x: pool(in_one_direction(x), by="last"),
    "'front_1' (MaskedConvolution) sees more than one step": lambda x: convolutional_front(x, filters=UNITS),
    "'wide' (Conv1D) sees more than one step": lambda x: keras.layers.Conv1D(UNITS, 2, padding="causal", name="wide")(
        x
    ),
    "Train with --segment 0.": lambda x: in_segments(x, 3, in_one_direction),
    "'inner' (Functional) sees more than one step": nested,
    "works along axis 1, which is that of time": lambda x: keras.layers.LayerNormalization(axis=1)(x),
    "'start' (GRU) starts from a state that a layer gives": lambda x: keras.layers.GRU(UNITS, name="start")(
        x, initial_state=LSTM(UNITS)(x)
    ),
    "'join' (Add) joins every step with what is known after the last one only": lambda x: keras.layers.Add(name="join")(
        [LSTM(FEATURES)(x), x]
    ),
}


@pytest.mark.parametrize("message", UNSTREAMABLE)
def test_a_layer_that_sees_other_steps_is_refused_by_name_with_what_to_do(message):
    inputs = keras.Input((TIME, FEATURES), name="reading")
    model = keras.Model(inputs, UNSTREAMABLE[message](inputs))
    with pytest.raises(ValueError, match=re.escape(message)):
        step_signature(model)


def test_n_grams_are_refused():
    ids = keras.Input((None,), dtype="int32", name="ids")
    model = keras.Model(ids, NgramScores(2, VOCABULARY, 16, CLASSES, name="ngrams")(ids))
    with pytest.raises(ValueError, match=r"'ngrams' \(NgramScores\) .* Train with --ngrams 0\."):
        step_signature(model)


def test_a_model_without_a_graph_or_a_time_axis_or_with_one_name_twice_is_refused():
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match=r"Model 'own' \(Own\) does not show its layers' graph"):
        step_signature(Own(name="own"))
    number = keras.Input((), name="number")
    with pytest.raises(ValueError, match=r"Input 'number' has no time axis"):
        step_signature(keras.Model(number, keras.layers.Identity()(number)))
    inputs = keras.Input((None, FEATURES), name="top_h")
    with pytest.raises(ValueError, match=r"must differ\. Got 'top_h' twice"):
        step_signature(keras.Model(inputs, LSTM(UNITS, name="top")(inputs)))
