"""Comparing: the rows of the splits -> scores of plain detectors, each with a threshold chosen as ours is."""

import math
from collections.abc import Mapping

import numpy as np

from rnnkit.detecting.fitting import threshold_of
from rnnkit.detecting.parts import Part
from rnnkit.detecting.truth import DetectionTruth
from rnnkit.metrics.detection_baselines import fit_baselines, whole_scores
from rnnkit.metrics.detections import score_detections

MOST_WINDOW = 32
"""Rows that the isolation forest sees together, at most."""


def score_detection_baselines(splits, preparation, settings, reporter) -> dict[str, dict[str, dict[str, float]]]:
    """Scores windowed Gaussian, last difference, season and isolation forest on the test split.

    Returns:
        Name -> `{"test": scores}`.
    """
    found = {}
    with reporter.task("scoring baselines", total=2, unit="splits") as advance:
        for done, name in enumerate(("valid", "test"), 1):
            part = getattr(splits, name)
            scored = example_baselines if part.readings.whole else series_baselines
            found[name] = scored(splits.train, part, preparation.facts, settings)
            advance(done)
    valid, test = splits.valid.truth(), splits.test.truth()
    scores = {}
    for name, score in found["test"].items():
        threshold, _ = threshold_of(found["valid"][name], valid, settings)
        scores[name] = {"test": known_scores(score, score >= threshold, test)}
    return scores


def known_scores(score, flag, truth: DetectionTruth) -> dict[str, float]:
    """Returns what `score_detections` says, without what can't be known, such as the recall where no label is.

    Where there is no true window at all, alarms a day are all that can be said, of each method the same.
    """
    scores = score_detections(score, flag, truth)
    if not len(truth.windows) and not truth.whole:
        scores = {"alarms_per_day": scores["alarms_per_day"]}
    return {name: value for name, value in scores.items() if math.isfinite(value)} or {"alarms_per_day": 0.0}


def series_baselines(train: Part, part: Part, facts: Mapping, settings) -> dict[str, np.ndarray]:
    """Returns the scores of a part's rows by each baseline, name -> `(rows,)`; each series is read from its start."""
    readings = part.readings
    stretches = [train.readings.values[first:end].astype(np.float64) for _, first, end in train.spans.tolist()]
    window = min(facts["window"], MOST_WINDOW)
    detectors = fit_baselines(stretches, season=facts["season"], window=window, seed=settings.seed)
    scores = {name: np.zeros(len(readings.seconds)) for name in detectors}
    for series in np.unique(part.spans[:, 0]).tolist():
        begin, end = readings.starts[series], part.spans[part.spans[:, 0] == series, 2].max()
        values = readings.values[begin:end].astype(np.float64)
        for name, detector in detectors.items():
            scores[name][begin:end] = detector(values)
    return {name: each[part.rows] for name, each in scores.items()}


def example_baselines(train: Part, part: Part, facts: Mapping, settings) -> dict[str, np.ndarray]:
    """Returns the scores of a part's examples by each baseline, name -> `(examples,)`."""
    length = facts["window"]
    return whole_scores(_examples(train, length), _examples(part, length), settings.seed)


def _examples(part, length):
    """Returns `(examples, length, sensors)`; shorter ones end with NaN, longer ones are cut."""
    values = part.readings.values
    made = np.full((len(part.spans), length, values.shape[1]), np.nan)
    for place, (_, first, end) in enumerate(part.spans.tolist()):
        size = min(end - first, length)
        made[place, :size] = values[first : first + size]
    return made
