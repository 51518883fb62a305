"""Stamps: times as people write them, with and without zones, become seconds."""

import re

import numpy as np
import pandas as pd
import pytest

from rnnkit.series import SeriesSettings
from rnnkit.series.loading import load

HOURS = pd.date_range("2024-03-01", periods=40, freq="h")


def read(data, **settings):
    return load(data, SeriesSettings(window=5, horizon=3, **settings))


def matches(pattern, message):
    assert re.search(pattern, message), message


def table():
    """A frame of a wide table: 40 hours, two columns of numbers."""
    return pd.DataFrame({"date": HOURS.astype(str), "load": np.arange(40) % 7, "heat": range(40)})


@pytest.mark.parametrize(
    "write",
    [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M",
        "%d/%m/%Y %H:%M",
        "%m/%d/%Y %I:%M %p",
        "%d.%m.%y %H:%M:%S",
        "%Y%m%dT%H%M%S",
        "%Y-%m-%dT%H:%M:%S.000",
        "%d %b %Y %H:%M:%S",
    ],
)
def test_stamps_are_read_as_they_are_written(write):
    days = pd.date_range("2024-01-05 06:00", periods=30, freq="D")
    rows = read(pd.DataFrame({"date": days.strftime(write), "y": range(30)}))
    assert (rows.seconds == days.to_numpy("datetime64[s]").astype(np.int64)).all()


def test_day_and_month_are_told_apart_by_even_steps():
    days = pd.date_range("2024-01-01", periods=12, freq="D")
    for write, way in (("%d/%m/%Y", "day/month/year"), ("%m/%d/%Y", "month/day/year")):
        rows = read(pd.DataFrame({"date": days.strftime(write), "y": range(12)}))
        assert (np.diff(rows.seconds) == 86_400).all()
        matches(rf"{way} and .* both fit all dates; the former is taken", rows.notes[0])


def test_years_months_and_unix_times_are_stamps():
    for cells, first in (
        (range(1950, 1990), "1950-01-01"),
        ([f"{1990 + n // 12}-{n % 12 + 1:02}" for n in range(40)], "1990-01-01"),
        (range(1_700_000_000, 1_700_000_000 + 40 * 60, 60), "2023-11-14"),
    ):
        rows = read(pd.DataFrame({"time": cells, "y": range(40)}), time="time")
        assert str(rows.seconds[0].astype("datetime64[s]"))[:10] == first


@pytest.mark.parametrize("time", ["", "year,month,day,hour"])
def test_parts_of_a_stamp_in_several_columns_are_joined(time):
    frame = pd.DataFrame(
        {"year": HOURS.year, "month": HOURS.month, "day": HOURS.day, "hour": HOURS.hour, "y": range(40)}
    )
    rows = read(frame, time=time)
    assert (rows.seconds == HOURS.to_numpy("datetime64[s]").astype(np.int64)).all()
    assert rows.columns.time == "year,month,day,hour"
    texts = pd.DataFrame({"date": HOURS.strftime("%Y-%m-%d"), "clock": HOURS.strftime("%H:%M"), "y": range(40)})
    assert (read(texts, time="date,clock").seconds == rows.seconds).all()


def test_an_index_of_times_is_the_time_column():
    frame = table().drop(columns="date").set_axis(HOURS)
    assert read(frame).columns.time == "time"
    rows = read(frame.tz_localize("Europe/Berlin"))
    assert rows.zone == "UTC" and str(rows.seconds[0].astype("datetime64[s]")) == "2024-02-29T23:00:00"


def test_offsets_go_to_utc_and_a_zone_is_given_to_the_others():
    stamps = ["2024-06-01 12:00:00+02:00", "2024-06-01T11:00:00Z", "2024-06-01 14:00:00"]
    frame = pd.DataFrame({"ds": stamps, "y": [1, 2, 3]})
    rows = read(frame, time_zone="Europe/Berlin")
    assert rows.zone == "Europe/Berlin" and (np.diff(rows.seconds)).tolist() == [3600, 3600]
    rows = read(frame)
    assert rows.zone == "UTC" and rows.seconds[2] - rows.seconds[1] == 3 * 3600
    matches("1 stamps without an offset are taken as UTC", rows.notes[0])


def test_hours_that_a_zone_has_twice_or_not_are_told():
    spring = pd.date_range("2024-03-31", periods=6, freq="h")
    rows = read(pd.DataFrame({"ds": spring.astype(str), "y": range(6)}), time_zone="Europe/Berlin")
    assert np.diff(rows.seconds).tolist() == [3600, 3600, 0, 3600, 3600]
    matches("1 stamps are in an hour that Europe/Berlin has not", rows.notes[0])
    autumn = pd.date_range("2024-10-27", periods=6, freq="h")
    rows = read(pd.DataFrame({"ds": autumn.astype(str), "y": range(6)}), time_zone="Europe/Berlin")
    assert np.diff(rows.seconds).tolist() == [3600, 3600, 7200, 3600, 3600]
    matches("1 stamps are in an hour that Europe/Berlin has twice; the first one is taken", rows.notes[0])
