"""Scores of a detector: scores of strangeness, flags and truth -> events, points, ranking, affiliation, NAB, delay."""

import math

import numpy as np

from rnnkit.detecting.truth import DetectionTruth
from rnnkit.metrics.affiliation import affiliation_scores
from rnnkit.metrics.detection_events import (
    alarm_runs,
    checked_length,
    checked_scores,
    event_shares,
    harmonic,
    shares,
    single_entries,
    touched,
)
from rnnkit.metrics.nab import PROFILES, Scored, score_at

DAY = 86_400
NAB_PROFILES = {
    "nab_standard": PROFILES["standard"],
    "nab_reward_low_fp": PROFILES["reward_low_FP_rate"],
    "nab_reward_low_fn": PROFILES["reward_low_FN_rate"],
}
NAMES = (
    *("event_f1", "event_precision", "event_recall"),
    *("point_f1", "point_precision", "point_recall", "point_adjusted_f1"),
    *("roc_auc", "average_precision"),
    *("affiliation_precision", "affiliation_recall", "affiliation_f1"),
    *NAB_PROFILES,
    *("detection_delay", "alarms_per_day"),
)


def score_detections(score, flag, truth: DetectionTruth) -> dict[str, float]:
    """Scores what a detector says of the rows of a part.

    Without a window there is no recall and no F1 (NaN), and a precision of 0 where there are alarms. With windows but
    without an alarm, precision, recall and F1 are 0.

    Args:
        score: `(rows,)`, finite, the higher the stranger.
        flag: `(rows,)`, True for an alarm; a run of True within a span is one alarm.
        truth: Of these rows.

    Returns:
        In this order:
        `event_f1`, `event_precision`, the share of alarms that touch a true window, times the share of normal rows that
        are left alone, since one alarm without end touches all windows (Sehili & Zhang 2023,
        https://arxiv.org/abs/2308.13068), and `event_recall`, the share of windows that hold a flagged row;
        `point_f1`, `point_precision`, `point_recall`, of rows;
        `point_adjusted_f1`, of rows, a window that is touched at all counting as wholly flagged (Xu et al. 2018,
        https://arxiv.org/abs/1802.03903): it flatters random alarms, and is never to be shown without `point_f1`;
        `roc_auc` and `average_precision` of rows by their score, as scikit-learn has them; NaN without a strange row,
        the former without a normal one too;
        `affiliation_precision`, `affiliation_recall`, `affiliation_f1`, see `affiliation_scores`;
        `nab_standard`, `nab_reward_low_fp`, `nab_reward_low_fn`: 100 for an alarm at the first row of each window and
        no other, 0 for none at all, of these flags: no best threshold is looked for as the benchmark does, each span is
        a series, and all of it is judged; NaN without a window;
        `detection_delay`, rows from the first row of a window to the first that is flagged in it, mean over the windows
        found, NaN where none is;
        `alarms_per_day`, alarms by 86,400 seconds between the first and last row of a span, all spans together; NaN
        where no time passes.
        Without labels all but the last are NaN. Of whole examples events and points are the same, and affiliation, NAB,
        delay and alarms are NaN.

    Raises:
        ValueError: Shapes don't fit, or a score isn't finite.
    """
    score, flag = checked_scores(score, truth), _checked_flags(flag, truth)
    scores = dict.fromkeys(NAMES, math.nan)
    if not truth.whole:
        scores["alarms_per_day"] = _alarms_per_day(flag, truth)
    if truth.labelled:
        scores |= _events(flag, truth) | _points(flag, truth) | _ranking(score, truth.strange)
    if truth.labelled and not truth.whole:
        scores |= _affiliation(flag, truth) | _nab(flag, truth)
        scores["detection_delay"] = _delay(flag, truth)
    return {name: float(value) for name, value in scores.items()}


def recall_by_kind(flag, truth: DetectionTruth) -> dict[str, float]:
    """Returns the share of true windows that hold a flagged row, for each name of a kind.

    Args:
        flag: `(rows,)`, True for an alarm.
        truth: Of these rows; a window is of the kind of its first row. Of whole examples each strange one is a window.

    Returns:
        All of `truth.kind_names` in their order, NaN for a kind without a window and where there are no labels.

    Raises:
        ValueError: The shapes don't fit.
    """
    flag, truth = _checked_flags(flag, truth), single_entries(truth)
    found = touched(flag, truth.windows)
    kinds = truth.kinds[truth.windows[:, 0]]
    own = {name: found[kinds == place] for place, name in enumerate(truth.kind_names)}
    return {name: float(each.mean()) if each.size and truth.labelled else math.nan for name, each in own.items()}


def _events(flag, truth):
    return _named("event", *event_shares(flag, truth))


def _points(flag, truth):
    truth = single_entries(truth)
    found = truth.windows[touched(flag, truth.windows)]
    return _named("point", *_point_shares(flag, truth.strange)) | {
        "point_adjusted_f1": harmonic(*_point_shares(flag | _inside(found, len(flag)), truth.strange))
    }


def _point_shares(flag, strange):
    right = (flag & strange).sum()
    return shares(right, flag.sum(), right, strange.sum())


def _inside(windows, rows):
    steps = np.zeros(rows + 1, np.int64)
    np.add.at(steps, windows[:, 0], 1)
    np.add.at(steps, windows[:, 1] + 1, -1)
    return np.cumsum(steps)[:rows] > 0


def _ranking(score, strange):
    positives, normals = int(strange.sum()), int((~strange).sum())
    if not positives:
        return {}
    order = np.argsort(-score, kind="stable")
    # Rows of one score come together.
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    right = np.append(0, np.cumsum(strange[order])[last])
    wrong = np.append(0, last + 1) - right
    scores = {"average_precision": (np.diff(right) * right[1:] / (last + 1)).sum() / positives}
    if normals:
        scores["roc_auc"] = (np.diff(wrong) * (right[1:] + right[:-1])).sum() / (2 * positives * normals)
    return scores


def _affiliation(flag, truth):
    return _named("affiliation", *affiliation_scores(flag, truth.strange, truth.bounds))


def _nab(flag, truth):
    places = np.searchsorted(truth.windows[:, 0], truth.bounds)
    series = [
        Scored(flag[begin:end].astype(np.float64), (truth.windows[first:last] - begin).tolist())
        for begin, end, first, last in zip(truth.bounds, truth.bounds[1:], places, places[1:], strict=False)
    ]
    return {name: score_at(series, 1.0, profile) for name, profile in NAB_PROFILES.items()}


def _delay(flag, truth):
    flagged = np.append(np.flatnonzero(flag), len(flag))
    first = flagged[np.searchsorted(flagged, truth.windows[:, 0])]
    delays = (first - truth.windows[:, 0])[first <= truth.windows[:, 1]]
    return delays.mean() if delays.size else math.nan


def _alarms_per_day(flag, truth):
    some = truth.bounds[:-1] < truth.bounds[1:]
    begin, end = truth.bounds[:-1][some], truth.bounds[1:][some]
    covered = (truth.seconds[end - 1] - truth.seconds[begin]).sum()
    return len(alarm_runs(flag, truth.bounds)) * DAY / covered if covered > 0 else math.nan


def _named(kind, precision, recall):
    return {f"{kind}_f1": harmonic(precision, recall), f"{kind}_precision": precision, f"{kind}_recall": recall}


def _checked_flags(flag, truth):
    flag = np.asarray(flag, bool)
    checked_length("flag", flag, truth)
    return flag
