"""Affiliation: flagged and strange rows -> how near alarms are to true windows, against alarms put at random.

Huet, Navarro & Rossi (2022), https://arxiv.org/abs/2206.13167.
"""

import math

import numpy as np

from rnnkit.metrics.detection_events import alarm_runs


def affiliation_scores(flag, strange, bounds) -> tuple[float, float]:
    """Returns the precision and recall of alarms by their distance from the true windows next to them.

    Row `i` is the time from `i` to `i + 1`, as in the authors' program. Each window has a zone that reaches halfway to
    its neighbours or to the ends of the span. Precision is the chance that a place drawn at random from the zone is at
    least as far from the window as an alarm is, mean over the alarms' time in the zone; recall, that it is at least as
    far from a place in the window as the nearest alarm of the zone is, mean over the window's time. Both are then means
    over the windows: precision over those with an alarm in their zone, and unlike there 0, not NaN, where none has one;
    recall over all, 0 for one without.

    Args:
        flag: `(rows,)` bool.
        strange: `(rows,)` bool; windows are its runs, so that those that touch one another are one.
        bounds: `(spans + 1,)`, row each span begins at, and the end. A span without a window counts nowhere.

    Returns:
        From 0 to 1; NaN where no row is strange.
    """
    windows, alarms = (alarm_runs(rows, bounds) + [0, 1] for rows in (strange, flag))
    if not len(windows):
        return math.nan, math.nan
    precisions, recalls = [], []
    for window, zone in zip(windows, _zones(windows, np.asarray(bounds)), strict=True):
        some = slice(np.searchsorted(alarms[:, 1], zone[0], "right"), np.searchsorted(alarms[:, 0], zone[1], "left"))
        near = np.clip(alarms[some], *zone)
        if len(near):
            precisions.append(_precision(near, window, zone))
        recalls.append(_recall(near, window, zone) if len(near) else 0.0)
    return float(np.mean(precisions)) if precisions else 0.0, float(np.mean(recalls))


def _zones(windows, bounds):
    span = np.searchsorted(bounds, windows[:, 0], "right") - 1
    zones = np.stack([bounds[span], bounds[span + 1]], axis=1).astype(np.float64)
    halfway = (windows[:-1, 1] + windows[1:, 0]) / 2
    beside = span[:-1] == span[1:]
    zones[:-1, 1][beside] = zones[1:, 0][beside] = halfway[beside]
    return zones


def _precision(alarms, window, zone):
    (first, end), (low, high) = window, zone

    def worth(distance):
        # The integral from 0 of 1 - (window + the zone's rows nearer than that on its left, on its right) / zone.
        nearer = _capped(distance, first - low) + _capped(distance, high - end)
        return distance - ((end - first) * distance + nearer) / (high - low)

    left, right = first - np.minimum(alarms, first), np.maximum(alarms, end) - end
    within = np.clip(alarms, first, end)
    total = np.diff(worth(right)) - np.diff(worth(left)) + np.diff(within)
    return total.sum() / np.diff(alarms).sum()


def _capped(distance, most):
    """The integral of `min(distance, most)` from 0."""
    return np.minimum(distance, most) ** 2 / 2 + most * np.maximum(distance - most, 0.0)


def _recall(alarms, window, zone):
    (first, end), (low, high), (starts, ends) = window, zone, alarms.T
    halfway = (ends[:-1] + starts[1:]) / 2
    outer = [(low + starts[0]) / 2, (ends[-1] + high) / 2]
    # Between these the chance is linear, so that the trapezoids are exact.
    place = np.unique(np.clip(np.concatenate([window, starts, ends, halfway, outer]), first, end))
    begun = np.searchsorted(starts, place, "right")
    since, until = place - np.append(-np.inf, ends)[begun], np.append(starts, np.inf)[begun] - place
    distance = np.maximum(np.minimum(since, until), 0.0)
    chance = 1 - (np.minimum(distance, place - low) + np.minimum(distance, high - place)) / (high - low)
    return ((chance[1:] + chance[:-1]) / 2 * np.diff(place)).sum() / (end - first)
