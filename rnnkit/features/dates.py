"""Dates: days since 1970 <-> year, month and day of the Gregorian calendar, in the graph."""

from collections.abc import Sequence

import tensorflow as tf

DAY = 86_400


def days_from_date(year, month, day):
    """Returns days since 1970-01-01 of dates, int64 tensors of one shape; a month may be past 12 or below 1.

    Howard Hinnant, http://howardhinnant.github.io/date_algorithms.html, days_from_civil.
    """
    months = 12 * year + month - 3
    year, month = months // 12, months % 12
    era, of_era = year // 400, year % 400
    of_year = (153 * month + 2) // 5 + day - 1
    return era * 146_097 + 365 * of_era + of_era // 4 - of_era // 100 + of_year - 719_468


def date_from_days(days):
    """Returns year, month and day of days since 1970-01-01; the inverse of `days_from_date`."""
    days += 719_468
    era, of_era = days // 146_097, days % 146_097
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    early = tf.cast(month >= 10, tf.int64)
    return 400 * era + year + early, month + 3 - 12 * early, day


def count_up_to(edges: Sequence[int], values):
    """Returns how many of the edges, which ascend, are at or below each value, `(…)` int64 -> `(…)` int32."""
    # tf.searchsorted fails in a graph where there are no values.
    found = tf.raw_ops.UpperBound(
        sorted_inputs=tf.constant([edges], tf.int64), values=tf.reshape(values, [1, -1]), out_type=tf.int32
    )
    return tf.reshape(found, tf.shape(values))
