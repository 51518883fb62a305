"""Grid: rows in any order, doubled, off the step or missing become an even panel; gaps are filled from the past."""

import re

import numpy as np
import pandas as pd
import pytest

from rnnkit.series import SeriesSettings
from rnnkit.series.filling import fill_gaps
from rnnkit.series.grid import build_panel
from rnnkit.series.loading import load

SMALL = {"window": 5, "horizon": 3}
HOURS = pd.date_range("2024-03-01", periods=30, freq="h")


def panel_of(frame, **settings):
    settings = SeriesSettings(**{**SMALL, **settings})
    return build_panel(load(frame, settings), settings)


def frame_of(stamps, values, **more):
    return pd.DataFrame({"ds": stamps, "y": np.asarray(values, float), **more})


def told(notes, pattern):
    assert any(re.search(pattern, note) for note in notes), notes


def test_the_order_of_rows_does_not_matter():
    frame = pd.concat([frame_of(HOURS, range(30), unique_id="b"), frame_of(HOURS[4:], range(26), unique_id="a")])
    straight, notes = panel_of(frame)
    assert notes == () and straight.ids == ("b", "a") and straight.starts.tolist() == [0, 30, 56]
    mixed, notes = panel_of(frame.sample(frac=1, random_state=5))
    told(notes, r"rows were not in the order of time \(\d+ steps back\); sorted")
    order = [mixed.ids.index(id) for id in straight.ids]
    values = np.concatenate([mixed.values[mixed.starts[place] : mixed.starts[place + 1]] for place in order])
    np.testing.assert_array_equal(values, straight.values)
    interleaved, notes = panel_of(frame.sort_values(["ds", "unique_id"]))
    assert notes == () and interleaved.steps == 56


@pytest.mark.parametrize(("how", "value"), [("mean", 5.0), ("first", 4.0), ("last", 6.0)])
def test_rows_of_one_time_are_merged_and_counted(how, value):
    frame = pd.concat([frame_of(HOURS, [4.0] * 30), frame_of(HOURS[7:9], [6.0, 6.0])])
    panel, notes = panel_of(frame, duplicates=how)
    assert panel.steps == 30 and panel.values[7, 0] == value
    told(notes, r"2 rows have the time of another")


def test_rows_of_one_time_are_refused_by_place():
    frame = pd.concat([frame_of(HOURS, range(30)), frame_of(HOURS[7:9], [6, 6])], ignore_index=True)
    with pytest.raises(
        ValueError, match=r"^DataFrame, position 30: a second row for 2024-03-01 07:00:00; there are 2 such"
    ):
        panel_of(frame, duplicates="refuse")


def test_the_mean_of_rows_passes_over_what_is_missing():
    frame = pd.concat([frame_of(HOURS, [np.nan] * 30), frame_of(HOURS[7:9], [6, np.nan])])
    values = panel_of(frame, duplicates="mean")[0].values[:, 0]
    assert values[7] == 6 and np.isnan(values[8])


def test_every_step_has_a_row_unless_gaps_are_skipped():
    frame = frame_of(HOURS.delete([3, 4, 11]), range(27))
    panel, notes = panel_of(frame)
    assert panel.steps == 30 and np.flatnonzero(np.isnan(panel.values[:, 0])).tolist() == [3, 4, 11]
    assert (np.diff(panel.ticks) == 1).all() and (np.diff(panel.seconds) == 3600).all()
    told(notes, "3 of 30 steps have no row; marked as missing")
    panel, notes = panel_of(frame, gaps="skip")
    assert panel.closed and panel.steps == 27 and not np.isnan(panel.values).any() and notes == ()


def test_stamps_beside_the_grid_are_moved_and_counted():
    rng = np.random.default_rng(3)
    stamps = HOURS + pd.to_timedelta(rng.integers(-60, 61, 30), "s")
    panel, notes = panel_of(frame_of(stamps, range(30)), frequency="1h")
    assert panel.values[:, 0].tolist() == list(range(30)) and (np.diff(panel.seconds) == 3600).all()
    told(notes, r"\d+ stamps moved to the nearest step of 1h")


def test_a_frequency_that_does_not_fit_is_refused():
    stamps = HOURS + pd.to_timedelta(np.repeat([0, 30], 15), "min")
    with pytest.raises(ValueError, match=r"frequency 1h does not fit column 'ds': 50% of its stamps are off that grid"):
        panel_of(frame_of(stamps, range(30)), frequency="1h")
    with pytest.raises(
        ValueError, match=r"frequency 10min is finer than the data: the usual step of column 'ds' is 1 h"
    ):
        panel_of(frame_of(HOURS, range(30)), frequency="10min")


def test_a_coarser_frequency_takes_means_and_last_categories():
    stamps = pd.date_range("2024-03-01", periods=72, freq="h")
    winds = ["N"] * 40 + ["S"] * 32
    panel, notes = panel_of(frame_of(stamps, range(72), wind=winds), frequency="1d", past="wind")
    assert panel.values[:, 0].tolist() == [11.5, 35.5, 59.5]
    assert [panel.category_names[0][code] for code in panel.categories[:, 0]] == ["N", "S", "S"]
    told(notes, "resampled to steps of 1d by the mean")
    weeks, _ = panel_of(frame_of(pd.date_range("2024-03-04", periods=28, freq="D"), range(28)), frequency="1w")
    assert weeks.values[:, 0].tolist() == [3, 10, 17, 24]
    business, _ = panel_of(frame_of(pd.date_range("2024-03-04", periods=14, freq="D"), range(14)), frequency="1bd")
    assert business.values[:, 0].tolist() == [0, 1, 2, 3, 5, 7, 8, 9, 10, 12]


def test_days_of_a_zone_go_by_its_wall_clock():
    days = pd.date_range("2024-03-20", periods=30, freq="D")
    panel, notes = panel_of(frame_of(days, range(30)), time_zone="Europe/Berlin")
    assert panel.zone == "" and panel.steps == 30
    assert (panel.seconds % 86_400 == 0).all()
    told(notes, "steps of 1d go by the wall clock of Europe/Berlin")
    hours, _ = panel_of(frame_of(HOURS, range(30)), time_zone="Europe/Berlin")
    assert hours.zone == "Europe/Berlin"


def test_one_stray_stamp_does_not_make_millions_of_steps():
    stamps = HOURS.insert(0, pd.Timestamp("1924-01-01"))
    with pytest.raises(
        ValueError, match=r"would make [\d,]+ steps of 31 rows; .* from 1924-01-01 00:00:00 to 2024-03-01"
    ):
        panel_of(frame_of(stamps, range(31)))


HOLES = [1, 2, np.nan, np.nan, 8, np.nan, np.nan, 14, 16, np.nan]


def filled(how, boundaries):
    panel, _ = panel_of(
        frame_of(HOURS[:10], HOLES, wind=["N", None, "S", None, None, "N", "N", "N", "N", None]), past="wind"
    )
    return fill_gaps(panel, how, tuple(panel.ticks[place] for place in boundaries))


def test_gaps_are_filled_with_the_last_value():
    panel = filled("fill", (6,))
    assert panel.values[:, 0].tolist() == [1, 2, 2, 2, 8, 8, 8, 14, 16, 16]
    assert np.flatnonzero(panel.filled[:, 0]).tolist() == [2, 3, 5, 6, 9]
    assert [panel.category_names[0][code] for code in panel.categories[:, 0]] == list("NNSSSNNNNN")
    np.testing.assert_array_equal(panel.known_values()[:, 0], np.float32(HOLES))


def test_gaps_are_interpolated_between_neighbours_of_one_split():
    np.testing.assert_allclose(filled("interpolate", ()).values[:9, 0], [1, 2, 4, 6, 8, 10, 12, 14, 16])
    assert np.isnan(filled("interpolate", ()).values[9, 0])
    assert np.flatnonzero(np.isnan(filled("interpolate", (6,)).values[:, 0])).tolist() == [5, 6, 9]


def test_what_was_filled_can_be_filled_anew():
    panel = fill_gaps(filled("interpolate", ()), "interpolate", filled("fill", (6,)).ticks[[6]])
    np.testing.assert_array_equal(panel.values, filled("interpolate", (6,)).values)


def test_nothing_is_filled_from_one_series_into_the_next():
    holes = [np.nan, *range(28), np.nan]
    frame = pd.concat([frame_of(HOURS, holes, unique_id=id) for id in "ab"])
    panel, _ = panel_of(frame)
    for how in ("fill", "interpolate"):
        assert np.flatnonzero(np.isnan(fill_gaps(panel, how, ()).values[:, 0])).tolist()[0] == 0
        assert np.isnan(fill_gaps(panel, how, ()).values[30, 0])
