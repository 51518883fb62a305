"""Pictures of forecasts: answers, truth and scores -> windows with bands, error by step, error over time, coverage."""

import math
import pathlib
import zoneinfo
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from rnnkit.metrics.forecast_sums import INTERVALS
from rnnkit.metrics.forecasts import by_step, over_time
from rnnkit.pictures import OURS, THEIRS

TRUTH = "#333333"
BASELINES = ("#e07b39", "#5a9a5a", "#9467bd", "#c2a83e", "#8c6d5c", "#d377b0")
STYLES = ("--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (7, 2)))
MOST_WINDOWS = 6


def write_forecast_report(
    folder: pathlib.Path,
    windows,
    answers: Mapping[str, np.ndarray],
    truth,
    *,
    levels: Sequence[float],
    baselines: Mapping[str, Mapping] | None = None,
    name: str = "model",
) -> list[str]:
    """Draws forecasts.png, by_step.png and backtest.png.

    Args:
        folder: Where to; made if it isn't there.
        windows: The `Windows` that were forecast, for the look-back.
        answers: `forecast` and `quantiles` for all of them, as in `score_forecasts`.
        truth: Their `Truth`.
        levels: Of the quantiles.
        baselines: From `detailed_baselines`; its blocks of time are taken over.
        name: What the model is called in the legends.

    Returns:
        The names of the files.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    baselines = baselines or {}
    metric = "mae" if len(truth.targets) == 1 else "mae_standardized"
    blocks = max((len(parts["over_time"]) for parts in baselines.values()), default=8)
    figures = {
        "forecasts.png": _forecasts_page(windows, answers, truth, levels, name),
        "by_step.png": _by_step_page(by_step(answers, truth, levels), baselines, metric, name),
        "backtest.png": _backtest_page(
            over_time(answers, truth, blocks, levels=levels), baselines, metric, name, windows.panel.zone
        ),
    }
    for file_name, figure in figures.items():
        figure.savefig(folder / file_name, dpi=110)
    return list(figures)


def _forecasts_page(windows, answers, truth, levels, name):
    places = spread_windows(truth, MOST_WINDOWS)
    columns = min(2, len(places))
    rows = math.ceil(len(places) / columns)
    figure = Figure(figsize=(6.4 * columns, 2.7 * rows + 0.5), layout="constrained")
    every = figure.subplots(rows, columns, squeeze=False).ravel()
    for number, (axes, place) in enumerate(zip(every, places, strict=False)):
        draw_window(axes, windows, answers, truth, place, number % len(truth.targets), levels=levels, name=name)
    for axes in every[len(places) :]:
        axes.remove()
    handles = {
        label: handle for axes in figure.axes for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles, loc="outside upper center", ncols=len(handles), frameon=False)
    return figure


def _by_step_page(steps, baselines, metric, name):
    covered = [name for name in INTERVALS if name in steps]
    figure = Figure(figsize=(6.4 * (1 + bool(covered)), 4.2), layout="constrained")
    axes = figure.subplots(1, 1 + bool(covered), squeeze=False)[0]
    others = {other: parts["by_step"] for other, parts in baselines.items()}
    draw_by_step(axes[0], steps, others, metric, name=name)
    if covered:
        draw_coverage(axes[1], steps)
    return figure


def _backtest_page(rows, baselines, metric, name, zone):
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    others = {other: parts["over_time"] for other, parts in baselines.items()}
    draw_over_time(figure.subplots(), rows, others, metric, name=name, zone=zone)
    return figure


def spread_windows(truth, most: int) -> np.ndarray:
    """Returns places of at most `most` windows whose truth is known in part, evenly over time."""
    known = np.flatnonzero(np.isfinite(truth.values).any(axis=(1, 2)))
    order = known[np.argsort(np.asarray(truth.seconds)[known], kind="stable")]
    # Each in the middle of its share of the time.
    return np.unique(order[((np.arange(most) + 0.5) / most * len(order)).astype(int)]) if len(order) else order


def draw_window(axes, windows, answers, truth, place, target=0, *, levels, name="model") -> None:
    """Draws the end of the look-back, the truth after it, and the forecast with its 80 and 95 % bands."""
    shown = min(windows.window, max(2 * windows.horizon, 30))
    cut = int(windows.cuts[place])
    past = windows.arrays(np.array([place]))["values"][0, -shown:, target]
    seconds = windows.panel.seconds[cut - shown : cut + windows.horizon]
    stamps = local_stamps(seconds, windows.panel.zone)
    # All begin at the last known value, so that one step ahead is seen too.
    ahead, last = stamps[shown - 1 :], truth.last[place, target]
    for (interval, label), shade in zip((("coverage_95", "95 %"), ("coverage_80", "80 %")), (0.18, 0.35), strict=True):
        bounds = [_quantile(answers["quantiles"][place, :, target], levels, level) for level in INTERVALS[interval]]
        if bounds[0] is not None and bounds[1] is not None:
            low, high = (np.append(last, bound) for bound in bounds)
            axes.fill_between(ahead, low, high, color=OURS, alpha=shade, linewidth=0, label=label)
    true = np.concatenate([past, truth.values[place, :, target]])
    axes.plot(stamps, true, color=TRUTH, linewidth=1.2, label="truth")
    said = np.append(last, answers["forecast"][place, :, target])
    axes.plot(ahead, said, color=OURS, linewidth=1.6, label=name)
    axes.axvline(stamps[shown - 1], color="grey", linestyle=":", linewidth=1)
    series = truth.ids[truth.series[place]] if len(truth.ids) > 1 else ""
    axes.set_title(", ".join(part for part in (series, truth.targets[target]) if part), fontsize="medium")
    _dates(axes)


def _quantile(quantiles, levels, sought):
    place = next((place for place, level in enumerate(levels) if abs(level - sought) < 1e-6), None)
    return None if place is None else quantiles[:, place]


def draw_by_step(axes, ours, baselines, metric, *, name="model") -> None:
    """Draws an error at each step of the horizon; `ours` and each of `baselines` as from `by_step`."""
    steps = np.arange(1, 1 + len(ours[metric]))
    if len(steps) == 1:
        _bars(axes, {other: scores[metric][0] for other, scores in baselines.items()} | {name: ours[metric][0]}, name)
        axes.set(title=f"{metric} one step ahead")
        return
    _lines(axes, steps, ours[metric], {other: scores[metric] for other, scores in baselines.items()}, name)
    axes.set(title=f"{metric} by step of the horizon", xlabel="steps ahead", ylim=(0, None))
    axes.xaxis.get_major_locator().set_params(integer=True)


def draw_over_time(axes, ours, baselines, metric, *, name="model", zone="") -> None:
    """Draws an error in stretches of the test time; `ours` and each of `baselines` as from `over_time`."""
    middle = [(row["start"] + row["end"]) // 2 for row in ours]
    others = {other: [row[metric] for row in rows] for other, rows in baselines.items()}
    _lines(axes, local_stamps(middle, zone), [row[metric] for row in ours], others, name)
    counts = sum(row["windows"] for row in ours)
    axes.set(title=f"{metric} over time, {counts:,} test windows in {len(ours)} blocks", ylim=(0, None))
    _dates(axes)


def draw_coverage(axes, ours) -> None:
    """Draws how much of the truth lies within the 80 and 95 % intervals at each step; dotted is honest."""
    for number, (interval, label) in enumerate((("coverage_80", "80 %"), ("coverage_95", "95 %"))):
        if interval in ours:
            colour, steps = (OURS, TRUTH)[number], np.arange(1, 1 + len(ours[interval]))
            axes.plot(steps, ours[interval], color=colour, label=f"{label} interval", **_marked(len(steps)))
            axes.axhline(int(interval[-2:]) / 100, color=colour, linestyle=":", linewidth=1)
    lowest = min(min(values) for interval, values in ours.items() if interval in INTERVALS)
    axes.set(title="coverage by step", xlabel="steps ahead", ylim=(max(0, min(0.6, lowest - 0.05)), 1.02))
    axes.set_xlim(0.5, 0.5 + max(len(values) for values in ours.values()))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(loc="lower right", frameon=False)


def _bars(axes, values, name):
    ordered = dict(sorted(values.items(), key=lambda item: item[1], reverse=True))
    colours = [OURS if other == name else THEIRS for other in ordered]
    axes.bar_label(axes.barh(list(ordered), list(ordered.values()), color=colours), fmt=" %.4g")
    axes.set_xlim(0, max(ordered.values()) * 1.2 or 1)


def _lines(axes, x, ours, baselines, name):
    """Draws the model's line over the baselines', and names them from the worst to the best, with the mean of each."""
    for number, (other, values) in enumerate(baselines.items()):
        colour, style = (parts[number % len(parts)] for parts in (BASELINES, STYLES))
        axes.plot(x, values, color=colour, linestyle=style, linewidth=1.3, label=other, **_marked(len(x)))
    axes.plot(x, ours, color=OURS, linewidth=2.2, label=name, **_marked(len(x)))
    lines = sorted(axes.get_lines(), key=lambda line: _mean(line.get_ydata()), reverse=True)
    axes.legend(
        lines,
        [f"{line.get_label()}  {_mean(line.get_ydata()):.3g}" for line in lines],
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
    )
    axes.grid(axis="y", color=THEIRS, alpha=0.35, linewidth=0.6)


def _mean(values):
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    return known.mean() if known.size else -math.inf


def _marked(count):
    return {"marker": "o", "markersize": 4} if count <= 12 else {}


def local_stamps(seconds, zone: str) -> np.ndarray:
    """Turns seconds since 1970 into wall-clock stamps of `zone`, or as they are where it is empty."""
    stamps = np.asarray(seconds, np.int64)
    if zone:
        of = zoneinfo.ZoneInfo(zone)
        stamps = stamps + [int(datetime.fromtimestamp(int(s), of).utcoffset().total_seconds()) for s in stamps]
    return stamps.astype("datetime64[s]")


def _dates(axes):
    locator = AutoDateLocator(minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
