"""Toy detections: truths of a few rows, drawn or given by their windows, flags, and alarms found by a loop."""

import numpy as np

from rnnkit.detecting.truth import DetectionTruth

KINDS = ("spike", "drift", "stuck")


def flags(rows, *places):
    """`(rows,)` bool, True at the places."""
    return np.isin(np.arange(rows), places)


def truth_of(rows, *windows, kinds=None, bounds=None, step=60, labelled=True, whole=False):
    """The truth of rows `step` seconds apart, with windows of `(first, last)`, all of the first kind by default."""
    of = np.full(rows, -1, np.int16)
    for (first, last), kind in zip(windows, kinds or [0] * len(windows), strict=True):
        of[first : last + 1] = kind
    return DetectionTruth(
        strange=of >= 0,
        kinds=of,
        kind_names=KINDS,
        bounds=np.array([0, rows] if bounds is None else bounds, np.int64),
        seconds=np.arange(rows, dtype=np.int64) * step,
        windows=np.array(windows, np.int64).reshape(-1, 2),
        labelled=labelled,
        whole=whole,
    )


def drawn(seed):
    """Scores with ties, flags, and the truth of up to three spans, some of them empty, with windows or none."""
    random = np.random.default_rng(seed)
    rows = int(random.integers(8, 41))
    bounds = [0, *sorted(random.integers(0, rows + 1, random.integers(0, 3)).tolist()), rows]
    windows = []
    for begin, end in zip(bounds, bounds[1:], strict=False):
        first = begin + int(random.integers(0, 12))
        while first < end:
            last = min(first + int(random.integers(0, 7)), end - 1)
            windows.append((first, last))
            first = last + 2 + int(random.integers(0, 12))
    if random.random() < 0.1:
        windows = []
    kinds = random.integers(0, len(KINDS), len(windows)).tolist()
    score = random.integers(0, 12, rows) / 4
    flag = random.random(rows) < random.choice([0.0, 0.1, 0.3, 0.7])
    return score, flag, truth_of(rows, *windows, kinds=kinds, bounds=bounds)


def looped_alarms(flag, bounds):
    """The rows of each run of True, a list of lists; a run ends where its span does."""
    alarms = []
    for begin, end in zip(bounds, bounds[1:], strict=False):
        for row in range(begin, end):
            if flag[row]:
                if row == begin or not flag[row - 1]:
                    alarms.append([])
                alarms[-1].append(row)
    return alarms
