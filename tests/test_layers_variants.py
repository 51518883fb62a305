"""LSTM variants against a loop in NumPy, against Keras' LSTM, and under any padding, mask and chance."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from layer_gradients import values_and_gradients

from rnnkit.layers.variants import VariantLSTM, VariantLSTMCell

BATCH, TIME, FEATURES, UNITS = 3, 5, 2, 7
SOME_MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 0, 1, 0]], bool)
NAMES = ("layer_normalization", "peephole", "coupled")
VARIANTS = [dict(zip(NAMES, flags, strict=True)) for flags in itertools.product([False, True], repeat=3)]
NOISY = {"zoneout": 0.3, "cell_zoneout": 0.2, "variational_dropout": 0.4, "recurrent_variational_dropout": 0.3}
EVERYTHING = {**VARIANTS[-1], **NOISY, "weight_dropout": 0.3}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def normalised(x):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def loop(x, mask, weights, *, layer_normalization=False, peephole=False, coupled=False, zoneout=0.0, cell_zoneout=0.0):
    """The docstring's equations, a step after the other; masked steps are skipped."""
    kernel, recurrent_kernel, bias, *rest = [weight.astype("float64") for weight in weights]
    kernel_gain, recurrent_gain, cell_gain, cell_shift = rest[:4] if layer_normalization else [None] * 4
    peepholes = rest[-1] if peephole else np.zeros((3, UNITS))
    h, c = np.zeros((2, len(x), UNITS))
    outputs = []
    for t in range(x.shape[1]):
        from_input, from_state = x[:, t] @ kernel, h @ recurrent_kernel
        if layer_normalization:
            from_input, from_state = normalised(from_input) * kernel_gain, normalised(from_state) * recurrent_gain
        gates = np.split(from_input + from_state + bias, 3 if coupled else 4, axis=1)
        i = sigmoid(gates[0] + c * peepholes[0])
        f = 1 - i if coupled else sigmoid(gates[1] + c * peepholes[1])
        new_c = f * c + i * np.tanh(gates[-2])
        o = sigmoid(gates[-1] + new_c * peepholes[-1])
        new_h = o * np.tanh(normalised(new_c) * cell_gain + cell_shift if layer_normalization else new_c)
        real = mask[:, t, None]
        h = np.where(real, zoneout * h + (1 - zoneout) * new_h, h)
        c = np.where(real, cell_zoneout * c + (1 - cell_zoneout) * new_c, c)
        outputs.append(h)
    return np.stack(outputs, 1), h, c


def layer_of(kind=VariantLSTM, weights_seed=1, **keywords):
    layer = kind(UNITS, **{"return_sequences": True, **keywords})
    layer.build((BATCH, TIME, FEATURES))
    random = np.random.default_rng(weights_seed)
    layer.set_weights([random.normal(0, 0.5, weight.shape) for weight in layer.get_weights()])
    return layer


def rows(seed=0):
    return np.random.default_rng(seed).normal(size=(BATCH, TIME, FEATURES)).astype("float32")


@pytest.fixture
def x():
    return rows()


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda on: "+".join(name for name in on if on[name]) or "none")
def test_every_variant_equals_a_loop_in_numpy(variant, x):
    shares = {"zoneout": 0.3, "cell_zoneout": 0.2}
    layer = layer_of(**variant, **shares, return_state=True)
    expected = loop(x, np.ones((BATCH, TIME), bool), layer.get_weights(), **variant, **shares)
    for value, right in zip(layer(x), expected, strict=True):
        np.testing.assert_allclose(value, right, atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(mask=arrays(bool, (BATCH, TIME)), variant=st.sampled_from(VARIANTS), seed=st.integers(0, 9))
def test_masked_steps_carry_both_states(mask, variant, seed):
    x, layer = rows(seed), layer_of(weights_seed=seed, **variant, zoneout=0.3, return_state=True)
    outputs, h, c = loop(x, mask, layer.get_weights(), **variant, zoneout=0.3)
    for value, right in zip(layer(x, mask=mask), (outputs, h, c), strict=True):
        np.testing.assert_allclose(value, right, atol=1e-5)


class TestWithEverythingOff:
    @pytest.mark.parametrize("backwards", [False, True])
    @pytest.mark.parametrize("mask", [None, SOME_MASK], ids=["unmasked", "masked"])
    @pytest.mark.parametrize("sequences", [False, True])
    def test_values_and_gradients_equal_those_of_keras(self, x, mask, backwards, sequences):
        keywords = {"return_sequences": sequences, "return_state": True, "go_backwards": backwards}
        layers = [layer_of(kind=kind, **keywords) for kind in (VariantLSTM, keras.layers.LSTM)]
        state = np.random.default_rng(3).normal(size=(2, BATCH, UNITS)).astype("float32")
        ours, theirs = (values_and_gradients(layer, x, mask, state) for layer in layers)
        for mine, expected in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=1e-6)

    def test_a_stateful_layer_goes_on_where_it_stopped(self, x):
        whole = layer_of()(x)
        layer = layer_of(stateful=True)
        np.testing.assert_allclose(np.concatenate([layer(x[:, :2]), layer(x[:, 2:])], 1), whole, atol=1e-6)
        layer.reset_state()
        np.testing.assert_allclose(layer(x), whole, atol=1e-6)


@pytest.mark.parametrize("variant", VARIANTS[::7], ids=["none", "all"])
def test_the_layer_equals_its_cell_run_by_keras(variant, x):
    layer = layer_of(**variant, zoneout=0.2, return_state=True)
    steps = keras.layers.RNN(layer.cell, return_sequences=True, return_state=True)
    for value, expected in zip(layer(x, mask=SOME_MASK), steps(x, mask=SOME_MASK), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(left=st.integers(0, 3), right=st.integers(0, 4), variant=st.sampled_from(VARIANTS))
def test_padding_its_side_and_amount_never_matter(left, right, variant):
    x, model = rows(), keras.layers.Bidirectional(layer_of(**variant, zoneout=0.1))
    expected = model(x)
    padded = np.pad(x, [(0, 0), (left, right), (0, 0)], constant_values=9)
    mask = np.pad(np.ones((BATCH, TIME), bool), [(0, 0), (left, right)])
    found = model(padded, mask=mask).numpy()
    np.testing.assert_allclose(found[:, left : left + TIME], expected, atol=1e-5)
    assert (found[~mask] == 0).all()


@settings(max_examples=5, deadline=None)
@given(order=st.permutations(range(BATCH)), variant=st.sampled_from(VARIANTS))
def test_rows_neither_influence_each_other_nor_mind_their_order(order, variant):
    x, layer = rows(), layer_of(**variant)
    together = layer(x, mask=SOME_MASK).numpy()
    alone = [layer(x[row : row + 1], mask=SOME_MASK[row : row + 1])[0] for row in order]
    np.testing.assert_allclose(together[list(order)], alone, atol=1e-5)


def test_a_row_of_nothing_but_padding_keeps_its_states_and_has_gradients(x):
    layer = layer_of(**EVERYTHING, return_state=True)
    state = np.random.default_rng(3).normal(size=(2, BATCH, UNITS)).astype("float32")
    outputs, *rest = values_and_gradients(layer, x, np.zeros((BATCH, TIME), bool), state)
    assert (outputs.numpy() == 0).all()
    np.testing.assert_array_equal(rest[:2], state)
    assert all(np.isfinite(gradient).all() for gradient in rest)


class TestChance:
    def test_answers_are_the_same_each_time_and_trainings_differ(self, x):
        for name in (*NOISY, "weight_dropout"):
            layer = layer_of(**{name: 0.5})
            np.testing.assert_array_equal(layer(x), layer(x, training=False))
            assert np.abs(layer(x, training=True) - layer(x, training=True)).max() > 1e-3, name

    def test_the_same_seed_draws_the_same(self, x):
        one, other = (layer_of(**EVERYTHING, seed=6)(x, training=True) for _ in range(2))
        np.testing.assert_array_equal(one, other)

    @pytest.mark.parametrize("alone", [False, True], ids=["layer", "cell"])
    def test_zoneout_keeps_about_its_share_of_units_anew_at_each_step(self, alone):
        layer = VariantLSTM(64, zoneout=0.25, return_sequences=True)
        layer = keras.layers.RNN(VariantLSTMCell(64, zoneout=0.25), return_sequences=True) if alone else layer
        x = np.random.default_rng(0).normal(size=(BATCH, 40, FEATURES))
        outputs = tf.function(layer)(x, training=True).numpy()
        stayed = outputs[:, 1:] == outputs[:, :-1]
        assert 0.2 < stayed.mean() < 0.3
        assert len(np.unique(stayed[0], axis=0)) == 39

    def test_cell_zoneout_keeps_units_of_the_cell_only(self, x):
        layer = layer_of(cell_zoneout=0.5, return_state=True)
        state = [np.zeros((BATCH, UNITS), "float32"), np.full((BATCH, UNITS), 0.3, "float32")]
        _, h, c = layer(x[:, :1], initial_state=state, training=True)
        assert 0 < (c.numpy() == np.float32(0.3)).sum() < c.numpy().size
        # The state comes of the cell before zoneout.
        np.testing.assert_allclose(h, layer_of()(x[:, :1], initial_state=state)[:, 0], atol=1e-6)

    def test_variational_dropout_drops_the_same_features_at_every_step(self):
        layer = layer_of(variational_dropout=0.5)
        kernel, recurrent_kernel, bias = layer.get_weights()
        layer.set_weights([kernel, recurrent_kernel * 0, bias])
        x = tf.Variable(np.ones((BATCH, TIME, FEATURES), "float32"))
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(layer(x, training=True))
        dropped = tape.gradient(total, x).numpy() == 0
        assert 0 < dropped.sum() < dropped.size
        assert (dropped == dropped[:, :1]).all()
        assert (dropped != dropped[:1]).any()

    def test_recurrent_variational_dropout_hides_the_same_units_at_every_step(self, x):
        # With the recurrent kernel the identity for one gate, a hidden unit never sees itself.
        layer = layer_of(recurrent_variational_dropout=0.5, return_state=True)
        weights = layer.get_weights()
        layer.set_weights([weights[0] * 0, np.tile(np.eye(UNITS), 4), weights[2] * 0])
        ones = np.ones((BATCH, UNITS), "float32")
        outputs, _, c = layer(x, initial_state=[ones, ones], training=True)
        hidden = outputs.numpy()[:, 0] == outputs.numpy()[:, 0].min()
        assert 0 < hidden.sum() < hidden.size
        # Half of a hidden unit's cell is forgotten at each step, and nothing added.
        np.testing.assert_allclose(c.numpy()[hidden], 0.5**TIME, rtol=1e-5)
        assert (c.numpy()[~hidden] > 0.1).all()

    def test_weight_dropout_drops_recurrent_weights_once_per_batch(self):
        layer = layer_of(weight_dropout=0.5)
        same = np.repeat(np.random.default_rng(0).normal(size=(1, TIME, FEATURES)), BATCH, axis=0)
        outputs = layer(same, training=True).numpy()
        np.testing.assert_allclose(outputs, outputs[[0] * BATCH], atol=1e-6)
        # The first step has no state yet to multiply, so it is the same whatever is dropped.
        np.testing.assert_allclose(outputs[:, 0], layer(same)[:, 0], atol=1e-6)
        assert np.abs(outputs - layer(same)).max() > 1e-3


@pytest.mark.parametrize("jit", [False, True], ids=["plain", "xla"])
def test_a_model_of_any_length_learns_under_fit(jit, x):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((None, FEATURES))
    y = VariantLSTM(UNITS, **EVERYTHING)(keras.layers.Masking(9.0)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(y))
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=jit)
    x[1, 3:] = 9
    losses = model.fit(x, np.ones((BATCH, 1)), epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_xla_and_plain_agree(x):
    layer = layer_of(**EVERYTHING, return_state=True)
    compiled = tf.function(layer, jit_compile=True)
    for value, expected in zip(compiled(x, mask=SOME_MASK), layer(x, mask=SOME_MASK), strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-5)


@pytest.mark.parametrize("length", [TIME, None], ids=["fixed", "any"])
def test_it_runs_inside_time_distributed(length, x):
    layer = layer_of(**EVERYTHING)
    inputs = keras.Input((length, TIME, FEATURES))
    model = keras.Model(inputs, keras.layers.TimeDistributed(layer)(inputs))
    many = np.stack([x + shift for shift in range(TIME)], 1)
    expected = np.stack([layer(many[:, place]) for place in range(TIME)], 1)
    np.testing.assert_allclose(model(many), expected, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"])
def test_small_floats_stay_finite_and_near(policy, x):
    small, wide = (layer_of(**EVERYTHING, dtype=dtype) for dtype in (policy, "float32"))
    big = np.concatenate([x, 300 * x], 1)
    outputs = small(big)
    assert outputs.dtype == policy.removeprefix("mixed_")
    np.testing.assert_allclose(tf.cast(outputs, "float32"), wide(big), atol=0.15)
    assert np.isfinite(tf.cast(small(big, training=True), "float32")).all()


@pytest.mark.parametrize("variant", VARIANTS[::7], ids=["none", "all"])
def test_a_long_sequence_stays_bounded(variant):
    x = 3 * np.random.default_rng(0).normal(size=(2, 300, FEATURES)).astype("float32")
    outputs = tf.function(layer_of(**variant))(x).numpy()
    assert np.abs(outputs).max() <= 1


def test_a_saved_model_answers_as_before(x, tmp_path):
    inputs = keras.Input((None, FEATURES))
    penalties = {"kernel_regularizer": keras.regularizers.L2(0.1), "recurrent_initializer": "glorot_normal"}
    layer = VariantLSTM(UNITS, return_sequences=True, seed=4, **EVERYTHING, **penalties)
    model = keras.Model(inputs, keras.layers.Bidirectional(layer)(inputs))
    model.save(tmp_path / "variant.keras")
    again = keras.saving.load_model(tmp_path / "variant.keras")
    np.testing.assert_array_equal(model(x), again(x))
    assert again.layers[-1].forward_layer.get_config() == model.layers[-1].forward_layer.get_config()
    assert float(sum(again.losses)) == pytest.approx(float(sum(model.losses)))


def test_weights_have_the_shapes_and_start_of_those_of_keras(x):
    ours, theirs, coupled = VariantLSTM(UNITS), keras.layers.LSTM(UNITS), VariantLSTM(UNITS, coupled=True)
    ours(x), theirs(x), coupled(x)
    assert [weight.shape for weight in ours.weights] == [weight.shape for weight in theirs.weights]
    bias, written = theirs.get_weights()[2], coupled.get_weights()[2][:UNITS]
    np.testing.assert_array_equal(ours.get_weights()[2], bias)
    np.testing.assert_allclose(1 - sigmoid(written), sigmoid(bias[UNITS : 2 * UNITS]), atol=1e-6)


@pytest.mark.parametrize("share", [-0.1, 1, 1.5])
def test_a_share_outside_0_to_1_is_refused_with_its_value(share):
    for name in (*NOISY, "weight_dropout"):
        with pytest.raises(ValueError, match=rf"^{name} must be from 0 to 1 \(1 excluded\)\. Got {share}\.$"):
            VariantLSTM(UNITS, **{name: share})


def test_units_below_one_are_refused_with_their_value():
    with pytest.raises(ValueError, match=r"^units must be at least 1\. Got -3\.$"):
        VariantLSTM(-3)
