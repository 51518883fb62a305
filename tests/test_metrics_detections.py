"""Scores of detectors against loops over every row, written here, and against examples worked out by hand."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score
from toy_detections import drawn, flags, looped_alarms, truth_of

from rnnkit.metrics.detection_events import alarm_runs, best_threshold
from rnnkit.metrics.detections import NAMES, recall_by_kind, score_detections

SEEDS = st.integers(0, 2**32 - 1)
NAN = math.nan
WITHOUT_EVENTS = [name for name in NAMES if name.startswith(("affiliation", "nab", "detection", "alarms"))]


def looped_f1(precision, recall):
    return 0.0 if precision == recall == 0 else 2 * precision * recall / (precision + recall)


def looped_events(flag, truth):
    """Precision and recall, one alarm and one window after the other; the first by the normal rows left alone too."""
    alarms = looped_alarms(flag, truth.bounds)
    right = [any(truth.strange[row] for row in rows) for rows in alarms]
    found = [any(flag[first : last + 1]) for first, last in truth.windows]
    left_alone = [not flag[row] for row in range(len(flag)) if not truth.strange[row]]
    return (np.mean(right) * np.mean(left_alone or [1.0]) if right else 0.0), np.mean(found)


def same(scores, **expected):
    assert {name: scores[name] for name in expected} == pytest.approx(expected, nan_ok=True)


@settings(max_examples=150, deadline=None)
@given(seed=SEEDS)
def test_alarms_are_runs_that_end_where_a_span_does(seed):
    _, flag, truth = drawn(seed)
    runs = [(rows[0], rows[-1]) for rows in looped_alarms(flag, truth.bounds)]
    assert [tuple(run) for run in alarm_runs(flag, truth.bounds).tolist()] == runs


@settings(max_examples=150, deadline=None)
@given(seed=SEEDS)
def test_events_points_delay_and_alarms_are_those_of_the_loops(seed):
    score, flag, truth = drawn(seed)
    scores = score_detections(score, flag, truth)
    assert tuple(scores) == NAMES
    alarms = len(looped_alarms(flag, truth.bounds))
    lasting = sum(60 * max(0, end - begin - 1) for begin, end in zip(truth.bounds, truth.bounds[1:], strict=False))
    same(scores, alarms_per_day=alarms / (lasting / 86_400))
    if not len(truth.windows):
        return
    precision, recall = looped_events(flag, truth)
    same(scores, event_f1=looped_f1(precision, recall), event_precision=precision, event_recall=recall)
    same(
        scores,
        point_f1=f1_score(truth.strange, flag, zero_division=0.0),
        point_precision=precision_score(truth.strange, flag, zero_division=0.0),
        point_recall=recall_score(truth.strange, flag),
    )
    adjusted, delays, kinds = flag.copy(), [], {}
    for first, last in truth.windows:
        found = [row for row in range(first, last + 1) if flag[row]]
        kinds.setdefault(truth.kind_names[truth.kinds[first]], []).append(bool(found))
        if found:
            adjusted[first : last + 1] = True
            delays.append(found[0] - first)
    same(
        scores,
        point_adjusted_f1=f1_score(truth.strange, adjusted, zero_division=0.0),
        detection_delay=np.mean(delays) if delays else NAN,
    )
    expected = {name: np.mean(kinds[name]) if name in kinds else NAN for name in truth.kind_names}
    assert recall_by_kind(flag, truth) == pytest.approx(expected, nan_ok=True)


@settings(max_examples=100, deadline=None)
@given(seed=SEEDS)
def test_the_ranking_is_scored_as_scikit_learn_does_ties_included(seed):
    score, flag, truth = drawn(seed)
    scores = score_detections(score, flag, truth)
    if truth.strange.any():
        same(scores, average_precision=average_precision_score(truth.strange, score))
        both = not truth.strange.all()
        same(scores, roc_auc=roc_auc_score(truth.strange, score) if both else NAN)
    else:
        same(scores, average_precision=NAN, roc_auc=NAN)


@settings(max_examples=200, deadline=None)
@given(seed=SEEDS)
def test_no_threshold_is_better_than_the_best(seed):
    score, _, truth = drawn(seed)
    if not len(truth.windows):
        return

    def f1(threshold):
        return looped_f1(*looped_events(score >= threshold, truth))

    best = best_threshold(score, truth)
    assert best in score
    assert f1(best) == pytest.approx(max(map(f1, np.unique(score))), abs=1e-12)


def test_of_thresholds_that_are_equally_good_the_highest_is_taken():
    score = np.array([0.0, 0.1, 0.7, 0.9, 0.2, 0.0, 0.1, 0.8, 0.3, 0.0])
    # Both windows are found without a false alarm at 0.8, 0.7, 0.3 and 0.2.
    assert best_threshold(score, truth_of(10, (2, 4), (7, 8))) == 0.8


def test_the_best_threshold_is_not_the_one_that_flags_everything():
    score = np.array([0.25, 0.1, 0.4, 0.9, 0.2, 0.1, 0.2, 0.1, 0.3, 0.2])
    truth = truth_of(10, (3, 3), (8, 8))
    # At 0.3 both windows are found, with 1 of 8 normal rows; at 0.1 one alarm touches both.
    assert best_threshold(score, truth) == 0.3
    everywhere = score_detections(score, score >= 0.1, truth)
    same(everywhere, event_f1=0.0, event_recall=1.0, point_precision=0.2)


@pytest.mark.parametrize("truth", [truth_of(5), truth_of(5, labelled=False), truth_of(5, whole=True)])
def test_the_best_threshold_needs_a_window(truth):
    with pytest.raises(ValueError, match=r"takes at least 1 true window\. Got none\."):
        best_threshold(np.arange(5.0), truth)


def test_an_example_by_hand():
    truth = truth_of(12, (2, 4), (8, 9), kinds=[1, 0], step=7_200)
    flag = flags(12, 3, 4, 5, 11)
    scores = score_detections(flag * 1.0, flag, truth)
    # 1 of 2 alarms touches a window, and 5 of 7 normal rows are left alone.
    same(scores, event_precision=5 / 14, event_recall=1 / 2, event_f1=5 / 12)
    same(scores, point_precision=2 / 4, point_recall=2 / 5, point_f1=4 / 9)
    # Rows 2 to 5 and 11 count as flagged: 3 right of 5.
    same(scores, point_adjusted_f1=3 / 5, detection_delay=1.0)
    # Of 5 * 7 pairs, 2 * 5 in the right order, 3 * 5 + 2 * 2 equal.
    same(scores, roc_auc=(10 + 19 / 2) / 35)
    # 2 alarms in 22 hours.
    same(scores, alarms_per_day=2 * 24 / 22)
    assert recall_by_kind(flag, truth) == pytest.approx({"spike": 0.0, "drift": 1.0, "stuck": NAN}, nan_ok=True)


def test_the_end_of_a_span_ends_an_alarm_and_the_time_between_two_spans_is_not_covered():
    truth = truth_of(6, (3, 3), bounds=[0, 3, 6])
    truth.seconds[3:] += 1_000_000
    scores = score_detections(np.zeros(6), flags(6, 2, 3), truth)
    same(scores, event_precision=0.5 * 4 / 5, event_recall=1.0, alarms_per_day=2 * 86_400 / 240)


def test_nab_takes_the_flags_as_they_are():
    rows, truth = 40, truth_of(40, (9, 12), (31, 31), bounds=[0, 20, 40])
    score = np.linspace(0, 1, rows)
    perfect = {"nab_standard": 100.0, "nab_reward_low_fp": 100.0, "nab_reward_low_fn": 100.0}
    same(score_detections(score, flags(rows, 9, 31), truth), **perfect)
    same(score_detections(score, flags(rows), truth), **dict.fromkeys(perfect, 0.0))
    # A false alarm in the second span, which begins anew: far from any window.
    wrong = score_detections(score, flags(rows, 9, 20, 31), truth)
    same(wrong, nab_standard=100 * (1 - 0.11 / 4), nab_reward_low_fp=100 * (1 - 0.22 / 4))
    same(wrong, nab_reward_low_fn=100 * (1 - 0.11 / 6))


@pytest.mark.parametrize("quiet", [True, False])
def test_without_a_window(quiet):
    flag = flags(5) if quiet else flags(5, 1, 2)
    scores = score_detections(np.arange(5.0), flag, truth_of(5))
    precision = NAN if quiet else 0.0
    known = {"alarms_per_day": 0.0 if quiet else 360.0, "event_precision": precision, "point_precision": precision}
    assert scores == pytest.approx(dict.fromkeys(NAMES, NAN) | known, nan_ok=True)


def test_without_an_alarm():
    scores = score_detections(np.zeros(9), flags(9), truth_of(9, (2, 3), (7, 7)))
    nothing = {"roc_auc": 0.5, "average_precision": 3 / 9, "detection_delay": NAN}
    assert scores == pytest.approx(dict.fromkeys(NAMES, 0.0) | nothing, nan_ok=True)


def test_windows_of_one_row_that_are_all_found():
    flag = flags(9, 0, 4, 8)
    scores = score_detections(flag * 2.0, flag, truth_of(9, (0, 0), (4, 4), (8, 8)))
    perfect = dict.fromkeys(NAMES, 1.0) | {name: 100.0 for name in NAMES if name.startswith("nab")}
    assert scores == pytest.approx(perfect | {"detection_delay": 0.0, "alarms_per_day": 3 * 86_400 / 480})


def test_all_rows_strange():
    flag = flags(4, 1)
    scores = score_detections(flag * 1.0, flag, truth_of(4, (0, 3)))
    same(scores, event_f1=1.0, point_f1=2 / 5, point_adjusted_f1=1.0, detection_delay=1.0)
    same(scores, roc_auc=NAN, average_precision=1.0, affiliation_precision=1.0)


def test_one_row_and_no_row():
    same(score_detections([0.5], [True], truth_of(1, (0, 0))), event_f1=1.0, alarms_per_day=NAN, affiliation_f1=1.0)
    assert all(map(math.isnan, score_detections([], [], truth_of(0)).values()))


def test_without_labels_only_alarms_are_counted():
    truth = truth_of(5, labelled=False)
    scores = score_detections(np.arange(5.0), flags(5, 1), truth)
    assert scores == pytest.approx(dict.fromkeys(NAMES, NAN) | {"alarms_per_day": 360.0}, nan_ok=True)
    assert recall_by_kind(flags(5, 1), truth) == pytest.approx(dict.fromkeys(truth.kind_names, NAN), nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_whole_examples_are_classified(seed):
    score, flag, truth = drawn(seed)
    truth = dataclasses.replace(truth, whole=True)
    scores = score_detections(score, flag, truth)
    assert all(math.isnan(scores[name]) for name in WITHOUT_EVENTS) and len(WITHOUT_EVENTS) == 8
    names = ("f1", "precision", "recall")
    same(scores, **{f"event_{name}": scores[f"point_{name}"] for name in names})
    same(scores, point_adjusted_f1=scores["point_f1"])
    if not truth.strange.any():
        return
    same(scores, point_f1=f1_score(truth.strange, flag, zero_division=0.0))
    found = {name: flag[truth.kinds == place] for place, name in enumerate(truth.kind_names)}
    expected = {name: each.mean() if each.size else NAN for name, each in found.items()}
    assert recall_by_kind(flag, truth) == pytest.approx(expected, nan_ok=True)
    every = {t: f1_score(truth.strange, score >= t, zero_division=0.0) for t in np.unique(score)}
    assert every[best_threshold(score, truth)] == pytest.approx(max(every.values()), abs=1e-12)


def test_nothing_that_is_given_is_changed():
    score, flag, truth = drawn(7)
    before = [part.copy() for part in (score, flag, truth.strange, truth.windows, truth.bounds)]
    score_detections(score, flag, truth)
    best_threshold(score, truth)
    recall_by_kind(flag, truth)
    for one, other in zip(before, (score, flag, truth.strange, truth.windows, truth.bounds), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("wrong", [NAN, math.inf, -math.inf])
def test_scores_that_are_not_finite_are_refused_with_their_row(wrong):
    with pytest.raises(ValueError, match=rf"Anomaly scores must be finite\. Got {wrong} in row 2\."):
        score_detections([0.0, 1.0, wrong, 2.0], flags(4), truth_of(4, (1, 1)))


@pytest.mark.parametrize(("scores", "flagged", "name"), [(4, 5, "score"), (5, 7, "flag")])
def test_answers_of_another_length_are_refused(scores, flagged, name):
    with pytest.raises(ValueError, match=rf"{name} must have shape \(5,\), one for each row\. Got \([47],\)\."):
        score_detections(np.zeros(scores), flags(flagged), truth_of(5, (1, 1)))
