"""Toy windows: arrays in memory -> train, valid and test windows, split by shares of the steps."""

import types

import numpy as np

from rnnkit.series.columns import Columns
from rnnkit.series.frequency import Frequency
from rnnkit.series.panel import Panel
from rnnkit.series.scales import learn_scales
from rnnkit.series.settings import SeriesSettings
from rnnkit.series.windows import Windows


def split_series(
    series,
    targets=1,
    *,
    window,
    horizon,
    split,
    season=5,
    future=0,
    categories=None,
    names=(),
    frequency=None,
    stride=1,
):
    """Makes train, valid and test windows of a list of arrays `(steps, columns)`, each split at the same shares."""
    values = np.concatenate(series).astype(np.float32)
    starts = np.cumsum([0, *map(len, series)])
    columns = values.shape[1]
    panel = Panel(
        columns=Columns(
            time="ds",
            id="unique_id",
            targets=tuple(f"y{i}" for i in range(targets)),
            past=tuple(f"x{i}" for i in range(columns - targets - future)),
            future=tuple(f"z{i}" for i in range(future)),
            past_categories=("c",) if names else (),
        ),
        frequency=frequency or Frequency("seconds", 3600),
        zone="",
        ids=tuple(str(i) for i in range(len(series))),
        starts=starts,
        ticks=np.concatenate([np.arange(len(part)) for part in series]),
        seconds=3600 * np.concatenate([np.arange(len(part)) for part in series]),
        values=values,
        categories=np.zeros((len(values), 0), np.int32) if categories is None else categories,
        category_names=(tuple(names),) if names else (),
        static_values=np.zeros((len(series), 0), np.float32),
        static_categories=np.zeros((len(series), 0), np.int32),
        static_names=(),
    )
    bounds = np.cumsum([0.0, *split])
    inside = np.concatenate([np.arange(len(part)) < int(split[0] * len(part) + 0.5) for part in series])
    scales = learn_scales(panel, season, inside)
    settings = SeriesSettings(window=window, horizon=horizon)
    parts = {}
    for number, name in enumerate(("train", "valid", "test")):
        cuts = []
        for start, part in zip(starts, series, strict=False):
            begin, end = (start + int(share * len(part) + 0.5) for share in bounds[number : number + 2])
            cuts.append(np.arange(max(begin, start + window), end - horizon + 1))
        limits = (0, int(split[0] * len(series[0]) + 0.5)) if name == "train" else None
        parts[name] = Windows(panel, np.concatenate(cuts), settings, scales, limits)
    return types.SimpleNamespace(**parts)
