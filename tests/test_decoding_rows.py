"""Greedy search and sampling: one hypothesis a sentence."""

import numpy as np
import pytest
import tensorflow as tf
from decoding_toy import END, START, Toy, all_of, beam_of, chances, final, hypotheses

from rnnkit.decoding import Controls, greedy, sample

PENALISED = Controls(0.8, 0.3, 1.5, 2, (1,))


def write(toy, **settings):
    settings = {"batch": toy.sentences, "steps": 6, "start": START, "end": END, **settings}
    return (sample if "seed" in settings else greedy)(toy.step, toy.states(), **settings)


@pytest.mark.parametrize("controls", [Controls(), PENALISED, Controls(blocked_ngram=1), Controls(repetition_penalty=3)])
def test_greedy_writes_the_most_probable_token_at_each_step(controls):
    toy = Toy(2, sentences=6, sharp=1.0)
    found = write(toy, controls=controls)
    for sentence in range(6):
        tokens, log_probability = [], 0.0
        while len(tokens) < 6 and END not in tokens:
            every, allowed = chances(toy, sentence, tokens, controls)
            tokens.append(int(np.argmax(allowed)))
            log_probability += every[tokens[-1]]
        [(score, written)] = hypotheses(found, sentence)
        assert written == [token for token in tokens if token != END]
        assert score == pytest.approx(final(toy, sentence, tokens, log_probability, controls), abs=2e-4)


@pytest.mark.parametrize("seed", [None, [3, 4]])
def test_prefix_limits_and_neighbours_are_kept_apart(seed):
    toy, drawn = Toy(3, sharp=0.5), {} if seed is None else {"seed": seed}
    prefix = np.array([[5, 1, 6], [0, 0, 0], [4, 0, 0]])
    found = write(toy, steps=[2, 6, 0], prefix=prefix, controls=Controls(banned=(5, END)), **drawn)
    assert found.lengths.numpy().tolist() == [[2], [6], [0]]
    assert found.ids[0, 0].numpy().tolist() == [5, 1, 0, 0, 0, 0]
    assert not set(found.ids[1, 0].numpy()) & {5, END}
    assert found.scores[2, 0] == 0
    alone = write(toy.only(0), steps=6, prefix=prefix[:1], **drawn)
    every = write(toy, steps=[6, 1, 1], prefix=prefix, **drawn)
    assert np.array_equal(alone.ids[0], every.ids[0])


@pytest.mark.parametrize("drawn", [{}, {"seed": [1, 5]}])
def test_scores_and_weights_are_those_of_what_was_written(drawn):
    toy = Toy(4, sharp=0.8)
    found = write(toy, controls=Controls(0.7, 0.5), **drawn)
    assert found.weights.shape == (3, 1, 6, 5)
    for sentence in range(3):
        [(score, tokens)] = hypotheses(found, sentence)
        every = dict((tuple(tokens), score) for score, tokens in scored(toy, sentence, tokens))
        assert score == pytest.approx(every[tuple(tokens)], abs=2e-4)
        expected = toy.after(sentence, tokens)[1][: len(tokens)]
        np.testing.assert_allclose(found.weights[sentence, 0, : len(tokens)], np.reshape(expected, (-1, 5)), atol=1e-4)
        assert not np.any(found.weights[sentence, 0, len(tokens) :])


def scored(toy, sentence, tokens):
    """Gives the only hypothesis that begins so and then ends, with its score."""
    return beam_of(toy, sentence, width=1, best=1, limit=6, controls=Controls(0.7, 0.5), prefix=[*tokens, END])


def test_sampling_follows_the_probabilities_of_whole_sequences():
    toy = Toy(5, vocabulary=4, sentences=1, sharp=0.6, attends=False)
    rows = 20_000

    @tf.function(autograph=False)
    def many():
        states = tf.nest.map_structure(lambda x: tf.repeat(x, rows, axis=0), toy.states())
        return sample(toy.step, states, batch=rows, steps=2, start=START, end=END, seed=[7, 8])

    found = many()
    lengths = found.lengths[:, 0].numpy()
    written = [tuple(ids[:length]) for ids, length in zip(found.ids[:, 0].numpy(), lengths, strict=True)]
    expected = all_of(toy, 0, limit=2, controls=Controls())
    distance = 0.0
    for score, tokens in expected:
        mean = rows * np.exp(score)
        distance += (written.count(tuple(tokens)) - mean) ** 2 / mean
    assert len(expected) == 13
    # Chi square of 12 degrees of freedom: above 40 once in 15,000 seeds.
    assert distance < 40
    assert sum(np.exp(score) for score, _ in expected) == pytest.approx(1)


def drawn_once(logits, rows=4000, **settings):
    """Draws one token, in each of many rows; gives the share of each id."""

    def step(ids, states, t):
        return tf.repeat(tf.constant(logits, tf.float32, [1, len(logits)]), rows, axis=0), states, None

    settings = {"seed": [3, 1], "start": START, "end": 99, "steps": 1, "batch": rows, **settings}
    ids = sample(step, (), **settings).ids[:, 0, 0].numpy()
    return np.bincount(ids, minlength=len(logits)) / rows


LOGITS = np.log([0.1, 0.4, 0.05, 0.25, 0.2])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.1, 0.4, 0.05, 0.25, 0.2]),
        ({"top_k": 2}, [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0]),
        ({"top_k": 9}, [0.1, 0.4, 0.05, 0.25, 0.2]),
        ({"top_p": 0.39}, [0, 1, 0, 0, 0]),
        ({"top_p": 0.7}, [0, 0.4 / 0.85, 0, 0.25 / 0.85, 0.2 / 0.85]),
        ({"top_k": 3, "top_p": 0.6}, [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0]),
        ({"temperature": 0.5}, [0.01 / 0.265, 0.16 / 0.265, 0.0025 / 0.265, 0.0625 / 0.265, 0.04 / 0.265]),
        ({"temperature": 0}, [0, 1, 0, 0, 0]),
        ({"controls": Controls(banned=(1, 3))}, [0.1 / 0.35, 0, 0.05 / 0.35, 0, 0.2 / 0.35]),
        ({"controls": Controls(banned=(1,)), "top_k": 2}, [0, 0, 0, 0.25 / 0.45, 0.2 / 0.45]),
    ],
)
def test_only_what_is_left_is_drawn_and_in_proportion(settings, expected):
    tensors = {name: tf.constant(value) for name, value in settings.items() if name != "controls"}
    for given in [settings, {**settings, **tensors}]:
        shares = drawn_once(LOGITS, **given)
        assert np.array_equal(shares > 0, np.array(expected) > 0)
        np.testing.assert_allclose(shares, expected, atol=0.03)


def test_tensors_that_cut_nothing_off_change_nothing():
    off = {"top_k": tf.constant(0), "top_p": tf.constant(1.0), "temperature": tf.constant(1.0)}
    np.testing.assert_allclose(drawn_once(LOGITS, **off), np.exp(LOGITS), atol=0.03)


def test_a_draw_depends_on_the_seed_and_the_row_alone():
    toy = Toy(6, sentences=5, sharp=0.1, attends=False)
    first, again, other = (write(toy, seed=seed).ids.numpy() for seed in ([1, 2], [1, 2], [1, 3]))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    fewer = sample(
        toy.step,
        tf.nest.map_structure(lambda x: x[:2], toy.states()),
        **{"batch": 2, "steps": 6, "start": START, "end": END, "seed": tf.constant([1, 2])},
    )
    assert np.array_equal(fewer.ids, first[:2])


def test_rows_and_steps_draw_differently():
    def step(ids, states, t):
        return tf.zeros([tf.shape(ids)[0], 50]), states, None

    ids = sample(step, (), batch=40, steps=30, start=START, end=99, seed=[0, 0]).ids.numpy()[:, 0]
    assert len({tuple(row) for row in ids}) == 40
    assert len({tuple(column) for column in ids.T}) == 30


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"temperature": -1.0}, r"temperature must be at least 0\. Got -1\.0\."),
        ({"top_k": -2}, r"top_k must be at least 0; 0 for all tokens\. Got -2\."),
        ({"top_p": 0.0}, r"top_p must be above 0 and at most 1\. Got 0\.0\."),
        ({"top_p": 1.5}, r"top_p must be above 0 and at most 1\. Got 1\.5\."),
    ],
)
def test_values_out_of_range_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        write(Toy(), seed=[0, 1], **wrong)
