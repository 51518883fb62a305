"""History: other data is read as a trained model's, to be scored or to be gone on from."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from rnnkit.series import SeriesSettings, read_history, read_splits, read_windows, series_card

OPTIONS = {"window": 5, "horizon": 3, "valid_share": 0.2, "test_share": 0.2, "target": "y", "past": "heat,wind"}
AHEAD = {"future": "hot,sky"}


def frame_of(count=60, ids=("a", "b"), start="2024-03-01"):
    parts = []
    for place, id in enumerate(ids):
        steps = np.arange(count)
        parts.append(
            pd.DataFrame(
                {
                    "unique_id": id,
                    "ds": pd.date_range(start, periods=count, freq="h"),
                    "y": np.sin(steps + place) + place,
                    "heat": steps * 1.0,
                    "wind": np.array(["N", "S", "SW"])[steps % 3],
                    "hot": steps % 2 * 1.0,
                    "sky": np.array(["clear", "grey"])[steps % 2],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def trained(**more):
    """Settings of a model and what it knows, as its card would hold it."""
    settings = SeriesSettings(**{**OPTIONS, **more})
    return settings, json.loads(json.dumps(series_card(read_splits(frame_of(), settings=settings).train)))


def refusal(data, settings, facts):
    with pytest.raises(ValueError) as caught:
        read_history(data, settings, facts)
    message = caught.value.args[0]
    assert "\n" not in message and "  " not in message
    return message


def test_windows_of_the_same_data_are_those_of_the_splits():
    settings, facts = trained(**AHEAD)
    windows = read_windows(frame_of(), settings, facts)
    test = read_splits(frame_of(), settings=settings).test
    places = np.flatnonzero(np.isin(windows.cuts, test.cuts))
    assert len(windows) == 2 * (60 - 8 + 1) and len(places) == len(test)
    for name, array in test.raw(np.arange(len(test))).items():
        np.testing.assert_array_equal(windows.raw(places)[name], array)
    for name in ("values", "last", "scale", "mean", "spread"):
        mine = getattr(windows.truth(), name)
        np.testing.assert_array_equal(
            mine[places] if name in ("values", "last", "scale") else mine, getattr(test.truth(), name)
        )
    assert windows.card["rows"] == len(windows) and windows.card["path"] == "DataFrame"


def test_other_names_and_unseen_series_and_categories_are_taken():
    settings, facts = trained()
    other = frame_of(ids=("c",)).rename(columns={"y": "price", "ds": "day"})
    other["wind"] = "E"
    mine = SeriesSettings(**OPTIONS, columns="y=price,ds=day")
    windows = read_windows(other, mine, facts)
    assert windows.panel.ids == ("c",) and (windows.panel.categories == -1).all()
    np.testing.assert_allclose(windows.scales.scale, [facts["scale"]])
    assert any("'wind' has 'E', unseen in training" in note for note in windows.notes)
    np.testing.assert_array_equal(
        read_windows(frame_of(ids=("b",)), settings, facts).scales.scale, [facts["scales"]["b"]]
    )


def test_a_column_the_model_needs_is_missed_by_name():
    settings, facts = trained()
    with pytest.raises(LookupError, match=r"^DataFrame has no column 'heat'\. .*--columns 'heat="):
        read_windows(frame_of().drop(columns="heat"), settings, facts)


def test_the_last_steps_are_those_of_the_last_window():
    settings, facts = trained()
    frame = frame_of()
    history = read_history(frame, settings, facts)
    assert history.ids == ("a", "b") and history.targets == ("y",)
    shapes = {name: array.shape for name, array in history.inputs.items()}
    assert shapes == {"time": (2, 5), "values": (2, 5, 2), "categories": (2, 5, 1)}
    assert history.inputs["time"][1].tolist() == [f"2024-03-03 {hour:02}:00:00".encode() for hour in range(7, 12)]
    np.testing.assert_allclose(history.inputs["values"][0], frame[["y", "heat"]][55:60], rtol=1e-6)
    assert (history.seconds == pd.Timestamp("2024-03-03 11:00").timestamp()).all()


def test_short_histories_are_padded_in_front():
    settings, facts = trained()
    frame = pd.concat([frame_of(4, ids=("a",)), frame_of(2, ids=("b",))])
    inputs = read_history(frame, settings, facts).inputs
    assert inputs["time"].shape == (2, 4)
    assert inputs["time"][1].tolist() == [b"", b"", b"2024-03-01 00:00:00", b"2024-03-01 01:00:00"]
    assert np.isnan(inputs["values"][1, :2]).all() and not np.isnan(inputs["values"][1, 2:]).any()
    assert inputs["categories"][1, :, 0].tolist() == [b"", b"", b"N", b"S"]


def test_rows_after_the_last_target_are_the_horizon():
    settings, facts = trained(**AHEAD)
    frame = frame_of()
    frame.loc[(frame.index % 60) >= 57, ["y", "heat"]] = np.nan
    frame.loc[(frame.index % 60) >= 57, "wind"] = None
    for gaps in ("mask", "fill", "interpolate"):
        history = read_history(frame, SeriesSettings(**OPTIONS, **AHEAD, gaps=gaps), facts)
        assert history.inputs["time"][0, -1] == b"2024-03-03 08:00:00"
        assert history.inputs["future_values"][:, :, 0].tolist() == [[1, 0, 1]] * 2
        assert history.inputs["future_categories"][0, :, 0].tolist() == [b"grey", b"clear", b"grey"]
        assert not np.isnan(history.inputs["values"]).any()


def test_future_columns_that_lack_over_the_horizon_are_named_with_their_stamps():
    settings, facts = trained(**AHEAD)
    message = refusal(frame_of(), settings, facts)
    assert re.search(
        r"the last known target of series 'a' is at 2024-03-03 11:00:00, and forecasting the 3 steps after it takes "
        r"'hot', 'sky', missing at 2024-03-03 12:00:00, 2024-03-03 13:00:00, 2024-03-03 14:00:00\. Add rows",
        message,
    ), message
    frame = frame_of()
    frame.loc[(frame.index % 60) >= 57, "y"] = np.nan
    frame.loc[118, "sky"] = None
    message = refusal(frame, settings, facts)
    assert "series 'b'" in message and "takes 'sky', missing at 2024-03-03 10:00:00. Add" in message
    frame["sky"] = frame["sky"].fillna("red")
    assert read_history(frame, settings, facts).inputs["future_categories"][1, :, 0].tolist() == [b"grey", b"", b"grey"]


def test_an_empty_category_ahead_is_as_given_where_the_history_has_empty_ones():
    settings, facts = trained(**AHEAD)
    frame = frame_of()
    frame.loc[(frame.index % 60) >= 57, "y"] = np.nan
    frame.loc[frame["sky"] == "grey", "sky"] = None
    ahead = read_history(frame, settings, facts).inputs["future_categories"]
    assert ahead[0, :, 0].tolist() == [b"", b"clear", b""]
    assert "takes 'hot', 'sky', missing at 2024-03-03 11:00:00. Add" in refusal(
        frame[frame.index != 59], settings, facts
    )


def test_a_series_without_a_target_is_named():
    settings, facts = trained()
    frame = frame_of()
    frame.loc[frame["unique_id"] == "b", "y"] = np.nan
    assert re.search(r"series 'b' has no known value of 'y' to forecast from", refusal(frame, settings, facts))


def test_closed_gaps_stay_closed():
    settings = SeriesSettings(**OPTIONS, gaps="skip")
    frame = frame_of(ids=("a",)).drop(index=[20, 56, 57])
    facts = series_card(read_splits(frame, settings=settings).train)
    assert facts["closed"]
    times = read_history(frame, SeriesSettings(**OPTIONS), facts).inputs["time"][0]
    assert [time[11:13] for time in times] == [b"05", b"06", b"07", b"10", b"11"]
