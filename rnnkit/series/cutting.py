"""Cutting: a panel and where its splits begin -> the windows of each."""

import datetime
import math

import numpy as np

from rnnkit.series.panel import Panel
from rnnkit.series.settings import SeriesSettings
from rnnkit.series.stamps import parse_one


def time_axis(panel: Panel) -> np.ndarray:
    """Returns the ticks that steps are counted in: all between first and last, or those there are if closed up."""
    if panel.closed:
        return np.unique(panel.ticks)
    return np.arange(panel.ticks.min(), panel.ticks.max() + 1)


def boundaries(panel: Panel, settings: SeriesSettings, *, parts: int = 3) -> tuple[int, ...]:
    """Returns the ticks at which train, valid and test begin, and the end.

    Args:
        panel: What is split.
        settings: Hold `split` and the shares.
        parts: 3; or 2, where the test is a file of its own; or 1, where both are.

    Raises:
        ValueError: `split` is of no known form, or asks for more than there is.
    """
    axis = time_axis(panel)
    ends = np.append(axis, axis[-1] + 1)
    if parts == 1:
        return int(ends[0]), int(ends[-1])
    if settings.split.strip():
        places = _asked(settings, axis, panel, parts)
    else:
        shares = (settings.valid_share, settings.test_share)[: parts - 1]
        sizes = [round(len(axis) * share) for share in shares]
        places = [0, *(len(axis) - sum(sizes[place:]) for place in range(parts - 1)), len(axis)]
    return tuple(int(ends[place]) for place in places)


def _asked(settings, axis, panel, parts):
    pieces = [piece.strip() for piece in settings.split.split(",")]
    try:
        numbers = [float(piece) for piece in pieces]
    except ValueError:
        return _by_date(settings, axis, panel, parts, pieces)
    if len(numbers) != parts or not all(math.isfinite(number) and number > 0 for number in numbers):
        raise ValueError(_form(settings.split, parts))
    if all(number.is_integer() for number in numbers):
        sizes = [int(number) for number in numbers]
    elif sum(numbers) <= 1 + 1e-9:
        sizes = [int(number * len(axis) + 1e-6) for number in numbers]
        if sum(numbers) > 1 - 1e-9:
            # As published splits do: what rounding leaves goes to the part before the last.
            sizes[-2] += len(axis) - sum(sizes)
    else:
        raise ValueError(_form(settings.split, parts))
    if sum(sizes) > len(axis):
        raise ValueError(
            f"split asks for {sum(sizes):,} steps ({settings.split}), and there are {len(axis):,}. Ask for fewer."
        )
    return [0, *np.cumsum(sizes).tolist()]


def _by_date(settings, axis, panel, parts, pieces):
    seconds = [parse_one(piece) for piece in pieces]
    if any(value is None for value in seconds) or len(pieces) != parts - 1:
        raise ValueError(_form(settings.split, parts))
    stamps = panel.frequency.seconds(axis)
    places = [0, *(int(np.searchsorted(stamps, value)) for value in seconds), len(axis)]
    if any(later <= earlier for earlier, later in zip(places, places[1:], strict=False)):
        first, last = (datetime.datetime.fromtimestamp(int(stamps[place]), datetime.UTC) for place in (0, -1))
        raise ValueError(
            f"split leaves a part empty: the data goes from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}. "
            f"Got {settings.split!r}; give dates within it, in order."
        )
    return places


def _form(split, parts):
    if parts == 2:
        return (
            "split must say train and valid, as the test is given: steps 8640,2880, shares 0.8,0.2, "
            f"or the date valid begins at. Got {split!r}."
        )
    return (
        "split must be steps 8640,2880,2880, shares 0.6,0.2,0.2, or the dates that valid and test begin at "
        f"(2011-01-01,2011-07-01). Got {split!r}."
    )


def cut(panel: Panel, settings: SeriesSettings, begin: int, end: int, stride: int = 1) -> tuple[np.ndarray, int]:
    """Returns the windows whose whole horizon lies between two ticks; the look-back may begin before.

    Args:
        panel: Of known values, filled or not.
        settings: Say `window` and `horizon`.
        begin, end: Ticks, the end excluded.
        stride: Steps between two windows of a series.

    Returns:
        `(n,)` int64 steps at which horizons begin, and how many windows were dropped as their whole
        horizon, or all targets before it, are unknown.
    """
    window, horizon = settings.window, settings.horizon
    first = np.repeat(panel.starts[:-1], panel.lengths)
    last = np.repeat(panel.starts[1:], panel.lengths)
    steps = np.arange(panel.steps)
    fits = (steps - window >= first) & (steps + horizon <= last) & (panel.ticks >= begin)
    fits[fits] &= panel.ticks[steps[fits] + horizon - 1] < end
    cuts = steps[fits]
    if stride > 1 and len(cuts):
        series = panel.series_of(cuts)
        earliest = np.r_[True, np.diff(series) > 0]
        number = cuts - cuts[earliest][np.cumsum(earliest) - 1]
        cuts = cuts[number % stride == 0]
    seen = ~np.isnan(panel.values[:, : len(panel.columns.targets)])
    if panel.filled is not None:
        seen &= ~panel.filled[:, : len(panel.columns.targets)]
    known = np.concatenate([[0], np.cumsum(seen.any(axis=1))])
    useful = (known[cuts] > known[cuts - window]) & (known[cuts + horizon] > known[cuts])
    return cuts[useful], int(len(cuts) - np.count_nonzero(useful))


def spaced(cuts: np.ndarray, most: int) -> np.ndarray:
    """Returns at most that many, evenly spaced; all for 0."""
    if not most or len(cuts) <= most:
        return cuts
    return cuts[np.linspace(0, len(cuts) - 1, most).round().astype(np.int64)]
