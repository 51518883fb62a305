"""Pooling, embedding, n-grams and characters against loops in NumPy, and under any padding."""

import re

import keras
import numpy as np
import pytest

from rnnkit.layers import NgramScores, character_convolution, embedding, pool
from rnnkit.layers.ngrams import hashed_ngrams
from rnnkit.layers.pooling import POOLINGS

BATCH, TIME, FEATURES = 3, 5, 4
LENGTHS = (5, 2, 0)


@pytest.fixture
def rows():
    x = np.random.default_rng(0).normal(size=(BATCH, TIME, FEATURES)).astype("float32")
    return x, np.arange(TIME) < np.array(LENGTHS)[:, None]


def pooled(by, **settings):
    x = keras.Input((None, FEATURES))
    model = keras.Model(x, pool(x, by=by, units=7, **settings))
    random = np.random.default_rng(2)
    model.set_weights([random.normal(0, 1, weight.shape) for weight in model.get_weights()])
    return model


def attention_loop(row, kernel, bias, score):
    scores = np.tanh(row @ kernel + bias) @ score[:, 0]
    weights = np.exp(scores) / np.exp(scores).sum()
    return weights @ row


@pytest.mark.parametrize("by", POOLINGS)
def test_pooling_equals_a_loop_over_the_real_steps(by, rows):
    x, mask = rows
    model = pooled(by)
    weights = model.get_weights()
    half = FEATURES // 2
    loops = {
        "last": lambda row: np.concatenate([row[-1][:half], row[0][half:]]),
        "mean": lambda row: row.mean(0),
        "max": lambda row: row.max(0),
        "attention": lambda row: attention_loop(row, *weights),
    }
    expected = [
        loops[by](row[:length]) if length else np.zeros(FEATURES) for row, length in zip(x, LENGTHS, strict=True)
    ]
    np.testing.assert_allclose(model(x, mask=mask), expected, atol=1e-5)


@pytest.mark.parametrize("by", POOLINGS)
def test_padding_does_not_change_the_pooled_vector(by, rows):
    x, mask = rows
    model = pooled(by)
    left = np.pad(x, [(0, 0), (2, 0), (0, 0)], constant_values=50)
    right = np.pad(x, [(0, 0), (0, 3), (0, 0)], constant_values=50)
    expected = model(x, mask=mask)
    np.testing.assert_allclose(model(left, mask=np.pad(mask, [(0, 0), (2, 0)])), expected, atol=1e-5)
    np.testing.assert_allclose(model(right, mask=np.pad(mask, [(0, 0), (0, 3)])), expected, atol=1e-5)


@pytest.mark.parametrize("by", POOLINGS)
def test_gradients_are_finite_where_a_row_is_all_padding(by, rows):
    import tensorflow as tf

    x, mask = tf.constant(rows[0]), rows[1]
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(pooled(by)(x, mask=mask))
    gradient = tape.gradient(total, x).numpy()
    assert np.isfinite(gradient).all()
    assert (gradient[~mask] == 0).all()


def test_last_of_one_direction_takes_all_features_of_the_last_real_step(rows):
    x, mask = rows
    model = pooled("last", bidirectional=False)
    np.testing.assert_allclose(model(x, mask=mask), [x[0, 4], x[1, 1], np.zeros(FEATURES)], atol=1e-6)


def test_attention_weights_sum_to_one_over_the_real_steps(rows):
    x, mask = rows
    layer = pooled("attention").get_layer("pooling_attention")
    weights = layer(x, mask=mask)[1].numpy()
    np.testing.assert_allclose(weights.sum(1), [1, 1, 0], atol=1e-6)
    assert (weights[~mask] == 0).all()


def test_attention_survives_very_large_scores(rows):
    x, mask = rows
    outputs = pooled("attention")(x * 1e4, mask=mask)
    assert np.isfinite(outputs).all()


def test_several_poolings_are_joined_in_order(rows):
    x, mask = rows
    both = pooled("mean+max")(x, mask=mask).numpy()
    np.testing.assert_allclose(both[:, :FEATURES], pooled("mean")(x, mask=mask), atol=1e-6)
    np.testing.assert_allclose(both[:, FEATURES:], pooled("max")(x, mask=mask), atol=1e-6)


@pytest.mark.parametrize("by", ["median", "max+median", "max+max", ""])
def test_an_unknown_or_repeated_pooling_is_refused_with_its_name(by):
    with pytest.raises(ValueError, match=rf"pooling must be of last, mean, max, attention.*Got '{re.escape(by)}'\."):
        pooled(by)


class TestEmbedding:
    def model(self, **settings):
        ids = keras.Input((None,), dtype="int32")
        return keras.Model(ids, embedding(ids, vocabulary=11, units=6, **settings))

    def test_each_id_gets_its_row(self):
        model = self.model()
        ids = np.array([[2, 9, 4], [2, 10, 0]])
        np.testing.assert_array_equal(model(ids), model.get_weights()[0][ids])

    def test_id_zero_is_masked(self):
        ids = keras.ops.convert_to_tensor([[2, 9, 0]])
        output = self.model().get_layer("embedding")(ids)
        np.testing.assert_array_equal(output._keras_mask, [[True, True, False]])

    def test_word_dropout_makes_words_unknown_while_training_only(self):
        layer = self.model(word_dropout=0.5).get_layer("embedding_word_dropout")
        ids = np.tile(np.array([[2, 9, 4, 1, 0]], "int32"), (200, 1))
        np.testing.assert_array_equal(layer(ids, training=False), ids)
        dropped = np.asarray(layer(ids, training=True))
        assert set(np.unique(dropped[:, 1])) == {1, 9}
        assert 0.3 < (dropped[:, 1:3] == 1).mean() < 0.7
        np.testing.assert_array_equal(dropped[:, [0, 3, 4]], ids[:, [0, 3, 4]])

    def test_frozen_vectors_are_not_trained(self):
        assert self.model(trainable=False).trainable_weights == []


class TestNgrams:
    def hashed(self, ids, longest):
        return np.asarray(hashed_ngrams(np.array(ids), longest=longest, vocabulary=11, buckets=1000))

    def test_single_words_keep_their_ids(self):
        np.testing.assert_array_equal(self.hashed([[2, 9, 4]], 1), [[2, 9, 4]])

    def test_the_same_pair_has_the_same_id_wherever_it_stands(self):
        grams = self.hashed([[2, 9, 4, 9, 4]], 2)[0, 5:]
        assert grams[1] == grams[3] >= 11
        assert len(set(grams[:3])) == 3

    def test_the_order_of_words_matters(self):
        first, second = self.hashed([[4, 9]], 2)[0, 2], self.hashed([[9, 4]], 2)[0, 2]
        assert first != second

    def test_no_run_reaches_into_padding(self):
        np.testing.assert_array_equal(self.hashed([[2, 9, 0, 0]], 3)[0, 4:] > 0, [True] + [False] * 7)

    def test_pairs_of_a_large_vocabulary_rarely_share_an_id(self):
        random = np.random.default_rng(0)
        ids = random.integers(3, 30_000, (1, 20_000))
        pairs = np.asarray(hashed_ngrams(ids, longest=2, vocabulary=30_000, buckets=1 << 20))[0, 20_000:-1]
        assert pairs.min() >= 30_000 and pairs.max() < 30_000 + (1 << 20)
        assert len(set(pairs.tolist())) > 0.98 * len(pairs)

    def layer(self):
        layer = NgramScores(2, 11, 50, 3)
        layer.build((None, None))
        random = np.random.default_rng(0)
        layer.set_weights([random.normal(size=weight.shape) for weight in layer.get_weights()])
        return layer

    def test_each_ngram_counts_once_and_padding_not_at_all(self):
        layer = self.layer()
        table, bias = layer.get_weights()
        row = [2, 9, 4, 9, 4]
        grams = set(np.asarray(hashed_ngrams(np.array([row]), longest=2, vocabulary=11, buckets=50))[0].tolist()) - {0}
        expected = sum(table[gram] for gram in grams) + bias
        np.testing.assert_allclose(layer(np.array([row]))[0], expected, atol=1e-5)
        np.testing.assert_allclose(layer(np.array([[*row, 0, 0]]))[0], expected, atol=1e-5)

    def test_it_keeps_out_of_training_and_is_not_trained(self):
        layer = self.layer()
        np.testing.assert_array_equal(layer(np.array([[2, 9, 4]]), training=True), [[0, 0, 0]])
        assert layer.trainable_weights == []


class TestCharacters:
    def model(self):
        letters = keras.Input((None, 6), dtype="int32")
        model = keras.Model(letters, character_convolution(letters, size=20, units=7))
        random = np.random.default_rng(0)
        model.set_weights([random.normal(size=weight.shape) for weight in model.get_weights()])
        return model

    def test_it_equals_a_loop_over_places(self):
        model = self.model()
        table, kernel, bias = model.get_weights()
        word = [3, 8, 5]
        vectors = np.concatenate([np.zeros((1, 16)), table[word], np.zeros((1, 16))])
        places = [np.maximum(vectors[place : place + 3].reshape(-1) @ kernel + bias, 0) for place in range(3)]
        answer = model(np.array([[[*word, 0, 0, 0]]]))[0, 0]
        np.testing.assert_allclose(answer, np.max(places, 0), atol=1e-5)

    def test_a_word_without_letters_gives_zeros(self):
        np.testing.assert_array_equal(self.model()(np.zeros((1, 2, 6), "int32")), np.zeros((1, 2, 7)))
