"""Searches that leave out sentences that are done find what they find with all of them."""

import numpy as np
import pytest
import tensorflow as tf
from decoding_toy import END, START, Toy

from rnnkit.decoding import Controls, beam_search, greedy, sample

SENTENCES = 9
CASES = {
    "plain": {},
    "several": {"best": 3, "width": 4},
    "limits": {"steps": [2, 6, 0, 9, 1, 4, 9, 3, 7], "best": 2},
    "all at the limit 0": {"steps": [0] * SENTENCES},
    "prefix": {"prefix": np.pad([[4, 5, END], [0, 0, 0], [6, 1, 1]], [(3, 3), (0, 0)])},
    "length": {"controls": Controls(length_penalty=1.0)},
    "coverage": {"controls": Controls(0.6, 0.4), "best": 2},
    "all": {"controls": Controls(1.2, 0.2, 1.3, 3, (1,)), "best": 3, "width": 5},
    "patient": {"controls": Controls(length_penalty=1.0, patience=1.0), "best": 3},
}


class Sharing(Toy):
    """A toy whose step is given what belongs to its sentences; it notes how many rows each step has."""

    def __init__(self, seed=0, **settings):
        super().__init__(seed, sentences=SENTENCES, **{"sharp": 1.5, **settings})
        self.rows = []

    def shared(self):
        return {"looking": tf.constant(self.looking), "real": [tf.constant(self.real)]}

    def shared_step(self, ids, states, t, shared):
        tf.py_function(lambda rows: self.rows.append(int(rows)), [tf.size(ids)], [])
        inner = tf.tanh(0.7 * states["inner"][0] + tf.gather(tf.constant(self.embedded), ids))
        states = {"inner": [inner], "steps": states["steps"] + 1}
        if not self.attends:
            return inner @ self.written, states, None
        real = shared["real"][0]
        by_sentence = tf.reshape(inner, [tf.shape(real)[0], -1, inner.shape[-1]])
        fit = tf.where(real[:, None], by_sentence @ shared["looking"], -np.inf)
        return inner @ self.written, states, tf.reshape(tf.nn.softmax(fit), [tf.shape(ids)[0], real.shape[1]])


def searched(toy, kind, thin, batch=SENTENCES, **settings):
    settings = {"batch": batch, "steps": 9, "start": START, "end": END, **settings}
    if kind is beam_search:
        settings = {"width": 3, **settings}
    else:
        settings = {name: value for name, value in settings.items() if name not in ("best", "width")}
    if thin:
        return kind(toy.shared_step, toy.states(), shared=toy.shared(), **settings)
    return kind(toy.step, toy.states(), **settings)


def drawing(*given, **named):
    return sample(*given, seed=[4, 5], **named)


@pytest.mark.parametrize("named", CASES)
@pytest.mark.parametrize("kind", [beam_search, greedy, drawing])
def test_leaving_out_sentences_changes_no_answer(kind, named):
    for seed, attends in [(0, True), (1, "coverage" in named or named == "all")]:
        toy = Sharing(seed, attends=attends)
        expected = searched(toy, kind, False, **CASES[named])
        count = tf.function(lambda batch, toy=toy: searched(toy, kind, True, batch, **CASES[named]), autograph=False)
        for found in (searched(toy, kind, True, **CASES[named]), count(tf.constant(SENTENCES))):
            assert np.array_equal(found.ids, expected.ids)
            assert np.array_equal(found.lengths, expected.lengths)
            np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
            if attends:
                np.testing.assert_allclose(found.weights, expected.weights, atol=1e-5)
            else:
                assert found.weights is None


@pytest.mark.parametrize("kind", [beam_search, greedy])
def test_a_step_has_the_rows_of_the_sentences_that_go_on(kind):
    steps = [2, 6, 1, 9, 1, 4, 9, 3, 7]
    toy = Sharing(2)
    toy.written[:, END] = 0
    controls = Controls(banned=(END,))
    found = searched(toy, kind, True, steps=steps, controls=controls)
    assert found.lengths[:, 0].numpy().tolist() == steps
    # Before the first step all beginnings of a sentence are the same.
    widths = [1, *[3 if kind is beam_search else 1] * 8]
    assert toy.rows == [width * sum(limit > t for limit in steps) for t, width in enumerate(widths)]


def test_one_sentence_is_searched_as_ever():
    toy = Sharing(3).only(0)
    toy.__class__, toy.rows = Sharing, []
    for batch in (1, tf.constant(1)):
        for kind in (beam_search, greedy):
            found, expected = (searched(toy, kind, thin, batch) for thin in (True, False))
            for x, y in zip(found, expected, strict=True):
                np.testing.assert_allclose(x, y, atol=1e-6)


@pytest.mark.parametrize("kind", [beam_search, greedy])
def test_no_sentences_have_no_answers(kind):
    def step(ids, states, t, shared):
        return tf.zeros([tf.shape(ids)[0], 7]), states, tf.zeros([tf.shape(ids)[0], 5])

    how = {"width": 3} if kind is beam_search else {}
    given = {"batch": tf.constant(0), "steps": 4, "start": START, "end": END, "shared": (), **how}
    found = tf.function(lambda: kind(step, tf.zeros([0, 2]), **given), autograph=False)()
    assert found.ids.shape == (0, 1, 4)
    assert found.weights.shape == (0, 1, 4, 5)
