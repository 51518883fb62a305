"""Frequency: stamps and ticks are each other's inverse on the grid, and the grid is found or refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnkit.series import Frequency, infer_frequency, parse_frequency
from rnnkit.series.frequency import anchored

DAY = 86_400
CENTURY = 3_000_000_000
GRIDS = st.one_of(
    st.builds(Frequency, st.just("seconds"), st.integers(1, 40 * DAY), st.integers(-DAY, DAY)),
    st.builds(Frequency, st.just("months"), st.sampled_from([1, 2, 3, 6, 12]), st.integers(0, 27 * DAY)),
    st.builds(Frequency, st.just("months"), st.sampled_from([1, 3, 12]), st.integers(-27 * DAY, -1)),
    st.builds(Frequency, st.just("business_days"), st.just(1), st.integers(0, DAY - 1)),
)


def seconds(*texts):
    return pd.DatetimeIndex(texts).to_numpy("datetime64[s]").astype(np.int64)


def every(start, periods, freq):
    return pd.date_range(start, periods=periods, freq=freq).to_numpy("datetime64[s]").astype(np.int64)


@given(GRIDS, st.integers(-CENTURY, CENTURY))
def test_ticks_and_stamps_are_inverse_on_the_grid(frequency, moment):
    tick = frequency.ticks(np.array([moment]))
    around = tick + np.arange(-3, 4)
    stamps = frequency.seconds(around)
    assert (frequency.ticks(stamps) == around).all()
    assert (np.diff(stamps) > 0).all()
    assert Frequency.from_dict(frequency.as_dict()) == frequency


@given(st.integers(1, 10 * DAY), st.integers(0, DAY), st.integers(-CENTURY, CENTURY))
def test_the_tick_of_an_even_grid_is_the_nearest(count, anchor, moment):
    frequency = Frequency("seconds", count, anchor)
    distance = abs(int(frequency.seconds(frequency.ticks(np.array([moment])))[0]) - moment)
    assert 2 * distance <= count


@pytest.mark.parametrize(
    ("text", "kind", "count"),
    [("1h", "seconds", 3600), ("15min", "seconds", 900), ("d", "seconds", DAY), ("2W", "seconds", 14 * DAY)]
    + [("1mo", "months", 1), ("q", "months", 3), ("1y", "months", 12), ("1bd", "business_days", 1)],
)
def test_a_frequency_is_read_and_written(text, kind, count):
    frequency = parse_frequency(text)
    assert (frequency.kind, frequency.count) == (kind, count)
    assert parse_frequency(frequency.text) == frequency


@pytest.mark.parametrize("text", ["", "hourly", "0h", "1.5h", "2bd", "h1"])
def test_what_is_no_frequency_is_refused_with_examples(text):
    with pytest.raises(ValueError, match=rf"frequency must be a whole number and a unit, .*1h.* Got '{text}'\."):
        parse_frequency(text)


@pytest.mark.parametrize(
    ("stamps", "text", "season"),
    [
        (every("2024-01-01 00:07", 50, "h"), "1h", 24),
        (every("2024-01-01", 50, "15min"), "15min", 96),
        (every("2024-01-01", 50, "D"), "1d", 7),
        (every("2024-01-03", 50, "7D"), "1w", 52),
        (every("2024-01-01", 30, "MS"), "1mo", 12),
        (every("2024-01-31", 30, "ME"), "1mo", 12),
        (every("2024-02-15", 30, "QS-FEB"), "1q", 4),
        (every("2024-03-31", 30, "QE"), "1q", 4),
        (every("1990-01-01", 30, "YS"), "1y", 1),
        (every("2024-01-01", 30, "B"), "1bd", 5),
        (every("2024-01-01", 300, "10s"), "10s", 8640),
    ],
)
def test_the_grid_of_a_regular_series_is_found(stamps, text, season):
    frequency = infer_frequency(stamps)
    assert (frequency.text, frequency.season) == (text, season)
    # Quarters that begin in February are of unlike lengths.
    off = np.abs(frequency.seconds(frequency.ticks(stamps)) - stamps)
    assert off.max() <= (2 * DAY if text == "1q" else 0)
    assert (np.diff(frequency.ticks(stamps)) == 1).all()


def test_the_grid_is_found_though_rows_are_missing():
    stamps = every("2024-01-01", 400, "h")[np.random.default_rng(5).random(400) < 0.7]
    assert infer_frequency(stamps).text == "1h"
    days = every("2024-01-01", 300, "B")
    assert infer_frequency(np.delete(days, [7, 30, 31, 90])).text == "1bd"


def test_stamps_that_tremble_lie_on_a_round_grid():
    stamps = every("2024-01-01", 200, "h") + np.random.default_rng(7).integers(-40, 41, 200)
    frequency = infer_frequency(stamps)
    assert frequency.text == "1h" and (np.diff(frequency.ticks(stamps)) == 1).all()


def test_stamps_on_no_grid_are_refused_with_what_to_type():
    stamps = np.cumsum(np.random.default_rng(3).integers(1, 100_000, 60))
    with pytest.raises(ValueError, match=r"frequency can't be inferred from column 'ds'.*--frequency 1h"):
        infer_frequency(stamps, "ds")
    with pytest.raises(ValueError, match=r"one stamp for each series only.*--frequency 1h"):
        infer_frequency(seconds("2024-01-01"), "ds")


def test_saturdays_and_sundays_count_as_friday():
    friday, saturday, sunday, monday = seconds("2024-03-01", "2024-03-02", "2024-03-03", "2024-03-04")
    ticks = parse_frequency("1bd").ticks(np.array([friday, saturday, sunday, monday]))
    assert (ticks - ticks[0]).tolist() == [0, 0, 0, 1]


def test_the_last_day_of_a_month_is_an_anchor():
    frequency = anchored(parse_frequency("1mo"), every("2023-01-31", 26, "ME"))
    assert frequency.anchor == -DAY
    assert frequency.seconds(frequency.ticks(seconds("2024-02-11")))[0] == seconds("2024-02-29")[0]
