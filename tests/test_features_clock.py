"""Clock, zones and ticks: against Python's own calendar and NumPy's grid, over random times."""

import datetime
import zoneinfo

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnkit.features.clock import Clock
from rnnkit.features.dates import DAY, date_from_days, days_from_date
from rnnkit.features.ticks import seconds_of, ticks_of
from rnnkit.features.zones import zone_offsets
from rnnkit.series.frequency import Frequency

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo")


def read(texts, zone="", **how):
    seconds, readable = Clock(zone, **how)(tf.constant(texts))
    return seconds.numpy().tolist(), readable.numpy().tolist()


def utc(*parts):
    return int(datetime.datetime(*parts, tzinfo=datetime.UTC).timestamp())


READABLE = {
    "2011-03-27": utc(2011, 3, 27),
    "2011-03-27T01:30": utc(2011, 3, 27, 1, 30),
    "2011-03-27 01:30:59": utc(2011, 3, 27, 1, 30, 59),
    "2011-03-27 01:30:59.4": utc(2011, 3, 27, 1, 30, 59),
    "2011-03-27 01:30:59.500000": utc(2011, 3, 27, 1, 31),
    "1969-12-31 23:59:58": -2,
    "0001-01-01": utc(1, 1, 1),
    "2012-02-29T01:30Z": utc(2012, 2, 29, 1, 30),
    "2011-03-27T01:30:00.123456789+01:00": utc(2011, 3, 27, 0, 30),
    "2011-03-27T01:30-0530": utc(2011, 3, 27, 7),
    "2011-03-27 01:30:00+02": utc(2011, 3, 26, 23, 30),
    " 2011-03-27 ": utc(2011, 3, 27),
}
UNREADABLE = [
    *(
        "",
        "x",
        "2011",
        "2011-03",
        "2011-3-27",
        "2011-02-29",
        "1900-02-29",
        "2011-13-01",
        "2011-00-01",
        "2011-01-00",
    ),
    *("2011-01-32", "0000-01-01", "2011/03/27", "20110327", "2011-03-27T", "2011-03-27T01", "2011-03-27T24:00"),
    *("2011-03-27T01:60", "2011-03-27T01:30:60", "2011-03-27T01:30:00.", "2011-03-27T01:30+1", "2011-03-27Z"),
    *("2011-03-27T01:30+24:00", "2011-03-27T01:30+01:60", "2011-03-27T01:30 +01:00", "2011-03-27T01:30ZZ"),
    *("2011-03-27T01:30:00.1234567890", "2011-03-27T01:30:00.123456789+01:00 and more", "2011-03-27 01:30 PM"),
    *("２011-03-27", "2011-03-27\x00", "-011-03-27", "NaT", "2011-03-27x01:30"),
]


@pytest.mark.parametrize(("text", "seconds"), READABLE.items())
def test_a_stamp_is_read_as_its_seconds(text, seconds):
    assert read([text]) == ([seconds], [True])


@pytest.mark.parametrize("text", UNREADABLE)
def test_whatever_else_is_unreadable_and_no_error(text):
    assert read([text]) == ([0], [False])
    assert read([text, "2011-03-27"], "Europe/Berlin")[1] == [False, True]


def test_any_shape_is_read_and_no_stamp_at_all():
    for shape in ((2, 3, 1), (0,), (4, 0)):
        seconds, readable = Clock()(tf.fill(shape, "2011-03-27"))
        assert seconds.shape == readable.shape == shape
        assert Clock("Europe/Berlin").stamps(seconds).shape == shape


@pytest.mark.parametrize("zone", ZONES)
def test_local_times_are_those_of_the_zone(zone):
    moments = np.random.default_rng(1).integers(-2_000_000_000, 4_000_000_000, 300)
    moments = np.concatenate([moments, *(np.array(zone_offsets(zone)[0])[-60:] + shift for shift in (-1, 0, 1))])
    info, texts, expected, shown = zoneinfo.ZoneInfo(zone), [], [], []
    for moment in moments.tolist():
        local = datetime.datetime.fromtimestamp(moment, datetime.UTC).astimezone(info)
        naive = local.replace(tzinfo=None, fold=0)
        texts.append(naive.isoformat(sep=" "))
        expected.append(int(naive.replace(tzinfo=info).timestamp()))
        shown.append(utc(*naive.timetuple()[:6]))
    assert read(texts, zone)[0] == expected
    assert read(texts, zone, local=True)[0] == shown
    assert Clock(zone).wall(tf.constant(moments)).numpy().tolist() == shown


def test_a_time_that_clocks_leave_out_is_the_moment_at_which_they_do():
    change = utc(2011, 3, 27, 1)
    assert read(["2011-03-27 02:00", "2011-03-27 02:59:59", "2011-03-27 03:00"], "Europe/Berlin")[0] == [change] * 3


def test_stamps_with_an_offset_need_no_zone_and_local_seconds_are_those_of_its_clocks():
    text = ["2011-07-01T10:00-04:00"]
    assert read(text)[0] == read(text, "Asia/Kolkata")[0] == [utc(2011, 7, 1, 14)]
    assert read(text, "Asia/Kolkata", local=True)[0] == [utc(2011, 7, 1, 19, 30)]


@pytest.mark.parametrize(("zone", "text"), [("", "2011-07-01 14:00:00"), ("Asia/Kolkata", "2011-07-01 19:30:00+05:30")])
def test_written_stamps_are_local_and_have_their_offset(zone, text):
    assert Clock(zone).stamps(tf.constant([utc(2011, 7, 1, 14)], tf.int64)).numpy().tolist() == [text.encode()]


@pytest.mark.parametrize("zone", ["", *ZONES])
def test_what_is_written_is_read_as_the_same(zone):
    clock = Clock(zone)
    moments = tf.constant(np.random.default_rng(2).integers(0, 4_000_000_000, (50, 4)))
    seconds, readable = clock(clock.stamps(moments))
    assert readable.numpy().all()
    np.testing.assert_array_equal(seconds, moments)


def test_local_seconds_are_written_with_the_offset_of_that_day():
    clock = Clock("America/New_York", local=True)
    seconds = clock(tf.constant(["2020-01-05", "2020-07-05"]))[0]
    assert clock.stamps(seconds).numpy().tolist() == [b"2020-01-05 00:00:00-05:00", b"2020-07-05 00:00:00-04:00"]
    np.testing.assert_array_equal(clock(clock.stamps(seconds))[0], seconds)


def test_an_unknown_zone_is_refused_with_its_name():
    with pytest.raises(LookupError, match=r"There is no time zone 'Europe/Berlim'\. Did you mean 'Europe/Berlin'\?"):
        Clock("Europe/Berlim")


def test_a_saved_clock_reads_the_same_with_no_data_base_of_zones(tmp_path, monkeypatch):
    text = keras.Input((None,), dtype="string", name="time")
    keras.Model(text, Clock("Europe/Berlin", name="clock")(text)).save(tmp_path / "clock.keras")
    monkeypatch.setattr("rnnkit.features.zones._zone", lambda name: pytest.fail("asked for a zone"))
    loaded = keras.saving.load_model(tmp_path / "clock.keras", safe_mode=True)
    assert loaded(tf.constant([["2011-07-01 12:00", ""]]))[0].numpy().tolist() == [[utc(2011, 7, 1, 10), 0]]


def test_days_are_those_of_pythons_calendar_and_back():
    ordinals = np.random.default_rng(3).integers(1, datetime.date.max.toordinal(), 2000)
    dates = [datetime.date.fromordinal(int(day)) for day in ordinals]
    parts = [tf.constant([getattr(date, part) for date in dates], tf.int64) for part in ("year", "month", "day")]
    days = days_from_date(*parts)
    np.testing.assert_array_equal(days, ordinals - datetime.date(1970, 1, 1).toordinal())
    for found, part in zip(date_from_days(days), parts, strict=True):
        np.testing.assert_array_equal(found, part)


@pytest.mark.parametrize(
    "frequency",
    [
        *(Frequency("seconds", count, anchor) for count, anchor in ((3600, 0), (7, 3), (7 * DAY, 4 * DAY), (DAY, -60))),
        *(Frequency("months", count, anchor) for count, anchor in ((1, 0), (1, -DAY), (3, 31 * DAY), (12, -90 * DAY))),
        *(Frequency("business_days", 1, anchor) for anchor in (0, 57_600)),
    ],
    ids=str,
)
def test_ticks_are_those_of_the_numpy_grid(frequency):
    moments = np.random.default_rng(4).integers(-5_000_000_000, 5_000_000_000, 20_000)
    ticks = frequency.ticks(moments)
    np.testing.assert_array_equal(ticks_of(frequency.as_dict(), tf.constant(moments)), ticks)
    np.testing.assert_array_equal(seconds_of(frequency.as_dict(), tf.constant(ticks)), frequency.seconds(ticks))
