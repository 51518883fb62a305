"""Controls' ranges, and the pieces of a search by themselves."""

import numpy as np
import pytest
import tensorflow as tf
from decoding_toy import END, START

from rnnkit.decoding import Controls, beam_search, greedy
from rnnkit.decoding.largest import LONG, largest


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"length_penalty": -0.5}, r"length_penalty must be a number of at least 0\. Got -0\.5\."),
        ({"coverage_penalty": float("nan")}, r"coverage_penalty must be a number of at least 0\. Got nan\."),
        ({"repetition_penalty": 0.9}, r"repetition_penalty must be a number of at least 1\. Got 0\.9\."),
        ({"blocked_ngram": 1.5}, r"blocked_ngram must be a whole number\. Got 1\.5\."),
        ({"banned": (2, -1)}, r"banned must be ids, whole numbers from 0\. Got -1\."),
    ],
)
def test_controls_out_of_range_are_refused_with_their_value(wrong, message):
    with pytest.raises(ValueError, match=message):
        Controls(**wrong)


def step_without_attention(ids, states, t):
    return tf.zeros([tf.shape(ids)[0], 5]), states, None


def test_coverage_of_a_step_without_attention_is_refused():
    settings = {"batch": 2, "steps": 3, "start": START, "end": END, "controls": Controls(coverage_penalty=0.2)}
    for search in (greedy, lambda *given, **named: beam_search(*given, width=2, **named)):
        with pytest.raises(ValueError, match=r"this step gives no weights\. Got 0\.2\."):
            search(step_without_attention, (), **settings)


def test_a_longer_hypothesis_wins_by_the_length_penalty():
    # Two tokens of log P -1 each and a sure end, against an end at once of log P -1.5.
    chances = np.full([4, 5], -30.0)
    chances[:, END] = [np.log(1 - np.exp(-1) - 1e-6), -30, -30, 0]
    chances[0, END], chances[0, 4], chances[0, 0] = -1.5, -1.0, np.log(1 - np.exp(-1.5) - np.exp(-1.0))
    chances[1, 4], chances[1, 1] = -1.0, np.log(1 - np.exp(-1.0))
    chances[2, END] = 0.0

    def step(ids, states, t):
        return tf.repeat(tf.constant(chances[None, :], tf.float32)[:, t], tf.shape(ids)[0], axis=0), states, None

    def lengths(penalty):
        controls = Controls(length_penalty=penalty, banned=(0, 1))
        found = beam_search(step, (), batch=1, width=3, steps=4, start=START, end=END, controls=controls)
        return int(found.lengths[0, 0])

    # -1.5 / 1 against -2 / (8 / 6) ** penalty: they change places at penalty 1.
    assert lengths(0.0) == 0
    assert lengths(0.9) == 0
    assert lengths(1.1) == 2


@pytest.mark.parametrize(("size", "steps"), [(1, 8), (2, 12), (3, 12)])
def test_no_ngram_is_written_twice(size, steps):
    def step(ids, states, t):
        return tf.one_hot((ids + 1) % 3, 9) * 4.0, states, None

    settings = {"batch": 2, "steps": steps, "start": 0, "end": 8, "controls": Controls(0, 0, 1, size, (8,))}
    for found in (greedy(step, (), **settings), beam_search(step, (), width=3, best=3, **settings)):
        assert np.all(found.lengths == steps)
        for ids in tf.reshape(found.ids, [-1, steps]).numpy().tolist():
            grams = [tuple(ids[at : at + size]) for at in range(steps - size + 1)]
            assert len(set(grams)) == len(grams)


@pytest.mark.parametrize("n", [LONG - 1, LONG, LONG + 7, 2500])
@pytest.mark.parametrize("k", [1, 3, 40])
def test_largest_is_top_k_with_ties(n, k):
    random = np.random.default_rng(n)
    for x in (random.normal(size=(3, n)), random.integers(-2, 3, (3, n)), np.full((3, n), -np.inf)):
        x = tf.constant(x, tf.float32)
        for given in (k, tf.constant(k)):
            for found, expected in zip(largest(x, given), tf.math.top_k(x, k), strict=True):
                assert np.array_equal(found, expected)


def test_all_of_a_long_row_can_be_asked_for():
    x = tf.constant(np.random.default_rng(0).normal(size=(2, LONG + 5)), tf.float32)
    for found, expected in zip(largest(x, LONG + 5), tf.math.top_k(x, LONG + 5), strict=True):
        assert np.array_equal(found, expected)
