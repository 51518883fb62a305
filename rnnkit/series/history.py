"""History: other data, read as a trained model's -> windows to be scored, or each series' last steps to go on from."""

import dataclasses
import os
from collections.abc import Callable

import numpy as np

from rnnkit.series.filling import fill_gaps
from rnnkit.series.frequency import Frequency
from rnnkit.series.grid import build_panel
from rnnkit.series.loading import load
from rnnkit.series.panel import Panel
from rnnkit.series.settings import SeriesSettings
from rnnkit.series.splits import windows_of
from rnnkit.series.stamp_texts import stamp_text
from rnnkit.series.windows import Windows, raw_inputs
from rnnkit.sources.data_frames import is_data_frame
from rnnkit.sources.table import Meter

Progress = Callable[[int, int], object]


@dataclasses.dataclass(frozen=True)
class History:
    """What a model needs to forecast what comes after a table.

    Attributes:
        ids: Names of the series; ("",) for one without a name.
        inputs: Raw inputs of the served model, one row for each series, shorter ones padded in front.
        seconds: `(series,)` int64 of the last step that is known.
        targets: Names of what is forecast.
        notes: One-line remarks.
    """

    ids: tuple[str, ...]
    inputs: dict[str, np.ndarray]
    seconds: np.ndarray
    targets: tuple[str, ...]
    notes: tuple[str, ...]


def read_windows(data, settings: SeriesSettings, facts: dict, progress: Progress | None = None) -> Windows:
    """Reads labelled data to be scored: all its windows, of those too many evenly spaced ones.

    Args:
        data: A path or a DataFrame.
        settings: The model's, with the names of columns here.
        facts: Of the model, see `series_card`; they say columns, frequency, categories and sizes.
        progress: `progress(done, total)` in bytes.

    Returns:
        The windows, with `notes` and a `card` of `path, rows, sha256`.

    Raises:
        ValueError, LookupError, OSError: As `read_splits`.
    """
    meter = Meter(progress, 0)
    windows, rows = windows_of(data, _as_trained(settings, facts), facts, "test", meter)
    meter.finish()
    path = "DataFrame" if is_data_frame(data) else os.fspath(data)
    windows.card = {"path": path, "rows": len(windows), "sha256": rows.sha256}
    return windows


def _as_trained(settings, facts):
    gaps = "skip" if facts["closed"] else "mask" if settings.gaps == "skip" else settings.gaps
    return dataclasses.replace(settings, window=facts["window"], horizon=facts["horizon"], gaps=gaps)


def read_history(data, settings: SeriesSettings, facts: dict, progress: Progress | None = None) -> History:
    """Reads the last steps of each series, and what is known ahead of the steps to be forecast.

    The horizon begins after the last row with a known target. Where the model has no future columns,
    later rows whose other columns are known still belong to the past.

    Args:
        data, settings, facts, progress: See `read_windows`.

    Raises:
        ValueError: A series has no known target, or future columns aren't filled over the horizon.
        LookupError, OSError: As `read_splits`.
    """
    meter = Meter(progress, 0)
    settings = _as_trained(settings, facts)
    rows = load(data, settings, meter, facts)
    meter.finish()
    panel, notes = build_panel(rows, settings, Frequency.from_dict(facts["frequency"]))
    cuts = _ends(panel, rows.name)
    if panel.columns.future or panel.columns.future_categories:
        _check_future(panel, cuts, settings.horizon, rows)
    panel = fill_gaps(panel, settings.gaps, ())
    inputs = _inputs(panel, cuts, settings)
    return History(panel.ids, inputs, panel.seconds[cuts - 1], panel.columns.targets, (*rows.notes, *notes))


def _ends(panel: Panel, name) -> np.ndarray:
    """Returns the step after the last known one of each series."""
    columns = panel.columns
    looked_at = len(columns.targets)
    if not columns.future and not columns.future_categories:
        looked_at += len(columns.past)
    targets = ~np.isnan(panel.values[:, : len(columns.targets)]).all(axis=1)
    known = ~np.isnan(panel.values[:, :looked_at]).all(axis=1)
    steps = np.arange(panel.steps)
    series = panel.series()
    last, any_target = np.full(len(panel.ids), -1), np.zeros(len(panel.ids), bool)
    np.maximum.at(last, series[known], steps[known])
    any_target[series[targets]] = True
    if not any_target.all():
        id = panel.ids[int(np.argmin(any_target))]
        which = f"series {id!r}" if id else "the table"
        raise ValueError(
            f"{name}: {which} has no known value of {', '.join(map(repr, columns.targets))} to forecast from. "
            "Add rows of its past."
        )
    return last + 1


def _check_future(panel: Panel, cuts, horizon, rows):
    columns = panel.columns
    numbers = len(columns.targets) + len(columns.past)
    codes = len(columns.past_categories)
    names = np.array(columns.future + columns.future_categories)
    for place, begin in enumerate(cuts.tolist()):
        steps = np.arange(begin, min(begin + horizon, panel.starts[place + 1]))
        lacking = np.ones((horizon, len(names)), bool)
        # A category that the model never saw counts as given.
        unseen = np.array([name in rows.unseen for name in columns.future_categories], bool)
        # So does an empty cell where the history has empty ones too, such as days that are no holiday.
        unseen |= (panel.categories[panel.starts[place] : begin, codes:] < 0).any(axis=0)
        given = (panel.categories[steps, codes:] >= 0) | unseen
        lacking[: len(steps)] = ~np.concatenate([~np.isnan(panel.values[steps, numbers:]), given], axis=1)
        if lacking.any():
            raise ValueError(_lacking(panel, place, begin, horizon, lacking, names, rows.name))


def _lacking(panel, place, begin, horizon, lacking, names, table):
    ticks = panel.ticks[begin - 1] + 1 + np.flatnonzero(lacking.any(axis=1))
    stamps = [text.decode() for text in stamp_text(panel.frequency.seconds(ticks[:3]), panel.zone)]
    more = f" and {len(ticks) - 3:,} more" if len(ticks) > 3 else ""
    which = f" of series {panel.ids[place]!r}" if panel.ids[place] else ""
    last = stamp_text(panel.seconds[begin - 1 : begin], panel.zone)[0].decode()
    return (
        f"{table}: the last known target{which} is at {last}, and forecasting the {horizon} steps after it takes "
        f"{', '.join(repr(str(name)) for name in names[lacking.any(axis=0)])}, missing at {', '.join(stamps)}{more}. "
        "Add rows with these stamps and columns, the targets left empty."
    )


def _inputs(panel: Panel, cuts, settings) -> dict[str, np.ndarray]:
    columns = panel.columns
    lengths = np.minimum(cuts - panel.starts[:-1], settings.window)
    width = int(lengths.max())
    back = cuts[:, None] + np.arange(-width, 0)
    real = np.arange(width) >= width - lengths[:, None]
    steps = np.where(real, back, cuts[:, None] - 1)
    # Where the model has no future columns, there may be no rows ahead, and none is looked at.
    ahead = np.minimum(cuts[:, None] + np.arange(settings.horizon), panel.steps - 1)
    arrays = {
        "time": np.where(real, stamp_text(panel.seconds[steps], panel.zone), b""),
        "values": np.where(real[..., None], panel.values[steps], np.float32(np.nan)),
        "categories": np.where(real[..., None], panel.categories[steps], -1),
        "future_values": panel.values[ahead, len(columns.targets) + len(columns.past) :],
        "future_categories": panel.categories[ahead, len(columns.past_categories) :],
        "static_values": panel.static_values,
        "static_categories": panel.static_categories,
    }
    return raw_inputs(panel, arrays)
