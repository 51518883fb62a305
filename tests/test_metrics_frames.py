"""Frame baselines: chances and scores of piano rolls counted by hand, and against loops."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rnnkit.metrics.frame_baselines import (
    frame_accuracy,
    frame_scores,
    frame_unigram,
    note_f1,
    previous_frame,
    uniform_frames,
)

FIRST = np.array([[1, 0, 0], [1, 0, 1], [0, 0, 1], [0, 0, 1]])
SECOND = np.array([[1, 0, 0]])
ROLLS = arrays(bool, st.tuples(st.integers(0, 6), st.just(3)))


def test_each_pitch_is_foretold_from_the_frame_before():
    found = previous_frame([FIRST, SECOND]).chances
    # Of pitch 0: silent before frames 0 and 3 of the first roll and 0 of the second, sounding in two of those.
    np.testing.assert_allclose(found[0], [(2 + 1) / (3 + 2), (0 + 1) / (5 + 2), (1 + 1) / (3 + 2)])
    np.testing.assert_allclose(found[1], [(1 + 1) / (2 + 2), (0 + 1) / (0 + 2), (2 + 1) / (2 + 2)])


def test_a_frame_costs_the_nats_of_its_pitches_the_first_as_if_after_silence():
    nats = previous_frame([FIRST, SECOND]).nats(np.array([[0, 0, 1], [0, 1, 1]]))
    first, second = (2 / 5) * (6 / 7) * (2 / 5), (2 / 5) * (1 / 7) * (3 / 4)
    np.testing.assert_allclose(nats, [-np.log(first), -np.log(second)])


def test_the_unigram_knows_how_often_a_pitch_sounds_and_nothing_else():
    baseline = frame_unigram([FIRST, SECOND])
    shares = np.array([(3 + 1) / (5 + 2), 1 / 7, (3 + 1) / (5 + 2)])
    np.testing.assert_allclose(baseline.probabilities(FIRST), np.tile(shares, (4, 1)))
    np.testing.assert_allclose(baseline.nats(SECOND), [-np.log(shares[0] * (1 - shares[1]) * (1 - shares[2]))])


def test_uniform_frames_cost_the_logarithm_of_2_a_pitch():
    np.testing.assert_allclose(uniform_frames(3).nats(FIRST), np.full(4, 3 * np.log(2)))


@settings(deadline=None)
@given(st.lists(ROLLS, min_size=1, max_size=4), ROLLS)
def test_chances_are_those_of_a_loop(train, roll):
    counts = np.ones((3, 2, 2))
    for each in train:
        for place, frame in enumerate(each):
            for pitch, sounds in enumerate(frame):
                counts[pitch, int(place > 0 and each[place - 1, pitch]), int(sounds)] += 1
    chances = counts / counts.sum(axis=2, keepdims=True)
    expected = [
        -sum(
            np.log(chances[pitch, int(place > 0 and roll[place - 1, pitch]), int(roll[place, pitch])])
            for pitch in range(3)
        )
        for place in range(len(roll))
    ]
    found = previous_frame(train).nats(roll)
    assert found.shape == (len(roll),)
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("fit", [previous_frame, frame_unigram, lambda train: uniform_frames(3)])
def test_all_frames_together_have_the_chance_1(fit):
    every = np.array([[number >> place & 1 for place in range(3)] for number in range(8)])
    baseline = fit([FIRST, SECOND])
    for before in every:
        total = sum(np.exp(-baseline.nats(np.stack([before, frame]))[1]) for frame in every)
        assert total == pytest.approx(1.0)
    assert sum(np.exp(-baseline.nats(frame[None])[0]) for frame in every) == pytest.approx(1.0)


def test_the_score_is_the_mean_over_frames_and_not_over_pieces():
    assert frame_scores([np.array([1.0, 2.0, 3.0]), np.zeros(0), np.array([10.0])]) == {"frame_nll": 4.0}


def test_accuracy_and_f1_count_pitches_over_all_frames():
    predicted, truth = [FIRST, SECOND], [np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]]), np.array([[1, 1, 0]])]
    # 6 predicted, 6 true, 4 both.
    assert frame_accuracy(predicted, truth) == pytest.approx(4 / 8)
    assert note_f1([0.6 * FIRST, 0.5 + 0.1 * SECOND], truth) == pytest.approx(2 * 4 / 12)
    assert frame_accuracy(truth, truth) == note_f1(truth, truth) == 1.0


def test_a_probability_of_one_half_predicts_nothing():
    assert note_f1([np.full((4, 3), 0.5)], [FIRST]) == 0.0
    assert frame_accuracy([np.zeros((4, 3), bool)], [FIRST]) == 0.0


def test_where_nothing_sounds_and_nothing_is_predicted_all_is_right():
    assert frame_accuracy([np.zeros((2, 3))], [np.zeros((2, 3))]) == note_f1([], []) == 1.0


REFUSED = [
    (lambda: previous_frame([]), r"at least 1 roll\. Got 0\. Give those of the train split"),
    (lambda: frame_unigram([FIRST, SECOND[:, :2]]), r"the shape \(frames, 3\)\. Got \(1, 2\)"),
    (lambda: previous_frame([FIRST[0]]), r"the shape \(frames, pitches\)\. Got \(3,\)"),
    (lambda: previous_frame([FIRST]).nats(np.zeros((2, 4))), r"the shape \(frames, 3\)\. Got \(2, 4\)"),
    (lambda: previous_frame([FIRST]).nats(np.full((2, 3), 0.7)), r"0 and 1\. Got 0\.7\."),
    (lambda: uniform_frames(0), r"pitches must be at least 1\. Got 0\."),
    (lambda: frame_scores([]), r"at least 1 frame\. Got 0, in 0 pieces"),
    (lambda: frame_scores([np.zeros(0)]), r"at least 1 frame\. Got 0, in 1 pieces"),
    (lambda: frame_accuracy([FIRST], []), r"Got 1 predicted, and 0 true"),
    (lambda: frame_accuracy([FIRST, FIRST], [FIRST, SECOND]), r"Piece 2 must have the shape \(1, 3\).*Got \(4, 3\)"),
    (lambda: frame_accuracy([FIRST * 0.3], [FIRST]), r"0 and 1\. Got 0\.3\. Compare it with 0\.5 first"),
    (lambda: note_f1([FIRST * -2.5], [FIRST]), r"from 0 to 1\. Got -2\.5\. Take the sigmoid"),
    (lambda: note_f1([FIRST * np.nan], [FIRST]), r"from 0 to 1\. Got nan\."),
]


@pytest.mark.parametrize(("call", "pattern"), REFUSED, ids=[pattern for _, pattern in REFUSED])
def test_what_can_not_be_is_refused_with_its_value(call, pattern):
    with pytest.raises(ValueError) as error:
        call()
    assert re.search(pattern, str(error.value))
