"""Activation penalties: their values by the definition, only while training, and none of what isn't there."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnkit.layers.activation_penalty import ActivationPenalty

BATCH, TIME, FEATURES = 3, 5, 7
X = np.random.default_rng(3).normal(size=(BATCH, TIME, FEATURES)).astype("float32")


def test_both_penalties_are_the_weighted_means_of_squares():
    layer = ActivationPenalty(size=2.0, change=0.5)
    np.testing.assert_array_equal(layer(X, training=True), X)
    expected = [2 * np.mean(X**2), 0.5 * np.mean((X[:, 1:] - X[:, :-1]) ** 2)]
    np.testing.assert_allclose(layer.losses, expected, rtol=1e-6)


@pytest.mark.parametrize("weights", [{}, {"size": 0.0, "change": 0.0}])
def test_weights_of_0_add_no_loss(weights):
    layer = ActivationPenalty(**weights)
    np.testing.assert_array_equal(layer(X, training=True), X)
    assert layer.losses == []


def test_only_training_has_penalties():
    layer = ActivationPenalty(size=2.0, change=1.0)
    np.testing.assert_array_equal(layer(X), X)
    np.testing.assert_array_equal(layer(X, training=False), X)
    assert layer.losses == []


def test_one_step_has_no_change_and_neither_a_loss_nor_a_gradient_that_is_no_number():
    layer, x = ActivationPenalty(change=1.0), tf.constant(X[:, :1])
    with tf.GradientTape() as tape:
        tape.watch(x)
        layer(x, training=True)
        loss = sum(layer.losses)
    assert loss == 0
    np.testing.assert_array_equal(tape.gradient(loss, x), np.zeros_like(x))


def test_what_a_masked_step_holds_does_not_matter():
    mask = np.ones((BATCH, TIME), bool)
    mask[1, 3:] = mask[2, :2] = False
    spoilt = np.where(mask[..., None], X, 1e3).astype("float32")
    layer = ActivationPenalty(size=2.0, change=0.5)
    layer(spoilt, mask=tf.constant(mask), training=True)
    both = mask[:, 1:] & mask[:, :-1]
    expected = [2 * np.mean(X[mask] ** 2), 0.5 * np.mean((X[:, 1:] - X[:, :-1])[both] ** 2)]
    np.testing.assert_allclose(layer.losses, expected, rtol=1e-6)


def test_a_half_precision_square_does_not_overflow():
    layer = ActivationPenalty(size=1.0, dtype="mixed_float16")
    assert layer(np.full((2, 3, 4), 300.0, "float32"), training=True).dtype == "float16"
    np.testing.assert_allclose(layer.losses, [90_000.0])


def test_a_compiled_model_trains_on_them_and_is_saved_with_them(tmp_path):
    x = keras.Input((None, FEATURES))
    dense = keras.layers.Dense(FEATURES, use_bias=False)
    model = keras.Model(x, ActivationPenalty(size=0.3, change=0.2)(dense(x)))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    loaded.compile("sgd", loss=lambda targets, outputs: 0 * outputs)
    y = X @ dense.kernel.numpy()
    expected = 0.3 * np.mean(y**2) + 0.2 * np.mean((y[:, 1:] - y[:, :-1]) ** 2)
    assert loaded.train_on_batch(X, X) == pytest.approx(expected, rel=1e-4)
    assert loaded.test_on_batch(X, X) == 0


@pytest.mark.parametrize("name", ["size", "change"])
@pytest.mark.parametrize("weight", [-1.0, float("nan")])
def test_a_weight_below_0_is_refused_with_its_value(name, weight):
    with pytest.raises(ValueError, match=rf"^{name} must be at least 0\. Got {weight}\.$"):
        ActivationPenalty(**{name: weight})
