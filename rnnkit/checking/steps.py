"""Steps: times in the order of their rows -> their usual step, and where they depart from it."""

from collections.abc import Sequence

import numpy as np

from rnnkit.checking.findings import PLACES, Finding, counted, percent, where

LEAST = 5
"""Times from which on a column is judged."""
SECOND, MINUTE, HOUR, DAY = 10**6, 60 * 10**6, 3600 * 10**6, 86_400 * 10**6


def usual_step(times: np.ndarray) -> int:
    """Returns the most frequent step forward in microseconds, the shortest of several; 0 where there is none."""
    steps = np.diff(times)
    steps, counts = np.unique(steps[steps > 0], return_counts=True)
    return int(steps[np.argmax(counts)]) if len(steps) else 0


def step_findings(times: np.ndarray, places: Sequence[int | str], *, name: str, unit: str) -> list[Finding]:
    """Returns where times stand still, go backwards, leave a gap or keep no step.

    Args:
        times: `(rows,)` int64, microseconds, in the order of the rows.
        places: Of the rows.
        name: The column's.
        unit: What places are counted in.
    """
    findings, steps, column = [], np.diff(times), f"column {name!r}"
    if len(times) < LEAST:
        return findings
    again = len(times) - len(np.unique(times))
    if again:
        _, first = np.unique(times, return_index=True)
        rows = np.setdiff1d(np.arange(len(times)), first)
        message = f"{column}: {counted(again, 'time')} {'occurs' if again == 1 else 'occur'} again "
        message += f"({_at(rows, places, unit)}), of {len(times):,}."
        mend = f"Keep one row for each time of {name!r}, or name the column that tells its series apart."
        findings.append(Finding("times_again", "warning", message, _first(rows, places), mend))
    back = np.flatnonzero(steps < 0) + 1
    mend = f"Sort the rows by {name!r}."
    if len(back) and not (steps > 0).any():
        message = f"{column} runs from the latest to the earliest time."
        findings.append(Finding("times_falling", "warning", message, mend=mend))
        return [*findings, *_regularity(times[::-1], places[::-1], column, unit)]
    if len(back):
        message = f"{column} goes backwards {counted(len(back), 'time')} ({_at(back, places, unit)})."
        findings.append(Finding("times_back", "warning", message, _first(back, places), mend))
    return [*findings, *_regularity(times, places, column, unit)]


def _regularity(times, places, column, unit):
    usual, steps = usual_step(times), np.diff(times)
    forward = steps > 0
    if not usual:
        return []
    known = _calendar(times, steps, forward)
    regular = known[1] if known else steps == usual
    called = known[0] if known else duration(usual)
    odd = forward & ~regular
    if not odd.any():
        return [Finding("time_step", "note", f"{column}: its usual step is {called}, and it is always kept.")]
    rows = np.flatnonzero(odd) + 1
    # A step that is a multiple of the usual one leaves out rows; others are off the grid.
    if 2 * np.count_nonzero(steps == usual) < np.count_nonzero(forward) and not known:
        message = f"{column} keeps no step: its steps are between {duration(steps[forward].min())} and "
        message += f"{duration(steps[forward].max())}, the most frequent is {called}."
        return [Finding("times_irregular", "warning", message, mend=f"Bring {column} to equal steps, if they matter.")]
    gaps = np.flatnonzero(odd & (steps > usual)) + 1
    findings = [Finding("time_step", "note", f"{column}: its usual step is {called}.")]
    if len(gaps):
        longest = int(steps[gaps - 1].max())
        message = f"{column}: {counted(len(gaps), 'gap')} longer than its usual step of {called}, the longest "
        message += f"{duration(longest)} ({_at(gaps, places, unit)})."
        mend = f"Fill the gaps of {column}, or say that its series breaks there."
        findings.append(Finding("time_gaps", "warning", message, _first(gaps, places), mend))
    short = np.setdiff1d(rows, gaps)
    if len(short):
        message = f"{column}: {counted(len(short), 'step')} ({percent(len(short), forward.sum())}) shorter than its "
        message += f"usual one of {called} ({_at(short, places, unit)})."
        mend = f"Bring {column} to equal steps."
        findings.append(Finding("times_irregular", "warning", message, _first(short, places), mend))
    return findings


def _calendar(times, steps, forward):
    """Returns the name of a step that the calendar makes uneven, and which steps are such; None where there is none."""
    days = steps / DAY
    for name, least, most in (("a month", 28, 31), ("a quarter", 90, 92), ("a year", 365, 366)):
        fits = (days >= least) & (days <= most)
        if fits.sum() > 0.5 * forward.sum() and (least == 365 or len(np.unique(steps[fits])) > 1):
            return name, fits
    weekday = (times // DAY + 3) % 7
    over_weekend = (weekday[:-1] == 4) & (weekday[1:] == 0) & (days == 3)
    if weekday.max() < 5 and over_weekend.any() and usual_step(times) == DAY:
        return "a day, Monday to Friday", (days == 1) | over_weekend
    return None


def duration(microseconds: int) -> str:
    """Returns a span in its largest fitting unit, such as `15 minutes` or `1.5 hours`."""
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second")):
        if microseconds >= unit:
            value = f"{microseconds / unit:,.2f}".rstrip("0").rstrip(".")
            return f"{value} {name}{'' if value == '1' else 's'}"
    return f"{microseconds / SECOND:g} seconds"


def _first(rows, places):
    return tuple(places[row] for row in rows[:PLACES].tolist())


def _at(rows, places, unit):
    return where(unit, _first(rows, places), len(rows))
