"""Ticks: the grid of a `series.Frequency` in the graph, seconds <-> ticks."""

from collections.abc import Mapping

import tensorflow as tf

from rnnkit.features.dates import DAY, date_from_days, days_from_date


def ticks_of(frequency: Mapping, seconds):
    """Returns the tick of seconds since 1970, `(…)` int64 both, as `Frequency.ticks` does.

    Args:
        frequency: `kind`, `count` and `anchor`, as `Frequency.as_dict` gives them.
        seconds: Stamps.
    """
    kind, count, anchor = frequency["kind"], frequency["count"], frequency["anchor"]
    if kind == "seconds":
        return (2 * (seconds - anchor) + count) // (2 * count)
    if kind == "months":
        year, month, _ = date_from_days(seconds // DAY)
        return (12 * year + month - 1) // count
    day = seconds // DAY + 3
    return 5 * (day // 7) + tf.minimum(day % 7, 4)


def seconds_of(frequency: Mapping, ticks):
    """Returns the stamp of ticks, `(…)` int64 both, as `Frequency.seconds` does."""
    kind, count, anchor = frequency["kind"], frequency["count"], frequency["anchor"]
    if kind == "seconds":
        return ticks * count + anchor
    if kind == "months":
        months = (ticks + (anchor < 0)) * count
        return DAY * days_from_date(months // 12, months % 12 + 1, tf.ones_like(months)) + anchor
    return DAY * (7 * (ticks // 5) + ticks % 5 - 3) + anchor
