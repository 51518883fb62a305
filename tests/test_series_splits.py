"""Splits of series: cut by time, windows that never see their horizon, scales of the train part alone."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_series import SMALL, many, splits_of, wave

from rnnkit.series import SeriesSettings, read_splits

NAMES = ("train", "valid", "test")


def refusal(frame, valid=None, test=None, **options):
    with pytest.raises(ValueError) as caught:
        splits_of(frame, valid, test, **options)
    message = caught.value.args[0]
    assert "\n" not in message and "  " not in message
    return message


def matches(pattern, message):
    assert re.search(pattern, message), message


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(12, 60), min_size=1, max_size=4),
    st.integers(1, 7),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from(["mask", "fill", "interpolate", "skip"]),
    st.integers(0, 99),
)
def test_no_look_back_reaches_its_horizon_and_train_lies_before_valid(lengths, window, horizon, stride, gaps, seed):
    frame = many([60, *lengths])
    frame.loc[np.random.default_rng(seed).random(len(frame)) < 0.1, "y"] = np.nan
    splits = splits_of(frame, window=window, horizon=horizon, stride=stride, gaps=gaps)
    ends = []
    for name in NAMES:
        windows = getattr(splits, name)
        arrays = windows.arrays(np.arange(len(windows)))
        assert len(windows)
        firsts = windows.panel.seconds[windows.cuts]
        assert (arrays["seconds"] < firsts[:, None]).all()
        assert (np.diff(arrays["seconds"], axis=1) == 3600).all()
        assert (windows.panel.series_of(windows.cuts - window) == windows.series).all()
        assert (windows.panel.series_of(windows.cuts + horizon - 1) == windows.series).all()
        lasts = windows.panel.seconds[windows.cuts + horizon - 1]
        ends.append((firsts.min(), lasts.max()))
        assert not np.isnan(arrays["target"]).all(axis=(1, 2)).any()
    assert ends[0][1] < ends[1][0] and ends[1][1] < ends[2][0]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["mask", "fill", "interpolate"]), st.integers(0, 99))
def test_what_comes_after_the_cut_never_changes_the_look_back(gaps, seed):
    rng = np.random.default_rng(seed)
    frame = many([60, 50])
    frame.loc[rng.random(len(frame)) < 0.3, "y"] = np.nan
    windows = splits_of(frame, gaps=gaps).test
    place = int(rng.integers(len(windows)))
    first = pd.Timestamp(int(windows.panel.seconds[windows.cuts[place]]), unit="s")
    other = frame.copy()
    later = (other["ds"] >= first) & other["y"].notna()
    other.loc[later, "y"] = other.loc[later, "y"] + 1000
    again = splits_of(other, gaps=gaps).test
    assert (again.cuts == windows.cuts).all()
    np.testing.assert_array_equal(again.arrays([place])["values"], windows.arrays([place])["values"])
    np.testing.assert_array_equal(again.truth().last[place], windows.truth().last[place])


@pytest.mark.parametrize("window", [3, 11])
def test_the_windows_of_a_split_are_all_whose_horizon_lies_in_it(window):
    splits = splits_of(wave(60), split="30,12,10", window=window)
    assert [len(getattr(splits, name)) for name in NAMES] == [30 - window - 3 + 1, 12 - 3 + 1, 10 - 3 + 1]
    assert splits.test.cuts[-1] + 3 == 52


@pytest.mark.parametrize(
    ("split", "begins"),
    [
        ("0.6,0.2,0.2", (36, 48, 60)),
        ("0.5,0.2,0.1", (30, 42, 48)),
        ("2024-03-02,2024-03-03 06:00", (24, 54, 60)),
        ("", (36, 48, 60)),
        ("30,12,10", (30, 42, 52)),
    ],
)
def test_the_ways_to_say_where_splits_begin(split, begins):
    splits = splits_of(wave(60), split=split)
    first = splits.train.panel.ticks[0]
    assert tuple(limit - first for limit in splits.limits) == (0, *begins)


@pytest.mark.parametrize("split", ["1,2", "0.5,0.5,0.5", "a,b,c", "2024-03-01", "0,0.5,0.5", "nan,1,1"])
def test_a_split_of_another_form_is_refused(split):
    matches(rf"split must be steps 8640,2880,2880, shares .* Got '{split}'", refusal(wave(), split=split))


def test_a_split_past_the_data_is_refused():
    matches("split asks for 90 steps .* and there are 60", refusal(wave(), split="30,30,30"))
    matches("the data goes from 2024-03-01 00:00 to 2024-03-03 11:00", refusal(wave(), split="2025-01-01,2025-02-01"))


def test_all_series_are_cut_at_one_time():
    splits = splits_of(many([60, 40, 25]))
    panel = splits.train.panel
    for name, begin, end in zip(NAMES, splits.limits, splits.limits[1:], strict=False):
        windows = getattr(splits, name)
        assert (panel.ticks[windows.cuts] >= begin).all() and (panel.ticks[windows.cuts + 2] < end).all()
        assert (windows.inside == ((panel.ticks >= begin) & (panel.ticks < end))).all()
    assert splits.card["series"] == 3 and splits.card["steps"] == 125 and splits.card["frequency"] == "1h"
    assert splits.card["rows"] == {name: len(getattr(splits, name)) for name in NAMES}


def test_files_of_their_own_are_valid_and_test():
    frame = wave(90, wind=["N", "S"] * 45)
    train, valid, test = frame[:50], frame[50:70], frame[70:].assign(wind="E")
    splits = splits_of(train, valid, test, target="y", past="wind")
    assert [len(getattr(splits, name)) for name in NAMES] == [50 - 7, 20 - 7, 20 - 7]
    assert (splits.test.panel.categories == -1).all()
    assert any("'wind' has 'E', unseen in training" in note for note in splits.notes)
    assert (splits.test.scales.scale == splits.train.scales.scale).all()
    half = splits_of(train, None, test, target="y", past="wind")
    assert [len(getattr(half, name)) for name in NAMES] == [40 - 7, 10 - 2, 20 - 7]
    other = splits_of(train, valid, None, target="y")
    assert [len(getattr(other, name)) for name in NAMES] == [40 - 7, 20 - 7, 10 - 2]
    again = splits_of(frame[:50], None, frame[30:60], target="y")
    assert any("before train ends" in note for note in again.notes)
    matches(
        r"DataFrame has 6 steps, and a window with its horizon takes 5 \+ 3", refusal(train, None, test[:6], target="y")
    )


def test_too_few_rows_are_counted_and_what_would_do_is_said():
    message = refusal(wave(30), window=40, horizon=5)
    matches(r"has 30 steps, and window \+ horizon are 40 \+ 5 = 45\. --window 25 would do", message)
    message = refusal(wave(60), window=40, horizon=3)
    matches(r"has 36 steps to train on, and window \+ horizon are 40 \+ 3 = 43\. --window 33 would do", message)
    matches(r"has 12 steps for valid, and the horizon is 13", refusal(wave(60), window=2, horizon=13))


def test_short_series_are_named_and_left_out_by_setting():
    frame = many([60, 7, 60, 4])
    message = refusal(frame)
    matches(r"2 of 4 series have fewer steps than window \+ horizon \(5 \+ 3\): 's1', 's3'\.", message)
    matches("--short-series leave_out", message)
    splits = splits_of(frame, short_series="leave_out")
    assert splits.train.panel.ids == ("s0", "s2")
    assert any("left out 2 series with fewer than 8 steps: 's1', 's3'" in note for note in splits.notes)


def test_a_constant_target_is_refused_alone_and_told_among_others():
    matches("column 'y' is 4 at every step of the train part", refusal(wave().assign(y=4.0)))
    splits = splits_of(pd.concat([many([60]), wave().assign(y=4.0, unique_id="flat")]))
    assert any("'flat' never changes in the train part" in note for note in splits.notes)
    assert np.isfinite(splits.train.scales.scale).all() and (splits.train.scales.scale > 0).all()
    splits = splits_of(wave(60, x=1.0), target="x,y")
    assert any("'x' never changes" in note for note in splits.notes) and (splits.train.scales.scale > 0).all()


def test_targets_without_values_are_refused():
    matches("column 'y' has no value at all", refusal(wave().assign(y=None), target="y"))
    late = wave()
    late.loc[:40, "y"] = np.nan
    matches("column 'y' has no value in the train part", refusal(late))


def test_a_logarithm_needs_values_above_zero():
    matches(
        r"column 'y' must be above 0 for --transform log\. Its least value is -?\d",
        refusal(wave().assign(y=range(60)), transform="log"),
    )


def test_folds_walk_forward_through_the_test_part():
    splits = splits_of(many([120, 100], 120))
    folds = list(splits.folds(4))
    assert len(folds) == 4
    panel = splits.train.panel
    seen = []
    for fold in folds:
        begin = panel.ticks[fold.test.cuts].min()
        for name in ("train", "valid"):
            assert (panel.ticks[getattr(fold, name).cuts + 2] < begin).all()
        seen.append((begin, panel.ticks[fold.test.cuts + 2].max()))
        assert len(fold.train) and len(fold.valid)
    assert all(earlier[1] < later[0] for earlier, later in zip(seen, seen[1:], strict=False))
    assert len(folds[3].train) > len(folds[0].train)
    with pytest.raises(ValueError, match=r"backtest must be between 1 and 8, .* Got 9\."):
        next(splits.folds(9))


def test_what_is_read_is_hashed_and_a_change_is_told(tmp_path):
    path = tmp_path / "wave.csv"
    wave().to_csv(path, index=False)
    calls = []
    splits = read_splits(path, None, None, SeriesSettings(**SMALL), lambda done, total: calls.append((done, total)))
    assert calls[-1][0] == calls[-1][1] == path.stat().st_size
    import hashlib

    assert splits.card["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() and splits.changed() == ()
    assert splits.card["span"] == ["2024-03-01 00:00:00", "2024-03-03 11:00:00"]
    wave(70).to_csv(path, index=False)
    matches(r"has changed during the run", splits.changed()[0])
    frames = [splits_of(wave()).card["sha256"] for _ in range(2)]
    assert frames[0] == frames[1] != splits_of(wave(61)).card["sha256"]
