"""Gradient flow: total derivatives by hand and by differences, masks, directions, and a model left as it was."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.layers import GRU, LSTM, SimpleRNN, in_segments, pool, recurrent_stack
from rnnkit.layers.gradient_flow import GradientFlow, StateFlow, gradient_flow
from rnnkit.layers.hierarchy import hierarchical

BATCH, TIME, FEATURES, UNITS = 3, 5, 2, 7


def last_output(_, outputs):
    return tf.reduce_sum(outputs)


def scalar(factor, length, **choices):
    """h[t] = factor h[t - 1] + x[t], and the answer is the last h."""
    x = keras.Input((length, 1))
    layer = keras.layers.SimpleRNN(1, activation="linear", name="line", **choices)
    model = keras.Model(x, layer(keras.layers.Masking()(x)))
    model.set_weights([np.ones((1, 1)), np.full((1, 1), factor), np.zeros(1)])
    return model


def network(layers):
    x = keras.Input((None, FEATURES))
    model = keras.Model(x, layers(keras.layers.Masking()(x)))
    random = np.random.default_rng(1)
    model.set_weights([random.normal(0, 0.5, weight.shape) for weight in model.get_weights()])
    model.compile("sgd", "mse")
    return model


KINDS = {
    "keras lstm": lambda x: keras.layers.LSTM(UNITS, return_sequences=True)(x),
    "gru, last step": lambda x: GRU(UNITS)(x),
    "backwards": lambda x: SimpleRNN(UNITS, go_backwards=True, return_sequences=True)(x),
    "two directions": lambda x: keras.layers.Bidirectional(LSTM(UNITS, return_sequences=True))(x),
    "two directions, last step": lambda x: keras.layers.Bidirectional(GRU(UNITS))(x),
    "zeros where masked": lambda x: LSTM(UNITS, zero_output_for_mask=True, return_sequences=True)(x),
    "stacked cells": lambda x: keras.layers.RNN([keras.layers.GRUCell(4), keras.layers.LSTMCell(UNITS)])(x),
    "states handed out": lambda x: keras.layers.Concatenate()(LSTM(UNITS, return_state=True)(x)),
    "stack": lambda x: recurrent_stack(x, units=UNITS, depth=2, dropout=0.5, recurrent_weight_dropout=0.5),
    "segments": lambda x: in_segments(x, 2, lambda piece: recurrent_stack(piece, units=UNITS)),
}


@pytest.fixture
def rows():
    x = np.random.default_rng(0).normal(size=(BATCH, TIME, FEATURES)).astype("float32")
    return x * np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 0, 1, 0]])[:, :, None]


def batch(model, x):
    return x, np.random.default_rng(2).normal(size=model(x).shape).astype("float32")


@settings(max_examples=10, deadline=None)
@given(factor=st.floats(0.3, 3), length=st.integers(2, 6), sign=st.sampled_from([1, -1]), backwards=st.booleans())
def test_the_gradient_of_a_scalar_recurrence_is_a_power_of_its_factor(factor, length, sign, backwards):
    model = scalar(sign * factor, length, go_backwards=backwards)
    (flow,) = gradient_flow(model, (np.ones((1, length, 1)), np.zeros(1)), loss=last_output).states
    expected = factor ** np.arange(length - 1, -1, -1.0)
    np.testing.assert_allclose(flow.gradient, expected[::-1] if backwards else expected, rtol=1e-5)
    assert flow.growth == pytest.approx(factor, rel=1e-5)
    assert flow.reach == pytest.approx(factor ** (length - 1), rel=1e-5)
    assert flow.ratio == pytest.approx(flow.reach, rel=1e-5)
    assert flow.backwards == backwards


@pytest.mark.parametrize("padding", [(0, 0), (3, 0), (0, 3), (2, 1)])
def test_padding_is_nan_and_changes_neither_growth_nor_reach(padding):
    x = np.pad(np.ones((1, 3, 1)), [(0, 0), padding, (0, 0)])
    (flow,) = gradient_flow(scalar(0.5, 3 + sum(padding)), (x, np.zeros(1)), loss=last_output).states
    np.testing.assert_allclose(flow.gradient, np.pad([0.25, 0.5, 1], padding, constant_values=np.nan))
    np.testing.assert_allclose(flow.magnitude, np.pad([1, 1.5, 1.75], padding, constant_values=np.nan))
    assert (flow.growth, flow.reach, flow.ratio) == pytest.approx((0.5, 0.25, 0.25))


@settings(max_examples=6, deadline=None)
@given(left=st.integers(0, 3), right=st.integers(0, 3), order=st.permutations(range(BATCH)))
def test_neither_padding_nor_the_order_of_rows_changes_a_layer_s_flow(left, right, order):
    x = np.random.default_rng(0).normal(size=(BATCH, TIME, FEATURES)).astype("float32")
    model = network(KINDS["stack"])
    padded = np.pad(x[order], [(0, 0), (left, right), (0, 0)])
    loss = lambda targets, y: tf.reduce_sum(y**2)  # noqa: E731
    for flow, same in zip(*(gradient_flow(model, (rows, 0), loss=loss).states for rows in (x, padded)), strict=True):
        np.testing.assert_allclose(
            same.gradient, np.pad(flow.gradient, (left, right), constant_values=np.nan), rtol=1e-3
        )
        assert (same.growth, same.reach) == pytest.approx((flow.growth, flow.reach), rel=1e-3)


def test_a_step_averages_the_rows_that_are_real_there():
    x = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 1]])[:, :, None]
    (flow,) = gradient_flow(scalar(0.5, 3), (x, np.zeros(3)), loss=last_output).states
    np.testing.assert_allclose(flow.gradient, [(0.25 + 1) / 2, 0.5, 1])
    assert (flow.growth, flow.reach) == pytest.approx((0.5, 0.25))


def test_each_output_adds_its_own_share():
    x = keras.Input((3, 1))
    model = keras.Model(x, keras.layers.SimpleRNN(1, activation="linear", return_sequences=True)(x))
    model.set_weights([np.ones((1, 1)), np.full((1, 1), 0.5), np.zeros(1)])
    (flow,) = gradient_flow(model, (np.ones((1, 3, 1)), 0), loss=last_output).states
    np.testing.assert_allclose(flow.gradient, [1 + 0.5 + 0.25, 1 + 0.5, 1])


@pytest.mark.parametrize("backwards", [False, True])
def test_what_enters_from_above_counts_for_the_gradient_and_not_for_the_verdict(backwards):
    """The loss weighs each output a tenth of the one before: an explosion that isn't the layer's doing."""
    x = keras.Input((8, 1))
    layer = keras.layers.SimpleRNN(1, activation="linear", return_sequences=True, go_backwards=backwards, name="line")
    model = keras.Model(x, layer(x))
    model.set_weights([np.ones((1, 1)), np.full((1, 1), 0.9), np.zeros(1)])
    weights = 0.1 ** np.arange(8)[None, :, None]
    (flow,) = gradient_flow(model, (np.ones((1, 8, 1)), weights), loss=lambda w, y: tf.reduce_sum(w * y)).states
    assert flow.ratio > 1e6
    assert (flow.growth, flow.reach) == pytest.approx((0.9, 0.9**7))
    assert flow.verdict.startswith("healthy")


def test_the_reach_of_an_lstm_is_that_of_both_states_together(rows):
    x = tf.constant(rows[:1])
    inputs = keras.Input((TIME, FEATURES))
    model = keras.Model(inputs, LSTM(UNITS)(inputs))
    random = np.random.default_rng(3)
    model.set_weights([random.normal(0, 0.7, weight.shape) for weight in model.get_weights()])
    flows, cell = gradient_flow(model, (x, 0), loss=last_output).states, model.layers[-1].cell
    first = cell(x[:, 0], [tf.zeros((1, UNITS))] * 2)[1]
    with tf.GradientTape() as tape:
        tape.watch(first)
        states = first
        for t in range(1, TIME):
            states = cell(x[:, t], states)[1]
        total = tf.reduce_sum(states[0])
    expected = np.linalg.norm(tape.gradient(total, first)) / np.sqrt(UNITS)
    assert [flow.reach for flow in flows] == pytest.approx([expected] * 2, rel=1e-5)


@pytest.mark.parametrize("kind", [keras.layers.LSTM, LSTM])
def test_gradients_of_both_lstm_states_equal_differences(kind, rows):
    """The rest of the row is run from a state that was nudged by hand."""
    x, steps = tf.constant(rows[:1]), 2
    layer = kind(UNITS, name="lstm")
    inputs = keras.Input((TIME, FEATURES))
    model = keras.Model(inputs, layer(inputs))
    random = np.random.default_rng(3)
    model.set_weights([random.normal(0, 0.7, weight.shape) for weight in model.get_weights()])
    h, c = gradient_flow(model, (x, 0), loss=last_output).states
    assert (h.state, c.state, h.layer) == ("h", "c", "lstm")

    states = [tf.zeros((1, UNITS))] * 2
    for t in range(steps):
        states = layer.cell(x[:, t], states)[1]
    for place, flow in enumerate((h, c)):
        slopes = []
        for unit in range(UNITS):
            ends = []
            for nudge in (1e-2, -1e-2):
                now = list(states)
                now[place] = now[place] + nudge * tf.one_hot([unit], UNITS)
                if place == 1:
                    # h = output gate * tanh(c) moves with c.
                    now[0] = states[0] / tf.tanh(states[1]) * tf.tanh(now[1])
                for t in range(steps, TIME):
                    now = layer.cell(x[:, t], now)[1]
                ends.append(float(tf.reduce_sum(now[0])))
            slopes.append((ends[0] - ends[1]) / 2e-2)
        assert flow.gradient[steps - 1] == pytest.approx(np.linalg.norm(slopes), rel=1e-3)
        assert flow.magnitude[steps - 1] == pytest.approx(np.linalg.norm(states[place]), rel=1e-5)
    # At the end c still goes through the output gate, h is the answer itself.
    assert h.gradient[-1] == pytest.approx(np.sqrt(UNITS))


@pytest.mark.parametrize("kind", KINDS)
def test_the_written_out_loop_gives_the_model_s_outputs_and_leaves_it_as_it_was(kind, rows):
    model = network(KINDS[kind])
    expected, seen = model(rows), []

    def loss(_, outputs):
        seen.append(outputs)
        return outputs

    layers = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.RNN)]
    before = [dict(vars(layer)) for layer in layers]
    flow = gradient_flow(model, (rows, 0), loss=loss)
    np.testing.assert_allclose(seen[0], expected, atol=1e-6)
    np.testing.assert_array_equal(model(rows), expected)
    assert layers and [vars(layer) for layer in layers] == before
    assert all(np.isfinite(state.gradient[~np.isnan(state.magnitude)]).all() for state in flow.states)


def test_a_failure_on_the_way_leaves_the_model_as_it_was(rows):
    model = network(KINDS["two directions"])
    expected = model(rows)

    def fails(targets, outputs):
        raise ArithmeticError("on the way")

    with pytest.raises(ArithmeticError, match="on the way"):
        gradient_flow(model, (rows, 0), loss=fails)
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.RNN)]
    assert len(layers) == 2 and not any("inner_loop" in vars(layer) for layer in layers)
    np.testing.assert_array_equal(model(rows), expected)


def test_the_compiled_loss_and_its_weights_count(rows):
    model = network(KINDS["gru, last step"])
    x, y = batch(model, rows)
    weights = np.array([1.0, 0.0, 2.0], "float32")
    flow = gradient_flow(model, (x, y, weights))
    assert flow.loss == pytest.approx(model.evaluate(x, y, sample_weight=weights, verbose=0), rel=1e-5)
    by_hand = gradient_flow(model, (x, y, weights), loss=lambda y, z, w: w * tf.reduce_mean((y - z) ** 2, axis=1))
    np.testing.assert_allclose(by_hand.states[0].gradient, flow.states[0].gradient, rtol=1e-5)


def test_each_direction_and_level_has_its_lines(rows):
    model = network(KINDS["stack"])
    flow = gradient_flow(model, batch(model, rows))
    names = [f"{way}_recurrent_{level}_lstm" for level in (1, 2) for way in ("forward", "backward")]
    assert [(state.layer, state.state) for state in flow.states] == [(name, s) for name in names for s in "hc"]
    assert [state.backwards for state in flow.states] == [False, False, True, True] * 2


def test_stacked_cells_are_told_apart(rows):
    model = network(KINDS["stacked cells"])
    assert [state.state for state in gradient_flow(model, batch(model, rows)).states] == ["1.h", "2.h", "2.c"]


def test_a_layer_that_runs_twice_is_counted(rows):
    shared = GRU(UNITS, name="shared")
    model = network(lambda x: keras.layers.Concatenate()([shared(x), shared(x * 2)]))
    assert [state.layer for state in gradient_flow(model, batch(model, rows)).states] == ["shared", "shared #2"]


def test_layers_inside_a_hierarchy_are_found(rows):
    x = keras.Input((None, None, FEATURES))
    words, document = (
        lambda x, name=name: pool(recurrent_stack(x, cell="gru", units=UNITS, bidirectional=False, name=name), by="max")
        for name in ("words", "document")
    )
    model = keras.Model(x, hierarchical(x, words, document))
    flow = gradient_flow(model, (rows[None], 0), loss=last_output)
    assert [(state.layer, len(state.gradient)) for state in flow.states] == [
        ("words_1_gru", TIME),
        ("document_1_gru", BATCH),
    ]


def test_a_layer_inside_a_traced_function_is_looked_into(rows):
    class Traced(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.recurrent = GRU(UNITS, name="inside")
            self.graph = tf.function(self.recurrent)

        def call(self, x):
            return self.graph(x)

    model = network(lambda x: Traced()(x))
    assert [state.layer for state in gradient_flow(model, batch(model, rows)).states] == ["inside"]
    assert not tf.config.functions_run_eagerly()


def test_frozen_weights_hide_nothing(rows):
    model = network(KINDS["two directions"])
    open_flow = gradient_flow(model, batch(model, rows))
    model.trainable = False
    for state, other in zip(gradient_flow(model, batch(model, rows)).states, open_flow.states, strict=True):
        np.testing.assert_allclose(state.gradient, other.gradient)
        assert state.gradient[0] > 0


def test_states_of_a_stateful_layer_and_metrics_are_put_back(rows):
    x = keras.Input(batch_shape=(BATCH, TIME, FEATURES))
    model = keras.Model(x, GRU(UNITS, stateful=True)(x))
    model.compile("sgd", "mse", metrics=["mae"])
    model(rows)
    model.evaluate(rows, np.ones((BATCH, UNITS)), batch_size=BATCH, verbose=0)
    kept = [variable.numpy() for variable in (*model.layers[-1].states, *model.metrics_variables)]
    gradient_flow(model, (rows, np.ones((BATCH, UNITS))))
    after = [variable.numpy() for variable in (*model.layers[-1].states, *model.metrics_variables)]
    assert all(np.array_equal(old, new) for old, new in zip(kept, after, strict=True)) and kept[0].any()


def test_a_subclassed_model_that_was_never_called_works(rows):
    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.recurrent = LSTM(UNITS, name="inside")

        def call(self, x):
            return self.recurrent(x)

    (h, c) = gradient_flow(Subclassed(), (rows, 0), loss=last_output).states
    assert h.layer == c.layer == "inside"


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_is_measured_too(policy, rows):
    keras.config.set_dtype_policy(policy)
    try:
        flow = gradient_flow(network(KINDS["two directions"]), (rows, 0), loss=last_output)
    finally:
        keras.config.set_dtype_policy("float32")
    assert all(state.verdict.startswith("healthy") for state in flow.states)


@pytest.mark.parametrize(
    ("gradient", "reach", "verdict"),
    [
        ([1e-4, 1], 1e-4, "vanishing: going back from the last step to the first multiplies it by 1.0e-04"),
        ([1e4, 1], 1e4, "exploding: going back from the last step to the first multiplies it by 1.0e+04"),
        ([1e-4, 1], 0.1, "healthy: going back from the last step to the first multiplies it by 1.0e-01"),
        ([1, 0], np.nan, "healthy: no gradient has to go back over a step"),
        ([0, 0], np.nan, "vanishing: no gradient arrives at any step"),
        ([np.inf, 1], np.inf, "exploding: the gradient is not finite"),
    ],
)
def test_a_verdict_says_what_and_why(gradient, reach, verdict):
    gradient = np.array(gradient, float)
    assert StateFlow("layer", "h", False, gradient, np.ones(2), 1.0, reach).verdict == verdict


@pytest.mark.parametrize(("factor", "word"), [(0.5, "vanishing"), (1.0, "healthy"), (2.0, "exploding")])
def test_a_long_scalar_recurrence_is_judged(factor, word):
    flow = gradient_flow(scalar(factor, 12), (np.ones((1, 12, 1)), np.zeros(1)), loss=last_output)
    assert flow.verdicts["line"].startswith(word)
    header, line = flow.table().splitlines()
    assert header.startswith("layer") and line.startswith("line") and line.endswith(word)
    assert f"× {factor:.3f}" in line


def test_a_batch_of_nothing_but_padding_still_gives_a_table_and_a_picture(tmp_path):
    flow = gradient_flow(scalar(1.0, 3), (np.zeros((2, 3, 1)), np.zeros(2)), loss=last_output)
    assert np.isnan(flow.states[0].gradient).all() and "nan" in flow.table()
    flow.picture(tmp_path / "empty.png")
    assert (tmp_path / "empty.png").stat().st_size > 1000


def test_the_picture_is_written(rows, tmp_path):
    model = network(KINDS["stack"])
    flow = gradient_flow(model, batch(model, rows))
    assert isinstance(flow, GradientFlow)
    flow.picture(tmp_path / "flow.png")
    assert (tmp_path / "flow.png").read_bytes().startswith(b"\x89PNG")


def test_a_model_without_recurrent_layers_is_refused_by_name(rows):
    x = keras.Input((None, FEATURES))
    model = keras.Model(x, keras.layers.Dense(1)(x), name="flat")
    with pytest.raises(LookupError, match=r"Model 'flat' runs no recurrent layer\."):
        gradient_flow(model, (rows, 0), loss=last_output)


@pytest.mark.parametrize(
    ("wrong", "got"), [((1,), "1 parts"), ((1, 2, 3, 4), "4 parts"), (np.zeros((2, 3)), "ndarray"), ({}, "dict")]
)
def test_a_batch_of_another_form_is_refused_with_its_form(wrong, got):
    with pytest.raises(ValueError, match=rf"batch must be \(features, targets\) or .*\. Got {got}\."):
        gradient_flow(scalar(1.0, 2), wrong, loss=last_output)


def test_a_model_without_a_loss_is_refused(rows):
    model = scalar(1.0, 2)
    with pytest.raises(ValueError, match=rf"Model '{model.name}' was not compiled.*Pass one: loss=function"):
        gradient_flow(model, (np.ones((1, 2, 1)), np.zeros(1)))
