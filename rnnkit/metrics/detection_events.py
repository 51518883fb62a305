"""Events of a detector: flags -> alarms, and the true windows that they find; scores -> the best threshold."""

import dataclasses
import math

import numpy as np

from rnnkit.detecting.truth import DetectionTruth


def alarm_runs(flag, bounds) -> np.ndarray:
    """Returns the first and last row (inclusive) of each run of True, `(runs, 2)`, rising.

    Args:
        flag: `(rows,)` bool.
        bounds: `(spans + 1,)`, row each span begins at, and the end; a run ends where its span does.
    """
    flag, bounds = np.asarray(flag, bool), np.asarray(bounds)
    before, after = np.zeros_like(flag), np.zeros_like(flag)
    before[1:], after[:-1] = flag[:-1], flag[1:]
    before[bounds[bounds < len(flag)]] = False
    after[bounds[bounds > 0] - 1] = False
    return np.stack([np.flatnonzero(flag & ~before), np.flatnonzero(flag & ~after)], axis=1)


def touched(flag, stretches) -> np.ndarray:
    """Returns which stretches `(stretches, 2)`, first and last row each, hold a True of `(rows,)`: `(stretches,)`."""
    count = np.append(0, np.cumsum(np.asarray(flag, bool)))
    stretches = np.asarray(stretches, np.int64).reshape(-1, 2)
    return count[stretches[:, 1] + 1] > count[stretches[:, 0]]


def event_shares(flag, truth: DetectionTruth) -> tuple[float, float]:
    """Returns event precision and event recall of flags `(rows,)`, see `score_detections`."""
    truth = single_entries(truth)
    right = touched(truth.strange, alarm_runs(flag, truth.bounds))
    found = touched(flag, truth.windows)
    precision, recall = shares(right.sum(), len(right), found.sum(), len(found))
    if truth.whole:
        return precision, recall
    normal = ~truth.strange
    return float(precision * (1 - np.count_nonzero(flag & normal) / max(1, np.count_nonzero(normal)))), recall


def shares(right, said, found, true) -> tuple[float, float]:
    """Returns precision `right / said` and recall `found / true`.

    The recall is NaN where nothing is true; so is the precision where nothing is said either, which else is 0 there.
    """
    precision = right / said if said else (0.0 if true else math.nan)
    return float(precision), float(found / true) if true else math.nan


def harmonic(precision: float, recall: float) -> float:
    """Returns F1: 0 where both are 0, NaN where one of them is."""
    return 2 * precision * recall / (precision + recall) if precision or recall else 0.0


def single_entries(truth: DetectionTruth) -> DetectionTruth:
    """Returns the truth of whole examples with each entry a span, and a window where strange; any other as it is."""
    if not truth.whole:
        return truth
    windows = np.repeat(np.flatnonzero(truth.strange), 2).reshape(-1, 2)
    return dataclasses.replace(truth, bounds=np.arange(len(truth.strange) + 1), windows=windows)


def best_threshold(score, truth: DetectionTruth) -> float:
    """Returns the score at or above which rows are best flagged, by event F1; of several, the highest.

    Args:
        score: `(rows,)`, finite, the higher the stranger. Every distinct one is tried, in the time of sorting them.
        truth: Of these rows.

    Raises:
        ValueError: There is no true window, the shapes don't fit, or a score isn't finite.
    """
    score, truth = checked_scores(score, truth), single_entries(truth)
    if not truth.labelled or not len(truth.windows):
        raise ValueError(
            "To choose the threshold by labels takes at least 1 true window. Got none. "
            "Give rows that have some, or choose it without labels."
        )
    thresholds = np.unique(score)[::-1]
    alarms, false = _alarm_counts(score, truth, thresholds)
    recall = _reaching(_over(np.maximum, score, truth.windows), thresholds) / len(truth.windows)
    precision = (alarms - false) / alarms
    if not truth.whole:
        normal = score[~truth.strange]
        precision = precision * (1 - _reaching(normal, thresholds) / max(1, normal.size))
    both = precision + recall
    f1 = 2 * precision * recall / np.where(both > 0, both, 1.0)
    return float(thresholds[np.argmax(f1)])


def _alarm_counts(score, truth, thresholds):
    """Returns how many alarms there are at each threshold, and how many of them touch no window.

    A run has one row more than pairs of neighbours, so that the rows less the pairs are the runs. False is a run in a
    stretch of normal rows that goes on into a strange row at neither side: such pairs are taken off too, which takes
    off twice a run that does so at both sides, hence the last term.
    """
    normal, rows = ~truth.strange, len(score)
    inner = truth.bounds[(truth.bounds > 0) & (truth.bounds < rows)]
    joined = np.ones(max(rows - 1, 0), bool)
    joined[inner - 1] = False
    pairs = np.minimum(score[:-1], score[1:])
    beside = joined & (normal[:-1] | normal[1:])

    stretches = alarm_runs(normal, truth.bounds)
    goes_on = np.concatenate([[False], joined, [False]])
    between = stretches[goes_on[stretches[:, 0]] & goes_on[stretches[:, 1] + 1]]
    bridges = _over(np.minimum, score, between + [-1, 1])

    alarms = _reaching(score, thresholds) - _reaching(pairs[joined], thresholds)
    false = _reaching(score[normal], thresholds) - _reaching(pairs[beside], thresholds)
    return alarms, false + _reaching(bridges, thresholds)


def _over(function, score, stretches):
    """Returns the least or the greatest score of each stretch, which may overlap."""
    if not len(stretches):
        return np.zeros(0)
    # One more at the end, since the places at which reduceat stops must be places of it.
    return function.reduceat(np.append(score, 0.0), (np.asarray(stretches) + [0, 1]).ravel())[::2]


def _reaching(values, thresholds):
    return len(values) - np.searchsorted(np.sort(values), thresholds)


def checked_scores(score, truth: DetectionTruth) -> np.ndarray:
    """Returns the scores as `(rows,)` float64.

    Raises:
        ValueError: They aren't one for each row of the truth, or not finite.
    """
    score = np.asarray(score, np.float64)
    checked_length("score", score, truth)
    if not np.isfinite(score).all():
        row = np.flatnonzero(~np.isfinite(score))[0]
        raise ValueError(f"Anomaly scores must be finite. Got {score[row]} in row {row}.")
    return score


def checked_length(name: str, values: np.ndarray, truth: DetectionTruth) -> None:
    """Raises ValueError where values aren't one for each row of the truth."""
    if values.shape != truth.strange.shape:
        raise ValueError(f"{name} must have shape {truth.strange.shape}, one for each row. Got {values.shape}.")
