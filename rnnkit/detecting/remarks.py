"""Remarks: readings as they came -> one line each on order, gaps, missing values, dead sensors and strange rows."""

import re

import numpy as np

from rnnkit.detecting.moments import moment_text
from rnnkit.detecting.parts import Part
from rnnkit.detecting.readings import Readings
from rnnkit.messages import few_of
from rnnkit.series.frequency import duration
from rnnkit.series.rows import Rows

GAP = 1.5
"""Usual steps past which a step is a gap, and by which a period may differ from the one trained with."""
LIKE_LABELS = re.compile(r"anomal|label|outlier|attack|novel", re.IGNORECASE)


def usual_step(readings: Readings) -> int:
    """Returns the usual seconds between two rows of a series: the median; 1 where no row comes after another."""
    steps, _ = readings.steps()
    steps = steps[steps > 0]
    return max(int(np.median(steps)), 1) if len(steps) else 1


def on_order(rows: Rows) -> list[str]:
    """Tells where time went backwards in the file."""
    own = np.argsort(rows.series, kind="stable")
    back = (np.diff(rows.seconds[own]) < 0) & (np.diff(rows.series[own]) == 0)
    if not back.any():
        return []
    place = rows.places[own][1:][back].min()
    count = np.count_nonzero(back)
    times = "once" if count == 1 else f"{count:,} times"
    return [f"{rows.name}: time went backwards {times}, first at {rows.unit} {place}; the rows are sorted by time."]


def on_rows(readings: Readings, facts: dict | None = None) -> list[str]:
    """Tells of rows of one moment, gaps, missing values, and of what differs from a model's own data.

    Args:
        readings: In order.
        facts: The model's; see `detection_facts`.
    """
    name, period, notes = readings.name, readings.period, []
    steps, _ = readings.steps()
    if again := np.count_nonzero(steps == 0):
        notes.append(f"{name}: {again:,} rows have the moment of the row before them, to the second; all are kept.")
    if gaps := np.count_nonzero(steps > GAP * period):
        usual, longest = duration(period), duration(int(steps.max()))
        notes.append(f"{name}: {gaps:,} steps are longer than {GAP} times the usual {usual}; the longest is {longest}.")
    missing = np.isnan(readings.values)
    if count := np.count_nonzero(missing):
        worst = int(missing.sum(axis=0).argmax())
        most = f", most of {readings.sensors[worst]!r}" if len(readings.sensors) > 1 else ""
        notes.append(f"{name}: {count:,} of {missing.size:,} values are missing ({count / missing.size:.2%}){most}.")
    if facts:
        notes += _on_others(readings, facts)
    return notes


def _on_others(readings, facts):
    notes, own, theirs = [], usual_step(readings), facts["period"]
    if (readings.steps()[0] > 0).any() and not theirs / GAP <= own <= theirs * GAP:
        notes.append(
            f"{readings.name}: its rows are usually {duration(own)} apart, those of the model's data "
            f"{duration(theirs)}."
        )
    if readings.zone != facts["zone"]:
        ours, theirs = (zone or "no zone" for zone in (readings.zone, facts["zone"]))
        notes.append(f"{readings.name}: its stamps have {ours}, those of the model's data {theirs}; clocks may differ.")
    return notes


def on_sensors_like_labels(readings: Readings) -> list[str]:
    """Tells of sensors that may be labels, by their names and as they are 0 and 1 only."""
    found = []
    for place, name in enumerate(readings.sensors):
        values = readings.values[:, place]
        if LIKE_LABELS.search(name) and np.isin(values[~np.isnan(values)], (0, 1)).all():
            found.append(name)
    if not found:
        return []
    return [
        f"{readings.name}: {few_of(found)} holds 0 and 1 only and is watched as a sensor. If it tells where "
        f"anomalies are: --label {found[0]}"
    ]


def on_sensors(train: Part) -> list[str]:
    """Tells which sensors have no value, or never change, in the train part, and which series have no row there."""
    readings, rows = train.readings, train.rows
    of_row = np.repeat(train.spans[:, 0], train.lengths)
    series, first = np.unique(of_row, return_index=True)
    least, most = (reduce.reduceat(readings.values[rows], first, axis=0) for reduce in (np.fmin, np.fmax))
    notes, empty = [], np.isnan(least)
    if alike := _named(readings, series, least == most):
        notes.append(f"{readings.name}: {few_of(alike)} never changes in train, and can't be judged until it does.")
    if nothing := _named(readings, series, empty):
        notes.append(f"{readings.name}: {few_of(nothing)} has no value in train, and can't be judged until it has.")
    if absent := [id for place, id in enumerate(readings.ids) if place not in set(series.tolist())]:
        notes.append(f"{readings.name}: {few_of(absent)} has no row in train.")
    return notes


def _named(readings, series, marked):
    """Returns names of marked sensors, `(series, sensors)` bool, with that of the series where there are several."""
    names = []
    for row, column in np.argwhere(marked).tolist():
        id, sensor = readings.ids[series[row]], readings.sensors[column]
        if readings.ids == ("",):
            names.append(sensor)
        else:
            names.append(f"{id} {sensor}" if len(readings.sensors) > 1 else id)
    return names


def on_overlap(train: Part, other: Part) -> list[str]:
    """Tells that a file of its own begins before train ends."""
    if train.readings.whole:
        return []
    first = int(other.readings.seconds.min())
    if first > int(train.readings.seconds[train.rows].max()):
        return []
    begins = moment_text(first, other.readings.zone)
    return [f"{other.readings.name}: begins at {begins}, before train ends; scores on it may flatter."]
