"""CRF: sums over all paths, gradients and masks beside brute force; a model that is compiled and trained with it."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.decoding import viterbi
from rnnkit.features.tags import entity_moves, entity_tags
from rnnkit.layers import recurrent_loop
from rnnkit.layers.crf import CRF, NEVER, CRFLoss, log_likelihood, log_partition, path_score

CHAINS = st.tuples(
    st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**32 - 1), st.lists(st.booleans(), min_size=4, max_size=4)
)


def drawn_layer(tags, seed, allowed=None):
    layer = CRF(allowed)
    layer.build((None, None, tags))
    random = np.random.default_rng(seed)
    for weight in layer.weights:
        weight.assign(random.normal(size=weight.shape))
    return layer


def all_paths(layer, emissions, real):
    """Every path of one row over its real steps, and its score, by the definition."""
    transitions, begin, end = (part.numpy() for part in layer.moves())
    rows = emissions[real]
    for path in itertools.product(range(emissions.shape[1]), repeat=len(rows)):
        moves = sum(transitions[one, other] for one, other in itertools.pairwise(path))
        yield path, begin[path[0]] + end[path[-1]] + moves + sum(row[tag] for row, tag in zip(rows, path, strict=True))


@settings(max_examples=40, deadline=None)
@given(CHAINS)
def test_sums_and_their_gradients_are_those_over_all_paths(chain):
    tags, time, seed, mask = chain
    real = np.array(mask[:time])
    real[seed % time] = True
    layer = drawn_layer(tags, seed)
    emissions = np.random.default_rng(seed + 1).normal(size=(time, tags)).astype(np.float32)
    paths = list(all_paths(layer, emissions, real))
    scores = np.array([score for _, score in paths])
    total = np.logaddexp.reduce(scores)
    x = tf.constant(emissions[None])
    with tf.GradientTape() as tape:
        tape.watch(x)
        found = log_partition(layer(x, mask=tf.constant(real[None])), real[None])
    np.testing.assert_allclose(found, [total], rtol=1e-5, atol=1e-5)
    gradients = tape.gradient(found, [x, layer.transitions, layer.begin, layer.end])
    shares = np.exp(scores - total)
    expected = [np.zeros((1, time, tags)), np.zeros((tags, tags)), np.zeros(tags), np.zeros(tags)]
    for (path, _), share in zip(paths, shares, strict=True):
        for step, tag in zip(np.flatnonzero(real), path, strict=True):
            expected[0][0, step, tag] += share
        for one, other in itertools.pairwise(path):
            expected[1][one, other] += share
        expected[2][path[0]] += share
        expected[3][path[-1]] += share
    for gradient, value in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(gradient, value, atol=1e-5)
    one = np.zeros((1, time), int)
    path, score = paths[seed % len(paths)]
    one[0, real] = path
    np.testing.assert_allclose(path_score(layer(x, mask=real[None]), one, real[None]), [score], rtol=1e-5, atol=1e-5)


def test_probabilities_of_all_paths_sum_to_one():
    layer = drawn_layer(3, 0, entity_moves(5)[:4, :4])
    x = np.random.default_rng(0).normal(size=(1, 4, 3)).astype(np.float32)
    paths = np.array(list(itertools.product(range(3), repeat=4)))
    potentials = tf.repeat(layer(x), len(paths), 0)
    np.testing.assert_allclose(tf.reduce_sum(tf.exp(log_likelihood(potentials, paths))), 1, rtol=1e-5)


def test_what_stands_at_masked_steps_never_matters():
    layer = drawn_layer(3, 1)
    random = np.random.default_rng(1)
    x = random.normal(size=(2, 6, 3)).astype(np.float32)
    mask = np.array([[True, True, True, False, False, False], [False, True, False, True, True, False]])
    other = np.where(mask[..., None], x, 100 * random.normal(size=x.shape)).astype(np.float32)
    tags = random.integers(3, size=mask.shape)
    first = log_likelihood(layer(x, mask=mask), tags, mask)
    np.testing.assert_array_equal(first, log_likelihood(layer(other, mask=mask), np.where(mask, tags, 2), mask))
    for row in range(2):
        alone = log_likelihood(layer(x[row : row + 1, mask[row]]), tags[row : row + 1, mask[row]])
        np.testing.assert_allclose(first[row : row + 1], alone, rtol=1e-5)


def test_a_row_without_any_real_step_weighs_nothing():
    layer = drawn_layer(3, 2)
    x, mask = tf.ones((1, 3, 3)), np.zeros((1, 3), bool)
    with tf.GradientTape() as tape:
        tape.watch(x)
        found = log_likelihood(layer(x, mask=mask), np.zeros((1, 3), int), mask)
    np.testing.assert_allclose(found, [0], atol=1e-6)
    np.testing.assert_allclose(tape.gradient(found, x), np.zeros((1, 3, 3)), atol=1e-6)


def test_long_chains_keep_their_numbers():
    layer = drawn_layer(4, 3)
    x = 50 * np.random.default_rng(3).normal(size=(1, 2_000, 4)).astype(np.float32)
    assert np.isfinite(log_partition(layer(x))).all()


def test_forbidden_moves_have_no_share_whatever_is_learnt():
    tags = entity_tags(["A", "B"])
    layer = drawn_layer(len(tags), 4, entity_moves(len(tags)))
    layer.transitions.assign(1_000 * tf.ones_like(layer.transitions))
    potentials = layer(np.zeros((1, 2, len(tags)), np.float32))
    for path in (["I-A", "E-A"], ["B-A", "O"], ["B-A", "E-B"], ["O", "B-A"], ["S-A", "I-A"]):
        numbers = np.array([[tags.index(tag) for tag in path]])
        assert log_likelihood(potentials, numbers) < NEVER / 2, path
    for path in (["O", "O"], ["B-A", "E-A"], ["S-A", "S-B"], ["O", "S-B"]):
        numbers = np.array([[tags.index(tag) for tag in path]])
        assert np.isfinite(log_likelihood(potentials, numbers)) and log_likelihood(potentials, numbers) > NEVER / 2, (
            path
        )


@pytest.mark.parametrize("loop", ["plain", "compiled"])
def test_a_model_that_ends_in_it_learns_what_only_moves_tell(loop):
    """Each step's tag is that of the step before but one: emissions alone can't tell it."""
    random = np.random.default_rng(5)
    tags = np.cumsum(np.ones((64, 8), int), 1) % 2 ^ random.integers(2, size=(64, 1))
    x = np.zeros((64, 8, 2), np.float32)
    x[:, 0] = np.eye(2)[tags[:, 0]] * 4
    inputs = keras.Input((None, 2))
    model = keras.Model(inputs, CRF(name="crf")(keras.layers.Dense(2, kernel_initializer="identity")(inputs)))
    model.compile(keras.optimizers.Adam(0.1), CRFLoss(), jit_compile=False)
    targets = tags.copy()
    targets[:, 6:] = -1
    with recurrent_loop(loop):
        losses = model.fit(x, targets, epochs=15, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < 0.15 < 2 < losses[0]


def test_it_is_trained_behind_layers_that_mask():
    """As tutorials build a tagger: padding is 0 in the ids and -1 in the targets."""
    random = np.random.default_rng(7)
    ids = random.integers(1, 9, (32, 6))
    targets = ids % 3
    ids[:16, 4:], targets[:16, 4:] = 0, -1
    inputs = keras.Input((None,))
    x = keras.layers.Bidirectional(keras.layers.LSTM(8, return_sequences=True))(
        keras.layers.Embedding(9, 8, mask_zero=True)(inputs)
    )
    model = keras.Model(inputs, CRF()(keras.layers.Dense(3)(x)))
    model.compile(keras.optimizers.Adam(0.05), CRFLoss(), jit_compile=False)
    losses = model.fit(ids, targets, epochs=25, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < 0.2 * losses[0]
    tags, _ = viterbi(model(ids), ids > 0)
    assert (tags.numpy()[targets >= 0] == targets[targets >= 0]).mean() > 0.95


def test_it_is_saved_and_loaded_with_its_moves(tmp_path):
    inputs = keras.Input((None, 5))
    model = keras.Model(inputs, CRF(entity_moves(5), regularizer="l2", name="crf")(inputs))
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    x = np.random.default_rng(6).normal(size=(2, 3, 5)).astype(np.float32)
    np.testing.assert_array_equal(model(x), loaded(x))
    assert loaded.get_layer("crf").allowed.tolist() == entity_moves(5).tolist()


@pytest.mark.parametrize(
    ("allowed", "message"),
    [
        (np.ones((3, 2)), "must be a square"),
        (np.ones((3, 3)), "of 5 rows and columns for 4 tags"),
        (np.zeros((5, 5)), "both begin and end"),
    ],
)
def test_moves_that_fit_not_are_refused(allowed, message):
    with pytest.raises(ValueError, match=message):
        CRF(allowed)(np.zeros((1, 2, 4), np.float32))
