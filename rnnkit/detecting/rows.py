"""Rows of a detector: a split -> pieces of series that are kept in a bundle, and their truth."""

from collections.abc import Mapping

import numpy as np

from rnnkit.answers import stacked
from rnnkit.detecting.labels import runs
from rnnkit.detecting.parts import Part
from rnnkit.detecting.truth import DetectionTruth
from rnnkit.series.stamp_texts import stamp_text

KEPT_ROWS = 96
"""Of a piece that is kept."""


def kept_pieces(part: Part, most: int, seed: int) -> list[dict]:
    """Draws pieces of series by chance, each of at most so many rows: `time`, `values` and `label` of each row."""
    begins = _begins(part)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(begins))[:most])
    return [_piece(part, *begins[place]) for place in chosen]


def example_pieces(part: Part, count: int) -> dict[str, np.ndarray]:
    """Returns the first pieces, as the served model takes them."""
    pieces = [_piece(part, *begin) for begin in _begins(part)[:count]]
    return {
        "time": stacked([piece["time"] for piece in pieces], "string", 1),
        "values": stacked([piece["values"] for piece in pieces], "float32", 2),
    }


def _begins(part):
    """Returns first and end row of each piece."""
    found = []
    for _, first, end in part.spans.tolist():
        size = end - first if part.readings.whole else KEPT_ROWS
        found += [(begin, min(begin + size, end)) for begin in range(first, end, size)]
    return found


def _piece(part, begin, end):
    readings, rows = part.readings, slice(begin, end)
    values = readings.values[rows].astype(object)
    values[np.isnan(readings.values[rows])] = None
    kinds = readings.kinds[rows] if readings.kinds is not None else np.full(end - begin, -1)
    times = stamp_text(readings.seconds[rows], readings.zone) if readings.columns.time else [b""] * (end - begin)
    return {
        "time": [text.decode() for text in times],
        "values": values.tolist(),
        "label": [readings.kind_names[kind] if kind >= 0 else "" for kind in kinds.tolist()],
    }


def truth_of_pieces(rows: list[dict]) -> DetectionTruth:
    """Returns the truth of kept pieces, end to end."""
    labels = [label for row in rows for label in row["label"]]
    names = tuple(dict.fromkeys(label for label in labels if label))
    kinds = np.array([names.index(label) if label else -1 for label in labels], np.int16)
    bounds = np.cumsum([0, *(len(row["label"]) for row in rows)])
    return DetectionTruth(
        strange=kinds >= 0,
        kinds=kinds,
        kind_names=names,
        bounds=bounds,
        seconds=np.arange(len(kinds), dtype=np.int64),
        windows=np.array(runs(kinds, bounds), np.int64).reshape(-1, 3)[:, :2],
        labelled=bool(names),
        whole=False,
    )


def flat(answers: Mapping[str, np.ndarray], truth: DetectionTruth) -> Mapping[str, np.ndarray]:
    """Returns answers to rows one after the other, of answers to pieces `(pieces, rows, …)` without what pads them."""
    if np.ndim(answers["score"]) == 1:
        return answers
    lengths = np.diff(truth.bounds)
    real = np.arange(answers["score"].shape[1]) < lengths[:, None]
    return {name: values[real] for name, values in answers.items()}
