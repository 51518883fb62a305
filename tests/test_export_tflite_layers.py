"""TFLite: every layer factory and cell converts, runs in ai-edge-litert with built-in ops alone, and agrees with Keras.

Contract point 6, with tiny models, at lengths 1, 2 and longer than traced.
"""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnkit import layers
from rnnkit.export.tflite import SIGNATURE, convert
from rnnkit.layers import pool, recurrent_stack

pytest.importorskip("ai_edge_litert")

FEATURES, UNITS, VOCABULARY, LETTERS, CLASSES = 3, 4, 11, 6, 2
LENGTHS = (1, 2, 9)


def features():
    return keras.Input((None, FEATURES), name="x")


def words():
    """Ids and their vectors, masked where an id is 0."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    return ids, layers.embedding(ids, vocabulary=VOCABULARY, units=FEATURES, word_dropout=0.2, dropout=0.2)


def stacked(**settings):
    def build():
        ids, x = words()
        return keras.Model(ids, recurrent_stack(x, units=UNITS, name="stack", **settings))

    return build


def pooled(by, bidirectional=True):
    def build():
        ids, x = words()
        x = recurrent_stack(x, units=UNITS, bidirectional=bidirectional)
        return keras.Model(ids, pool(x, by=by, units=5, bidirectional=bidirectional))

    return build


def over_features(layer):
    def build():
        x = features()
        return keras.Model(x, layer()(x))

    return build


def spelled():
    ids, x = words()
    letters = keras.Input((None, LETTERS), dtype="int32", name="letters")
    x = keras.layers.Concatenate()([x, layers.character_convolution(letters, size=VOCABULARY, units=5)])
    return keras.Model([ids, letters], recurrent_stack(x, units=UNITS))


def segmented(cell):
    def build():
        ids, x = words()
        return keras.Model(ids, layers.in_segments(x, 4, lambda x: recurrent_stack(x, cell=cell, units=UNITS)))

    return build


def hierarchy():
    ids = keras.Input((None, None), dtype="int32", name="ids")
    x = layers.embedding(ids, vocabulary=VOCABULARY, units=FEATURES)

    def read(x, name):
        return pool(recurrent_stack(x, units=UNITS, name=name), by="attention", units=5, name=f"{name}_pooling")

    return keras.Model(ids, layers.hierarchical(x, lambda x: read(x, "words"), lambda x: read(x, "sentences")))


def convolved(**settings):
    def build():
        ids, x = words()
        x = layers.convolutional_front(x, filters=FEATURES, **settings)
        return keras.Model(ids, recurrent_stack(x, units=UNITS))

    return build


def shortened():
    x = features()
    return keras.Model(x, recurrent_stack(layers.convolutional_front(x, filters=5, stride=2, width=4), units=UNITS))


def in_context(cell):
    def build():
        ids, x = words()
        return keras.Model(ids, pool(layers.recurrent_convolution(x, units=UNITS, filters=5, cell=cell), by="max"))

    return build


def blended():
    ids, x = words()
    logits = keras.layers.Dense(CLASSES)(pool(recurrent_stack(x, units=UNITS), by="mean"))
    return keras.Model(ids, layers.Blend()([logits, layers.NgramScores(3, VOCABULARY, 16, CLASSES)(ids)]))


def translated():
    """A decoder that starts from the encoder's last states, both over the same inputs."""
    x = features()
    _, h, c = layers.LSTM(UNITS, return_state=True)(x)
    return keras.Model(x, layers.LSTM(UNITS, return_sequences=True)(x, initial_state=[h, c]))


def keras_alone():
    x = features()
    y = keras.layers.Bidirectional(keras.layers.LSTM(UNITS, return_sequences=True, use_bias=False))(x)
    y = keras.layers.Bidirectional(keras.layers.GRU(UNITS, return_sequences=True, reset_after=False))(y)
    return keras.Model(x, keras.layers.SimpleRNN(UNITS)(y))


def cells_in_a_tower():
    x = features()
    cells = [keras.layers.LSTMCell(UNITS), layers.VariantLSTMCell(UNITS + 1, peephole=True)]
    return keras.Model(x, keras.layers.RNN(cells, return_sequences=True, go_backwards=True)(x))


VARIANTS = {"layer_normalization": True, "peephole": True, "zoneout": 0.1, "cell_zoneout": 0.2}

# Name -> how to build it, and whether an LSTM in it takes the fused op.
MODELS = {
    "lstm": (stacked(cell="lstm", bidirectional=False), True),
    "bidirectional lstm": (stacked(cell="lstm", depth=2, residual=True, layer_normalization=True), True),
    "gru": (stacked(cell="gru", bidirectional=False), False),
    "bidirectional gru": (stacked(cell="gru", depth=2, residual=True, layer_normalization=True), False),
    "simple": (stacked(cell="simple", bidirectional=False), False),
    "identity start": (stacked(cell="simple", activation="relu", recurrent_initializer="identity"), False),
    "relu lstm": (stacked(cell="lstm", activation="relu", kernel_initializer="he"), False),
    "dropped": (stacked(variational_dropout=0.2, recurrent_weight_dropout=0.3, l2=0.1), True),
    "pool last+mean": (pooled("last+mean"), True),
    "pool last, one direction": (pooled("last", bidirectional=False), True),
    "pool attention+max": (pooled("attention+max"), True),
    "characters": (spelled, True),
    "segments lstm": (segmented("lstm"), False),
    "segments gru": (segmented("gru"), False),
    "hierarchy": (hierarchy, True),
    "convolutional front": (convolved(depth=2, residual=True), True),
    "convolutional front, stride 2": (shortened, True),
    "recurrent convolution lstm": (in_context("lstm"), True),
    "recurrent convolution gru": (in_context("gru"), False),
    "n-grams": (blended, True),
    "variant lstm": (over_features(lambda: layers.VariantLSTM(UNITS, return_sequences=True, **VARIANTS)), False),
    "coupled lstm": (over_features(lambda: layers.VariantLSTM(UNITS, coupled=True, go_backwards=True)), False),
    "min gru": (over_features(lambda: keras.layers.Bidirectional(layers.MinGRU(UNITS, return_sequences=True))), False),
    "min lstm": (over_features(lambda: layers.MinLSTM(UNITS)), False),
    "lru": (over_features(lambda: layers.LRU(UNITS, state_size=5, return_sequences=True)), False),
    "given states": (translated, False),
    "keras layers": (keras_alone, True),
    "stacked cells": (cells_in_a_tower, False),
}


@functools.cache
def with_random_weights(name):
    """Biases and gains start at 0 and 1, where a mistake may not show."""
    keras.utils.set_random_seed(3)
    model, random = MODELS[name][0](), np.random.default_rng(5)
    for weight in model.weights:
        if weight.dtype == "float32":
            weight.assign(random.normal(0, 0.5, weight.shape))
    return model


def converted(model, **settings):
    specs = [tf.TensorSpec((1, *x.shape[1:]), x.dtype, name=x.name) for x in model.inputs]
    return convert([model], lambda *tensors: {"y": answer(model, tensors)}, specs, **settings)


def answer(model, tensors):
    return model(tensors[0] if len(model.inputs) == 1 else list(tensors), training=False)


def rows(model, length):
    """A row of each input, its words in 1 .. VOCABULARY, as on a device: of its own length."""
    random = np.random.default_rng(length)
    for x in model.inputs:
        free = iter((length, 3) if len(x.shape) == 3 and x.shape[2] is None else (length,))
        shape = [1, *(next(free) if size is None else size for size in x.shape[1:])]
        integer = x.dtype == "int32"
        row = random.integers(1, VOCABULARY, shape) if integer else random.normal(size=shape)
        if integer and len(shape) == 3:
            row[:, ::2, -1] = 0  # Words of a sentence, or letters of a word, that are padding.
        yield x.name, row.astype(x.dtype)


def difference(model, content, length):
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(model_content=content).get_signature_runner(SIGNATURE)
    row = dict(rows(model, length))
    expected = answer(model, list(row.values()))
    return max(np.abs(run(**row)["y"] - expected).max() for _ in range(2))


def built_in(ops):
    return ops and not [name for name in ops if name.startswith("Flex") or not name.isupper()]


@pytest.mark.parametrize("name", MODELS)
def test_a_model_agrees_with_keras_in_the_best_form_for_any_length(name):
    model, (_, fused) = with_random_weights(name), MODELS[name]
    found = converted(model)
    assert found.rung == ("fused" if fused else "while")
    assert ("UNIDIRECTIONAL_SEQUENCE_LSTM" in found.ops) == fused
    assert built_in(found.ops)
    for length in LENGTHS:
        assert difference(model, found.content, length) < 1e-5


@pytest.mark.parametrize("name", ["lstm", "bidirectional lstm", "pool attention+max", "hierarchy", "keras layers"])
def test_a_model_agrees_with_keras_without_the_fused_op(name):
    model = with_random_weights(name)
    found = converted(model, rungs=["while"])
    assert "WHILE" in found.ops and "UNIDIRECTIONAL_SEQUENCE_LSTM" not in found.ops
    assert built_in(found.ops)
    for length in LENGTHS:
        assert difference(model, found.content, length) < 1e-5


@pytest.mark.parametrize(
    "name", [name for name in MODELS if name.startswith(("bidirectional", "simple", "seg", "min", "lru"))]
)
def test_a_model_of_fixed_length_has_no_loop(name):
    model = with_random_weights(name)
    found = converted(model, length=6, rungs=["unrolled"])
    assert found.rung == "unrolled"
    assert built_in(found.ops) and not {"WHILE", "UNIDIRECTIONAL_SEQUENCE_LSTM"} & set(found.ops)
    assert difference(model, found.content, 6) < 1e-5
