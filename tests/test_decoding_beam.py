"""Beam search against lists, against every sequence there is, and against itself."""

import numpy as np
import pytest
import tensorflow as tf
from decoding_toy import END, START, Toy, all_of, assert_same, beam_of, hypotheses

from rnnkit.decoding import Controls, beam_search, greedy

CONTROLS = {
    "plain": Controls(),
    "length": Controls(length_penalty=0.9),
    "coverage": Controls(length_penalty=0.6, coverage_penalty=0.4),
    "repetition": Controls(repetition_penalty=1.7),
    "blocked": Controls(blocked_ngram=2),
    "once": Controls(blocked_ngram=1, length_penalty=1.0),
    "banned": Controls(banned=(0, 5)),
    "all": Controls(1.2, 0.2, 1.3, 3, (1,)),
    "patient": Controls(length_penalty=1.0, patience=1.0),
    "hasty": Controls(length_penalty=0.6, patience=0.5, banned=(0,)),
}


def search(toy, **settings):
    settings = {"batch": toy.sentences, "width": 4, "steps": 6, "start": START, "end": END, **settings}
    return beam_search(toy.step, toy.states(), **settings)


@pytest.mark.parametrize("named", CONTROLS)
def test_beam_search_finds_what_lists_find(named):
    for seed in range(3):
        toy = Toy(seed, sharp=1.2)
        found = search(toy, width=4, best=3, controls=CONTROLS[named])
        for sentence in range(toy.sentences):
            expected = beam_of(toy, sentence, width=4, best=3, limit=6, controls=CONTROLS[named])
            assert_same(hypotheses(found, sentence), expected)


@pytest.mark.parametrize("named", [named for named in CONTROLS if not CONTROLS[named].patience])
def test_a_wide_beam_finds_the_best_of_all_sequences(named):
    toy = Toy(4, vocabulary=4, sentences=2, sharp=1.0)
    controls = CONTROLS[named] if named not in ("banned", "all") else Controls(1.2, 0.2, 1.3, 3, (1,))
    found = search(toy, width=4**3, best=9, steps=4, controls=controls)
    for sentence in range(2):
        assert_same(hypotheses(found, sentence), all_of(toy, sentence, limit=4, controls=controls)[:9])


@pytest.mark.parametrize("prefix", [(5,), (5, 5, 1), (6, END)])
def test_all_hypotheses_begin_with_the_prefix(prefix):
    toy, controls = Toy(1), Controls(banned=(5,), length_penalty=0.5, blocked_ngram=1)
    prefixes = np.zeros([3, 4], int)
    prefixes[1, : len(prefix)] = prefix
    found = search(toy, width=3, best=2, prefix=prefixes, controls=controls)
    for sentence, begins in enumerate([(), prefix, ()]):
        expected = beam_of(toy, sentence, width=3, best=2, limit=6, controls=controls, prefix=begins)
        assert_same([one for one in hypotheses(found, sentence) if one[0] > -np.inf], expected)


def test_fewer_hypotheses_than_asked_for_leave_empty_places_of_score_minus_infinity():
    found = search(Toy(2), width=3, best=2, prefix=[[4, END], [4, 5], [4, 0]], steps=[6, 2, 0])
    assert found.lengths.numpy().tolist() == [[1, 0], [2, 0], [0, 0]]
    assert np.isneginf(found.scores.numpy()).tolist() == [[False, True], [False, True], [False, True]]
    assert found.scores[2, 0] == 0
    assert not np.any(found.ids[:, 1])


@pytest.mark.parametrize("controls", [Controls(), CONTROLS["all"]])
def test_a_graph_finds_what_loose_operations_find(controls):
    toy = Toy(11)
    loose = search(toy, best=2, controls=controls, steps=[3, 6, 5])
    graph = tf.function(lambda: search(toy, best=2, controls=controls, steps=[3, 6, 5]), autograph=False)()
    for x, y in zip(graph, loose, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-5)


def test_patience_ends_the_search_once_as_many_have_ended():
    """Each step ends with one half, goes on with the other; at the limit, what goes on would hardly be divided."""
    taken = dict.fromkeys((0.0, 0.5, 1.0), 0)
    for patience in taken:

        def step(ids, states, t, patience=patience):
            taken[patience] += 1
            return tf.tile([[-9.0, -9.0, -9.0, 0.0, 0.0]], [tf.size(ids), 1]), states, None

        controls = Controls(length_penalty=1.0, patience=patience)
        given = {"batch": 2, "width": 4, "steps": 40, "start": START, "end": END}
        found = beam_search(step, tf.zeros([2]), controls=controls, **given)
        assert found.lengths.numpy().tolist() == [[0], [0]]
    assert taken[0.5] < taken[1.0] < taken[0.0] < 20


def test_each_sentence_keeps_to_its_own_limit():
    toy, limits = Toy(3, sharp=0.7), [2, 6, 4]
    found = search(toy, width=4, best=4, steps=limits)
    assert found.ids.shape == (3, 4, 6)
    for sentence, limit in enumerate(limits):
        assert_same(
            hypotheses(found, sentence), beam_of(toy, sentence, width=4, best=4, limit=limit, controls=Controls())
        )


def test_a_prefix_longer_than_the_limit_is_cut():
    found = search(Toy(3), steps=2, prefix=[[4, 5, 6, 1]] * 3)
    assert found.ids.numpy().tolist() == [[[4, 5]]] * 3


def test_a_sentence_is_answered_as_if_it_were_alone():
    toy = Toy(5, sharp=1.0)
    settings = {"best": 3, "controls": CONTROLS["all"]}
    found = search(toy, **settings)
    for sentence in range(toy.sentences):
        alone = search(toy.only(sentence), **settings)
        assert_same(hypotheses(alone, 0), hypotheses(found, sentence), 1e-5)
        np.testing.assert_allclose(alone.weights[0], found.weights[sentence], atol=1e-5)


@pytest.mark.parametrize(
    "controls", [Controls(), CONTROLS["repetition"], CONTROLS["banned"], Controls(blocked_ngram=2)]
)
def test_a_beam_of_one_is_greedy(controls):
    toy = Toy(6)
    one = search(toy, width=1, steps=[6, 3, 5], controls=controls)
    same = greedy(toy.step, toy.states(), batch=3, steps=[6, 3, 5], start=START, end=END, controls=controls)
    for x, y in zip(one, same, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-5)


def test_more_of_the_best_change_nothing_about_the_first():
    toy = Toy(7)
    several = search(toy, best=4, controls=CONTROLS["length"])
    for best in (1, 2):
        fewer = search(toy, best=best, controls=CONTROLS["length"])
        assert np.array_equal(fewer.ids, several.ids[:, :best])


def test_weights_are_those_by_which_each_token_was_chosen():
    toy = Toy(8)
    found = search(toy, best=3)
    assert found.weights.shape == (3, 3, 6, 5)
    for sentence in range(3):
        for n, (_, tokens) in enumerate(hypotheses(found, sentence)):
            expected = toy.after(sentence, tokens)[1][: len(tokens)]
            np.testing.assert_allclose(
                found.weights[sentence, n, : len(tokens)], np.reshape(expected, (-1, 5)), atol=1e-4
            )
            assert not np.any(found.weights[sentence, n, len(tokens) :])


def test_a_step_without_attention_gives_none():
    toy = Toy(9, attends=False)
    found = search(toy, best=2)
    assert found.weights is None
    assert_same(hypotheses(found, 0), beam_of(toy, 0, width=4, best=2, limit=6, controls=Controls()))


@pytest.mark.parametrize("steps", [40, 400])
def test_the_search_ends_when_nothing_can_beat_what_is_kept(steps):
    ran = []

    def step(ids, states, t):
        tf.py_function(lambda t: ran.append(int(t)), [t], [])
        return tf.one_hot(tf.where(t < 3, 5, tf.fill(tf.shape(ids), END)), 7) * 9.0, states, None

    # At the limit the penalty divides by less than 5, so that a beginning of log P under -1 is beaten.
    beam_search(step, (), batch=2, width=3, steps=steps, start=START, end=END, controls=Controls(length_penalty=0.4))
    assert len(ran) <= 6


def test_width_and_best_may_be_tensors():
    toy = Toy(10)
    call = tf.function(
        lambda width, best: beam_search(
            toy.step, toy.states(), batch=3, width=width, best=best, steps=5, start=START, end=END
        ),
        input_signature=[tf.TensorSpec([], tf.int32)] * 2,
        autograph=False,
    )
    for width, best in [(1, 1), (2, 1), (5, 3)]:
        for x, y in zip(call(width, best), search(toy, width=width, best=best, steps=5), strict=True):
            np.testing.assert_allclose(x, y, atol=1e-6)
    for wrong in [(0, 1), (2, 3), (2, 0)]:
        with pytest.raises(tf.errors.InvalidArgumentError, match=" must be "):
            call(*wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"width": 0}, r"width must be at least 1\. Got 0\."),
        ({"best": 5}, r"best must be from 1 to width, 4\. Got 5\."),
        ({"best": 0}, r"best must be from 1 to width, 4\. Got 0\."),
        ({"steps": 0}, r"steps must be at least 1\. Got 0\."),
    ],
)
def test_sizes_out_of_range_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        search(Toy(), **wrong)


def test_no_sentences_have_no_hypotheses():
    toy = Toy(sentences=3)
    toy.sentences, toy.first, toy.looking, toy.real = 0, toy.first[:0], toy.looking[:0], toy.real[:0]

    def step(ids, states, t):
        return tf.zeros([tf.shape(ids)[0], 7]), states, tf.zeros([tf.shape(ids)[0], 5])

    found = beam_search(step, toy.states(), batch=0, width=4, best=2, steps=6, start=START, end=END)
    assert found.ids.shape == (0, 2, 6)
    assert found.weights.shape == (0, 2, 6, 5)
