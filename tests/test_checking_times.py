"""Times: which columns hold them, how they are written, and where they depart from their usual step."""

import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.checking.steps import duration, step_findings, usual_step
from rnnkit.checking.times import EPOCH, MICROSECOND, TimeColumn

HOUR = 3_600_000_000
START = datetime.datetime(2024, 1, 1)


def column_of(texts, name="when", chunk=7):
    column = TimeColumn(name, "line")
    for start in range(0, len(texts), chunk):
        column.take(texts[start : start + chunk], list(range(start + 2, start + 2 + len(texts[start : start + chunk]))))
    return column


def kinds(column):
    return {finding.kind for finding in column.findings()}


def every(step, count, start=START):
    return [start + step * place for place in range(count)]


@pytest.mark.parametrize(
    ("way", "write"),
    [
        ("ISO 8601", "%Y-%m-%d %H:%M:%S"),
        ("ISO 8601", "%Y-%m-%dT%H:%M:%SZ"),
        ("ISO 8601", "%Y%m%dT%H%M%S"),
        ("year/month/day", "%Y/%m/%d %H:%M"),
        ("day/month/year", "%d.%m.%Y %H:%M"),
        ("month/day/year", "%m/%d/%y %I:%M %p"),
        ("month by name", "%d %b %Y %H:%M:%S +0000"),
    ],
)
def test_each_way_of_writing_is_read_to_the_same_times(way, write):
    moments = every(datetime.timedelta(hours=11), 60)
    column = column_of([moment.strftime(write) for moment in moments])
    assert column.way == way and not column.unread.count
    assert column.times.tolist() == [(moment - EPOCH) // MICROSECOND for moment in moments]
    assert kinds(column) == {"time_step"} and "11 hours" in column.findings()[0].message


def test_whole_numbers_are_unix_times_only_where_the_name_says_so():
    texts = [str(1_700_000_000 + 60 * place) for place in range(20)]
    assert column_of(texts, "stamp").way == "Unix time" and column_of(texts, "views").way is None
    assert np.diff(column_of([f"{text}000" for text in texts], "timestamp").times).tolist() == [60_000_000] * 19


@pytest.mark.parametrize(
    "texts",
    [
        ["dull", "fine", "cold", "warm", "rude"] * 3,
        [str(place) for place in range(30)],
        [f"{place}.5" for place in range(30)],
        [f"1.{place}.3" for place in range(30)],
        ["2024-13-45"] * 9,
        ["in 2024-01-01 it rained"] * 9,
        [""] * 9,
        ["2024-01-01"] * 3,
    ],
)
def test_other_columns_hold_no_times(texts):
    column = column_of(texts)
    assert column.findings() == [] and column.way is None


def test_dates_that_fit_two_orders_are_told():
    both = column_of([f"{day:02}/03/2024" for day in range(1, 12)])
    assert "times_ambiguous" in kinds(both)
    assert "times_ambiguous" not in kinds(column_of([f"{day:02}/03/2024" for day in range(1, 20)], chunk=30))
    # What comes later decides as well.
    assert "times_ambiguous" not in kinds(column_of([f"{day:02}/03/2024" for day in range(1, 20)], chunk=7))


def test_cells_that_are_no_times_are_named_by_their_places():
    texts = [moment.isoformat() for moment in every(datetime.timedelta(days=1), 30)]
    texts[4], texts[20] = "tomorrow", "?"
    (finding,) = [finding for finding in column_of(texts).findings() if finding.kind == "times_unread"]
    assert finding.places == (6, 22) and "2 cells" in finding.message


def test_times_without_a_zone_among_others_are_a_warning_and_two_offsets_a_note():
    texts = [f"{moment.isoformat()}+01:00" for moment in every(datetime.timedelta(hours=1), 12)]
    bare = [*texts[:6], *(text.removesuffix("+01:00") for text in texts[6:])]
    assert "time_zones_mixed" in kinds(column_of(bare))
    # Summer time begins: the clock jumps, the time does not.
    summer = [
        (datetime.datetime(2024, 3, 30, 22, tzinfo=datetime.UTC) + datetime.timedelta(hours=place)).astimezone(
            datetime.timezone(datetime.timedelta(hours=1 if place < 3 else 2))
        )
        for place in range(9)
    ]
    findings = column_of([moment.isoformat() for moment in summer]).findings()
    assert {finding.kind: finding.severity for finding in findings} == {"time_zones": "note", "time_step": "note"}
    assert "+01:00, +02:00" in findings[0].message


@pytest.mark.parametrize(
    ("moments", "called"),
    [
        ([datetime.datetime(2020 + month // 12, month % 12 + 1, 1) for month in range(30)], "a month"),
        ([datetime.datetime(2000 + year, 1, 1) for year in range(12)], "a year"),
        (
            [day for day in every(datetime.timedelta(days=1), 60) if day.weekday() < 5],
            "a day, Monday to Friday",
        ),
    ],
)
def test_steps_that_the_calendar_makes_uneven_are_regular(moments, called):
    (finding,) = column_of([moment.date().isoformat() for moment in moments]).findings()
    assert finding.kind == "time_step" and called in finding.message


def test_latest_first_is_said_once():
    texts = [moment.isoformat() for moment in every(datetime.timedelta(hours=1), 40)][::-1]
    assert kinds(column_of(texts)) == {"times_falling", "time_step"}


def test_a_column_that_is_not_read_gets_remarks_alone():
    texts = [moment.isoformat() for moment in every(datetime.timedelta(hours=1), 40)]
    del texts[10:15]
    column = column_of(texts)
    assert {finding.severity for finding in column.findings(read=False)} == {"note"}
    assert "warning" in {finding.severity for finding in column.findings()}


def test_durations_are_said_in_their_largest_unit():
    assert [duration(count) for count in (HOUR, 90 * HOUR, HOUR // 4, HOUR // 40, 5_000)] == [
        "1 hour",
        "3.75 days",
        "15 minutes",
        "1.5 minutes",
        "0.005 seconds",
    ]


@given(st.lists(st.integers(0, 30), min_size=5, max_size=60))
@settings(max_examples=200, deadline=None)
def test_step_findings_agree_with_a_plain_count(hours):
    times = np.array(hours, np.int64) * HOUR
    places = list(range(2, 2 + len(hours)))
    found = {finding.kind: finding for finding in step_findings(times, places, name="t", unit="line")}
    again, back, seen = [], [], set()
    for place, hour in zip(places, hours, strict=True):
        if hour in seen:
            again.append(place)
        seen.add(hour)
    for place in range(1, len(hours)):
        if hours[place] < hours[place - 1]:
            back.append(places[place])
    falling = bool(back) and all(a >= b for a, b in zip(hours, hours[1:], strict=False))
    assert ("times_again" in found) == bool(again)
    if again:
        assert found["times_again"].places == tuple(again[:3])
    assert ("times_falling" in found) == falling
    assert ("times_back" in found) == (bool(back) and not falling)
    if "times_back" in found:
        assert found["times_back"].places == tuple(back[:3]) and f"{len(back):,} time" in found["times_back"].message


@given(st.lists(st.integers(1, 6), min_size=5, max_size=60))
@settings(max_examples=200, deadline=None)
def test_gaps_and_short_steps_agree_with_a_plain_count(steps):
    times = np.cumsum([0, *steps]).astype(np.int64) * HOUR
    counts = {step: steps.count(step) for step in steps}
    usual = min(step for step in counts if counts[step] == max(counts.values()))
    assert usual_step(times) == usual * HOUR
    found = {finding.kind: finding for finding in step_findings(times, list(range(len(times))), name="t", unit="row")}
    if 2 * counts[usual] < len(steps):
        assert set(found) == {"times_irregular"}
        return
    gaps = [place + 1 for place, step in enumerate(steps) if step > usual]
    short = [place + 1 for place, step in enumerate(steps) if step < usual]
    assert found.keys() == {"time_step"} | ({"time_gaps"} if gaps else set()) | (
        {"times_irregular"} if short else set()
    )
    if gaps:
        assert found["time_gaps"].places == tuple(gaps[:3])
    if short:
        assert found["times_irregular"].places == tuple(short[:3])
