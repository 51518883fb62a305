"""The sample of a pump station: its faults are of all kinds and sizes; a range shows few of them, a forecast most."""

import csv
import datetime
import importlib
import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

DATA = Path(__file__).resolve().parent.parent / "data"
SENSORS = ("temperature", "pressure", "flow", "vibration")
DIGITS = dict(zip(SENSORS, (2, 3, 1, 3), strict=True))
LONGEST = {"spike": 3, "level_shift": 30, "drift": 144, "stuck": 24, "lost_correlation": 54}
STEP = datetime.timedelta(minutes=10)
TRAIN = 4500


@pytest.fixture(scope="module")
def rows():
    with open(DATA / "sensors.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def times(rows):
    return [datetime.datetime.strptime(row["time"], "%Y-%m-%d %H:%M") for row in rows]


@pytest.fixture(scope="module")
def values(rows):
    """`(rows, sensors)`, NaN where a cell is empty."""
    return np.array([[float(row[name] or "nan") for name in SENSORS] for row in rows])


@pytest.fixture(scope="module")
def windows(rows):
    """`(first row, last row, kind)` of each fault."""
    labels = ["", *(row["label"] for row in rows), ""]
    starts = [place for place in range(1, len(labels)) if labels[place] and labels[place - 1] != labels[place]]
    stops = [place for place in range(1, len(labels)) if labels[place - 1] and labels[place - 1] != labels[place]]
    return [(start - 1, stop - 2, labels[start]) for start, stop in zip(starts, stops, strict=True)]


@pytest.fixture
def plant(monkeypatch):
    """The module that simulates the station."""
    monkeypatch.syspath_prepend(str(DATA))
    return importlib.import_module("sensor_plant")


def test_there_are_10_000_rows_of_fixed_digits_in_less_than_600_kb(rows):
    assert list(rows[0]) == ["time", *SENSORS, "label"]
    assert len(rows) == 10_000
    assert (DATA / "sensors.csv").stat().st_size < 600_000
    for row in rows:
        for name, digits in DIGITS.items():
            assert re.fullmatch(rf"(\d+\.\d{{{digits}}})?", row[name]), row


def test_rows_are_ten_minutes_apart_but_for_a_few_outages_away_from_faults(times, rows):
    steps = np.diff(times)
    assert min(steps) == STEP
    longer = np.flatnonzero(steps != STEP)
    assert len(longer) == 6
    assert max(steps) < 20 * STEP
    for place in longer:
        assert not any(row["label"] for row in rows[place - 25 : place + 25])


def test_a_few_cells_are_empty_and_none_of_them_in_a_fault(values, rows):
    empty = np.isnan(values)
    assert 0.001 < empty.mean() < 0.004
    assert (empty.sum(axis=0) > 5).all()
    assert not empty[[bool(row["label"]) for row in rows]].any()


def test_each_kind_comes_eight_times_after_the_train_part_and_as_often_in_each_half_of_it(windows):
    assert Counter(kind for first, _, kind in windows if first < TRAIN) == {"level_shift": 1, "stuck": 1, "spike": 1}
    later = [window for window in windows if window[0] >= TRAIN]
    middle = (TRAIN + 10_000) // 2
    for half in (0, 1):
        counts = Counter(kind for first, _, kind in later if (first >= middle) == half)
        assert set(counts) == set(LONGEST)
        assert 3 <= min(counts.values()) <= max(counts.values()) <= 5
    assert set(Counter(kind for _, _, kind in later).values()) == {8}


def test_faults_are_from_one_row_to_most_of_a_day_long_and_stand_apart(windows):
    lengths = {kind: [last - first + 1 for first, last, other in windows if other == kind] for kind in LONGEST}
    for kind, most in LONGEST.items():
        assert max(lengths[kind]) <= most
    assert min(lengths["spike"]) == 1 and max(lengths["drift"]) > 100
    between = [later[0] - earlier[1] for earlier, later in zip(windows, windows[1:], strict=False)]
    assert min(between) > 20
    assert sum(last - first + 1 for first, last, _ in windows) < 0.13 * 10_000


def test_one_sensor_hangs_where_it_says_so_and_nowhere_else(values, rows, windows):
    same = (values[1:] == values[:-1]).astype(int)
    six = np.array([np.convolve(column, np.ones(6, int), "valid") for column in same.T]) == 6
    assert six.any(axis=1).all()
    assert {rows[place]["label"] for place in np.flatnonzero(six.any(axis=0))} == {"stuck"}
    for first, last, kind in windows:
        if kind == "stuck":
            # The last row is the first that is right again.
            assert same[first : last - 1].all(axis=0).sum() == 1, first


def test_the_same_seed_makes_the_same_rows_and_another_one_others(plant, rows):
    again = list(plant.sensors(random.Random("sensors"), rows=10_000))
    assert again == [list(row.values()) for row in rows]
    assert list(plant.sensors(random.Random(5), rows=10_000)) != again


@pytest.mark.parametrize("seed", range(3))
def test_other_seeds_break_the_station_as_often(plant, seed):
    made = list(plant.sensors(random.Random(seed), rows=10_000))
    assert len(made) == 10_000
    kinds = [row[-1] for row in made]
    begun = Counter(kind for kind, before in zip(kinds, ["", *kinds], strict=False) if kind and kind != before)
    assert begun == {"spike": 9, "level_shift": 9, "stuck": 9, "drift": 8, "lost_correlation": 8}
    assert min(float(cell) for row in made for cell in row[1:-1] if cell) >= 0


def test_sensors_hang_together(values):
    usual = values[:TRAIN][np.isfinite(values[:TRAIN]).all(axis=1)]
    related = np.corrcoef(usual.T)
    flow = SENSORS.index("flow")
    assert related[flow, SENSORS.index("pressure")] < -0.85
    assert related[flow, SENSORS.index("vibration")] > 0.85
    assert related[flow, SENSORS.index("temperature")] > 0.4


def found(windows, flags):
    """Kind -> share of its windows after the train part with a flag."""
    hits = [(kind, flags[first : last + 1].any()) for first, last, kind in windows if first >= TRAIN]
    return {kind: np.mean([hit for other, hit in hits if other == kind]) for kind in LONGEST}


def test_a_range_is_not_enough(values, windows):
    low, high = np.nanquantile(values[:TRAIN], [0.001, 0.999], axis=0)
    shares = found(windows, ((values < low) | (values > high)).any(axis=1))
    assert np.mean(list(shares.values())) < 0.2


def test_the_size_of_a_step_is_not_enough(values, windows):
    steps = np.abs(np.diff(values, axis=0, prepend=values[:1]))
    largest = (steps / np.nanstd(steps[:TRAIN], axis=0)).max(axis=1)
    shares = found(windows, largest > np.nanquantile(largest[:TRAIN], 0.998))
    assert np.mean(list(shares.values())) < 0.5
    assert min(shares.values()) < 0.2


def test_a_linear_forecast_finds_most_faults_of_each_kind_with_few_false_alarms(values, times, windows, rows):
    """Mahalanobis distance of the errors one step ahead; the threshold leaves out one normal train row in 500."""
    labelled = np.array([bool(row["label"]) for row in rows])
    distance = forecast_distance(values, times, labelled)
    flags = distance > np.nanquantile(distance[:TRAIN][~labelled[:TRAIN]], 0.998)
    shares = found(windows, flags)
    assert np.mean(list(shares.values())) > 0.85
    assert min(shares.values()) > 0.7
    assert (flags & ~labelled)[TRAIN:].mean() < 0.02


def forecast_distance(values, times, labelled):
    """`(rows,)`: how far each row is from its forecast by the rows before it and the clock, NaN where unknown."""
    known = np.isfinite(values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values))[:, None], 0), axis=0)
    filled = np.take_along_axis(values, last, axis=0)
    squared = np.column_stack([filled, filled[:, 2] ** 2 / 100])
    past = [np.roll(squared, back, axis=0) for back in (1, 2, 3, 6, 12)]
    angles = np.array([(time.hour + time.minute / 60) * np.pi / 12 for time in times])
    weekend = np.array([time.weekday() >= 5 for time in times])[:, None]
    clock = np.column_stack([turn(number * angles) for number in range(1, 7) for turn in (np.cos, np.sin)])
    features = np.column_stack([np.ones(len(values)), *past, clock * weekend, clock * ~weekend, weekend])
    train = np.arange(len(values)) < TRAIN
    train &= ~labelled & known.all(axis=1) & (np.arange(len(values)) > 12)
    weights = np.linalg.lstsq(features[train], filled[train], rcond=None)[0]
    errors = values - features @ weights
    inverse = np.linalg.inv(np.cov(errors[train].T))
    return np.sqrt(np.einsum("rs,st,rt->r", errors, inverse, errors))
