"""Some rows of a split: the first ones, or ones drawn by chance."""

import numpy as np


def first(rows, count: int) -> dict[str, list[str]]:
    """Returns the features of the first rows, by column."""
    chunk = next(rows.chunks(count))
    return {name: chunk[name] for name in rows.features}


def drawn(rows, most: int, seed: int) -> list[dict[str, str]]:
    """Draws rows by chance, or takes all where they are few; in their order."""
    places = np.random.default_rng(seed).permutation(len(rows))[:most]
    chosen = np.zeros(len(rows), bool)
    chosen[places] = True
    taken, start = [], 0
    for chunk in rows.chunks():
        size = len(chunk[rows.target])
        for place in np.flatnonzero(chosen[start : start + size]):
            taken.append({name: column[place] for name, column in chunk.items()})
        start += size
    return taken
