"""Checks: series too short, constant or impossible to transform -> a line that names them."""

import dataclasses

import numpy as np

from rnnkit.messages import few_of
from rnnkit.series.panel import Panel
from rnnkit.series.settings import SeriesSettings


def without_short(panel: Panel, settings: SeriesSettings, name: str) -> tuple[Panel, list[str]]:
    """Leaves out series that hold no window, if the settings say so.

    Raises:
        ValueError: There are such series and they are to be refused, or there is no other.
    """
    needed = settings.window + settings.horizon
    short = panel.lengths < needed
    if not short.any():
        return panel, []
    if len(panel.ids) == 1:
        steps = int(panel.lengths[0])
        raise ValueError(
            f"{name} has {steps:,} steps, and window + horizon are {settings.window} + {settings.horizon} = {needed}. "
            f"{would_do(steps, settings.horizon)}, or add rows."
        )
    names = few_of([panel.ids[place] for place in np.flatnonzero(short)])
    count = int(short.sum())
    if short.all() or settings.short_series == "refuse":
        longest = int(panel.lengths.max())
        mend = f"{would_do(longest, settings.horizon)} for the longest." if short.all() else ""
        mend = mend or "Leave them out with --short-series leave_out, or take a shorter --window."
        raise ValueError(
            f"{name}: {count:,} of {len(panel.ids):,} series have fewer steps than window + horizon "
            f"({settings.window} + {settings.horizon}): {names}. {mend}"
        )
    return kept_series(panel, ~short), [f"{name}: left out {count:,} series with fewer than {needed} steps: {names}."]


def would_do(steps: int, horizon: int) -> str:
    """Returns settings with which a window fits into that many steps."""
    if steps > horizon:
        return f"--window {steps - horizon} would do"
    return f"--window {max(steps // 2, 1)} --horizon {max(steps - steps // 2, 1)} would do"


def kept_series(panel: Panel, kept: np.ndarray) -> Panel:
    """Returns the panel with these series only, `(series,)` bool."""
    steps = np.repeat(kept, panel.lengths)
    return dataclasses.replace(
        panel,
        ids=tuple(id for id, keep in zip(panel.ids, kept.tolist(), strict=True) if keep),
        starts=np.concatenate([[0], np.cumsum(panel.lengths[kept])]).astype(np.int64),
        **{name: getattr(panel, name)[steps] for name in ("ticks", "seconds", "values", "categories")},
        static_values=panel.static_values[kept],
        static_categories=panel.static_categories[kept],
        filled=None if panel.filled is None else panel.filled[steps],
    )


def check_targets(panel: Panel, settings: SeriesSettings, name: str) -> None:
    """Refuses targets that can't be transformed as asked.

    Raises:
        ValueError: `transform` is log and a target is 0 or below.
    """
    if settings.transform != "log":
        return
    for place, target in enumerate(panel.columns.targets):
        if (panel.values[:, place] <= 0).any():
            least = float(np.nanmin(panel.values[:, place]))
            raise ValueError(
                f"{name}: column {target!r} must be above 0 for --transform log. Its least value is {least:g}. "
                "Leave --transform out."
            )


def check_series(panel: Panel, settings: SeriesSettings, inside: np.ndarray, name: str) -> list[str]:
    """Tells which targets never change in the train part.

    Raises:
        ValueError: None ever changes, or one has no value there.
    """
    targets, series = panel.columns.targets, panel.series()[inside]
    values = panel.known_values()[inside, : len(targets)]
    least = np.full((len(panel.ids), len(targets)), np.inf, np.float32)
    most = np.full((len(panel.ids), len(targets)), -np.inf, np.float32)
    for place in range(len(targets)):
        known = ~np.isnan(values[:, place])
        if not known.any():
            raise ValueError(
                f"{name}: column {targets[place]!r} has no value in the train part. Take another --split or --target."
            )
        np.minimum.at(least[:, place], series[known], values[known, place])
        np.maximum.at(most[:, place], series[known], values[known, place])
    constant = least == most
    if constant[least <= most].all():
        value = f"{float(least[0, 0]):g}"
        which = f"column {targets[0]!r} is {value} at every step" if constant.size == 1 else "no target ever changes"
        raise ValueError(f"{name}: {which} of the train part, so there is nothing to learn. Name another --target.")
    if not constant.any():
        return []
    rows, columns = np.nonzero(constant)
    names = [
        targets[column]
        if panel.ids == ("",)
        else f"{panel.ids[row]} {targets[column]}"
        if len(targets) > 1
        else panel.ids[row]
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
    ]
    return [f"{name}: {few_of(names)} never changes in the train part."]
