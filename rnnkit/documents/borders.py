"""Borders: passages in the order of the data -> train, then valid, then test, cut where a line ends."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from rnnkit.documents.scan import DocumentScan
from rnnkit.sources.splitting import LEAST_GROUPS, TRAIN

LEAST = 16
"""Fewest characters of a split that is cut out."""
NEAR = 1 / 3
"""How far a border may be moved to the end of a line, as a share of the smallest split."""


def cut_in_order(scan: DocumentScan, shares: Mapping[int, float]) -> tuple[DocumentScan, np.ndarray]:
    """Cuts texts in their order, so that nothing that stands near is on both sides but at a border.

    A running text is cut at the line end next to where the shares would have it; where its lines are too long for
    that at a space, and without spaces anywhere. Lines that are texts of their own are cut between two of them.

    Args:
        scan: Of one running text, or of a file of lines that are texts of their own.
        shares: Of the splits to be cut, in order; the rest comes first and is TRAIN.

    Returns:
        The scan with passages cut in two where a border falls, and the split of each, `(passages,)` uint8.

    Raises:
        ValueError: There is too little text.
    """
    stops = np.cumsum(scan.lengths, dtype=np.int64)
    total = int(stops[-1])
    if not shares:
        return scan, np.full(len(stops), TRAIN, np.uint8)
    sizes = np.array([share * total for share in shares.values()])
    goals = total - np.cumsum(sizes[::-1])[::-1]
    if scan.own and len(scan.hashes) > 1:
        borders = _between_lines(scan, stops, goals)
    else:
        least = math.ceil(LEAST / min(shares.values()))
        if total < least:
            raise ValueError(
                f"{scan.table.name} has {total:,} character{'s' * (total != 1)}, too few to be split: at least "
                f"{least:,} are needed. Add text, or give --valid and --test files."
            )
        borders = _at_line_ends(scan, stops, np.rint(goals).astype(np.int64), float(sizes.min()))
    cut = _with_borders(scan, stops, borders)
    parts = np.array([TRAIN, *shares], np.uint8)
    return cut, parts[np.searchsorted(borders, np.cumsum(cut.lengths, dtype=np.int64), side="left")]


def _between_lines(scan, stops, goals):
    stops = stops[scan.ends]
    if len(stops) <= len(goals):
        raise ValueError(
            f"{scan.table.name} has {len(stops)} lines with text, too few to be split: at least {LEAST_GROUPS} are "
            "needed. Add lines, give --valid and --test files, or pass --lines running."
        )
    borders, first = [], 0
    for number, goal in enumerate(goals):
        last = len(stops) - len(goals) + number
        place = first + int(np.argmin(np.abs(stops[first:last] - goal)))
        borders.append(stops[place])
        first = place + 1
    return np.array(borders)


def _at_line_ends(scan, stops, goals, smallest):
    """Finds the borders of a running text, in characters from its start."""
    places = np.searchsorted(stops, goals, side="left")
    chosen = np.zeros(len(stops), bool)
    chosen[places] = chosen[np.maximum(places - 1, 0)] = True
    texts = dict(zip(np.flatnonzero(chosen).tolist(), scan.read(chosen), strict=True))
    borders = []
    for goal, place in zip(goals.tolist(), places.tolist(), strict=True):
        before = texts[place - 1] if place else ""
        start = int(stops[place]) - len(texts[place]) - len(before)
        borders.append(start + _border(before + texts[place], goal - start, smallest * NEAR))
    return np.array(borders)


def _border(text, goal, near):
    """Returns the end of a line, or of a word, next to `goal`, where it is near; else `goal`."""
    for mark in "\n ":
        ends = text.rfind(mark, 0, goal) + 1, text.find(mark, goal) + 1
        best = min((end for end in ends if end), key=lambda end: abs(end - goal), default=None)
        if best is not None and abs(best - goal) <= near:
            return best
    return goal


def _with_borders(scan, stops, borders):
    inside = np.setdiff1d(borders, stops)
    places = np.searchsorted(stops, inside, side="left")
    starts = stops - scan.lengths
    cuts = {}
    for place, border in zip(places.tolist(), inside.tolist(), strict=True):
        cuts[place] = (*cuts.get(place, ()), border - int(starts[place]))
    everywhere = np.union1d(stops, inside)
    old = np.searchsorted(stops, everywhere, side="left")
    return dataclasses.replace(
        scan,
        lengths=np.diff(everywhere, prepend=0).astype(np.int32),
        ends=scan.ends[old] & np.isin(everywhere, stops),
        units=scan.units[old],
        cuts=cuts,
    )
