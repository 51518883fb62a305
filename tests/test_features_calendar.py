"""Calendar: against Python's datetime; the file of holidays."""

import datetime
import zoneinfo

import numpy as np
import pytest
import tensorflow as tf

from rnnkit.features.calendar import NAMES, Calendar, calendar_features, day_numbers, read_holidays
from rnnkit.features.clock import Clock
from rnnkit.series.frequency import parse_frequency

HOURS = ("hour_sin", "hour_cos", "weekday_sin", "weekday_cos", "day_of_year_sin", "day_of_year_cos", "month", "weekend")
HOLIDAYS = [datetime.date(2011, 12, 25), datetime.date(2012, 1, 1), datetime.date(2012, 12, 25)]


@pytest.mark.parametrize(
    ("frequency", "names"),
    [
        ("15min", HOURS),
        ("6h", HOURS),
        ("1d", HOURS[2:]),
        ("1bd", HOURS[2:-1]),
        ("1w", HOURS[4:-1]),
        ("1mo", HOURS[4:-1]),
        ("1q", HOURS[4:-1]),
        ("1y", ()),
        ("5y", ()),
    ],
)
def test_a_frequency_has_the_features_that_change_from_step_to_step(frequency, names):
    grid = parse_frequency(frequency).as_dict()
    assert calendar_features(grid) == names
    short = frequency in ("15min", "6h", "1d", "1bd")
    assert calendar_features(grid, holidays=True) == (names + ("holiday",) if short else names)


@pytest.mark.parametrize("zone", ["", "Australia/Lord_Howe", "America/New_York"])
@pytest.mark.parametrize("local", [False, True])
def test_features_are_those_of_local_time(zone, local):
    seconds = np.random.default_rng(1).integers(1_300_000_000, 1_370_000_000, (40, 5))
    seconds[0, :3] = [
        (datetime.datetime(2011, 12, day) - datetime.datetime(1970, 1, 1)).total_seconds() for day in (24, 25, 26)
    ]
    clock = Clock(zone, local=local and bool(zone))
    features = Calendar(NAMES, clock=clock.how, holidays=day_numbers(HOLIDAYS))(tf.constant(seconds)).numpy()
    assert features.shape == (40, 5, len(NAMES)) and features.dtype == np.float32
    for place in np.ndindex(seconds.shape):
        moment = datetime.datetime.fromtimestamp(int(seconds[place]), datetime.UTC)
        if zone and not local:
            moment = moment.astimezone(zoneinfo.ZoneInfo(zone))
        day = (moment.hour * 3600 + moment.minute * 60 + moment.second) / 86_400
        turns = day, (moment.weekday() + day) / 7, (moment.timetuple().tm_yday - 1 + day) / 365.2425
        expected = [function(2 * np.pi * turn) for turn in turns for function in (np.sin, np.cos)]
        expected += [(moment.month - 1) / 11 - 0.5, moment.weekday() >= 5, moment.date() in HOLIDAYS]
        np.testing.assert_allclose(features[place], expected, atol=1e-5)


def test_the_layer_is_the_same_from_its_config():
    layer = Calendar(NAMES, clock=Clock("Europe/Berlin").how, holidays=day_numbers(HOLIDAYS))
    seconds = tf.constant([0, 1_324_800_000], tf.int64)
    np.testing.assert_array_equal(Calendar.from_config(layer.get_config())(seconds), layer(seconds))


def test_a_file_of_holidays_is_read(tmp_path):
    path = tmp_path / "days.csv"
    path.write_text("\ufeffdate,name\n2012-01-01,New Year\n\n# none\n2011-12-25\n2012-01-01,again\n")
    assert read_holidays(path) == [datetime.date(2011, 12, 25), datetime.date(2012, 1, 1)]
    assert day_numbers(read_holidays(path)) == [15_333, 15_340]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2012-01-01\n25.12.2012,Christmas\n", r"days\.csv, line 2: '25\.12\.2012' is no date such as 2024-12-25"),
        ("2012-02-30\n", r"days\.csv, line 1: '2012-02-30' is no date"),
        ("2012-01-01\ndate\n", r"days\.csv, line 2: 'date' is no date"),
        ("\n", r"days\.csv has no holiday\. Write a date"),
    ],
)
def test_a_line_without_a_date_is_refused_with_its_number(tmp_path, text, message):
    (tmp_path / "days.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_holidays(tmp_path / "days.csv")


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(OSError, match=r"days\.csv"):
        read_holidays(tmp_path / "days.csv")
