"""Affiliation against the example of its authors, and against its definition on a fine grid."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_detections import drawn, flags, looped_alarms

from rnnkit.metrics.affiliation import affiliation_scores

NAN = math.nan


def test_affiliation_of_the_example_of_the_authors():
    strange, flag = flags(10, 3, 7, 8, 9), flags(10, 4, 8)
    # Zones 0 to 5.5 and 5.5 to 10. The alarm 4 to 5 is 0 to 1 from window 3 to 4: 1 - (1 + 2 * 0.5) / 5.5 on average.
    precision = (1 - 2 / 5.5 + 1) / 2
    # The last row's distance is 0 to 1, and to the right of it at most 1 to 0: 0.5 and 0.25 on average.
    recall = (1 - 2 * 0.5 / 5.5 + (1 - 2 * 0.5 / 4.5 + 1 + 1 - (0.5 + 0.25) / 4.5) / 3) / 2
    assert affiliation_scores(flag, strange, [0, 10]) == pytest.approx((precision, recall))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_affiliation_is_the_chance_of_being_as_far_on_a_fine_grid(seed):
    _, flag, truth = drawn(seed)
    fine = 32

    def cells(first, end):
        return first + (np.arange(round((end - first) * fine)) + 0.5) / fine

    precisions, recalls = [], []
    for begin, end in zip(truth.bounds, truth.bounds[1:], strict=False):
        events = [(rows[0], rows[-1] + 1) for rows in looped_alarms(truth.strange, [begin, end])]
        alarmed = [cells(row, row + 1) for row in range(begin, end) if flag[row]]
        alarmed = np.concatenate([*alarmed, np.zeros(0)])
        edges = [begin, *((one[1] + other[0]) / 2 for one, other in zip(events, events[1:], strict=False)), end]
        for (first, last), low, high in zip(events, edges, edges[1:], strict=False):
            zone, inside = cells(low, high), cells(first, last)
            near = alarmed[(alarmed > low) & (alarmed < high)]
            recalls.append(0.0)
            if not near.size:
                continue

            def away(x, first=first, last=last):
                return np.maximum(0, np.maximum(first - x, x - last))

            precisions.append(np.mean(away(zone) >= away(near)[:, None]))
            nearest = np.abs(inside[:, None] - near).min(axis=1)
            recalls[-1] = np.mean(np.abs(inside[:, None] - zone) >= nearest[:, None])
    expected = (np.mean(precisions) if precisions else 0.0, np.mean(recalls)) if recalls else (NAN, NAN)
    found = affiliation_scores(flag, truth.strange, truth.bounds)
    assert found == pytest.approx(expected, abs=0.05, nan_ok=True)


def test_affiliation_falls_with_the_distance_from_the_window():
    strange = flags(30, 14, 15)
    scores = [affiliation_scores(flags(30, row), strange, [0, 30]) for row in range(15, 30)]
    for values in zip(*scores, strict=True):
        assert all(nearer > farther for nearer, farther in zip(values, values[1:], strict=False))
    assert scores[0][0] == 1.0 and scores[-1][0] < 0.05


def test_affiliation_of_flags_that_are_the_truth_is_1_and_spans_are_apart():
    strange = flags(20, 3, 4, 9, 15)
    assert affiliation_scores(strange, strange, [0, 12, 12, 20]) == (1.0, 1.0)
    # The alarm at 11 is in the first span, and says nothing of the window in the second.
    assert affiliation_scores(flags(20, 11), flags(20, 13), [0, 12, 20]) == (0.0, 0.0)
