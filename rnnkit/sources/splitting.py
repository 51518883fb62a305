"""Splitting: labels and hashes of rows -> which split each row is in, by seed alone."""

from collections.abc import Mapping

import numpy as np

TRAIN, VALID, TEST, NONE = 0, 1, 2, 255
LEAST_GROUPS = 3
"""Different rows from which on a class is in every split."""


def assign(codes: np.ndarray, hashes: np.ndarray, shares: Mapping[int, float], seed: int) -> np.ndarray:
    """Deals rows out to splits.

    Rows of equal hash go together, as one of the class of the first of them. Of each class
    every split gets its share of the rows, to within a group, and at least one group where
    the class has three or more; every class that occurs occurs in train.

    Args:
        codes: `(rows,)`, classes; negative for rows left out.
        hashes: `(rows,)`.
        shares: Of the splits to be cut, VALID or TEST; the rest is TRAIN.
        seed: Of the order in which groups are dealt.

    Returns:
        `(rows,)` uint8: TRAIN, VALID, TEST, or NONE where the code is negative.
    """
    used = np.flatnonzero(codes >= 0)
    _, first, group, sizes = np.unique(hashes[used], return_index=True, return_inverse=True, return_counts=True)
    codes_used = codes[used]
    stratum = codes_used[first]
    pinned = _pinned(codes_used, stratum, group)
    random = np.random.Generator(np.random.PCG64(seed))
    # Groups are numbered by their first row, so that the deal doesn't hang on the hash function.
    by_class = np.lexsort((first, stratum))
    part = np.full(len(first), TRAIN, np.uint8)
    for members in np.split(by_class, np.flatnonzero(np.diff(stratum[by_class])) + 1):
        members = members[random.permutation(len(members))]
        _deal(part, members, sizes, pinned, shares)
    result = np.full(len(codes), NONE, np.uint8)
    result[used] = part[group]
    return result


def _pinned(codes, stratum, group):
    """Marks groups that stay in train: all rows of their class stand in groups of another one."""
    pinned = np.zeros(len(stratum), bool)
    for code in np.setdiff1d(codes, stratum):
        pinned[group[np.argmax(codes == code)]] = True
    return pinned


def _deal(part, members, sizes, pinned, shares):
    """Cuts one class's groups, in the order given, into splits."""
    rows = int(sizes[members].sum())
    goals = {split: share * rows for split, share in shares.items() if share > 0}
    if not goals:
        return
    # A group that would fill a split on its own stays in train while there are others.
    limit = max(1, min(goals.values()))
    free = members[~pinned[members]]
    free = free[np.argsort(sizes[free] > limit, kind="stable")]
    enough = len(members) >= LEAST_GROUPS
    left = len(free) if len(free) < len(members) else len(free) - 1
    for number, (split, goal) in enumerate(goals.items()):
        later = (len(goals) - number - 1) * enough
        count = int(np.searchsorted(np.cumsum(sizes[free]), goal + 0.5, side="right"))
        count = min(max(count, int(enough)), max(left - later, 0))
        part[free[:count]] = split
        free, left = free[count:], left - count
