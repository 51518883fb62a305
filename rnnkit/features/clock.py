"""Clock: stamps as texts <-> seconds since 1970, in the graph, in UTC or in the local time of a zone."""

import keras
import tensorflow as tf

from rnnkit.features.dates import DAY, count_up_to, date_from_days, days_from_date
from rnnkit.features.zones import zone_offsets

LONGEST = 35
"""Bytes of 2011-03-27T01:30:00.123456789+01:00."""


@keras.saving.register_keras_serializable(package="rnnkit")
class Clock(keras.layers.Layer):
    """Reads stamps.

    `text (…) string -> seconds (…) int64, readable (…) bool`. A stamp is 2011-03-27, or with a T or a space and
    01:30, 01:30:00 or 01:30:00.5 after it, and then Z, +01:00, +0100 or +01 at will; it is rounded to a second.
    Whatever else, an empty text too, is not readable, and 0 seconds.

    Args:
        zone: IANA name of the zone of stamps without an offset, or empty. Of a time that its clocks show twice,
            the first is meant; one that they leave out is the moment at which they do.
        local: Whether seconds are those that the zone's clocks show, counted from 1970-01-01 00:00 there; if not,
            UTC. Without a zone, stamps without an offset are read as they are.
        changes, offsets: As `zone_offsets` gives them, which is asked by default.
    """

    def __init__(self, zone="", *, local=False, changes=None, offsets=None, **kwargs):
        super().__init__(**kwargs)
        if offsets is None:
            changes, offsets = zone_offsets(zone)
        self.zone, self.local = zone, local
        self.changes, self.offsets = list(changes), list(offsets)
        self.built = True

    @property
    def how(self) -> dict:
        """The layer's settings, plain values, by which another layer reads the same seconds."""
        return {"zone": self.zone, "local": self.local, "changes": self.changes, "offsets": self.offsets}

    def call(self, text):
        seconds, readable, offset = read_stamps(text)
        if self.zone:
            told = offset != NO_OFFSET
            utc = tf.where(told, seconds - offset, self._utc(seconds))
            seconds = tf.where(told, self.wall(utc), seconds) if self.local else utc
        else:
            seconds -= tf.where(offset != NO_OFFSET, offset, 0)
        return tf.where(readable, seconds, 0), readable

    def wall(self, utc):
        """Returns what the zone's clocks show at UTC seconds, as seconds since 1970."""
        return utc + self.offset(utc) if self.zone else utc

    def shown(self, seconds):
        """Returns what clocks show at seconds as this layer gives them."""
        return seconds if self.local else self.wall(seconds)

    def offset(self, utc):
        """Returns the zone's offset at UTC seconds."""
        return tf.gather(tf.constant(self.offsets, tf.int64), count_up_to(self.changes, utc))

    def _utc(self, wall):
        # The offset before a change holds until its clocks, and those after it, are past the change for good.
        pairs = zip(self.changes, self.offsets, self.offsets[1:], strict=False)
        place = count_up_to([change + max(pair) for change, *pair in pairs], wall)
        ends = tf.constant([*self.changes, tf.int64.max], tf.int64)
        return tf.minimum(wall - tf.gather(tf.constant(self.offsets, tf.int64), place), tf.gather(ends, place))

    def stamps(self, seconds):
        """Writes seconds, as this layer gives them, as texts 2011-03-27 01:30:00, with +01:00 where there is a zone.

        Args:
            seconds: `(…)` int64.

        Returns:
            `(…)` string, which this layer reads as the same seconds, but in the hour that clocks show twice if
            `local`, and where an offset isn't of whole minutes.
        """
        if not self.zone:
            return write_stamps(seconds)
        offset = self.offset(self._utc(seconds) if self.local else seconds)
        # Old offsets have seconds, for which the text has no place.
        minutes = (offset + 30) // 60
        sign = tf.where(minutes < 0, "-", "+")
        hours, minutes = tf.abs(minutes) // 60, tf.abs(minutes) % 60
        shown = seconds if self.local else seconds + (offset + 30) // 60 * 60
        return tf.strings.join([write_stamps(shown), sign, _digits(hours, 2), ":", _digits(minutes, 2)])

    def compute_output_spec(self, text):
        return keras.KerasTensor(text.shape, "int64"), keras.KerasTensor(text.shape, "bool")

    def get_config(self):
        return {**super().get_config(), **self.how}


NO_OFFSET = -(1 << 40)


def read_stamps(text):
    """Reads texts `(…)` as `Clock` says: seconds of what is shown, whether readable, offset or `NO_OFFSET`."""
    shape = tf.shape(text)
    text = tf.strings.strip(tf.reshape(text, [-1]))
    length = tf.cast(tf.strings.length(text), tf.int64)
    # One op for all texts, then integers: many times faster than patterns and substrings.
    letters = tf.cast(tf.io.decode_raw(text, tf.uint8, fixed_length=LONGEST + 1), tf.int32)
    letter = tf.unstack(letters, axis=1)

    def number(*places):
        """Returns the number that the digits at some places make, and whether they are digits."""
        value, fine = tf.zeros_like(length), tf.ones_like(length, tf.bool)
        for place in places:
            digit = letter[place] - ord("0")
            value = 10 * value + tf.cast(digit, tf.int64)
            fine &= (digit >= 0) & (digit <= 9)
        return value, fine

    def within(value, fine, least, most):
        return fine & (value >= least) & (value <= most)

    def at(place, marks):
        return tf.reduce_any([letter[place] == ord(mark) for mark in marks], axis=0)

    (year, fine_year), (month, fine_month), (day, fine_day) = number(0, 1, 2, 3), number(5, 6), number(8, 9)
    fine = within(year, fine_year, 1, 9999) & at(4, "-") & within(month, fine_month, 1, 12) & at(7, "-")
    month = tf.clip_by_value(month, 1, 12)
    first = days_from_date(year, month, 1)
    fine &= within(day, fine_day, 1, days_from_date(year, month + 1, 1) - first)
    (hour, fine_hour), (minute, fine_minute), (second, fine_second) = number(11, 12), number(14, 15), number(17, 18)
    timed = at(10, "T t") & within(hour, fine_hour, 0, 23) & at(13, ":") & within(minute, fine_minute, 0, 59)
    to_second = at(16, ":")
    timed &= ~to_second | within(second, fine_second, 0, 59)
    to_part = to_second & at(19, ".")
    digits = (letters[:, 20:29] >= ord("0")) & (letters[:, 20:29] <= ord("9"))
    part = tf.reduce_sum(tf.math.cumprod(tf.cast(digits, tf.int64), axis=1), axis=1)
    timed &= ~to_part | (part > 0)
    end = tf.where(to_part, 20 + part, tf.where(to_second, tf.constant(19, tf.int64), 16))
    offset, fine_offset = _read_offsets(letters, end, length - end)
    timed &= fine_offset
    dated = length == 10
    readable = fine & (dated | timed)
    second += tf.cast(to_part & (letter[20] >= ord("5")), tf.int64)
    clock = 3600 * hour + 60 * minute + tf.where(to_second, second, 0)
    seconds = DAY * (first + day - 1) + tf.where(dated, tf.zeros_like(clock), clock)
    seconds = tf.where(readable, seconds, 0)
    offset = tf.where(readable & ~dated, offset, NO_OFFSET)
    return tf.reshape(seconds, shape), tf.reshape(readable, shape), tf.reshape(offset, shape)


def _read_offsets(letters, start, length):
    """Reads what stands after the time: seconds, and whether it is nothing, Z, +01:00, +0100 or +01."""
    places = tf.minimum(start[:, None] + tf.range(6, dtype=tf.int64), LONGEST)
    tail = tf.unstack(tf.cast(tf.gather(letters, places, batch_dims=1), tf.int64), axis=1)
    digit = [mark - ord("0") for mark in tail]
    fine = [(mark >= 0) & (mark <= 9) for mark in digit]
    colon = tail[3] == ord(":")
    signed = ((tail[0] == ord("+")) | (tail[0] == ord("-"))) & fine[1] & fine[2]
    long, short, bare = (length == 6) & colon & fine[4] & fine[5], (length == 5) & fine[3] & fine[4], length == 3
    minutes = tf.where(long, 10 * digit[4] + digit[5], tf.where(short, 10 * digit[3] + digit[4], 0))
    hours = 10 * digit[1] + digit[2]
    signed &= (long | short | bare) & (hours < 24) & (minutes < 60)
    none, utc = length == 0, (length == 1) & ((tail[0] == ord("Z")) | (tail[0] == ord("z")))
    value = 3600 * hours + 60 * minutes
    value = tf.where(tail[0] == ord("-"), -value, value)
    return tf.where(signed, value, tf.where(utc, tf.zeros_like(value), NO_OFFSET)), none | utc | signed


def write_stamps(seconds):
    """Writes seconds since 1970 `(…)` int64 as texts 2011-03-27 01:30:00."""
    days, clock = seconds // DAY, seconds % DAY
    year, month, day = date_from_days(days)
    date = tf.strings.join([_digits(year, 4), _digits(month, 2), _digits(day, 2)], "-")
    time = tf.strings.join([_digits(clock // 3600, 2), _digits(clock // 60 % 60, 2), _digits(clock % 60, 2)], ":")
    return tf.strings.join([date, time], " ")


def _digits(numbers, width):
    return tf.strings.as_string(numbers, width=width, fill="0")
