"""Scores of a classifier against loops over rows written here."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.metrics.classification import confusion, reliability, score_labels

TRUTH = np.array([0, 2, 1, 1, 0])
PROBABILITY = np.array([[0.7, 0.2, 0.1], [0.3, 0.08, 0.62], [0.5, 0.4, 0.1], [0.2, 0.75, 0.05], [0.13, 0.05, 0.82]])


def drawn(rows, classes, seed):
    generator = np.random.default_rng(seed)
    return generator.integers(classes, size=rows), generator.dirichlet(np.ones(classes), size=rows)


def loop_calibration_error(truth, probability, bins):
    rows_in = [[] for _ in range(bins)]
    for code, row in zip(truth, probability, strict=True):
        place = next(m for m in range(bins) if row.max() <= (m + 1) / bins)
        rows_in[place].append((row.max(), row.argmax() == code))
    gaps = [abs(sum(top for top, _ in rows) - sum(right for _, right in rows)) for rows in rows_in]
    return sum(gaps) / len(truth)


def test_scores_match_a_calculation_by_hand():
    scores = score_labels(TRUTH, PROBABILITY, 3)
    # predicted 0 2 0 1 2; F1 of class 0: 1/2, 1: 2/3, 2: 2/3
    assert scores["accuracy"] == pytest.approx(3 / 5)
    assert scores["macro_f1"] == pytest.approx((1 / 2 + 2 / 3 + 2 / 3) / 3)
    # the five top probabilities fall into five bins
    assert scores["calibration_error"] == pytest.approx((0.3 + 0.38 + 0.5 + 0.25 + 0.82) / 5)
    assert scores["log_loss"] == pytest.approx(-sum(map(math.log, [0.7, 0.62, 0.4, 0.75, 0.13])) / 5)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_calibration_error_matches_a_loop_over_rows(classes):
    truth, probability = drawn(101, classes, seed=classes)
    expected = loop_calibration_error(truth, probability, bins=15)
    assert score_labels(truth, probability, classes)["calibration_error"] == pytest.approx(expected)


def test_roc_auc_is_the_share_of_pairs_in_the_right_order():
    truth, probability = drawn(43, 2, seed=1)
    probability[:5] = probability[5]  # ties count half
    pairs = [np.sign(a - b) / 2 + 0.5 for a in probability[truth == 1, 1] for b in probability[truth == 0, 1]]
    assert score_labels(truth, probability, 2)["roc_auc"] == pytest.approx(np.mean(pairs))


def test_two_classes_have_five_scores_in_a_fixed_order():
    truth, probability = drawn(11, 2, seed=0)
    assert list(score_labels(truth, probability, 2)) == [
        "accuracy", "macro_f1", "roc_auc", "calibration_error", "log_loss",
    ]  # fmt: skip


def test_roc_auc_is_left_out_with_three_classes_or_a_truth_of_one():
    assert "roc_auc" not in score_labels(TRUTH, PROBABILITY, 3)
    assert "roc_auc" not in score_labels([1, 1], [[0.3, 0.7], [0.6, 0.4]], 2)


@pytest.mark.parametrize("classes", [2, 5])
def test_certain_and_right_answers_score_best(classes):
    truth = np.arange(13) % classes
    scores = score_labels(truth, np.eye(classes)[truth], classes)
    best = {"accuracy": 1.0, "macro_f1": 1.0, "roc_auc": 1.0, "calibration_error": 0.0, "log_loss": 0.0}
    assert scores == {name: best[name] for name in scores}


def test_a_class_that_never_occurs_does_not_lower_macro_f1():
    truth = np.array([0, 1, 1])
    assert score_labels(truth, np.eye(4)[truth], 4)["macro_f1"] == 1.0


def test_a_class_that_is_only_predicted_counts_as_zero_in_macro_f1():
    # class 0: F1 2/3, class 1: 1, class 2: 0
    scores = score_labels([0, 0, 1], np.eye(4)[[0, 2, 1]], 4)
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 1 + 0) / 3)


@settings(deadline=None, max_examples=25)
@given(rows=st.integers(1, 40), classes=st.integers(2, 5), seed=st.integers(0, 2**16))
def test_the_order_of_rows_changes_no_score(rows, classes, seed):
    truth, probability = drawn(rows, classes, seed)
    order = np.random.default_rng(seed).permutation(rows)
    assert score_labels(truth[order], probability[order], classes) == pytest.approx(
        score_labels(truth, probability, classes)
    )


def test_truth_drawn_from_the_probabilities_is_calibrated():
    generator = np.random.default_rng(5)
    probability = generator.dirichlet(np.ones(3), size=20_000)
    truth = np.array([generator.choice(3, p=row) for row in probability])
    assert score_labels(truth, probability, 3)["calibration_error"] < 0.015
    sharpened = probability**3 / (probability**3).sum(axis=1, keepdims=True)
    assert score_labels(truth, sharpened, 3)["calibration_error"] > 0.1


def test_a_true_class_of_probability_zero_costs_a_finite_loss():
    assert score_labels([1], [[1.0, 0.0]], 2)["log_loss"] == pytest.approx(36.04, abs=0.01)


def test_scores_are_plain_floats_for_float32_probabilities():
    scores = score_labels(TRUTH, PROBABILITY.astype(np.float32), 3)
    assert {type(score) for score in scores.values()} == {float}
    assert scores == pytest.approx(score_labels(TRUTH, PROBABILITY, 3), abs=1e-6)


def test_confusion_counts_truth_down_and_prediction_across():
    expected = [[1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert confusion(TRUTH, PROBABILITY.argmax(axis=1), 4).tolist() == expected


def test_reliability_gives_means_and_counts_by_bin():
    found = reliability(TRUTH, PROBABILITY, bins=4)
    # top probabilities 0.7, 0.62, 0.5, 0.75, 0.82; an edge belongs to the bin below it
    assert found.count.tolist() == [0, 1, 3, 1]
    np.testing.assert_allclose(found.confidence, [np.nan, 0.5, (0.7 + 0.62 + 0.75) / 3, 0.82])
    np.testing.assert_allclose(found.accuracy, [np.nan, 0.0, 1.0, 0.0])


def test_reliability_puts_the_ends_into_the_outer_bins():
    found = reliability([0, 0], [[1.0, 0.0], [0.0, 0.0]], bins=3)
    assert found.count.tolist() == [1, 0, 1]


@pytest.mark.parametrize("bins", [0, -2])
def test_bins_below_one_are_refused_with_their_value(bins):
    with pytest.raises(ValueError, match=rf"bins must be at least 1\. Got {bins}\."):
        reliability(TRUTH, PROBABILITY, bins=bins)


@pytest.mark.parametrize(
    ("truth", "probability", "message"),
    [
        ([], np.zeros((0, 2)), r"at least 1 row\. Got shape \(0,\)\."),
        ([0.0, 1.0], [[1, 0], [0, 1]], r"truth must hold whole numbers\. Got float64\."),
        ([0, 2], [[1, 0], [0, 1]], r"truth must hold codes from 0 to 1\. Got 2\."),
        ([0, -1], [[1, 0], [0, 1]], r"truth must hold codes from 0 to 1\. Got -1\."),
        ([0, 1, 1], [[1, 0], [0, 1]], r"probability must have shape \(3, 2\)\. Got \(2, 2\)\."),
        ([0], [[2.5, -1.5]], r"probability must lie from 0 to 1\. Got 2\.5\."),
        ([0], [[math.nan, 0.5]], r"probability must lie from 0 to 1\. Got nan\."),
    ],
)
def test_rows_that_make_no_sense_are_refused_with_their_value(truth, probability, message):
    with pytest.raises(ValueError, match=message):
        score_labels(truth, probability, 2)
