"""Balance of attention: its value against single steps added up, when it is added, and its gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from plain_scan import in_a_plain_loop

from rnnkit.layers import attention_decoder as module
from rnnkit.layers.attention_decoder import AttentionDecoder

BATCH, PLACES, STEPS, VOCABULARY, WIDTH, FEATURES, UNITS = 3, 5, 4, 11, 6, 8, 7
TARGET = np.array([[4, 5, 3, 0], [6, 3, 0, 0], [4, 4, 7, 3]])
PRESENT = np.ones((BATCH, PLACES), np.int32)
RANDOM = np.random.default_rng(3)
MEMORY = RANDOM.normal(size=(BATCH, PLACES, FEATURES)).astype(np.float32)
TABLE = RANDOM.normal(size=(VOCABULARY, WIDTH)).astype(np.float32)

KINDS = [
    {"attention": "bahdanau"},
    {"attention": "bahdanau", "cell": "gru", "depth": 2, "residual": True, "attention_units": 5},
    {"attention": "bahdanau", "input_feeding": True, "depth": 2},
    {"attention": "dot", "units": FEATURES},
    {"attention": "dot", "units": FEATURES, "input_feeding": True, "depth": 2},
    {"attention": "general", "depth": 2, "residual": True},
    {"attention": "general", "cell": "gru", "input_feeding": True},
    {"attention": "concat", "attention_units": 5, "cell": "gru"},
    {"attention": "concat", "input_feeding": True, "depth": 2, "residual": True},
]


def named(kind):
    return " ".join(str(value) for value in kind.values())


def decoder(units=UNITS, balance=1.0, **kind):
    keras.utils.set_random_seed(4)
    layer = AttentionDecoder(VOCABULARY, units, balance=balance, **kind)
    layer.build([MEMORY.shape, PRESENT.shape, TARGET.shape, TABLE.shape])
    random = np.random.default_rng(5)
    for weight in layer.trainable_variables:
        weight.assign(weight + random.normal(size=weight.shape) * 0.3)
    return layer


def penalty(layer, target=TARGET, **how):
    """Gives the losses that a call while training adds, of which there must be one."""
    layer([MEMORY, PRESENT, target, TABLE], training=True, **how)
    (loss,) = layer.losses
    return loss


def by_hand(layer, target=TARGET):
    """Steps through the target, adds up for each place how much it was looked at, and compares that with 1."""
    opened = layer.open(tf.constant(MEMORY), tf.constant(PRESENT))
    states, before, looked = layer.first_states(opened), tf.fill([BATCH], 2), np.zeros((BATCH, PLACES))
    for t in range(target.shape[1]):
        _, states, weights = layer.step(opened, before, states, TABLE)
        looked += weights.numpy() * (target[:, t] > 0)[:, None]
        before = tf.constant(target[:, t], tf.int32)
    written = (target > 0).any(1)
    return np.mean((1 - looked[written]) ** 2)


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_it_is_the_mean_square_of_what_each_place_lacks_or_has_over(kind):
    layer = decoder(**kind)
    expected = by_hand(layer)
    assert expected > 0.02
    np.testing.assert_allclose(penalty(layer), expected, rtol=1e-5)


@pytest.mark.parametrize("kind", [KINDS[1], KINDS[5]], ids=named)
def test_padded_steps_and_rows_in_which_nothing_is_written_do_not_count(kind):
    layer = decoder(**kind)
    plain = penalty(layer).numpy()
    np.testing.assert_allclose(penalty(layer, np.pad(TARGET, [(0, 0), (0, 3)])), plain, rtol=1e-5)
    without = np.where(np.arange(BATCH)[:, None] == 1, 0, TARGET)
    np.testing.assert_allclose(penalty(layer, without), by_hand(layer, without), rtol=1e-5)
    assert abs(by_hand(layer, without) - plain) > 1e-3
    assert penalty(layer, np.zeros_like(TARGET)) == 0


@pytest.mark.parametrize("kind", [KINDS[0], KINDS[6]], ids=named)
def test_it_is_added_while_training_alone_once_and_by_its_weight(kind):
    layer, plain = decoder(balance=0.25, **kind), decoder(balance=0.0, **kind)
    given = [MEMORY, PRESENT, TARGET, TABLE]
    whole = by_hand(layer)
    for _ in range(2):
        np.testing.assert_allclose(penalty(layer), 0.25 * whole, rtol=1e-5)
    np.testing.assert_array_equal(layer(given, training=True), plain(given))
    assert layer(given) is not None and not layer.losses
    assert plain(given, training=True) is not None and not plain.losses


def test_with_the_models_own_units_given_it_is_added_once():
    layer = decoder(attention="general", scheduled_sampling=0.9)
    assert np.isfinite(penalty(layer))


def test_a_model_that_is_fitted_has_it_in_its_loss_and_not_in_that_of_valid():
    target = keras.Input((None,), dtype="int32")
    memory, table = keras.Input((PLACES, FEATURES)), keras.Input(batch_shape=TABLE.shape)
    layer = decoder(balance=3.0, attention="concat")
    model = keras.Model([memory, target, table], layer([memory, keras.ops.ones_like(memory[..., 0]), target, table]))
    model.compile(keras.optimizers.SGD(0.0), lambda _, logits: 0 * keras.ops.mean(logits), run_eagerly=True)
    data = tf.data.Dataset.from_tensors(((MEMORY, TARGET, TABLE), TARGET))
    history = model.fit(data, validation_data=data, epochs=1, shuffle=False, verbose=0).history
    np.testing.assert_allclose(history["loss"], [3 * by_hand(layer)], rtol=1e-5)
    assert history["val_loss"] == [0]


def gradients(layer, weights):
    with tf.GradientTape() as tape:
        loss = penalty(layer)
    return tape.gradient(loss, weights)


@pytest.mark.parametrize("kind", KINDS[:3] + KINDS[5:], ids=named)
def test_its_gradient_is_that_of_small_changes(kind):
    layer = decoder(**kind)
    for weight in (layer.key_kernel, layer.matrices["matrix_0_0"], layer.starts["h_0"]):
        (gradient,) = gradients(layer, [weight.value])
        size = float(tf.norm(gradient))
        assert size > 1e-4, weight.name
        values, step, found = weight.numpy(), 0.02 * gradient / size, []
        for way in (1, -1):
            weight.assign(values + way * step)
            found.append(float(penalty(layer)))
        weight.assign(values)
        np.testing.assert_allclose((found[0] - found[1]) / 0.04, size, rtol=0.02)


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_its_gradients_are_those_of_a_plain_loop(kind, monkeypatch):
    layer = decoder(**kind)
    found = gradients(layer, [weight.value for weight in layer.trainable_variables])
    monkeypatch.setattr(module, "scan", in_a_plain_loop)
    expected = gradients(layer, [weight.value for weight in layer.trainable_variables])
    for weight, one, other in zip(layer.trainable_variables, found, expected, strict=True):
        # What only scores units, or the last step's update, has nothing to do with where is looked.
        assert (one is None or not np.any(one)) == (other is None or not np.any(other)), weight.name
        if one is not None and other is not None:
            np.testing.assert_allclose(tf.convert_to_tensor(one), tf.convert_to_tensor(other), atol=1e-5)


def test_steps_against_it_have_places_looked_at_more_alike():
    layer = decoder(attention="general")
    weights = [layer.key_kernel, *layer.matrices.values()]
    # Where all places of a row get the same share of its steps.
    least = np.mean((1 - (TARGET > 0).sum(1) / PLACES) ** 2)
    before = by_hand(layer)
    for _ in range(10):
        for weight, gradient in zip(weights, gradients(layer, [each.value for each in weights]), strict=True):
            weight.assign(weight - gradient)
    assert least < by_hand(layer) < least + (before - least) / 2
