"""Windows of a long sequence, read one after the other with the state carried over and the gradient cut."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnkit import layers
from rnnkit.training.windows import ResetStates, windows

ROWS, LENGTH, FEATURES, UNITS = 3, 5, 2, 7


def test_each_row_goes_on_where_the_window_before_ended():
    cut = windows(np.arange(3 * 4 * 5 + 7), rows=3, length=5)
    assert cut.shape == (4, 3, 5)
    np.testing.assert_array_equal(cut.swapaxes(0, 1).reshape(3, -1), np.arange(60).reshape(3, 20))


def test_further_axes_are_kept():
    assert windows(np.zeros((31, 2, 4)), rows=3, length=5).shape == (2, 3, 5, 2, 4)


def test_a_sequence_too_short_is_refused_with_both_numbers():
    with pytest.raises(ValueError, match=r"3 rows of 5 steps need at least 15 steps\. Got 14\."):
        windows(np.zeros(14), rows=3, length=5)


def stateful(kind, **further):
    x = keras.Input((LENGTH, FEATURES), batch_size=ROWS)
    return keras.Model(x, kind(UNITS, stateful=True, return_sequences=True, **further)(x))


@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN])
@pytest.mark.parametrize("loop", ["keras", "plain", "halves"])
def test_windows_with_carried_states_equal_one_long_sequence(kind, loop):
    sequence = np.random.default_rng(0).normal(size=(ROWS * LENGTH * 4, FEATURES)).astype("float32")
    model = stateful(kind, loop=loop)
    cut = windows(sequence, rows=ROWS, length=LENGTH)
    pieces = [model(window, training=True).numpy() for window in cut]
    whole = kind(UNITS, return_sequences=True)
    whole.build((None, None, FEATURES))
    whole.set_weights(model.layers[-1].get_weights()[:3])
    expected = whole(sequence.reshape(ROWS, -1, FEATURES))
    np.testing.assert_allclose(np.concatenate(pieces, 1), expected, atol=1e-5)


@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN])
@pytest.mark.parametrize("checkpoint_every", [None, 2])
def test_truncation_equals_windows_whose_gradient_is_cut(kind, checkpoint_every):
    random = np.random.default_rng(0)
    x = tf.constant(random.normal(size=(ROWS, 10, FEATURES)).astype("float32"))
    layer = kind(UNITS, return_sequences=True, return_state=True, truncate_every=4, checkpoint_every=checkpoint_every)
    layer.build(x.shape)
    weigh = tf.constant(random.normal(size=(ROWS, 10, UNITS)).astype("float32"))
    sources = [weight.value for weight in layer.trainable_weights]
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(layer(x, training=True)[0] * weigh)
    truncated = tape.gradient(total, [x, *sources])

    stock = kind(UNITS, return_sequences=True, return_state=True, loop="keras")
    stock.build(x.shape)
    stock.set_weights(layer.get_weights())
    with tf.GradientTape() as tape:
        tape.watch(x)
        states, outputs = None, []
        for start in range(0, 10, 4):
            output, *states = stock(x[:, start : start + 4], initial_state=states, training=True)
            states = [tf.stop_gradient(state) for state in states]
            outputs.append(output)
        total = tf.reduce_sum(tf.concat(outputs, 1) * weigh)
    expected = tape.gradient(total, [x, *[weight.value for weight in stock.trainable_weights]])
    for mine, theirs in zip(truncated, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


def test_states_start_anew_with_each_epoch():
    model = stateful(layers.LSTM)
    model.compile("sgd", "mse")
    cut = windows(np.random.default_rng(0).normal(size=(ROWS * LENGTH * 2, FEATURES)), rows=ROWS, length=LENGTH)
    batches = tf.data.Dataset.from_tensor_slices((cut.astype("float32"), np.zeros((2, ROWS, LENGTH, UNITS), "float32")))
    without = [model.evaluate(batches, verbose=0) for _ in range(2)]
    assert without[0] != without[1]
    anew = [model.evaluate(batches, verbose=0, callbacks=[ResetStates()]) for _ in range(2)]
    assert anew[0] == anew[1] == without[0]
