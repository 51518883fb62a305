"""Filling: what is done about missing values of a panel, never with what comes after a split's end."""

import dataclasses

import numpy as np

from rnnkit.series.panel import Panel


def fill_gaps(panel: Panel, gaps: str, boundaries: tuple[int, ...]) -> Panel:
    """Fills missing values and remembers where.

    Args:
        panel: With the table's own values, or filled before.
        gaps: `fill` takes the last value of the series; `interpolate` a line between the known
            neighbours, if both are on one side of each boundary; others leave all as it is.
            Categories are those of the step before.
        boundaries: Ticks at which splits begin.
    """
    if gaps not in ("fill", "interpolate"):
        return panel
    values = panel.known_values().copy()
    missing = np.isnan(values)
    segments = panel.series().astype(np.int64)
    if gaps == "interpolate":
        segments = segments * (len(boundaries) + 1) + np.searchsorted(boundaries, panel.ticks, side="right")
    fill = _carried if gaps == "fill" else _interpolated
    for column in range(values.shape[1]):
        if missing[:, column].any():
            values[:, column] = fill(values[:, column], segments)
    categories = panel.categories.copy()
    series = panel.series()
    for column in range(categories.shape[1]):
        before = _before(categories[:, column] >= 0)
        usable = (before >= 0) & (series[before] == series)
        categories[:, column] = np.where(usable, categories[before, column], -1)
    return dataclasses.replace(panel, values=values, categories=categories, filled=missing & ~np.isnan(values))


def _before(known):
    """Returns for each step the last known one up to it, -1 where there is none."""
    return np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))


def _carried(values, segments):
    before = _before(~np.isnan(values))
    usable = (before >= 0) & (segments[before] == segments)
    return np.where(usable, values[before], values)


def _interpolated(values, segments):
    known = ~np.isnan(values)
    before = _before(known)
    after = len(known) - 1 - _before(known[::-1])[::-1]
    usable = (before >= 0) & (after < len(known))
    after = np.minimum(after, len(known) - 1)
    usable &= (segments[before] == segments) & (segments[after] == segments)
    share = (np.arange(len(known)) - before) / np.maximum(after - before, 1)
    line = values[before] + share * (values[after].astype(np.float64) - values[before])
    return np.where(known | ~usable, values, line).astype(np.float32)
