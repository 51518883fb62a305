"""Usual: the mean of the last values at the same place of the season -> what a row is to be compared with."""

import numpy as np
import tensorflow as tf

MOST = 7
"""Seasons past which earlier ones fade: a value counts a seventh."""


def usual_at(table, counts, place):
    """Returns what is usual at a place of the season.

    Args:
        table: `(batch, season, sensors)`, means so far.
        counts: The same shape: values that each mean is of, up to `MOST`.
        place: `(batch,)` int32.

    Returns:
        Values and counts, `(batch, sensors)` each; both 0 where nothing was seen.
    """
    here = tf.one_hot(place, table.shape[1])[:, :, None]
    return tf.reduce_sum(here * table, 1), tf.reduce_sum(here * counts, 1)


def usual_after(table, counts, place, values, known):
    """Returns table and counts after a row's values; as `usual_at`. Unknown ones change nothing."""
    here = tf.one_hot(place, table.shape[1])[:, :, None] * known[:, None]
    counts = tf.minimum(counts + here, float(MOST))
    return table + here * (values[:, None] - table) / tf.maximum(counts, 1.0), counts


def usual_of_rows(places: np.ndarray, values: np.ndarray, known: np.ndarray, season: int):
    """Does for all rows of a series at once what `usual_at` does row by row.

    Args:
        places: `(rows,)` of each row in the season.
        values, known: `(rows, sensors)`.
        season: How many places there are.

    Returns:
        What was usual before each row, and its count, `(rows, sensors)` float32 each.
    """
    found, counts = (np.zeros(values.shape, np.float32) for _ in range(2))
    table, seen = (np.zeros((season, values.shape[1]), np.float32) for _ in range(2))
    # Rows that are the first, the second … at their place: no two of one number share a place.
    order = np.argsort(places, kind="stable")
    begins = np.searchsorted(places[order], np.arange(season))
    number = np.empty(len(places), np.int64)
    number[order] = np.arange(len(places)) - begins[places[order]]
    sorted_rows = np.argsort(number, kind="stable")
    edges = np.searchsorted(number[sorted_rows], np.arange(number.max(initial=-1) + 2))
    for begin, end in zip(edges[:-1], edges[1:], strict=True):
        rows = sorted_rows[begin:end]
        here = places[rows]
        found[rows], counts[rows] = table[here], seen[here]
        seen[here] = np.minimum(seen[here] + known[rows], MOST)
        table[here] += known[rows] * (values[rows] - table[here]) / np.maximum(seen[here], 1)
    return found, counts
