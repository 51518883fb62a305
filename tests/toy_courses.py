"""Toy courses: series of a few sensors, their true windows, and answers that find all but the last of them."""

import types

import numpy as np


def made(lengths=(211,), windows=((40, 52), (90, 90), (150, 170)), *, sensors=2, whole=False, ids=None):
    """Returns readings as far as pictures look at them, spans of all rows, and answers with one false alarm.

    Args:
        lengths: Rows of each series.
        windows: First and last row of each; their kinds take turns.
        sensors: How many.
        whole: Each series is an example.
        ids: Of the series.
    """
    random, rows = np.random.default_rng(3), sum(lengths)
    starts = np.cumsum([0, *lengths])
    kinds = np.full(rows, -1, np.int16)
    for number, (first, last) in enumerate(windows):
        kinds[first : last + 1] = number % 2
    spans = np.stack([np.arange(len(lengths)), starts[:-1], starts[1:]], axis=1)
    values = random.normal(size=(rows, sensors)).cumsum(axis=0).astype(np.float32)
    values[random.random(values.shape) < 0.02] = np.nan
    score = random.gamma(1.0, 1.0, rows)
    for first, last in windows[:-1]:
        score[first : last + 1] += 300
    score[-1] += 200
    if whole:
        score = np.maximum.reduceat(score, starts[:-1])
    readings = types.SimpleNamespace(
        name="toy.csv",
        columns=types.SimpleNamespace(time="time", id="", targets=tuple(f"sensor {n}" for n in range(sensors))),
        zone="",
        ids=ids or ("",) * len(lengths),
        starts=starts,
        seconds=np.concatenate([np.arange(length) for length in lengths]) * 300 + 1_300_000_000,
        values=values,
        kinds=kinds,
        kind_names=("spike", "drift"),
        windows=tuple((first, last, number % 2) for number, (first, last) in enumerate(windows)),
        period=300,
        whole=whole,
    )
    answers = {"score": score, "flag": score > 100, "expected": np.nan_to_num(values)}
    return readings, spans, answers


def unlabelled(readings):
    """Takes away what is known of a truth."""
    readings.kinds, readings.kind_names, readings.windows = None, (), ()
