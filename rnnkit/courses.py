"""Courses: readings, scores and flags -> what a picture shows of each series: lines, windows, alarms, and no more."""

import math
from typing import NamedTuple

import numpy as np
from matplotlib.dates import date2num

MOST_SERIES = 4
PIXELS, LEAST = 1100, 3
"""Columns of pixels that a series is drawn in; how many of them a window or an alarm has at least."""
NAME_LINES, CHARACTER = 3, 0.0048
"""Most lines of names of windows; the width of a character as a share of a line's."""
LONGEST_TITLE, LONGEST_NAME = 48, 24
"""Characters of what users have named, of a line of its own and of others."""
SPREAD = 30
"""From how many times their median on the largest score needs an axis that is logarithmic far from 0."""


class Course(NamedTuple):
    """What is drawn of a series.

    Attributes:
        title: One line.
        rows, at: `(n,)` places of its rows in the readings, and in the answers.
        x: `(n,)` rising, days or numbers of rows.
        width: Of a row, in units of x.
        dated: Whether x are days.
        windows: `(windows, 3)` first and last place in `rows` and kind of each true window.
        found: `(windows,)` bool, whether a row of it was flagged.
        hits, misfires: `(n,)` bool, flagged rows of alarms that touch a true window, and of others.
    """

    title: str
    rows: np.ndarray
    at: np.ndarray
    x: np.ndarray
    width: float
    dated: bool
    windows: np.ndarray
    found: np.ndarray
    hits: np.ndarray
    misfires: np.ndarray


class Name(NamedTuple):
    """A window's name: where its middle is, 0-1 from left to right, on which line, and whether it was found."""

    middle: float
    line: int
    text: str
    found: bool


def chosen_courses(readings, spans: np.ndarray, flags: np.ndarray) -> list[Course]:
    """Returns the series with most true windows, of equal ones with most flagged rows, in their order."""
    starts = np.concatenate([[0], np.cumsum(spans[:, 2] - spans[:, 1])])
    courses = []
    for series in np.unique(spans[:, 0]):
        mine = np.flatnonzero(spans[:, 0] == series)
        rows = np.concatenate([np.arange(first, end) for _, first, end in spans[mine]])
        at = np.concatenate([np.arange(starts[span], starts[span + 1]) for span in mine])
        title = shortened(readings.ids[series] or readings.name, LONGEST_TITLE)
        courses.append(_course(readings, title, rows, at, flags[at]))
    # Sorting keeps the order of equal ones.
    courses.sort(key=lambda course: (-len(course.windows), -(course.hits | course.misfires).sum()))
    return sorted(courses[:MOST_SERIES], key=lambda course: course.rows[0])


def _course(readings, title, rows, at, flags):
    firsts, lasts, kinds = np.array(readings.windows, np.int64).reshape(-1, 3).T
    firsts, lasts = np.searchsorted(rows, firsts), np.searchsorted(rows, lasts, "right") - 1
    windows = np.stack([firsts, lasts, kinds], axis=1)[firsts <= lasts]
    inside, hits = np.zeros((2, len(rows)), bool)
    for first, last, _ in windows:
        inside[first : last + 1] = True
    found = np.array([flags[first : last + 1].any() for first, last, _ in windows], bool)
    for first, last in runs(flags):
        hits[first : last + 1] = inside[first : last + 1].any()
    misfires = flags & ~hits
    if readings.kinds is None:
        title += f", alarms: {len(runs(flags)):,}, on {flags.sum():,} of {len(rows):,} rows"
    else:
        title += f", true windows found: {found.sum():,} of {len(windows):,}, false alarms: {len(runs(misfires)):,}"
    seconds = readings.seconds[rows]
    # Stamps that were made, or that most rows share with the row before, tell nothing.
    dated = bool(readings.columns.time) and (len(rows) == 1 or np.median(np.diff(seconds)) > 0)
    x = date2num(seconds.astype("datetime64[s]")) if dated else np.arange(len(rows), dtype=float)
    width = readings.period / 86_400 if dated else 1.0
    return Course(title, rows, at, x, width, dated, windows, found, hits, misfires)


def shortened(text: str, most: int) -> str:
    """Returns the text, or its beginning where it has more characters; long ones would leave no room for lines."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def runs(flags: np.ndarray) -> np.ndarray:
    """Returns `(runs, 2)` first and last place of what is True in a row."""
    edges = np.diff(flags.astype(np.int8), prepend=0, append=0)
    return np.stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1], axis=1)


def limits(course: Course) -> tuple[float, float]:
    """Returns where the time axis begins and ends."""
    pad = max(course.width, 0.005 * (course.x[-1] - course.x[0]))
    return course.x[0] - pad, course.x[-1] + pad


def named(course: Course, kind_names) -> list[Name]:
    """Returns the names of windows for which there is room; none where all have the same."""
    names, ends = [], [0.0] * NAME_LINES
    left, right = limits(course)
    for (first, last, kind), found in zip(course.windows, course.found, strict=True):
        text = shortened(kind_names[kind], LONGEST_NAME)
        half = CHARACTER * len(text) / 2
        middle = max(min(((course.x[first] + course.x[last]) / 2 - left) / (right - left), 1 - half), half)
        line = next((line for line, end in enumerate(ends) if end <= middle - half), None)
        if line is not None and len(kind_names) > 1:
            names.append(Name(middle, line, text, bool(found)))
            ends[line] = middle + half + 2 * CHARACTER
    return names


def bars(course: Course, places: np.ndarray) -> list[tuple[float, float]]:
    """Returns `(start, width)` on the time axis of stretches of rows, each wide enough to be seen, overlaps joined."""
    if not len(places):
        return []
    starts, ends = course.x[places[:, 0]] - course.width / 2, course.x[places[:, 1]] + course.width / 2
    left, right = limits(course)
    short = np.maximum(LEAST * (right - left) / PIXELS - (ends - starts), 0) / 2
    starts, ends = starts - short, np.maximum.accumulate(ends + short)
    new = np.append(True, starts[1:] > ends[:-1])
    return [(start, end - start) for start, end in zip(starts[new], ends[np.append(new[1:], True)], strict=True)]


def thinned(x: np.ndarray, values: np.ndarray, gap: float, pixels: int = PIXELS) -> tuple[np.ndarray, np.ndarray]:
    """Thins a line so that no peak is lost: to the lowest and highest value of each column of pixels.

    Args:
        x: `(rows,)` rising.
        values: `(rows,)`, NaN where missing.
        gap: Where two rows are further apart, the line is broken.
        pixels: Columns.

    Returns:
        x and values of the points, with a NaN where the line is broken; all rows where two columns have fewer of them
        than that.
    """
    values = np.asarray(values, float)
    broken = np.flatnonzero(np.diff(x) > gap) + 1
    if len(x) > 2 * pixels:
        column = ((x - x[0]) * (pixels / (x[-1] - x[0]))).astype(int).clip(max=pixels - 1)
        first = np.flatnonzero(np.diff(column, prepend=-1))
        last = np.append(first[1:], len(x)) - 1
        pair = np.stack([np.fmin.reduceat(values, first), np.fmax.reduceat(values, first)], axis=1)
        falling = values[first] > values[last]
        pair[falling] = pair[falling, ::-1]
        broken = 2 * np.flatnonzero(x[first[1:]] - x[last[:-1]] > gap) + 2
        x, values = np.stack([x[first], x[last]], axis=1).ravel(), pair.ravel()
    return np.insert(x, broken, x[broken]), np.insert(values, broken, np.nan)


def stretch_of(scores: np.ndarray) -> float | None:
    """Returns up to where an axis of scores is linear, their median size; None where it can be linear throughout."""
    sizes = np.abs(scores)
    middle = float(np.median(sizes[sizes > 0])) if sizes.any() else 0.0
    return middle if sizes.size and 0 < SPREAD * middle < sizes.max() else None


def ticks(scores: np.ndarray, stretch: float) -> np.ndarray:
    """Returns 0 and powers of ten, on both sides, for an axis that is linear up to `stretch` and then logarithmic."""
    lowest, highest = math.ceil(math.log10(stretch)), math.floor(math.log10(np.abs(scores).max()))
    powers = 10.0 ** np.arange(lowest, highest + 1, 1 + (highest - lowest) // 6)
    return np.concatenate([-powers[::-1], [0.0], powers])


def within_reach(threshold: float, scores: np.ndarray) -> bool:
    """Returns whether an axis that shows the threshold still shows the scores."""
    largest, far = np.abs(scores).max(), 1000 if stretch_of(scores) else 10
    return math.isfinite(threshold) and bool(largest == 0 or abs(threshold) <= far * largest)
