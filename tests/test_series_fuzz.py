"""Fuzzed tables: whatever a file holds, it is read or refused in one line."""

import pathlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnkit.series import SeriesSettings, read_history, read_splits, read_windows, series_card

CELL = st.one_of(
    st.integers(-5, 5).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.sampled_from(
        ["", "NA", "x", '"', "2024-01-01", "2024-13-45", "99999-01-01", "1e999", "0001-01-01", "12:00", "é"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
)
STAMP = st.one_of(
    st.integers(0, 60).map(lambda hour: f"2024-01-{1 + hour // 24:02} {hour % 24:02}:00:00"),
    st.sampled_from(["2024-01-01T05:30:00+02:00", "9999-12-31 23:59:59", "0001-01-01", "1969-12-31", ""]),
)
OPTIONS = st.fixed_dictionaries(
    {
        "gaps": st.sampled_from(["fill", "interpolate", "mask", "skip"]),
        "duplicates": st.sampled_from(["mean", "first", "last", "refuse"]),
        "skip_bad_rows": st.booleans(),
        "short_series": st.sampled_from(["refuse", "leave_out"]),
        "time": st.sampled_from(["", "ds", "row", "y"]),
        "id": st.sampled_from(["", "x"]),
        "past": st.sampled_from(["", "x"]),
        "static": st.sampled_from(["", "w"]),
        "frequency": st.sampled_from(["", "1h", "1d", "1mo", "1bd", "1s"]),
        "time_zone": st.sampled_from(["", "Europe/Berlin"]),
        "start": st.sampled_from(["", "2020-01-01", "soon"]),
        "transform": st.sampled_from(["none", "log"]),
    }
)


def finished(read):
    """Returns what is read, or None where it is refused in one line."""
    try:
        return read()
    except (ValueError, LookupError, OSError) as error:
        assert type(error) in (ValueError, LookupError) or isinstance(error, OSError), repr(error)
        assert len(error.args) == 1 and "\n" not in error.args[0], error.args
        assert 20 < len(error.args[0]) < 900
        return None


@pytest.mark.filterwarnings("error::RuntimeWarning")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(STAMP, CELL, CELL, CELL), min_size=0, max_size=30), st.integers(0, 3), OPTIONS)
def test_any_table_is_read_or_refused_in_one_line(tmp_path, rows, whole, options):
    path = pathlib.Path(tmp_path, "t.csv")
    # The more is whole, the further the reading comes.
    rows = [(stamp, "7" if y == "x" else y, x, w) for stamp, y, x, w in rows] if whole else rows
    lines = [f"{stamp},{y},{x},{w}" for stamp, y, x, w in rows]
    if whole > 1:
        lines += [f"2024-01-02 {hour:02}:00:00,{hour % 5 + 1},{x},k" for hour in range(24) for x in ("a", "b")]
    if whole > 2:
        lines = lines[len(rows) :] + lines[:3]
        options |= {"skip_bad_rows": True, "duplicates": "last", "time": "ds", "static": "", "frequency": ""}
    path.write_text("\n".join(["ds,y,x,w", *lines]), encoding="utf-8")
    chosen = SeriesSettings(window=3, horizon=2, target="y" if options["time"] != "y" else "", **options)
    splits = finished(lambda: read_splits(path, settings=chosen))
    if splits is None:
        return
    for windows in (splits.train, splits.valid, splits.test):
        arrays = windows.arrays(np.arange(len(windows)))
        assert len(windows) and not np.isinf(arrays["values"]).any()
        truth = windows.truth()
        assert np.isfinite(truth.last).all() and (truth.scale > 0).all() and np.isfinite(truth.scale).all()
    facts = series_card(splits.train)
    finished(lambda: read_windows(path, chosen, facts))
    finished(lambda: read_history(path, chosen, facts))
