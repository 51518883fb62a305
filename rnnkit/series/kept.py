"""Kept windows: some of a split, as plain values for a bundle, with what is needed to score forecasts of them."""

import numpy as np

from rnnkit.bundle.writing import plain
from rnnkit.series.truth import Truth
from rnnkit.series.windows import Windows

MOST_NUMBERS = 400_000
"""Values in all that a bundle keeps of a split; fewer windows where they are long and wide."""
SHOWN = 8
"""Rows of an example."""
PARTS = ("values", "last", "scale", "mean", "spread", "seconds", "series")


def kept_windows(windows: Windows, most: int, seed: int) -> list[dict]:
    """Draws windows by chance and returns their raw inputs, and under `target` their part of the truth."""
    size = windows.window * windows.panel.values.shape[1]
    count = max(min(most, len(windows), MOST_NUMBERS // size), 1)
    places = np.sort(np.random.default_rng(seed).permutation(len(windows))[:count])
    raw = windows.raw(places)
    chosen = Windows(windows.panel, windows.cuts[places], windows.settings, windows.scales).truth()
    of_all = {"mean": chosen.mean, "spread": chosen.spread}
    rows = []
    for row in range(count):
        target = {name: (of_all[name] if name in of_all else getattr(chosen, name)[row]).tolist() for name in PARTS}
        names = {"id": chosen.ids[chosen.series[row]], "targets": list(chosen.targets)}
        rows.append({**{name: plain(array[row]) for name, array in raw.items()}, "target": {**target, **names}})
    return rows


def example_windows(windows: Windows, count: int) -> dict[str, np.ndarray]:
    """Returns raw inputs of some windows, evenly spread, of only the last few rows, for they are to be looked at.

    Those in which the least is missing come first: JSON has no word for NaN.
    """
    places = np.linspace(0, len(windows) - 1, min(count, len(windows))).astype(int)
    of_rows = ("time", "values", "categories")
    rows = {name: array[:, -SHOWN:] if name in of_rows else array for name, array in windows.raw(places).items()}
    numbers = [array.reshape(len(places), -1) for array in rows.values() if array.dtype.kind == "f"]
    order = np.argsort(np.isnan(np.concatenate(numbers, axis=1)).sum(axis=1), kind="stable")
    return {name: array[order] for name, array in rows.items()}


def truth_of(rows: list[dict]) -> Truth:
    """Returns the truth of windows that were kept."""
    targets = [row["target"] for row in rows]
    stacked = {name: np.array([target[name] for target in targets]) for name in PARTS}
    for name in ("mean", "spread"):
        stacked[name] = stacked[name][0]
    ids = tuple(dict.fromkeys(target["id"] for target in targets))
    stacked["series"] = np.array([ids.index(target["id"]) for target in targets])
    return Truth(**stacked, ids=ids, targets=tuple(targets[0]["targets"]))
