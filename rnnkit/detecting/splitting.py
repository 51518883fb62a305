"""Splitting: readings -> the spans of train, valid and test: rows by time, examples by chance."""

import math
from collections.abc import Sequence

import numpy as np

from rnnkit.detecting.moments import read_moments
from rnnkit.detecting.readings import Readings
from rnnkit.detecting.settings import DetectionSourceSettings
from rnnkit.sources.splitting import TEST, TRAIN, VALID, assign

CODES = {"train": TRAIN, "valid": VALID, "test": TEST}
SHARES, COUNTS, MOMENTS = "shares", "counts", "moments"


def split_rows(readings: Readings, settings: DetectionSourceSettings, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Cuts rows by time.

    Series whose times overlap, directly or through others, are cut at the same moments; shares and counts are of all
    their rows. Rows of the moment at which a part begins are all in it.

    Args:
        readings: What is cut.
        settings: Hold `split` and the shares.
        names: Of the parts cut here, `train` first.

    Returns:
        Name -> spans `(n, 3)` int64: series, first row, end row; those without rows left out.

    Raises:
        ValueError: `split` is of no known form, or asks for more than there is.
    """
    if len(names) == 1:
        return {names[0]: readings.spans()}
    asked = _asked(readings, settings, names)
    spans = {name: [] for name in names}
    for members in _together(readings):
        own = [readings.seconds[readings.starts[series] : readings.starts[series + 1]] for series in members]
        edges = _edges(np.sort(np.concatenate(own)), asked, settings.split, readings.name)
        for series, seconds in zip(members, own, strict=True):
            places = readings.starts[series] + np.searchsorted(seconds, edges)
            for name, first, end in zip(names, places[:-1].tolist(), places[1:].tolist(), strict=True):
                if first < end:
                    spans[name].append((series, first, end))
    return {name: np.array(sorted(rows), np.int64).reshape(-1, 3) for name, rows in spans.items()}


def _together(readings) -> list[list[int]]:
    """Returns series in groups whose times overlap."""
    firsts = readings.seconds[readings.starts[:-1]]
    lasts = readings.seconds[readings.starts[1:] - 1]
    groups, reach = [], None
    for series in np.argsort(firsts, kind="stable").tolist():
        if reach is None or firsts[series] > reach:
            groups.append([])
        groups[-1].append(series)
        reach = lasts[series] if reach is None else max(reach, lasts[series])
    return groups


def _asked(readings, settings, names) -> tuple[str, list]:
    """Returns what the parts are told by: their shares, their counts, or the moments that all but train begin at."""
    if not settings.split.strip():
        shares = [getattr(settings, f"{name}_share") for name in names[1:]]
        return SHARES, [1 - sum(shares), *shares]
    pieces = [piece.strip() for piece in settings.split.split(",")]
    try:
        numbers = [float(piece) for piece in pieces]
    except ValueError:
        return MOMENTS, _moments(readings, settings.split, pieces, names)
    if len(numbers) != len(names) or not all(math.isfinite(number) and number > 0 for number in numbers):
        raise ValueError(_form(settings.split, names))
    if all(number.is_integer() for number in numbers):
        return COUNTS, [int(number) for number in numbers]
    if sum(numbers) > 1 + 1e-9:
        raise ValueError(_form(settings.split, names))
    return SHARES, numbers


def _moments(readings, split, pieces, names):
    try:
        moments = read_moments(pieces, readings.zone, "split").tolist()
    except ValueError as error:
        raise ValueError(f"{_form(split, names)} {error.args[0]}") from None
    if len(moments) != len(names) - 1 or moments != sorted(set(moments)):
        raise ValueError(_form(split, names))
    return moments


def _form(split, names):
    if len(names) == 3:
        return (
            "split must be shares 0.12,0.03,0.85, rows 600,150,3000, or the dates that valid and test begin at "
            f"(2014-03-01,2014-04-01). Got {split!r}."
        )
    return (
        f"split must say {' and '.join(names)}, as the other is given: shares 0.8,0.2, rows 600,150, or the date that "
        f"{names[1]} begins at. Got {split!r}."
    )


def _edges(seconds, asked, split, name) -> np.ndarray:
    """Returns the moments at which parts begin, and that after the last row of the last part."""
    kind, numbers = asked
    count = len(seconds)
    if kind == MOMENTS:
        return np.array([seconds[0], *numbers, seconds[-1] + 1])
    if kind == SHARES:
        # From the sums, as each share by itself would be rounded down.
        places = [int(share * count + 1e-6) for share in np.cumsum(numbers)]
    else:
        places = np.cumsum(numbers).tolist()
    if places[-1] > count:
        raise ValueError(f"split asks for {places[-1]:,} rows ({split}), and {name} has {count:,}. Ask for fewer.")
    return np.append(seconds, seconds[-1] + 1)[[0, *places]]


def split_examples(
    readings: Readings, settings: DetectionSourceSettings, names: Sequence[str], seed: int
) -> dict[str, np.ndarray]:
    """Deals examples out by chance, each kind and the normal ones in proportion; equal examples go together.

    Args:
        readings: Each series is an example.
        settings: Hold `split` and the shares.
        names: Of the parts cut here, `train` first.
        seed: Of the order in which they are dealt.

    Returns:
        Name -> spans `(n, 3)` int64: series, first row, end row.

    Raises:
        ValueError: `split` holds no shares.
    """
    spans = readings.spans()
    if len(names) == 1:
        return {names[0]: spans}
    numbers = [getattr(settings, f"{name}_share") for name in names[1:]]
    if settings.split.strip():
        numbers = _shares(settings.split, names)[1:]
    shares = dict(zip((CODES[name] for name in names[1:]), numbers, strict=True))
    known = {}
    hashes = [known.setdefault(readings.values[first:end].tobytes(), len(known)) for _, first, end in spans.tolist()]
    kinds = readings.kinds[spans[:, 1]].astype(np.int64) + 1
    parts = assign(kinds, np.array(hashes), shares, seed)
    return {name: spans[parts == CODES[name]] for name in names}


def _shares(split, names):
    try:
        numbers = [float(piece) for piece in split.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != len(names) or not all(number > 0 for number in numbers) or abs(sum(numbers) - 1) > 1e-6:
        example = "0.5,0.1,0.4" if len(names) == 3 else "0.8,0.2"
        raise ValueError(f"split of lines must be shares such as {example}, which sum to 1. Got {split!r}.")
    return numbers


def without(spans: np.ndarray, left_out: np.ndarray) -> np.ndarray:
    """Returns the spans with the marked rows cut out of them.

    Args:
        spans: `(n, 3)`: series, first row, end row.
        left_out: `(rows,)` bool, of the readings.
    """
    found = []
    for series, first, end in spans.tolist():
        kept = np.concatenate([[False], ~left_out[first:end], [False]])
        edges = np.flatnonzero(np.diff(kept)) + first
        found += [(series, *edge) for edge in edges.reshape(-1, 2).tolist()]
    return np.array(found, np.int64).reshape(-1, 3)
