"""Parallel recurrences against loops in NumPy, against their own cells run step by step, and under any padding."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from layer_gradients import values_and_gradients

from rnnkit.layers.parallel import LRU, LRUCell, MinGRU, MinGRUCell, MinLSTM, MinLSTMCell, linear_scan

BATCH, TIME, FEATURES, UNITS, STATE = 3, 5, 2, 7, 4
SOME_MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 0, 1, 0]], bool)
KINDS = [MinGRU, MinLSTM, LRU]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def positive(x):
    return np.where(x >= 0, x + 0.5, sigmoid(x))


def min_gru_step(x, h, weights):
    kernel, bias = weights
    z, k = np.split(x @ kernel + bias, 2, axis=1)
    h = (1 - sigmoid(z)) * h + sigmoid(z) * positive(k)
    return h, h


def min_lstm_step(x, h, weights):
    kernel, bias = weights
    f, i, k = np.split(x @ kernel + bias, 3, axis=1)
    f, i = sigmoid(f), sigmoid(i)
    h = f / (f + i) * h + i / (f + i) * positive(k)
    return h, h


def lru_step(x, h, weights):
    nu, theta, gamma, inward, outward, skip = weights
    inward, outward = inward[:, :STATE] + 1j * inward[:, STATE:], outward[:STATE] - 1j * outward[STATE:]
    h = np.exp(-np.exp(nu) + 1j * np.exp(theta)) * h + np.exp(gamma) * (x @ inward)
    return (h @ outward).real + x @ skip, h


STEPS = {MinGRU: min_gru_step, MinLSTM: min_lstm_step, LRU: lru_step}


def loop(kind, x, mask, state, weights, zeros_where_masked=False):
    """A step after the other; a masked one carries the state and shows the last output, zeros before there is one."""
    weights = [weight.astype("float64") for weight in weights]
    h = state[0] + 1j * state[1] if kind is LRU else state[0]
    y, outputs = np.zeros((len(x), UNITS)), []
    for t in range(x.shape[1]):
        new_y, new_h = STEPS[kind](x[:, t], h, weights)
        real = mask[:, t, None]
        y, h = np.where(real, new_y, y), np.where(real, new_h, h)
        outputs.append(np.where(real | (not zeros_where_masked), y, 0))
    return np.stack(outputs, 1), *([h.real, h.imag] if kind is LRU else [h])


def layer_of(kind, **keywords):
    sizes = {"state_size": STATE} if kind is LRU else {}
    layer = kind(UNITS, **{"return_sequences": True, **sizes, **keywords})
    layer.build((BATCH, TIME, FEATURES))
    random = np.random.default_rng(1)
    layer.set_weights([weight + random.normal(0, 0.3, weight.shape) for weight in layer.get_weights()])
    return layer


def states_of(kind, seed=3):
    shape = (2, BATCH, STATE) if kind is LRU else (1, BATCH, UNITS)
    return list(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def rows(seed=0, time=TIME):
    return np.random.default_rng(seed).normal(size=(BATCH, time, FEATURES)).astype("float32")


@pytest.mark.parametrize("kind", KINDS)
class TestEveryLayer:
    @settings(max_examples=8, deadline=None)
    @given(mask=arrays(bool, (BATCH, TIME)), zeros=st.booleans(), backwards=st.booleans(), seed=st.integers(0, 9))
    def test_it_equals_a_loop_in_numpy(self, kind, mask, zeros, backwards, seed):
        x, state = rows(seed), states_of(kind)
        layer = layer_of(kind, return_state=True, zero_output_for_mask=zeros, go_backwards=backwards)
        order = slice(None, None, -1 if backwards else 1)
        expected = loop(kind, x[:, order], mask[:, order], state, layer.get_weights(), zeros)
        for value, right in zip(layer(x, mask=mask, initial_state=state), expected, strict=True):
            np.testing.assert_allclose(value, right, rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("backwards", [False, True])
    @pytest.mark.parametrize("mask", [None, SOME_MASK], ids=["unmasked", "masked"])
    def test_values_and_gradients_equal_those_of_its_cell_step_by_step(self, kind, mask, backwards):
        keywords = {"return_sequences": True, "return_state": True, "go_backwards": backwards}
        layer = layer_of(kind, **keywords)
        steps = keras.layers.RNN(layer.cell, **keywords)
        at_once, one_by_one = (values_and_gradients(run, rows(), mask, states_of(kind)) for run in (layer, steps))
        for value, expected in zip(at_once, one_by_one, strict=True):
            np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("mask", [None, SOME_MASK], ids=["unmasked", "masked"])
    def test_the_last_output_is_that_of_the_sequence(self, kind, mask):
        layer = layer_of(kind)
        sequence = layer(rows(), mask=mask)
        layer.return_sequences = False
        np.testing.assert_array_equal(layer(rows(), mask=mask), sequence[:, -1])

    @settings(max_examples=6, deadline=None)
    @given(left=st.integers(0, 3), right=st.integers(0, 6))
    def test_padding_its_side_and_amount_never_matter(self, kind, left, right):
        x, model = rows(), keras.layers.Bidirectional(layer_of(kind))
        expected = model(x)
        padded = np.pad(x, [(0, 0), (left, right), (0, 0)], constant_values=9)
        mask = np.pad(np.ones((BATCH, TIME), bool), [(0, 0), (left, right)])
        found = model(padded, mask=mask).numpy()
        np.testing.assert_allclose(found[:, left : left + TIME], expected, atol=1e-5)
        assert (found[~mask] == 0).all()

    @settings(max_examples=4, deadline=None)
    @given(order=st.permutations(range(BATCH)))
    def test_rows_neither_influence_each_other_nor_mind_their_order(self, kind, order):
        layer, x = layer_of(kind), rows()
        together = layer(x, mask=SOME_MASK).numpy()
        alone = [layer(x[row : row + 1], mask=SOME_MASK[row : row + 1])[0] for row in order]
        np.testing.assert_allclose(together[list(order)], alone, atol=1e-5)

    def test_a_row_of_nothing_but_padding_keeps_its_state_and_has_gradients(self, kind):
        layer = layer_of(kind, return_state=True)
        states = states_of(kind)
        outputs, *rest = values_and_gradients(layer, rows(), np.zeros((BATCH, TIME), bool), states)
        assert (outputs.numpy() == 0).all()
        np.testing.assert_array_equal(rest[: len(states)], states)
        assert all(np.isfinite(gradient).all() for gradient in rest)

    def test_a_stateful_layer_goes_on_where_it_stopped(self, kind):
        x, layer, plain = rows(), layer_of(kind, stateful=True), layer_of(kind)
        plain.set_weights(layer.get_weights())
        whole = plain(x)
        np.testing.assert_allclose(np.concatenate([layer(x[:, :2]), layer(x[:, 2:])], 1), whole, atol=1e-6)
        layer.reset_state()
        np.testing.assert_allclose(layer(x), whole, atol=1e-6)

    def test_xla_and_plain_agree_with_their_gradients(self, kind):
        layer = layer_of(kind, return_state=True)
        plain, compiled = (tf.function(values_and_gradients, jit_compile=jit, autograph=False) for jit in (False, True))
        values = layer, rows(), SOME_MASK, states_of(kind)
        for value, expected in zip(compiled(*values), plain(*values), strict=True):
            np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16"])
    def test_small_floats_stay_finite_and_near(self, kind, policy):
        small, wide = (layer_of(kind, dtype=dtype, return_state=True) for dtype in (policy, "float32"))
        wide.set_weights(small.get_weights())
        x = rows(time=30)
        for value, expected in zip(small(x), wide(x), strict=True):
            assert value.dtype == policy.removeprefix("mixed_")
            np.testing.assert_allclose(tf.cast(value, "float32"), expected, rtol=0.1, atol=0.1)
        assert np.isfinite(tf.cast(small(100 * x)[0], "float32")).all()

    def test_a_long_sequence_stays_finite_with_its_gradients(self, kind):
        x, layer = 3 * rows(time=300), layer_of(kind, return_state=True)
        outputs, *rest = tf.function(values_and_gradients, autograph=False)(layer, x, None, states_of(kind))
        assert np.abs(outputs).max() < 100
        assert all(np.isfinite(value).all() for value in rest)
        expected = loop(kind, x, np.ones(x.shape[:2], bool), states_of(kind), layer.get_weights())[0]
        np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize("length", [TIME, None], ids=["fixed", "any"])
    def test_it_runs_inside_time_distributed(self, kind, length):
        layer = layer_of(kind)
        inputs = keras.Input((length, TIME, FEATURES))
        model = keras.Model(inputs, keras.layers.TimeDistributed(layer)(inputs))
        many = np.stack([rows(place) for place in range(TIME)], 1)
        expected = np.stack([layer(many[:, place]) for place in range(TIME)], 1)
        np.testing.assert_allclose(model(many), expected, atol=1e-5)

    def test_a_saved_model_answers_as_before(self, kind, tmp_path):
        inputs = keras.Input((None, FEATURES))
        layer = layer_of(kind, kernel_regularizer=keras.regularizers.L2(0.1))
        model = keras.Model(inputs, keras.layers.Bidirectional(layer)(inputs))
        model.save(tmp_path / "parallel.keras")
        again = keras.saving.load_model(tmp_path / "parallel.keras")
        np.testing.assert_array_equal(model(rows()), again(rows()))
        assert again.layers[-1].forward_layer.get_config() == model.layers[-1].forward_layer.get_config()
        assert float(sum(again.losses)) == pytest.approx(float(sum(model.losses)))

    def test_a_step_can_be_served_by_itself(self, kind, tmp_path):
        layer = layer_of(kind)
        state = [keras.Input(part.shape[1:]) for part in states_of(kind)]
        x = keras.Input((FEATURES,))
        output, new = layer.cell(x, state)
        keras.Model([x, *state], [output, *new]).export(tmp_path / "step", verbose=False)
        served = tf.saved_model.load(tmp_path / "step")
        state, outputs = [np.zeros_like(part) for part in states_of(kind)], []
        for t in range(TIME):
            output, *state = served.serve([rows()[:, t], *state])
            outputs.append(output)
        np.testing.assert_allclose(np.stack(outputs, 1), layer(rows()), atol=1e-5)

    def test_units_below_one_are_refused_with_their_value(self, kind):
        with pytest.raises(ValueError, match=r"^units must be at least 1\. Got -3\.$"):
            kind(-3)


class TestLinearScan:
    @settings(max_examples=12, deadline=None)
    @given(time=st.integers(1, 20), shared=st.booleans(), imaginary=st.booleans(), seed=st.integers(0, 9))
    def test_it_equals_a_loop(self, time, shared, imaginary, seed):
        random = np.random.default_rng(seed)
        factor, addend, start = (
            random.normal(size=shape) + (1j * random.normal(size=shape) if imaginary else 0)
            for shape in ((1 if shared else BATCH, time, UNITS), (BATCH, time, UNITS), (BATCH, UNITS))
        )
        expected, h = [], start
        for t in range(time):
            h = factor[:, t] * h + addend[:, t]
            expected.append(h)
        found = linear_scan(*[tf.constant(value) for value in (factor, addend, start)])
        np.testing.assert_allclose(found, np.stack(expected, 1), rtol=1e-9)

    def test_factors_of_zero_give_numbers(self):
        zeros, ones = tf.zeros((BATCH, TIME, UNITS)), tf.ones((BATCH, TIME, UNITS))
        with tf.GradientTape() as tape:
            tape.watch(zeros)
            states = linear_scan(zeros, ones, ones[:, 0])
        assert (states.numpy() == 1).all() and (tape.gradient(states, zeros).numpy() == 1).all()

    def test_a_second_derivative_is_refused_and_not_wrong(self):
        x = tf.ones((BATCH, TIME, UNITS))
        with pytest.raises(NotImplementedError, match="no second derivative"), tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                total = tf.reduce_sum(linear_scan(x, x, x[:, 0]) ** 2)
            outer.gradient(inner.gradient(total, x), x)


def test_a_model_of_any_length_learns_under_xla():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((None, FEATURES))
    y = keras.layers.Masking(9.0)(inputs)
    for kind in KINDS:
        y = kind(UNITS, return_sequences=kind is not LRU)(y)
    model = keras.Model(inputs, keras.layers.Dense(1)(y))
    model.compile(keras.optimizers.SGD(0.005), "mse", jit_compile=True)
    x = rows()
    x[1, 3:] = 9
    losses = model.fit(x, np.ones((BATCH, 1)), epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_gates_of_a_min_lstm_too_small_to_divide_still_add_up_to_one():
    bias = np.repeat([-200.0, -200.0, 0.5], UNITS)
    layer = MinLSTM(UNITS, kernel_initializer="zeros", bias_initializer=lambda shape, dtype: bias)
    np.testing.assert_allclose(layer(rows()[:, :1]), np.full((BATCH, UNITS), 0.5), atol=1e-6)


class TestLRU:
    def test_it_starts_on_its_ring_with_gamma_to_match(self):
        layer = LRU(UNITS, state_size=500, r_min=0.6, r_max=0.9, max_phase=0.5)
        layer.build((BATCH, TIME, FEATURES))
        nu, theta, gamma = layer.get_weights()[:3]
        modulus, phase = np.exp(-np.exp(nu)), np.exp(theta)
        assert 0.6 <= modulus.min() < 0.62 and 0.88 < modulus.max() <= 0.9
        assert 0 <= phase.min() < 0.02 and 0.48 < phase.max() <= 0.5
        np.testing.assert_allclose(np.exp(gamma), np.sqrt(1 - modulus**2), rtol=1e-4)
        # Uniform over the area of the ring, not over its radius.
        assert np.mean(modulus**2) == pytest.approx((0.6**2 + 0.9**2) / 2, abs=0.02)

    @pytest.mark.parametrize(("r_min", "r_max"), [(0.9, 0.5), (0.5, 0.5), (-0.1, 0.9), (0.5, 1.1)])
    def test_a_ring_that_is_none_is_refused_with_both_radii(self, r_min, r_max):
        with pytest.raises(ValueError, match=rf"r_min must be below r_max, both from 0 to 1\. Got {r_min} and {r_max}"):
            LRU(UNITS, r_min=r_min, r_max=r_max)

    @pytest.mark.parametrize("phase", [0, -1.0, 7])
    def test_a_phase_outside_the_circle_is_refused_with_its_value(self, phase):
        with pytest.raises(ValueError, match=rf"^max_phase must be from 0 \(excluded\) to 2 pi\. Got {phase}\.$"):
            LRU(UNITS, max_phase=phase)


@pytest.mark.parametrize("cell", [MinGRUCell(UNITS), MinLSTMCell(UNITS), LRUCell(UNITS, state_size=STATE)])
def test_a_cell_can_be_made_again_from_its_config(cell):
    again = type(cell).from_config(cell.get_config())
    assert again.get_config() == cell.get_config() and again.state_size == cell.state_size
