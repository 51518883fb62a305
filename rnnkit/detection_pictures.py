"""Pictures of detections: readings, scores and flags -> what was found over time or by example, scores, recall."""

import itertools
import math
import pathlib
import warnings
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnkit.course_pictures import EXPECTED, MOST_SENSORS, RIGHT, WINDOW, WRONG, courses_page, mark_powers
from rnnkit.courses import LONGEST_NAME, PIXELS, shortened, stretch_of, thinned, within_reach
from rnnkit.forecast_pictures import TRUTH
from rnnkit.pictures import OURS, THEIRS

BINS = 60
MOST_EXAMPLES = 12
COLOURS = (TRUTH, *("#e07b39", "#5a9a5a", "#9467bd", "#c2a83e", "#8c6d5c"))


def write_detection_report(
    folder: pathlib.Path,
    readings,
    spans: np.ndarray,
    answers: Mapping[str, np.ndarray],
    threshold: float,
    kind_recall: Mapping[str, tuple[float, int]] | None = None,
    *,
    name: str = "model",
) -> list[str]:
    """Draws detections.png, or examples.png where each series is judged as a whole; errors.png; perhaps recall.png.

    Args:
        folder: Where to; made if it isn't there.
        readings: The `Readings` that were judged.
        spans: `(n, 3)` series, first row, end row (excluded), in the order of the rows; at least one row in all.
        answers: `score` and `flag` of the rows of all spans one after the other, or of each span where it is judged
            as a whole; and, if there, `expected`, `(rows, sensors)` in the user's units.
        threshold: Of the score; where it isn't finite, no line is drawn.
        kind_recall: Kind -> share of its true windows that were found, and how many it has; the share is NaN where it
            has none.
        name: What the model is called.

    Returns:
        The names of the files.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    spans = np.asarray(spans, np.int64).reshape(-1, 3)
    answers = {key: np.asarray(values, bool if key == "flag" else float) for key, values in answers.items()}
    kinds = _kinds(readings, spans)
    if readings.whole:
        figures = {"examples.png": _examples_page(readings, spans, answers, kinds)}
    else:
        figures = {"detections.png": courses_page(readings, spans, answers, threshold, name)}
    figures["errors.png"] = Figure(figsize=(8.4, 4.2), layout="constrained")
    strange = None if kinds is None else kinds >= 0
    draw_scores(figures["errors.png"].subplots(), answers, strange, threshold, "examples" if readings.whole else "rows")
    if kind_recall:
        figures["recall.png"] = Figure(figsize=(7.2, 1.0 + 0.34 * len(kind_recall)), layout="constrained")
        draw_recall(figures["recall.png"].subplots(), kind_recall)
    with warnings.catch_warnings():
        # Letters that matplotlib's font lacks are drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        for file_name, figure in figures.items():
            figure.savefig(folder / file_name, dpi=110)
    return list(figures)


def _kinds(readings, spans):
    """Returns the kind of each answer's row or span, -1 where it is normal; None where nothing is known."""
    if readings.kinds is None:
        return None
    parts = [readings.kinds[first:end] for _, first, end in spans]
    return np.array([part.max() for part in parts]) if readings.whole else np.concatenate(parts)


def draw_scores(axes, answers, strange, threshold: float, what: str = "rows") -> None:
    """Draws how often each score was given, inside and outside of true windows apart, and how many were flagged.

    Args:
        axes: Of matplotlib.
        answers: `score` and `flag`.
        strange: `(rows,)` bool, inside a true window; None where that isn't known.
        threshold: Of the score; where it isn't finite, no line is drawn.
        what: What was scored.
    """
    scores, flags = answers["score"], answers["flag"]
    stretch = stretch_of(scores)
    groups = {f"all {what}": (np.ones(len(scores), bool), OURS)}
    if strange is not None:
        names = ("abnormal", "normal") if what == "examples" else (f"{what} in true windows", f"{what} outside of them")
        groups = {names[0]: (strange, WINDOW), names[1]: (~strange, THEIRS)}
    edges = _edges(scores, stretch)
    for label, (group, colour) in groups.items():
        if group.any():
            label += f": {group.sum():,}, {100 * flags[group].mean():.3g} % flagged"
            look = {"color": colour, "alpha": 0.6, "edgecolor": colour, "linewidth": 1.2}
            axes.hist(scores[group], edges, histtype="stepfilled", log=True, label=label, **look)
    if stretch:
        axes.set_xscale("asinh", linear_width=stretch)
        mark_powers(axes.xaxis, scores, stretch)
    if within_reach(threshold, scores):
        axes.axvline(threshold, color=TRUTH, linestyle="--", linewidth=1.2, label=f"threshold {threshold:.4g}")
    axes.set(title="distribution of the score", xlabel="score", ylabel=what, ylim=(0.7, None))
    axes.legend(frameon=False)


def _edges(scores, stretch):
    low, high = scores.min(), scores.max()
    if low == high:
        pad = max(0.5, abs(low) / 2)
        return np.linspace(low - pad, high + pad, BINS + 1)
    if not stretch:
        return np.linspace(low, high, BINS + 1)
    edges = stretch * np.sinh(np.linspace(*np.arcsinh(np.array([low, high]) / stretch), BINS + 1))
    edges[[0, -1]] = low, high
    return edges


def draw_recall(axes, kind_recall: Mapping[str, tuple[float, int]]) -> None:
    """Draws the share of the true windows of each kind that were found; `kind_recall` as in the report."""
    places = range(len(kind_recall))
    shares = [0.0 if math.isnan(share) else share for share, _ in kind_recall.values()]
    bars = axes.barh(places, shares, color=OURS)
    told = [
        f" {round(share * count):,} of {count:,}" if count else " none"
        for share, (_, count) in zip(shares, kind_recall.values(), strict=True)
    ]
    axes.bar_label(bars, told)
    axes.set_yticks(places, [shortened(kind, LONGEST_NAME) for kind in kind_recall], parse_math=False)
    axes.invert_yaxis()
    axes.set(title="true windows found, by kind", xlim=(0, 1.15))
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])


def _examples_page(readings, spans, answers, kinds):
    """Draws examples that tell most: the normal and the abnormal ones that are hard to tell apart, and the others."""
    sorts = _sorts(answers["score"], kinds)
    across = MOST_EXAMPLES // (2 if kinds is None else 4)
    figure = Figure(figsize=(12, 0.5 + 2.1 * len(sorts)), layout="constrained")
    every = figure.subplots(len(sorts), across, squeeze=False)
    for (label, places), axes in zip(sorts.items(), every, strict=True):
        for place, one in zip(places, axes, strict=False):
            _draw_example(one, readings, spans, answers, kinds, place)
        for one in axes[len(places) :]:
            one.set_axis_off()
        axes[0].set_ylabel(label)
    targets = readings.columns.targets[:MOST_SENSORS]
    names = [shortened(target, LONGEST_NAME) for target in targets] if len(targets) > 1 else []
    handles = [Line2D([], [], color=colour, label=name) for name, colour in zip(names, COLOURS, strict=False)]
    if "expected" in answers:
        handles.append(Line2D([], [], **_look(TRUTH, len(targets) == 1), label="expected"))
    if handles:
        legend = figure.legend(handles=handles, loc="outside upper center", ncols=4, frameon=False)
        for text in legend.get_texts():
            text.set_parse_math(False)
    return figure


def _sorts(score, kinds):
    """Returns name -> places in the answers; none stands twice, and sorts without an example are left out."""
    rising = np.argsort(score, kind="stable")
    if kinds is None:
        sorts = {"strangest": rising[::-1], "least strange": rising}
    else:
        normal, abnormal = rising[kinds[rising] < 0], rising[kinds[rising] >= 0]
        sorts = {"normal,\nstrangest": normal[::-1], "abnormal,\nleast strange": abnormal}
        sorts |= {"abnormal,\nstrangest": abnormal[::-1], "normal,\nleast strange": normal}
    shown, chosen = set(), {}
    for label, places in sorts.items():
        new = (int(place) for place in places if int(place) not in shown)
        chosen[label] = list(itertools.islice(new, MOST_EXAMPLES // len(sorts)))
        shown.update(chosen[label])
    return {label: places for label, places in chosen.items() if places}


def _draw_example(axes, readings, spans, answers, kinds, place):
    series, first, end = spans[place]
    before = int((spans[:place, 2] - spans[:place, 1]).sum())
    x, targets = np.arange(end - first, dtype=float), readings.columns.targets
    for sensor, colour in zip(range(len(targets)), COLOURS, strict=False):
        if "expected" in answers:
            expected = answers["expected"][before : before + end - first, sensor]
            _draw_line(axes, x, expected, **_look(colour, len(targets) == 1))
        _draw_line(axes, x, readings.values[first:end, sensor], color=colour, linewidth=1.2)
    flag, colour = bool(answers["flag"][place]), TRUTH
    named = f"{shortened(readings.ids[series], LONGEST_NAME)}: " if readings.ids[series] else ""
    told = [f"{named}score {answers['score'][place]:.3g}", *["flagged"] * flag]
    if kinds is not None:
        colour = RIGHT if flag == (kinds[place] >= 0) else WRONG
        if kinds[place] >= 0 and len(readings.kind_names) > 1:
            told.append(shortened(readings.kind_names[kinds[place]], LONGEST_NAME))
    axes.set_title(", ".join(told), fontsize="small", color=colour, parse_math=False)
    axes.tick_params(labelsize="small")


def _look(colour, alone):
    """Returns how what is expected of a sensor is drawn, in the sensor's colour where there are several."""
    return {"color": EXPECTED, "linewidth": 2.6} if alone else {"color": colour, "linewidth": 0.8, "linestyle": "--"}


def _draw_line(axes, x, values, **look):
    x, values = thinned(x, values, math.inf, PIXELS // 4)
    axes.plot(x, values, marker="." if len(x) == 1 else None, **look)
