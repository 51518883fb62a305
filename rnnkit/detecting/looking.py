"""Looking: a trained detector -> how its series are read, what it finds of each kind, and pictures."""

import pathlib
from collections.abc import Mapping

import numpy as np

from rnnkit.detecting.core import taken_apart
from rnnkit.detecting.reading import detection_facts
from rnnkit.detection_pictures import write_detection_report
from rnnkit.metrics.detections import recall_by_kind
from rnnkit.recipe import Reported


def details_of(told: Reported) -> dict:
    """Returns what goes into the card: `readings`, `threshold`, and `recall_by_kind` of test where kinds are named."""
    found = {
        "readings": detection_facts(told.splits.train.readings, told.settings),
        "threshold": threshold_of_core(told.core),
        "period": told.preparation.facts["period"],
    }
    if not len(told.truth["test"].windows):
        known = "there is no true window" if told.truth["test"].labelled else "nothing is known of true windows"
        found["findings"] = [f"{known} in test: what is found can't be scored, and no method is better than another."]
        found["compared"] = False
    kinds = _recall(told)
    if kinds:
        found["recall_by_kind"] = {kind: share for kind, (share, _) in kinds.items()}
        listed = ", ".join(f"{kind} {share:.0%} of {count}" for kind, (share, count) in kinds.items())
        found["findings"] = [f"windows of test found: {listed}."]
    return found


def threshold_of_core(core) -> float:
    """Returns the score from which on a row is an alarm."""
    return float(taken_apart(core).watch.threshold.numpy()[0])


def _recall(told) -> dict[str, tuple[float, int]]:
    """Returns the share of the windows of each kind that test's alarms touch, and their number."""
    truth = told.truth["test"]
    if not truth.labelled or truth.whole or len(truth.kind_names) < 2:
        return {}
    shares = recall_by_kind(told.answers["test"]["flag"], truth)
    kinds = truth.kinds[truth.windows[:, 0]]
    counts = {name: int(np.count_nonzero(kinds == place)) for place, name in enumerate(truth.kind_names)}
    return {name: (shares[name], counts[name]) for name in shares if counts.get(name)}


def draw_reports(told: Reported, card: Mapping, folder: pathlib.Path) -> None:
    """Draws into report/ the series of test with what was found, and how scores are spread."""
    part, answers = told.splits.test, dict(told.answers["test"])
    if part.readings.whole:
        # Of an example there is one answer, to its last row.
        del answers["expected"]
    write_detection_report(
        folder,
        part.readings,
        part.spans,
        answers,
        card["threshold"],
        kind_recall=_recall(told) or None,
        name=card["recipe"],
    )
