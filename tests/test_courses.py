"""What is drawn of a series: lines keep their peaks, windows are found or missed, alarms are right or false."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_courses import made, unlabelled

from rnnkit.courses import bars, chosen_courses, limits, named, shortened, stretch_of, thinned, ticks, within_reach

PIXELS = 7
NUMBERS = st.floats(-9, 9) | st.just(float("nan"))


@given(st.lists(st.tuples(st.integers(1, 5), NUMBERS), min_size=2 * PIXELS + 1, max_size=80))
def test_a_thinned_line_has_the_lowest_and_highest_value_of_each_column_of_pixels(rows):
    steps, values = np.array(rows).T
    x = np.cumsum(steps)
    points = dict.fromkeys(range(PIXELS), ())
    for where, value in zip(*thinned(x, values, np.inf, PIXELS), strict=True):
        column = min(int((where - x[0]) * (PIXELS / (x[-1] - x[0]))), PIXELS - 1)
        points[column] += (value,)
    columns = np.minimum(((x - x[0]) * (PIXELS / (x[-1] - x[0]))).astype(int), PIXELS - 1)
    for column in range(PIXELS):
        known = values[columns == column][np.isfinite(values[columns == column])]
        assert len(points[column]) == 2 * (columns == column).any()
        assert {value for value in points[column] if np.isfinite(value)} == (
            {known.min(), known.max()} if known.size else set()
        )


def test_a_line_of_few_rows_stays_as_it_is_but_for_gaps():
    x, values = np.array([0.0, 1, 2, 9, 10]), np.array([5.0, np.nan, 7, 8, 9])
    drawn, shown = thinned(x, values, 3, PIXELS)
    assert drawn.tolist() == [0, 1, 2, 9, 9, 10]
    assert shown == pytest.approx([5, np.nan, 7, np.nan, 8, 9], nan_ok=True)


def test_a_thinned_line_is_broken_at_gaps_and_falls_where_the_values_fall():
    x = np.concatenate([np.arange(15.0), np.arange(100.0, 115)])
    drawn, shown = thinned(x, np.concatenate([np.arange(15.0), -np.arange(15.0)]), 3, 5)
    assert drawn.tolist() == [0, 14, 100, 100, 114]
    assert shown == pytest.approx([0, 14, np.nan, 0, -14], nan_ok=True)


def test_windows_are_found_or_missed_and_alarms_that_touch_none_are_false():
    readings, spans, answers = made()
    answers["flag"][53:55] = True
    (course,) = chosen_courses(readings, spans, answers["flag"])
    assert course.windows.tolist() == [[40, 52, 0], [90, 90, 1], [150, 170, 0]]
    assert course.found.tolist() == [True, True, False]
    assert np.flatnonzero(course.hits).tolist() == [*range(40, 55), 90]
    assert np.flatnonzero(course.misfires).tolist() == [210]
    assert course.title == "toy.csv, true windows found: 2 of 3, false alarms: 1"


def test_windows_are_cut_to_what_was_judged():
    readings, _, answers = made()
    spans = np.array([[0, 45, 90], [0, 160, 211]])
    rows = np.concatenate([np.arange(45, 90), np.arange(160, 211)])
    (course,) = chosen_courses(readings, spans, answers["flag"][rows])
    assert course.rows.tolist() == rows.tolist()
    assert course.windows.tolist() == [[0, 7, 0], [45, 55, 0]]
    assert course.found.tolist() == [True, False]


def test_series_with_most_windows_are_drawn_and_then_those_with_most_alarms():
    windows = [
        (first + row, first + row, 0) for first, count in ((30, 1), (60, 3), (120, 2)) for row in range(0, 9, 3)[:count]
    ]
    readings, spans, answers = made((30,) * 6, [(first, last) for first, last, _ in windows], ids=tuple("abcdef"))
    answers["flag"][:] = False
    answers["flag"][[95, 170, 171]] = True
    names = [course.title[0] for course in chosen_courses(readings, spans, answers["flag"])]
    assert names == ["b", "c", "e", "f"]
    unlabelled(readings)
    courses = chosen_courses(readings, spans, answers["flag"])
    assert [course.title for course in courses][-1] == "f, alarms: 1, on 2 of 30 rows"
    assert [course.title[0] for course in courses] == ["a", "b", "d", "f"]


@pytest.mark.parametrize("made_up", [True, False])
def test_stamps_that_tell_nothing_give_way_to_numbers_of_rows(made_up):
    readings, spans, answers = made()
    if made_up:
        readings.columns.time = ""
    else:
        readings.seconds = readings.seconds // 3000
    (course,) = chosen_courses(readings, spans, answers["flag"])
    assert not course.dated
    assert course.x.tolist() == list(range(211))


def test_a_row_of_a_long_series_is_still_seen_and_what_overlaps_is_joined():
    readings, spans, answers = made((30_000,))
    (course,) = chosen_courses(readings, spans, answers["flag"])
    left, right = limits(course)
    (start, width), (other, _) = bars(course, np.array([[90, 90], [29_000, 29_000]]))
    assert width == pytest.approx((right - left) * 3 / 1100)
    assert start + width / 2 == pytest.approx(course.x[90])
    assert len(bars(course, np.array([[90, 90], [92, 92], [200, 240]]))) == 2
    assert bars(course, np.zeros((0, 2), int)) == []


def test_names_of_windows_do_not_overlap_and_need_several_kinds():
    readings, spans, answers = made((2000,), [(row, row + 3) for row in range(20, 1900, 10)])
    (course,) = chosen_courses(readings, spans, answers["flag"])
    names = named(course, readings.kind_names)
    assert len(course.windows) > len(names) > 20
    assert {name.text for name in names} == {"spike", "drift"} and {name.line for name in names} == {0, 1, 2}
    for line in range(3):
        places = np.array([name.middle for name in names if name.line == line])
        assert (np.diff(places) > 0.0048 * 5).all()
        assert 0 <= places.min() and places.max() <= 1
    readings.kind_names = ("anomaly",)
    assert named(course._replace(windows=course.windows * [1, 1, 0]), readings.kind_names) == []


@pytest.mark.parametrize(
    ("scores", "stretch"),
    [([0.0, 0.0], None), ([4.0, 4.0, 4.0], None), ([1.0, 2.0, 29.0], None), ([0.0, 1.0, 2.0, 3.0, 700.0], 2.5)],
)
def test_an_axis_is_stretched_where_scores_span_decades(scores, stretch):
    assert stretch_of(np.array(scores)) == stretch


def test_ticks_are_powers_of_ten_and_few():
    assert ticks(np.array([3000.0]), 2.5).tolist() == [-1000, -100, -10, 0, 10, 100, 1000]
    assert len(ticks(np.array([1e300]), 1e-300)) <= 17


def test_a_threshold_far_above_all_scores_is_not_drawn():
    scores = np.array([1.0, 2.0, 3.0])
    assert [within_reach(line, scores) for line in (2.5, 30, 31, np.inf, np.nan)] == [True, True, False, False, False]
    assert within_reach(0.5, np.zeros(3))


def test_long_names_are_cut():
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcde…"
