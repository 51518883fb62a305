"""Calendar: seconds -> time of day, weekday, time of year, weekends and holidays as numbers, in the graph."""

import datetime
import pathlib
from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from rnnkit.features.clock import Clock
from rnnkit.features.dates import DAY, count_up_to, date_from_days, days_from_date
from rnnkit.sources.text_files import open_lines

YEAR = 31_556_952
"""Seconds of 365.2425 days."""
NAMES = (
    *("hour_sin", "hour_cos", "weekday_sin", "weekday_cos", "day_of_year_sin", "day_of_year_cos"),
    *("month", "weekend", "holiday"),
)


def calendar_features(frequency: Mapping, *, holidays: bool = False) -> tuple[str, ...]:
    """Names what of the calendar changes from one step to the next: none of it for years.

    Args:
        frequency: `kind`, `count` and `anchor`, as `Frequency.as_dict` gives them.
        holidays: Whether there is a list of them.
    """
    kind, count = frequency["kind"], frequency["count"]
    days = {"seconds": count / DAY, "months": 30 * count, "business_days": 1}[kind]
    chosen = {
        "hour": days < 1,
        "weekday": days < 7,
        "day_of_year": days < 360,
        "month": days < 360,
        "weekend": days < 7 and kind != "business_days",
        "holiday": holidays and days <= 1,
    }
    return tuple(name for name in NAMES if chosen[name.removesuffix("_sin").removesuffix("_cos")])


@keras.saving.register_keras_serializable(package="rnnkit")
class Calendar(keras.layers.Layer):
    """Says where in the day, the week and the year a moment is, by the clocks of its zone.

    `seconds (…) int64 -> (…, features) float32`: sines and cosines, `month` from -0.5 to 0.5, the rest 1 or 0.

    Args:
        names: Of `NAMES`, in the order of the features; at least one.
        clock: `how` of the `Clock` layer that the seconds are from.
        holidays: Days off as days since 1970.
    """

    def __init__(self, names, *, clock, holidays=(), **kwargs):
        super().__init__(**kwargs)
        self.names, self.clock, self.holidays = list(names), dict(clock), sorted({int(day) for day in holidays})
        self.reader = Clock(**self.clock, name="clock")
        self.built = True

    def call(self, seconds):
        shown = self.reader.shown(seconds)
        day, clock = shown // DAY, shown % DAY
        year, month, _ = date_from_days(day)
        first = tf.ones_like(year)
        weekday, of_year = (day + 3) % 7, day - days_from_date(year, first, first)
        parts = {
            "hour": clock / DAY,
            "weekday": (weekday * DAY + clock) / (7 * DAY),
            "day_of_year": (of_year * DAY + clock) / YEAR,
        }
        values = {}
        for name, turn in parts.items():
            angle = 2 * np.pi * turn
            values |= {f"{name}_sin": tf.sin(angle), f"{name}_cos": tf.cos(angle)}
        holiday = count_up_to(self.holidays, day) > count_up_to(self.holidays, day - 1)
        values |= {"month": (month - 1) / 11 - 0.5, "weekend": weekday >= 5, "holiday": holiday}
        return tf.stack([tf.cast(values[name], tf.float32) for name in self.names], axis=-1)

    def compute_output_spec(self, seconds):
        return keras.KerasTensor((*seconds.shape, len(self.names)), "float32")

    def get_config(self):
        settings = {"names": self.names, "clock": self.clock, "holidays": self.holidays}
        return {**super().get_config(), **settings}


def read_holidays(path: str | pathlib.Path) -> list[datetime.date]:
    """Reads a text file of days off: an ISO date a line, and after a comma, if at all, its name.

    Empty lines, those that begin with #, and a first line with no date are passed over.

    Returns:
        The days, sorted, each once.

    Raises:
        ValueError: A line begins with no date, or there is none.
        OSError: The file can't be read.
    """
    days = set()
    with open_lines(path, str(path), "utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            text = line.partition(",")[0].strip().strip('"')
            if not text or text.startswith("#"):
                continue
            try:
                days.add(datetime.date.fromisoformat(text))
            except ValueError:
                if number > 1 or any(letter.isdigit() for letter in text):
                    raise ValueError(
                        f"{path}, line {number}: {text[:40]!r} is no date such as 2024-12-25. "
                        "Write one a line, and its name, if any, after a comma."
                    ) from None
    if not days:
        raise ValueError(f"{path} has no holiday. Write a date such as 2024-12-25 a line.")
    return sorted(days)


def day_numbers(days: Sequence[datetime.date]) -> list[int]:
    """Returns dates as days since 1970."""
    return [(day - datetime.date(1970, 1, 1)).days for day in days]
