"""Convolutions before and around recurrent layers: against loops in NumPy, and under any padding."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.layers import embedding, pool, recurrent_stack
from rnnkit.layers.convolution import convolutional_front, recurrent_convolution

BATCH, TIME, FEATURES, FILTERS, UNITS = 3, 5, 2, 7, 4
FRONTS = {
    "plain": {},
    "even width, deep": {"width": 4, "depth": 2, "residual": True},
    "stride 2": {"stride": 2, "width": 3},
    "stride 3, deep": {"stride": 3, "width": 4, "depth": 2, "residual": True},
}


def network(layers, time=None):
    x = keras.Input((time, FEATURES))
    y = layers(x)
    model = keras.Model(x, y)
    random = np.random.default_rng(1)
    model.set_weights([random.normal(0, 0.5, weight.shape) for weight in model.get_weights()])
    return model


def front(**choices):
    time = choices.pop("time", None)
    return network(lambda x: convolutional_front(x, filters=FILTERS, **choices), time)


def contexts(**choices):
    return network(lambda x: recurrent_convolution(x, units=UNITS, filters=FILTERS, **choices))


MODELS = {
    **{f"front, {name}": lambda choices=choices: front(**choices) for name, choices in FRONTS.items()},
    **{f"contexts, {cell}": lambda cell=cell: contexts(cell=cell) for cell in ("lstm", "gru", "simple")},
}


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    return MODELS[request.param]()


def real_outputs(model, x, mask):
    """A list of each row's real outputs `(steps, features)`."""
    y = model(x, mask=mask)
    shown = np.asarray(y._keras_mask)
    return [row[real] for row, real in zip(y.numpy(), shown, strict=True)]


def assert_same(rows, expected):
    assert [len(row) for row in rows] == [len(row) for row in expected]
    for row, other in zip(rows, expected, strict=True):
        np.testing.assert_allclose(row, other, atol=1e-5)


def drawn(seed, gaps=True):
    random = np.random.default_rng(seed)
    x = random.normal(size=(BATCH, TIME, FEATURES)).astype("float32")
    mask = np.arange(TIME) < random.integers(0, TIME + 1, (BATCH, 1))
    return x, mask & (random.random(mask.shape) < 0.8) if gaps else mask


def convolution_loop(row, kernel, bias, stride=1):
    """One row from its first real step on, `row` being zero where masked: one window after the other."""
    width, time = len(kernel), len(row)
    before = (width - stride) // 2
    outputs = []
    for start in range(0, time, stride):
        total = bias.copy()
        for place in range(width):
            step = start - before + place
            if 0 <= step < time:
                total = total + row[step] @ kernel[place]
        outputs.append(np.maximum(total, 0))
    return np.array(outputs)


@pytest.mark.parametrize("choices", FRONTS.values(), ids=FRONTS)
def test_the_front_equals_a_loop_in_numpy(choices):
    x, _ = drawn(0)
    mask = np.array([[1, 1, 1, 1, 1], [0, 1, 0, 1, 0], [0, 0, 1, 1, 0]], bool)
    model = front(**choices)
    weights, stride = model.get_weights(), choices.get("stride", 1)
    expected = []
    for row, real in zip(x, mask, strict=True):
        first, last = np.flatnonzero(real)[[0, -1]]
        row, shown = (row * real[:, None])[first : last + 1], real[first : last + 1]
        y = convolution_loop(row, *weights[:2], stride)
        shown = np.array([shown[start : start + stride].any() for start in range(0, len(shown), stride)])
        if choices.get("depth") == 2:
            y = y * shown[:, None]
            y = y + convolution_loop(y, *weights[2:])
        expected.append(y[shown])
    assert_same(real_outputs(model, x, mask), expected)


@pytest.mark.parametrize(("stride", "counts"), [(1, [5, 3, 0]), (2, [3, 2, 0]), (3, [2, 1, 0])])
def test_a_row_of_n_steps_gives_n_by_stride_outputs_rounded_up(stride, counts):
    x, mask = drawn(0)[0], np.arange(TIME) < np.array([[5], [3], [0]])
    y = front(stride=stride)(x, mask=mask)
    assert y.shape == (BATCH, -(-TIME // stride), FILTERS)
    assert np.asarray(y._keras_mask).sum(axis=1).tolist() == counts


def test_without_a_mask_all_steps_are_real():
    x, _ = drawn(0)
    for stride in (1, 2):
        model = front(stride=stride)
        np.testing.assert_allclose(model(x), model(x, mask=np.ones((BATCH, TIME), bool)), atol=1e-6)
        assert getattr(model(x), "_keras_mask", None) is None


def test_residual_adds_the_input_only_where_shapes_agree():
    names = [layer.name for layer in front(depth=3, stride=2, residual=True).layers]
    assert [name for name in names if "residual" in name] == ["front_2_residual", "front_3_residual"]


def test_dropout_stands_before_each_convolution_but_the_first():
    names = [layer.name for layer in front(depth=3, dropout=0.1).layers]
    assert [name for name in names if "dropout" in name] == ["front_2_dropout", "front_3_dropout"]


@pytest.mark.parametrize(("width", "stride"), [(1, 2), (3, 0)])
def test_windows_that_would_skip_steps_are_refused_with_both_numbers(width, stride):
    with pytest.raises(ValueError, match=rf"width must be at least stride.*Got width {width}, stride {stride}\."):
        front(width=width, stride=stride)


def test_contexts_equal_a_loop_in_numpy():
    x, _ = drawn(0)
    mask = np.array([[1, 1, 1, 1, 1], [0, 1, 0, 1, 0], [0, 0, 1, 1, 0]], bool)
    model = contexts(cell="simple")
    forward, backward, (projection, bias) = (
        [weight.numpy() for weight in model.get_layer(f"context_{part}").weights]
        for part in ("left", "right", "projection")
    )

    def states_before(steps, kernel, recurrent_kernel, bias):
        state, states = np.zeros(UNITS), []
        for step in steps:
            states.append(state)
            state = np.tanh(step @ kernel + state @ recurrent_kernel + bias)
        return np.array(states)

    expected = []
    for row, real in zip(x, mask, strict=True):
        steps = row[real]
        left, right = states_before(steps, *forward), states_before(steps[::-1], *backward)[::-1]
        expected.append(np.tanh(np.concatenate([left, steps, right], axis=1) @ projection + bias))
    assert_same(real_outputs(model, x, mask), expected)


def test_a_step_is_not_in_its_own_context():
    x, _ = drawn(0)
    changed = x.copy()
    changed[:, 2] += 1
    model = contexts()
    inside = keras.Model(model.input, model.get_layer("context_joined").output)
    before, after = inside(x).numpy()[:, 2], inside(changed).numpy()[:, 2]
    np.testing.assert_array_equal(before[:, :UNITS], after[:, :UNITS])
    np.testing.assert_array_equal(before[:, -UNITS:], after[:, -UNITS:])


def test_an_unknown_cell_is_refused_with_its_name():
    with pytest.raises(ValueError, match=r"cell must be one of lstm, gru, simple\. Got 'lsmt'\."):
        contexts(cell="lsmt")


@settings(max_examples=8, deadline=None)
@given(
    left=st.integers(0, 4), right=st.integers(0, 4), filling=st.sampled_from([0.0, -3.0, 50.0]), seed=st.integers(0, 99)
)
def test_padding_its_side_and_amount_never_matter(model, left, right, filling, seed):
    x, mask = drawn(seed)
    padded = np.pad(x, [(0, 0), (left, right), (0, 0)], constant_values=filling)
    assert_same(real_outputs(model, padded, np.pad(mask, [(0, 0), (left, right)])), real_outputs(model, x, mask))


@settings(max_examples=5, deadline=None)
@given(order=st.permutations(range(BATCH)), seed=st.integers(0, 99))
def test_rows_do_not_influence_each_other_in_any_order(model, order, seed):
    x, mask = drawn(seed)
    together = real_outputs(model, x, mask)
    assert_same(real_outputs(model, x[order], mask[order]), [together[row] for row in order])
    alone = [real_outputs(model, x[[row]], mask[[row]])[0] for row in range(BATCH)]
    assert_same(alone, together)


def test_an_all_padding_row_gives_finite_numbers_and_gradients(model):
    x, mask = tf.constant(drawn(0)[0]), np.array([[0] * TIME, [1] * TIME, [0] * TIME], bool)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = model(x, mask=mask)
        total = tf.reduce_sum(tf.where(outputs._keras_mask[:, :, None], outputs, 0.0) ** 2)
    gradient = tape.gradient(total, x).numpy()
    assert np.isfinite(outputs).all() and np.isfinite(gradient).all()
    assert (gradient[~mask] == 0).all() and (gradient[mask] != 0).any()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", ["front, stride 3, deep", "contexts, lstm"])
def test_half_precision_stays_finite(policy, name):
    keras.config.set_dtype_policy(policy)
    try:
        x, mask = drawn(0)
        outputs = MODELS[name]()(x * 30, mask=mask)
    finally:
        keras.config.set_dtype_policy("float32")
    assert outputs.dtype == policy.removeprefix("mixed_") and np.isfinite(np.asarray(outputs, "float32")).all()


def test_a_saved_model_answers_as_before(model, tmp_path):
    x, mask = drawn(0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(x, mask=mask), model(x, mask=mask))


def test_xla_and_plain_agree(model):
    x, mask = drawn(0)
    compiled = tf.function(lambda x, mask: model(x, mask=mask), jit_compile=True)
    np.testing.assert_allclose(compiled(tf.constant(x), tf.constant(mask)), model(x, mask=mask), atol=1e-5)


def test_dynamic_axes_work_in_a_graph(model):
    x, mask = drawn(0)
    signature = [tf.TensorSpec([None, None, FEATURES]), tf.TensorSpec([None, None], tf.bool)]
    graph = tf.function(lambda x, mask: model(x, mask=mask), input_signature=signature)
    np.testing.assert_allclose(graph(x, mask), model(x, mask=mask), atol=1e-5)


def test_a_front_shortens_what_a_recurrent_stack_reads():
    model = network(
        lambda x: pool(recurrent_stack(convolutional_front(x, filters=FILTERS, stride=2), units=UNITS), by="mean")
    )
    x, mask = drawn(3, gaps=False)
    padded, longer = np.pad(x, [(0, 0), (3, 2), (0, 0)]), np.pad(mask, [(0, 0), (3, 2)])
    np.testing.assert_allclose(model(padded, mask=longer), model(x, mask=mask), atol=1e-5)


def test_contexts_with_the_maximum_over_time_learn_an_order():
    """Label: does the step marked 1 come before the step marked -1?"""
    keras.utils.set_random_seed(0)
    x = keras.Input((None, 1))
    y = pool(recurrent_convolution(x, units=UNITS, filters=FILTERS, cell="gru"), by="max")
    model = keras.Model(x, keras.layers.Dense(1)(y))
    random = np.random.default_rng(0)
    places = np.array([random.permutation(TIME)[:2] for _ in range(64)])
    rows = np.zeros((64, TIME, 1), "float32")
    rows[np.arange(64), places[:, 0]], rows[np.arange(64), places[:, 1]] = 1, -1
    model.compile(keras.optimizers.Adam(0.03), keras.losses.BinaryCrossentropy(from_logits=True))
    losses = model.fit(rows, places[:, 0] < places[:, 1], batch_size=32, epochs=25, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 5


def test_a_shortened_mask_reaches_the_layers_behind_and_is_saved_with_the_model(tmp_path):
    words = keras.Input((None,), dtype="int32")
    x = convolutional_front(embedding(words, vocabulary=9, units=3), filters=FILTERS, stride=2)
    model = keras.Model(words, pool(recurrent_stack(x, units=UNITS), by="attention+last"))
    bare = np.array([[3, 4, 5, 6, 7]])
    model.save(tmp_path / "model.keras")
    for same in (model, keras.saving.load_model(tmp_path / "model.keras")):
        for padding in ([(0, 0), (0, 4)], [(0, 0), (3, 0)]):
            np.testing.assert_allclose(same(np.pad(bare, padding)), model(bare), atol=1e-6)
