"""Sampled cross-entropy: the same as TensorFlow's of one draw, right on average, lowest at the true probabilities."""

import keras
import numpy as np
import tensorflow as tf

from rnnkit.layers.cross_entropy import drawn_ids, sampled_cross_entropy


def test_sampled_losses_are_tensorflows_of_the_same_draw():
    vocabulary, rows, random = 29, 15, np.random.default_rng(4)
    x, table, bias = (random.normal(size=size).astype("float32") for size in [(rows, 6), (vocabulary, 6), vocabulary])
    targets = tf.constant(random.integers(0, vocabulary, rows), tf.int32)
    ids, chances = drawn_ids(vocabulary, 13, keras.random.SeedGenerator(2))
    assert set(targets.numpy()) & set(ids.numpy())
    values = tf.cast(ids, tf.int64), tf.gather(chances, targets)[:, None], tf.gather(chances, ids)
    named = {"num_sampled": 13, "num_classes": vocabulary, "sampled_values": values}
    expected = tf.nn.sampled_softmax_loss(table, bias, targets[:, None], x, **named)
    np.testing.assert_allclose(sampled_cross_entropy(x, table, bias, targets, (ids, chances)), expected, rtol=1e-5)


def test_drawn_ids_differ_and_are_drawn_by_their_chances():
    vocabulary, samples, rounds = 17, 6, 2000
    seed, values = keras.random.SeedGenerator(5), np.random.default_rng(6).normal(1, 1, vocabulary)

    @tf.function(autograph=False)
    def draw():
        return drawn_ids(vocabulary, samples, seed)

    sums, counts = [], np.zeros(vocabulary)
    for _ in range(rounds):
        ids, chances = (part.numpy() for part in draw())
        assert len(set(ids)) == samples and (chances > 0).all() and (chances <= 1).all()
        counts[ids] += 1
        sums.append((values[ids] / chances[ids]).sum())
    assert abs(np.mean(sums) - values.sum()) < 4 * np.std(sums) / np.sqrt(rounds)
    others = np.zeros(vocabulary)
    for number in range(rounds):
        ids = tf.random.log_uniform_candidate_sampler([[0]], 1, samples, True, vocabulary, seed=number + 1)[0]
        others[ids.numpy()] += 1
    np.testing.assert_allclose(counts / rounds, others / rounds, atol=0.06)


def test_a_model_of_the_true_probabilities_is_where_a_sampled_softmax_is_lowest():
    vocabulary, samples, rounds = 12, 4, 3000
    true = np.random.default_rng(8).dirichlet(np.ones(vocabulary)).astype("float32")
    seed, ids = keras.random.SeedGenerator(3), tf.range(vocabulary)
    nothing = tf.zeros((vocabulary, 1))

    @tf.function(autograph=False)
    def mean_slope(bias):
        """Slope of the mean over draws of the loss that each target has, weighed by its true probability."""

        def once(_):
            drawn = drawn_ids(vocabulary, samples, seed)
            with tf.GradientTape() as tape:
                tape.watch(bias)
                losses = sampled_cross_entropy(nothing, nothing, bias, ids, drawn)
                loss = tf.reduce_sum(losses * true)
            return tf.convert_to_tensor(tape.gradient(loss, bias))

        return tf.reduce_mean(tf.map_fn(once, tf.range(rounds), fn_output_signature=tf.float32), 0)

    away = np.abs(mean_slope(tf.zeros(vocabulary))).max()
    assert np.abs(mean_slope(tf.math.log(true))).max() < 0.1 * away
