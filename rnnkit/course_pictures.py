"""Pictures of what was detected over time: series, scores and flags -> sensors, true windows and alarms, one figure."""

import math
import zoneinfo
from collections.abc import Mapping

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from rnnkit.courses import (
    LONGEST_TITLE,
    bars,
    chosen_courses,
    limits,
    named,
    runs,
    shortened,
    stretch_of,
    thinned,
    ticks,
    within_reach,
)
from rnnkit.forecast_pictures import TRUTH
from rnnkit.pictures import OURS, THEIRS

MOST_SENSORS = 6
TITLE = {"loc": "left", "fontsize": "small", "pad": 2, "parse_math": False}
WINDOW, RIGHT, WRONG = "#f0b429", "#009e73", "#c8253c"
"""A true window; an alarm that touches one; any other alarm, and a window without one."""
EXPECTED = "#8fc1e6"


def courses_page(readings, spans: np.ndarray, answers: Mapping[str, np.ndarray], threshold: float, name: str) -> Figure:
    """Draws up to four series, those with most true windows, each with up to six sensors and its score.

    Args:
        readings: The `Readings` that were judged.
        spans: `(n, 3)` series, first row, end row (excluded).
        answers: `score`, `flag` and perhaps `expected` of the rows of all spans.
        threshold: Of the score.
        name: What the model is called.
    """
    labelled, expected = readings.kinds is not None, answers.get("expected")
    courses = chosen_courses(readings, spans, answers["flag"])
    targets = readings.columns.targets
    sensors = min(len(targets), MOST_SENSORS)
    named_windows = [named(course, readings.kind_names) for course in courses]
    lanes = [0.22 * (1 + labelled) + 0.15 * _lines(names) for names in named_windows]
    heights = [height for lane in lanes for height in (lane, *[0.9] * sensors, 1.4)]
    figure = Figure(figsize=(12, 0.6 + sum(heights) + 0.24 * len(heights)), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.03, hspace=0)
    every = figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False).reshape(len(courses), -1)
    stretch = stretch_of(answers["score"])
    line = threshold if within_reach(threshold, answers["score"]) else math.nan
    for course, names, axes in zip(courses, named_windows, every, strict=True):
        _draw_lanes(axes[0], course, names, labelled)
        for place, sensor in zip(axes[1:-1], range(sensors), strict=True):
            _draw_sensor(place, course, readings.values[course.rows, sensor], expected, sensor)
            of = f"   (the first {sensors} of {len(targets)} sensors)"
            more = of if sensor == 0 and sensors < len(targets) else ""
            place.set_title(shortened(targets[sensor], LONGEST_TITLE) + more, **TITLE)
        _draw_score(axes[-1], course, answers["score"][course.at], line, stretch, labelled)
        if stretch:
            mark_powers(axes[-1].yaxis, answers["score"], stretch)
        _share_time(axes, course, readings.zone)
        for place in axes[1:]:
            _shade(place, course, labelled)
    handles = list(_legend(labelled, expected is not None, threshold, math.isfinite(line), name))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False, fontsize="small")
    return figure


def _draw_lanes(axes, course, names, labelled):
    """Draws true windows above alarms, so that one is seen to be with or without the other."""
    lanes = ["alarms", "true"] if labelled else ["alarms"]
    if labelled:
        axes.broken_barh(bars(course, course.windows[:, :2]), (1.1, 0.8), facecolors=WINDOW)
        missed = course.windows[~course.found, :2]
        axes.plot(course.x[missed].mean(axis=1), np.full(len(missed), 1.5), "x", color=WRONG, markersize=6)
        axes.broken_barh(bars(course, runs(course.hits)), (0.1, 0.8), facecolors=RIGHT)
    false = bars(course, runs(course.misfires))
    axes.broken_barh(false, (0.1, 0.8), facecolors=WRONG if labelled else OURS)
    top = len(lanes) + 0.7 * _lines(names)
    for one in names:
        height = (len(lanes) + 0.7 * one.line) / top
        colour = TRUTH if one.found else WRONG
        where = {"transform": axes.transAxes, "ha": "center", "va": "bottom"}
        axes.text(one.middle, height, one.text, fontsize=7, color=colour, parse_math=False, **where)
    axes.set_yticks(np.arange(len(lanes)) + 0.5, lanes, fontsize="small")
    axes.set_ylim(0, top)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(course.title, loc="left", fontsize="medium", pad=4, parse_math=False)


def _lines(names):
    return 1 + max((one.line for one in names), default=-1)


def _draw_sensor(axes, course, values, expected, sensor):
    if expected is not None:
        # Wide and pale behind the sensor, so that both are seen where they are the same.
        _draw_line(axes, course, expected[course.at, sensor], EXPECTED, 2.2)
    _draw_line(axes, course, values, TRUTH, 0.8)
    if not np.isfinite(values).any():
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center", va="center", color=THEIRS)
        axes.set_yticks([])


def _draw_line(axes, course, values, colour, width):
    x, values = thinned(course.x, values, 3.5 * course.width)
    axes.plot(x, values, color=colour, linewidth=width)
    known = np.pad(np.isfinite(values), 1)
    # A point without neighbours has no line.
    alone = known[1:-1] & ~known[:-2] & ~known[2:]
    axes.plot(x[alone], values[alone], ".", color=colour, markersize=3)


def _draw_score(axes, course, score, threshold, stretch, labelled):
    if stretch:
        axes.set_yscale("asinh", linear_width=stretch)
    _draw_line(axes, course, score, TRUTH, 0.7)
    if math.isfinite(threshold):
        axes.axhline(threshold, color=TRUTH, linestyle="--", linewidth=1)
    wrong = WRONG if labelled else OURS
    for rows, colour in ((course.hits, RIGHT), (course.misfires, wrong)):
        axes.plot(course.x[rows], score[rows], ".", color=colour, markersize=4)
    axes.set_title("score", **TITLE)


def mark_powers(axis, scores: np.ndarray, stretch: float) -> None:
    """Puts the ticks of an axis of scores that isn't linear."""
    axis.set_major_locator(FixedLocator(ticks(scores, stretch)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_locator(NullLocator())


def _share_time(axes, course, zone):
    for place in axes:
        place.set_xlim(*limits(course))
        place.tick_params(labelsize="small")
    for place in axes[:-1]:
        place.set_xticks([])
    if course.dated:
        clock = zoneinfo.ZoneInfo(zone or "UTC")
        locator = AutoDateLocator(clock, minticks=4, maxticks=12)
        axes[-1].xaxis.set_major_locator(locator)
        axes[-1].xaxis.set_major_formatter(ConciseDateFormatter(locator, clock))
    else:
        axes[-1].set_xlabel("row", fontsize="small")


def _shade(axes, course, labelled):
    """Shades true windows and false alarms behind what is drawn, whose limits stay."""
    low, high = axes.get_ylim()
    behind = {"transform": axes.get_xaxis_transform(), "linewidth": 0, "zorder": 0}
    axes.broken_barh(bars(course, course.windows[:, :2]), (0, 1), facecolors=WINDOW, alpha=0.4, **behind)
    false = bars(course, runs(course.misfires))
    axes.broken_barh(false, (0, 1), facecolors=WRONG if labelled else OURS, alpha=0.25, **behind)
    axes.set_ylim(low, high)


def _legend(labelled, expected, threshold, drawn, name):
    yield Line2D([], [], color=TRUTH, linewidth=1, label="sensor")
    if expected:
        yield Line2D([], [], color=EXPECTED, linewidth=2.2, label=f"expected by {name}")
    if labelled:
        yield Patch(color=WINDOW, label="true window")
        yield Line2D([], [], color=WRONG, marker="x", linestyle="", label="missed window")
        yield Patch(color=RIGHT, label="right alarm")
    yield Patch(color=WRONG if labelled else OURS, label="false alarm" if labelled else "alarm")
    if math.isfinite(threshold):
        label = f"threshold {threshold:.4g}{'' if drawn else ', out of reach'}"
        yield Line2D([], [], color=TRUTH, linestyle="--" if drawn else "", linewidth=1, label=label)
