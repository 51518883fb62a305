"""Toy readings: hourly tables of sensors, wide and long, and what is asserted of notes and refusals."""

import re

import numpy as np
import pandas as pd
import pytest

from rnnkit.detecting.reading import read_detection, read_readings
from rnnkit.detecting.settings import DetectionSourceSettings

ROWS = 40
NAMES = ("train", "valid", "test")
BEGIN = 1_700_000_000


def table(**more):
    """A frame of a wide table: 40 hours from 2024-03-01 on, of the sensors heat and flow."""
    hours = pd.date_range("2024-03-01", periods=ROWS, freq="h").astype(str)
    heat = np.random.default_rng(11).normal(size=ROWS).round(3)
    return pd.DataFrame({"time": hours, "heat": heat, "flow": np.arange(float(ROWS)), **more})


def several(*begins_and_lengths):
    """A frame of a long table: hourly series s0, s1 … that begin at these hours and have so many rows."""
    rows = [
        (f"s{number}", pd.Timestamp(BEGIN + 3600 * hour, unit="s"), float(hour % 7))
        for number, (begin, length) in enumerate(begins_and_lengths)
        for hour in range(begin, begin + length)
    ]
    return pd.DataFrame(rows, columns=["unique_id", "ds", "load"])


def read(data, **chosen):
    return read_readings(data, DetectionSourceSettings(**chosen))


def splits_of(data, valid=None, test=None, *, least_rows=2, **chosen):
    return read_detection(data, valid, test, DetectionSourceSettings(**chosen), least_rows=least_rows)


def counts(splits):
    return tuple(len(getattr(splits, name)) for name in NAMES)


def refusal(call, kind=ValueError):
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    message = caught.value.args[0]
    assert len(caught.value.args) == 1 and "\n" not in message and "  " not in message
    return message


def matches(pattern, message):
    assert re.search(pattern, message), message


def told(pattern, notes):
    assert any(re.search(pattern, note) for note in notes), notes
    assert not any("\n" in note or "  " in note for note in notes)
