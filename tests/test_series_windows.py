"""Windows of series: what is cut out, as arrays, as the served model takes it, and as truth to be scored by."""

import json
import re

import numpy as np
import pandas as pd
from toy_series import hours, many, splits_of, wave

from rnnkit.series.kept import kept_windows


def test_windows_for_training_are_a_stride_apart():
    every = splits_of(many([60, 50])).train
    some = splits_of(many([60, 50]), stride=4).train
    for series in (0, 1):
        np.testing.assert_array_equal(some.cuts[some.series == series], every.cuts[every.series == series][::4])


def test_scales_are_those_of_a_loop_over_the_train_part():
    frame = many([60, 40])
    frame.loc[[3, 17, 70], "y"] = np.nan
    splits = splits_of(frame, season=7)
    train, panel = splits.train, splits.train.panel
    for series in (0, 1):
        steps = range(panel.starts[series], panel.starts[series + 1])
        errors = [
            abs(panel.values[step, 0] - panel.values[step - 7, 0])
            for step in steps
            if step - 7 >= steps[0] and panel.ticks[step] < splits.limits[1]
        ]
        np.testing.assert_allclose(train.scales.scale[series, 0], np.nanmean(errors), rtol=1e-6)
    inside = panel.values[train.inside, 0].astype(float)
    np.testing.assert_allclose(train.scales.mean, [np.nanmean(inside)], rtol=1e-6)
    np.testing.assert_allclose(train.scales.spread, [np.nanstd(inside)], rtol=1e-6)


def test_a_change_in_the_test_part_changes_no_scale():
    frame, other = wave(), wave()
    other.loc[48:, "y"] = 1e6
    scales, again = splits_of(frame).train.scales, splits_of(other).train.scales
    for name in ("scale", "mean", "spread"):
        np.testing.assert_array_equal(getattr(scales, name), getattr(again, name))


def test_the_truth_of_windows_is_what_the_table_has():
    frame = wave(60, x=np.arange(60.0) ** 2)
    frame.loc[[50, 52], "y"] = np.nan
    for gaps in ("mask", "fill"):
        test = splits_of(frame, target="x,y", gaps=gaps).test
        truth = test.truth()
        for place, cut in enumerate(test.cuts):
            np.testing.assert_allclose(truth.values[place], frame[["x", "y"]].to_numpy()[cut : cut + 3], rtol=1e-6)
            np.testing.assert_allclose(truth.last[place], frame[["x", "y"]].ffill().to_numpy()[cut - 1], rtol=1e-6)
        assert truth.targets == ("x", "y") and truth.scale.shape == (len(test), 2)
        np.testing.assert_array_equal(truth.values, test.arrays(np.arange(len(test)))["target"].astype(float))
        assert (truth.seconds == test.panel.seconds[test.cuts]).all()


def test_windows_come_by_column_as_the_served_model_takes_them():
    frame = many([60, 50])
    count = len(frame)
    first = frame["unique_id"] == "s0"
    frame = frame.assign(
        heat=np.arange(count),
        hot=np.arange(count) % 2,
        wind=["N", "S", None, "SW", "N"] * (count // 5),
        sky="clear",
        place=np.where(first, "Ulm", "Köln"),
        height=np.where(first, 1.5, 2.5),
    )
    options = {"past": "heat,wind", "future": "hot,sky", "static": "place,height"}
    splits = splits_of(frame, **options)
    assert splits.train.panel.columns.numeric == ("y", "heat", "hot")
    assert splits.train.panel.columns.categories == ("wind", "sky")
    raw = splits.test.raw(np.arange(4))
    shapes = {name: array.shape for name, array in raw.items()}
    assert shapes == {
        "time": (4, 5), "values": (4, 5, 3), "categories": (4, 5, 2), "future_values": (4, 3, 1),
        "future_categories": (4, 3, 1), "static_values": (4, 1), "static_categories": (4, 1),
    }  # fmt: skip
    first = splits.test.panel.seconds[splits.test.cuts[0] - 5]
    assert raw["time"][0, 0].decode() == str(pd.Timestamp(int(first), unit="s"))
    assert raw["static_categories"][0, 0].decode() == "Ulm" and set(raw["categories"].ravel()) <= {
        b"N",
        b"S",
        b"",
        b"SW",
        b"clear",
    }
    chunks = list(splits.test.chunks(5))
    assert sum(len(chunk["time"]) for chunk in chunks) == len(splits.test)
    whole = splits.test.raw(np.arange(len(splits.test)))
    for name in whole:
        np.testing.assert_array_equal(np.concatenate([chunk[name] for chunk in chunks]), whole[name])
    assert chunks[0]["target"].shape == (5, 3, 1)
    drawn = kept_windows(splits.train, 3, seed=1)
    assert len(drawn) == 3 and drawn == kept_windows(splits.train, 3, seed=1)
    assert json.loads(json.dumps(drawn))[0]["time"][0].startswith("2024-03-0")


def test_stamps_of_a_zone_have_an_offset():
    raw = splits_of(wave(), time_zone="Europe/Berlin").train.raw([0])
    assert raw["time"][0, 0] == b"2024-02-29 23:00:00+00:00" and raw["time"].dtype == "S25"
    assert set(raw) == {"time", "values"}


def test_windows_with_nothing_known_are_left_out_and_counted():
    frame = wave(60)
    frame.loc[10:24, "y"] = np.nan
    splits = splits_of(frame)
    for windows in (splits.train, splits.valid):
        arrays = windows.arrays(np.arange(len(windows)))
        assert not np.isnan(arrays["values"][..., 0]).all(axis=1).any()
    assert any(
        re.search(r"\d+ windows of train left out, as their targets are wholly unknown", note) for note in splits.notes
    )


def test_at_most_so_many_windows_are_scored():
    splits = splits_of(wave(300), most_scored=7)
    assert len(splits.test) == len(splits.valid) == 7 and len(splits.train) > 100
    steps = np.diff(splits.test.cuts)
    assert steps.max() - steps.min() <= 1
    assert any("7 of 58 test windows are scored, evenly spaced" in note for note in splits.notes)


def test_many_series_are_not_laid_out_window_by_window():
    import tracemalloc

    count, steps = 200, 300
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(count), steps),
            "ds": np.tile(hours(steps), count),
            "y": np.random.default_rng(1).normal(size=count * steps),
        }
    )
    tracemalloc.start()
    splits = splits_of(frame, window=48, horizon=24, most_scored=50)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    laid_out = len(splits.train) * (48 + 24) * 4
    assert len(splits.train) > 20_000 and peak < 30e6 and peak < 3 * laid_out
