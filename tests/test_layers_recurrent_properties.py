"""LSTM, GRU and SimpleRNN on every loop: equal to NumPy and to Keras in value and gradient, under any padding."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rnnkit import layers
from rnnkit.layers.cpu.choice import chosen

BATCH, TIME, FEATURES, UNITS = 4, 5, 3, 7

KINDS = {
    "LSTM": {},
    "GRU": {},
    "SimpleRNN": {},
    "IRNN": {"activation": "relu", "recurrent_initializer": "identity"},
    "LSTM without bias": {"use_bias": False},
    "GRU without bias": {"use_bias": False},
}
LOOPS = ("keras", "plain", "xla", "halves")
MASKS = arrays(bool, (BATCH, TIME))
SEEDS = st.integers(0, 2**31)
few = settings(max_examples=3, deadline=None)

each_kind = pytest.mark.parametrize("kind", KINDS)
each_loop = pytest.mark.parametrize("loop", LOOPS)


def layer(kind, package=layers, **further):
    name = {"IRNN": "SimpleRNN"}.get(kind, kind.split()[0])
    if package is keras.layers:
        further.pop("loop", None)
    made = getattr(package, name)(UNITS, **{**KINDS[kind], **further})
    made.build((None, None, FEATURES))
    return made


def randomised(made, seed):
    random = np.random.default_rng(seed)
    made.set_weights([random.normal(0, 0.5, weight.shape) for weight in made.get_weights()])
    return made


def drawn(kind, seed):
    """Inputs, and states before the first step."""
    random = np.random.default_rng(seed)
    states = random.normal(size=(2 if "LSTM" in kind else 1, BATCH, UNITS)).astype("float32")
    return random.normal(size=(BATCH, TIME, FEATURES)).astype("float32"), list(states)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(x, states, kernel, recurrent_kernel, bias):
    h, c = states
    i, f, g, o = np.split(x @ kernel + h @ recurrent_kernel + bias, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return [sigmoid(o) * np.tanh(c), c]


def gru_step(x, states, kernel, recurrent_kernel, bias):
    (h,) = states
    z, r, candidate = np.split(x @ kernel + bias[0], 3, axis=1)
    of_z, of_r, of_candidate = np.split(h @ recurrent_kernel + bias[1], 3, axis=1)
    z, r = sigmoid(z + of_z), sigmoid(r + of_r)
    return [z * h + (1 - z) * np.tanh(candidate + r * of_candidate)]


def simple_step(activation, x, states, kernel, recurrent_kernel, bias):
    return [activation(x @ kernel + states[0] @ recurrent_kernel + bias)]


STEPS = {
    "LSTM": lstm_step,
    "GRU": gru_step,
    "SimpleRNN": functools.partial(simple_step, np.tanh),
    "IRNN": functools.partial(simple_step, lambda x: np.maximum(x, 0)),
}


def numpy_loop(kind, x, mask, states, weights):
    """Outputs as Keras gives them, zeros before the first real step, and the last states."""
    kernel, recurrent_kernel, *bias = weights
    bias = bias[0] if bias else np.zeros((2, kernel.shape[1]) if "GRU" in kind else kernel.shape[1])
    outputs, seen = [], np.zeros((len(x), 1), bool)
    for t in range(x.shape[1]):
        real = mask[:, t, None]
        new = STEPS[kind.split()[0]](x[:, t], states, kernel, recurrent_kernel, bias)
        states = [np.where(real, after, before) for after, before in zip(new, states, strict=True)]
        seen |= real
        outputs.append(states[0] * seen)
    return [np.stack(outputs, 1), *states]


@each_kind
@each_loop
@few
@given(mask=MASKS, seed=SEEDS, training=st.booleans())
def test_values_equal_a_loop_in_numpy(kind, loop, mask, seed, training):
    made = randomised(layer(kind, loop=loop, return_sequences=True, return_state=True), seed)
    x, states = drawn(kind, seed)
    expected = numpy_loop(kind, x, mask, states, made.get_weights())
    got = made(x, mask=mask, initial_state=states, training=training)
    for mine, theirs in zip(got, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)


def results_and_gradients(made, x, mask, states, training):
    x, states = tf.constant(x), [tf.constant(state) for state in states]
    sources = [weight.value for weight in made.trainable_weights]
    with tf.GradientTape() as tape:
        tape.watch([x, *states])
        results = made(x, mask=mask, initial_state=states, training=training)
        # Every result weighs differently, so that no gradient can cancel.
        random = np.random.default_rng(2)
        total = sum(tf.reduce_sum(result * random.normal(size=result.shape)) for result in results)
    return [*results, *tape.gradient(total, [x, *states, *sources])]


@pytest.mark.parametrize(
    ("checkpoint_every", "kind"),
    [(None, kind) for kind in KINDS] + [(2, kind) for kind in ("LSTM", "GRU", "IRNN", "LSTM without bias")],
    ids=lambda given: {None: "whole", 2: "checkpoints"}.get(given, given),
)
@pytest.mark.parametrize("loop", ["plain", "halves"])
@few
@given(
    mask=st.none() | MASKS,
    seed=SEEDS,
    training=st.booleans(),
    return_sequences=st.booleans(),
    go_backwards=st.booleans(),
    zeros=st.booleans(),
)
def test_values_and_gradients_equal_those_of_keras(
    kind, loop, checkpoint_every, mask, seed, training, return_sequences, go_backwards, zeros
):
    flags = {"return_sequences": return_sequences, "return_state": True, "go_backwards": go_backwards}
    ours = randomised(layer(kind, loop=loop, checkpoint_every=checkpoint_every, **flags), seed)
    theirs = layer(kind, keras.layers, **flags)
    theirs.set_weights(ours.get_weights())
    ours.zero_output_for_mask = theirs.zero_output_for_mask = zeros
    x, states = drawn(kind, seed)
    mine, expected = (results_and_gradients(made, x, mask, states, training) for made in (ours, theirs))
    for value, other in zip(mine, expected, strict=True):
        scale = max(1, np.abs(other).max())
        np.testing.assert_allclose(value / scale, other / scale, atol=1e-5)


@each_kind
@each_loop
@few
@given(seed=SEEDS, lengths=st.lists(st.integers(0, TIME), min_size=BATCH, max_size=BATCH), more=st.integers(0, 4))
def test_padding_its_side_and_its_amount_never_matter(kind, loop, seed, lengths, more):
    made = randomised(layer(kind, loop=loop, return_state=True), seed)
    x, states = drawn(kind, seed)
    right = np.arange(TIME + more) < np.array(lengths)[:, None]
    padded = np.full((BATCH, TIME + more, FEATURES), 9.0, "float32")
    left = padded.copy()
    for row, length in enumerate(lengths):
        padded[row, :length] = x[row, :length]
        left[row, TIME + more - length :] = x[row, :length]
    one = made(padded, mask=right, initial_state=states)[1:]
    other = made(left, mask=right[:, ::-1], initial_state=states)[1:]
    for row, length in enumerate(lengths):
        alone = [state[row : row + 1] for state in states]
        if length:
            alone = made(x[row : row + 1, :length], initial_state=alone)[1:]
        for padded_right, padded_left, bare in zip(one, other, alone, strict=True):
            np.testing.assert_allclose(padded_right[row], bare[0], atol=1e-5)
            np.testing.assert_allclose(padded_left[row], bare[0], atol=1e-5)


@each_kind
@each_loop
@few
@given(mask=MASKS, seed=SEEDS, order=st.permutations(range(BATCH)))
def test_rows_do_not_influence_each_other(kind, loop, mask, seed, order):
    made = randomised(layer(kind, loop=loop, return_sequences=True), seed)
    x, _ = drawn(kind, seed)
    together = made(x, mask=mask).numpy()
    np.testing.assert_allclose(made(x[order], mask=mask[order]), together[order], atol=1e-6)
    changed = x.copy()
    changed[0] += 1
    np.testing.assert_allclose(made(changed, mask=mask)[1:], together[1:], atol=1e-6)


@each_kind
@each_loop
def test_a_row_of_nothing_but_padding_gives_zeros_and_keeps_its_states(kind, loop):
    made = randomised(layer(kind, loop=loop, return_sequences=True, return_state=True), 1)
    x, states = drawn(kind, 1)
    outputs, *last = made(np.full_like(x, np.nan), mask=np.zeros((BATCH, TIME), bool), initial_state=states)
    assert (outputs.numpy() == 0).all()
    for state, before in zip(last, states, strict=True):
        np.testing.assert_array_equal(state, before)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16"])
@pytest.mark.parametrize("loop", ["plain", "halves"])
@each_kind
def test_half_precision_stays_finite_and_near(kind, loop, precision):
    # Keras has no orthogonal start in bfloat16.
    made = layer(kind, loop=loop, dtype=precision, return_sequences=True, recurrent_initializer="glorot_uniform")
    randomised(made, 3)
    exact = layer(kind, keras.layers, return_sequences=True)
    exact.set_weights(made.get_weights())
    x, _ = drawn(kind, 3)
    with tf.GradientTape() as tape:
        outputs = made(100 * x, training=True)
        total = tf.reduce_sum(tf.cast(outputs, "float32"))
    gradients = tape.gradient(total, [weight.value for weight in made.trainable_weights])
    assert outputs.dtype == made.compute_dtype
    assert all(np.isfinite(np.asarray(value, "float32")).all() for value in [outputs, *gradients])
    np.testing.assert_allclose(np.asarray(made(x), "float32"), exact(x), rtol=0.03, atol=0.03)


@each_kind
def test_a_layer_saved_and_loaded_answers_as_before(kind, tmp_path):
    x, _ = drawn(kind, 4)
    inputs = keras.Input((None, FEATURES))
    made = layer(kind, loop="plain", weight_dropout=0.2, checkpoint_every=2, truncate_every=4)
    model = keras.Model(inputs, keras.layers.Bidirectional(made)(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(x), model(x))
    inner = again.layers[-1].backward_layer
    assert (inner.loop, inner.weight_dropout, inner.checkpoint_every, inner.truncate_every) == ("plain", 0.2, 2, 4)


@each_kind
def test_a_configuration_without_extras_is_read_by_keras(kind):
    ours = layer(kind)
    theirs = getattr(keras.layers, type(ours).__name__).from_config(ours.get_config())
    assert theirs.units == UNITS and theirs.use_bias == ours.use_bias


@each_kind
def test_the_whole_model_under_xla_agrees_with_the_plain_one(kind):
    made = randomised(layer(kind, loop="xla", return_sequences=True), 5)
    x, _ = drawn(kind, 5)
    mask = np.array([[1, 1, 1, 1, 1], [0, 1, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 0, 0, 0]], bool)
    compiled = tf.function(lambda x: made(x, mask=mask, training=True), jit_compile=True)
    made.loop = "plain"
    np.testing.assert_allclose(compiled(tf.constant(x)), made(x, mask=mask, training=True), atol=1e-5)


@each_kind
@pytest.mark.parametrize("loop", ["plain", "halves"])
def test_a_second_derivative_is_refused_and_not_wrong(kind, loop):
    made = layer(kind, loop=loop)
    x = tf.constant(drawn(kind, 0)[0])
    with pytest.raises(NotImplementedError, match="no second derivative.*loop='keras'"), tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            total = tf.reduce_sum(made(x, training=True) ** 2)
        outer.gradient(inner.gradient(total, x), x)


@each_kind
@pytest.mark.parametrize("loop", ["plain", "halves"])
def test_a_jacobian_equals_that_of_keras(kind, loop):
    made = randomised(layer(kind, loop=loop), 6)
    x = tf.constant(drawn(kind, 6)[0])

    def jacobian():
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            outputs = made(x)
        return tape.jacobian(outputs, x, experimental_use_pfor=False)

    mine = jacobian()
    made.loop = "keras"
    np.testing.assert_allclose(mine, jacobian(), atol=1e-5)


def test_dropout_of_inputs_is_the_same_at_every_step_and_only_in_training():
    made = randomised(layer("LSTM", loop="plain", dropout=0.5, return_sequences=True), 7)
    x = np.ones((BATCH, TIME, FEATURES), "float32")
    np.testing.assert_array_equal(made(x), made(x))
    kernel, recurrent_kernel, bias = made.get_weights()
    trained = made(x, training=True).numpy()
    masks = 2 * np.stack(np.meshgrid(*[[0, 1]] * FEATURES), -1).reshape(-1, FEATURES)
    for row in trained:
        nearest = []
        for mask in masks:
            loop = numpy_loop(
                "LSTM",
                (x * mask)[:1],
                np.ones((1, TIME), bool),
                [np.zeros((1, UNITS))] * 2,
                [kernel, recurrent_kernel, bias],
            )
            nearest.append(np.abs(loop[0][0] - row).max())
        assert min(nearest) < 1e-5


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"loop": "fast"}, r"loop must be one of auto, keras, plain, compiled, xla, halves\. Got 'fast'\."),
            ({"weight_dropout": 1.0}, r"weight_dropout must be from 0 to 1 \(1 excluded\)\. Got 1\.0\."),
            ({"checkpoint_every": 0}, r"checkpoint_every must be at least 1, or None\. Got 0\."),
            ({"checkpoint_every": 4, "truncate_every": 6}, r"truncate_every must be a multiple .* Got 6 and 4\."),
            ({"loop": "xla", "activation": "relu"}, r"loop='xla' needs .*activation tanh.* has activation=relu"),
            ({"truncate_every": 3, "recurrent_dropout": 0.5}, r"truncate_every=3 needs .*recurrent_dropout=0\.5"),
        ],
    )
    def test_a_bad_argument_is_refused_with_its_value(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            layers.LSTM(UNITS, **arguments)


class TestChoice:
    size = {"batch": 32, "time": 10, "units": 64}

    def test_eager_calls_compile_nothing(self):
        assert chosen("auto", training=True, **self.size) == "plain"
        assert chosen("auto", training=False, **self.size) == "keras"

    @pytest.mark.parametrize(
        ("loop", "size", "expected"),
        [
            ("auto", {}, "halves"),
            ("auto", {"batch": None}, "halves"),
            ("auto", {"batch": 2}, "xla"),
            ("auto", {"time": None}, "plain"),
            ("keras", {}, "keras"),
            ("xla", {"time": None}, "xla"),
        ],
    )
    def test_training_in_a_graph_compiles_where_the_time_is_fixed(self, loop, size, expected):
        with tf.Graph().as_default():
            assert chosen(loop, training=True, **{**self.size, **size}) == expected

    def test_answers_in_a_graph_that_may_be_exported_stay_with_keras(self):
        with tf.Graph().as_default():
            assert chosen("auto", training=False, **self.size) == "keras"

    def test_a_block_chooses_for_all_layers_but_those_that_choose_themselves(self):
        with layers.recurrent_loop("xla"):
            assert chosen("auto", training=False, **self.size) == "xla"
            assert chosen("plain", training=False, **self.size) == "plain"
        assert chosen("auto", training=False, **self.size) == "keras"


def model_of(time):
    x = keras.Input((time, FEATURES))
    return keras.Model(x, layers.LSTM(UNITS)(x))


def test_predict_of_fixed_lengths_is_compiled_and_an_export_is_not(tmp_path):
    model = model_of(TIME)
    x = np.random.default_rng(0).normal(size=(16, TIME, FEATURES)).astype("float32")
    expected = model(x).numpy()
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-6)
    model.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(tmp_path / "served")
    np.testing.assert_allclose(served.serve(x), expected, atol=1e-6)
    assert b"_XlaMustCompile" not in (tmp_path / "served" / "saved_model.pb").read_bytes().replace(
        b"_XlaMustCompile\x12\x02(\x00", b""
    )
