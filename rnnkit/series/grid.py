"""Grid: rows in any order -> a panel whose series step evenly; what had to be moved or merged is counted."""

import numpy as np

from rnnkit.series.frequency import (
    MOST_OFF,
    Frequency,
    anchored,
    duration,
    infer_frequency,
    misfit,
    parse_frequency,
)
from rnnkit.series.panel import Panel
from rnnkit.series.rows import Rows
from rnnkit.series.settings import SeriesSettings
from rnnkit.series.stamp_texts import stamp_text

FINER, COARSER = 0.75, 1.35
"""Given step as a share of the data's: below the first it is finer, above the second the data is resampled."""
MOST_HOLES = 50
"""Steps for each row, past which a stamp is more likely to be wrong."""


def build_panel(rows: Rows, settings: SeriesSettings, known: Frequency | None = None) -> tuple[Panel, tuple[str, ...]]:
    """Puts rows on a grid.

    Args:
        rows: As loaded.
        settings: What is done with duplicates and gaps; the frequency.
        known: A model's frequency, which is taken as it is.

    Returns:
        The panel with no value filled, and one-line remarks.

    Raises:
        ValueError: There is no such grid, or there are duplicates and they are to be refused.
    """
    order, notes = _order(rows)
    seconds, series = rows.seconds[order], rows.series[order]
    zone, seconds, frequency, resample = _choose(rows, settings, known, seconds, series, notes)
    if resample and frequency.kind == "seconds":
        ticks = np.floor_divide(seconds - frequency.anchor, frequency.count)
    else:
        ticks = frequency.ticks(seconds)
    if resample:
        notes.append(f"{rows.name}: resampled to steps of {frequency.text} by the mean (categories: the last).")
    elif moved := int(np.count_nonzero(frequency.seconds(ticks) != seconds)):
        notes.append(f"{rows.name}: {moved:,} stamps moved to the nearest step of {frequency.text}.")
    first = np.flatnonzero(np.r_[True, (np.diff(series) != 0) | (np.diff(ticks) != 0)])
    again = len(ticks) - len(first)
    if again and not resample:
        if settings.duplicates == "refuse":
            raise ValueError(_refusal(rows, order, first, frequency, ticks))
        taken = {"mean": "their mean", "first": "the first of them", "last": "the last of them"}[settings.duplicates]
        notes.append(f"{rows.name}: {again:,} rows have the time of another of the same series; {taken} is taken.")
    how = "mean" if resample else settings.duplicates
    values, categories = _merged(rows.values[order], rows.categories[order], first, how)
    notes += _missing(rows, values, settings.gaps)
    ticks, series = ticks[first], series[first]
    closed = settings.gaps == "skip"
    counts = np.bincount(series, minlength=len(rows.ids))
    if not closed:
        ticks, counts, values, categories, holes = _opened(rows, ticks, series, counts, values, categories, frequency)
        if holes:
            what = {"fill": "filled with the last values", "interpolate": "interpolated"}
            what = what.get(settings.gaps, "marked as missing")
            notes.append(f"{rows.name}: {holes:,} of {len(ticks):,} steps have no row; {what}.")
    panel = Panel(
        columns=rows.columns,
        frequency=frequency,
        zone=zone,
        ids=rows.ids,
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        ticks=ticks,
        seconds=frequency.seconds(ticks),
        values=values,
        categories=categories,
        category_names=rows.category_names,
        static_values=rows.static_values,
        static_categories=rows.static_categories,
        static_names=rows.static_names,
        closed=closed,
    )
    return panel, tuple(notes)


def _order(rows):
    back = np.count_nonzero((np.diff(rows.seconds) < 0) & (np.diff(rows.series) == 0))
    if not back and (np.diff(rows.series) >= 0).all():
        return slice(None), []
    order = np.lexsort((rows.seconds, rows.series))
    own = np.argsort(rows.series, kind="stable")
    back = np.count_nonzero((np.diff(rows.seconds[own]) < 0) & (np.diff(rows.series[own]) == 0))
    return order, [f"{rows.name}: rows were not in the order of time ({back:,} steps back); sorted."] if back else []


def _choose(rows, settings, known, seconds, series, notes):
    """Returns zone, stamps, grid, and whether several rows make a step."""
    frequency, resample = _frequency(rows, settings, known, seconds, series)
    if rows.zone in ("", "UTC") or not frequency.whole_days or rows.made:
        return rows.zone, seconds, frequency, resample
    notes.append(f"{rows.name}: steps of {frequency.text} go by the wall clock of {rows.zone}.")
    seconds = _wall_clock(seconds, rows.zone)
    return "", seconds, *_frequency(rows, settings, known, seconds, series)


def _wall_clock(seconds, zone):
    import pandas as pd

    times = pd.DatetimeIndex(seconds.astype("datetime64[s]")).tz_localize("UTC").tz_convert(zone).tz_localize(None)
    return times.to_numpy("datetime64[s]").astype(np.int64)


def _frequency(rows, settings, known, seconds, series):
    name = rows.columns.time
    if rows.made:
        # Made stamps lie on the grid; the first one of the earliest series is its anchor.
        return known or anchored(parse_frequency(settings.frequency), seconds[:1]), False
    steps = np.diff(seconds)[np.diff(series) == 0]
    steps = steps[steps > 0]
    if not known and not settings.frequency:
        return infer_frequency(seconds, name, steps), False
    given = known or parse_frequency(settings.frequency)
    if not len(steps):
        return known or anchored(given, seconds), False
    usual = float(np.median(steps))
    if given.length < FINER * usual:
        raise ValueError(
            f"frequency {given.text} is finer than the data: the usual step of column {name!r} is {duration(usual)}. "
            "Give that, or leave --frequency out."
        )
    if given.length > COARSER * usual and not (given.kind == "business_days" and not _has_weekends(seconds)):
        return given, True
    frequency = known or anchored(given, seconds)
    if (off := misfit(seconds, frequency)) > MOST_OFF:
        raise ValueError(
            f"frequency {given.text} does not fit column {name!r}: {off:.0%} of its stamps are off that grid by "
            f"more than a tenth of a step; the usual step is {duration(usual)}. Give another --frequency, or one so "
            "coarse that several rows make a step."
        )
    return frequency, False


def _has_weekends(seconds):
    return bool(((seconds // 86_400 + 3) % 7 > 4).any())


def _refusal(rows, order, first, frequency, ticks):
    kept = np.zeros(len(ticks), bool)
    kept[first] = True
    row = int(np.argmin(kept))
    place = np.asarray(rows.places)[order][row]
    time = stamp_text(frequency.seconds(ticks[row : row + 1]))[0].decode()
    series = rows.ids[np.asarray(rows.series)[order][row]]
    which = f" of series {series!r}" if rows.ids != ("",) else ""
    many = len(ticks) - len(first)
    return (
        f"{rows.name}, {rows.unit} {place}: a second row for {time}{which}; there are {many:,} such rows. "
        "Leave them out, name the column that tells series apart (--id), or pass --duplicates mean."
    )


def _merged(values, categories, first, how):
    """Returns a row for each group of rows that begins at `first`."""
    if len(first) == len(values):
        return values, categories
    ends = np.r_[first[1:], len(values)]
    if how in ("first", "last"):
        rows = first if how == "first" else ends - 1
        return values[rows], categories[rows]
    known = ~np.isnan(values)
    counts = np.add.reduceat(known, first, axis=0, dtype=np.int64)
    sums = np.add.reduceat(np.where(known, values, 0.0), first, axis=0, dtype=np.float64)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).astype(np.float32)
    if not categories.shape[1]:
        return means, categories[first]
    last = np.where(categories >= 0, np.arange(len(categories))[:, None], -1)
    last = np.maximum.reduceat(last, first, axis=0)
    return means, np.where(last >= 0, np.take_along_axis(categories, np.maximum(last, 0), axis=0), -1)


def _opened(rows, ticks, series, counts, values, categories, frequency):
    """Gives each tick between a series' first and last a row."""
    begins = np.concatenate([[0], np.cumsum(counts)[:-1]])
    firsts, lasts = ticks[begins], ticks[begins + counts - 1]
    lengths = lasts - firsts + 1
    total = int(lengths.sum())
    holes = total - len(ticks)
    if not holes:
        return ticks, counts, values, categories, 0
    if total > MOST_HOLES * len(ticks) + 100_000:
        widest = int(np.argmax(np.where(np.diff(series) == 0, np.diff(ticks), 0)))
        left, right = (text.decode() for text in stamp_text(frequency.seconds(ticks[widest : widest + 2])))
        raise ValueError(
            f"{rows.name}: steps of {frequency.text} would make {total:,} steps of {len(ticks):,} rows; the widest gap "
            f"is from {left} to {right}. Mend the stamps, give a coarser --frequency, or close gaps up: --gaps skip"
        )
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    places = starts[series] + ticks - firsts[series]
    opened = np.full((total, values.shape[1]), np.nan, np.float32)
    opened[places] = values
    codes = np.full((total, categories.shape[1]), -1, np.int32)
    codes[places] = categories
    every = np.arange(total) - np.repeat(starts - firsts, lengths)
    return every, lengths, opened, codes, holes


def _missing(rows, values, gaps):
    counts = np.count_nonzero(np.isnan(values), axis=0)
    told = [f"{name} {count:,}" for name, count in zip(rows.columns.numeric, counts.tolist(), strict=True) if count]
    if not told:
        return []
    what = {"fill": "filled with the last value", "interpolate": "interpolated"}.get(gaps, "marked as missing")
    more = f" and {len(told) - 5} more columns" if len(told) > 5 else ""
    return [f"{rows.name}: missing values of {', '.join(told[:5])}{more}, of {len(values):,}; {what}."]
