"""Viterbi: best paths and how likely they are, beside all paths there are; what of it converts for devices."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.decoding.viterbi import marginals, n_best, run_probability, viterbi
from rnnkit.export.tflite import convert
from rnnkit.features.tags import entity_moves, entity_tags
from rnnkit.layers.crf import CRF


def drawn(tags, time, seed, allowed=None):
    random = np.random.default_rng(seed)
    layer = CRF(allowed)
    layer.build((None, None, tags))
    for weight in layer.weights:
        weight.assign(random.normal(size=weight.shape))
    return layer, random.normal(size=(1, time, tags)).astype(np.float32)


def all_paths(potentials):
    """Every path of one row, best first, with its score."""
    time, tags = potentials.shape[1:3]
    scored = {}
    for path in itertools.product(range(tags), repeat=time):
        pairs = zip((0, *path), path, strict=False)
        scored[path] = sum(potentials[0, step, one, other] for step, (one, other) in enumerate(pairs))
    return sorted(scored.items(), key=lambda pair: -pair[1])


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_the_best_paths_are_those_of_all(tags, time, seed):
    layer, x = drawn(tags, time, seed)
    potentials = layer(x).numpy()
    paths = all_paths(potentials)
    best, score = viterbi(potentials)
    assert tuple(best.numpy()[0]) == paths[0][0]
    np.testing.assert_allclose(score, [paths[0][1]], rtol=1e-5, atol=1e-5)
    count = min(len(paths), 5)
    found, scores = n_best(potentials, count)
    assert [tuple(path) for path in found.numpy()[0]] == [path for path, _ in paths[:count]]
    np.testing.assert_allclose(scores[0], [score for _, score in paths[:count]], rtol=1e-4, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 3), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_likelihoods_are_shares_of_all_paths(tags, time, seed):
    layer, x = drawn(tags, time, seed)
    potentials = layer(x)
    paths = all_paths(potentials.numpy())
    shares = np.exp([score for _, score in paths])
    shares /= shares.sum()
    single, moves = marginals(potentials)
    expected = np.zeros((time, tags))
    for (path, _), share in zip(paths, shares, strict=True):
        expected[range(time), path] += share
    np.testing.assert_allclose(single[0], expected, atol=1e-5)
    np.testing.assert_allclose(tf.reduce_sum(moves, (2, 3)), np.ones((1, time)), atol=1e-5)
    first, last = sorted(np.random.default_rng(seed).integers(time, size=2))
    best = np.array([paths[0][0]])
    of_stretch = sum(
        share
        for (path, _), share in zip(paths, shares, strict=True)
        if path[first : last + 1] == paths[0][0][first : last + 1]
    )
    found = run_probability(tf.constant(best), single, moves, tf.constant([[0, first]]), tf.constant([[0, last]]))
    np.testing.assert_allclose(found, [of_stretch], atol=1e-5)


def test_each_row_is_answered_by_its_real_steps_alone():
    layer, _ = drawn(3, 1, 0)
    random = np.random.default_rng(0)
    x = random.normal(size=(3, 6, 3)).astype(np.float32)
    mask = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0], [0, 1, 0, 1, 1, 0]], bool)
    potentials = layer(x, mask=mask)
    tags, scores = viterbi(potentials, mask)
    paths, several = n_best(potentials, 2, mask)
    single, _ = marginals(potentials, mask)
    assert not tags.numpy()[~mask].any() and not single.numpy()[~mask].any()
    for row in range(3):
        alone = layer(x[row : row + 1, mask[row]])
        np.testing.assert_array_equal(tags[row][mask[row]], viterbi(alone)[0][0])
        np.testing.assert_allclose(scores[row], viterbi(alone)[1][0], rtol=1e-5)
        np.testing.assert_array_equal(paths[row].numpy()[:, mask[row]], n_best(alone, 2)[0][0])
        np.testing.assert_allclose(several[row], n_best(alone, 2)[1][0], rtol=1e-5)
        np.testing.assert_allclose(single[row][mask[row]], marginals(alone)[0][0], atol=1e-5)


def test_no_forbidden_move_is_ever_decoded():
    tags = entity_tags(["A", "B"])
    moves = entity_moves(len(tags))
    layer, _ = drawn(len(tags), 1, 1, moves)
    x = 20 * np.random.default_rng(1).normal(size=(200, 7, len(tags))).astype(np.float32)
    for path in viterbi(layer(x))[0].numpy():
        assert moves[-1, path[0]] and moves[path[-1], -1] and moves[path[:-1], path[1:]].all()


def test_equal_paths_are_told_apart_by_their_order():
    tags, _ = viterbi(tf.zeros((1, 3, 4, 4)))
    np.testing.assert_array_equal(tags, [[0, 0, 0]])


def test_n_best_of_nothing_is_refused():
    with pytest.raises(ValueError, match="count must be at least 1"):
        n_best(tf.zeros((1, 2, 2, 2)), 0)


def test_it_runs_on_a_device_at_any_length_by_built_in_operations():
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    layer, _ = drawn(5, 1, 2, entity_moves(5))

    inputs = keras.Input((None, 5))
    model = keras.Model(inputs, layer(inputs))

    def decode(emissions):
        potentials = model(emissions)
        tags, score = viterbi(potentials)
        return {"tags": tags, "score": score, "single": marginals(potentials)[0]}

    converted = convert([model], decode, [tf.TensorSpec([1, None, 5], tf.float32, name="emissions")])
    assert not any(op.startswith("Flex") for op in converted.ops)
    runner = litert.Interpreter(model_content=converted.content).get_signature_runner()
    for time in (1, 2, 9, 40, 3):
        x = 3 * np.random.default_rng(time).normal(size=(1, time, 5)).astype(np.float32)
        found, expected = runner(emissions=x), decode(x)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-5, err_msg=f"{name}, {time} steps")
