"""Counts of n-grams, as Kneser-Ney smoothing wants them: a stream of ids -> one table of n-grams per order.

An n-gram of `order` ids is known by its number, its rank in the table of that order; its key is the number of its ids
but the last, times `size`, plus its last id. So keys never overflow, and what follows one context lies together.
"""

from collections.abc import Callable, Iterator

import numpy as np

from rnnkit.layers.embedding import END

NONE = -1
"""Number of an n-gram that isn't in its table, or that reaches over the end of a line."""


def checked(ids, size: int) -> np.ndarray:
    """Returns a stream as int64, `(tokens,)`.

    Raises:
        ValueError: `ids` has more axes, or an id outside 0 to `size - 1`; or `size` has no room for `END`.
    """
    if size <= END:
        raise ValueError(f"size must be at least {END + 1}: id {END} ends a line. Got {size}.")
    ids = np.asarray(ids)
    if ids.ndim != 1 or ids.size and not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(f"ids must be integers, (tokens,). Got {ids.dtype} of shape {ids.shape}.")
    if ids.size and not 0 <= ids.min() <= ids.max() < size:
        worst = ids.min() if ids.min() < 0 else ids.max()
        raise ValueError(f"ids must lie from 0 to {size - 1}, one below size. Got {worst}.")
    return ids.astype(np.int64)


def count_ngrams(
    ids: np.ndarray, size: int, order: int, advance: Callable[[int], None] | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Counts the n-grams of 1, 2, … `order` ids.

    Args:
        ids: `(tokens,)`, as from `checked`.
        size: Number of ids.
        order: Length of the longest n-grams, at least 1.
        advance: Is told, after each order, tokens times orders done.

    Yields:
        For each order keys `(n-grams,)`, rising, and counts `(n-grams,)`. The first order has every id from 0 to
        `size - 1`, the others only what occurs. An n-gram of the highest order, and one that begins with the start of a
        line, counts how often it occurs; any other one counts the distinct ids, start of a line included, before it.

    Kneser & Ney (1995), https://doi.org/10.1109/ICASSP.1995.479394; the start of a line as SRILM has it.
    """
    keys, numbers = np.arange(size), ids
    counts = np.bincount(ids, minlength=size)
    for shorter in range(1, order):
        if advance:
            advance(shorter * len(ids))
        before = contexts(numbers, ids, shorter)
        there = before != NONE
        longer_keys, ranks, occurrences = np.unique(
            before[there] * size + ids[there], return_inverse=True, return_counts=True
        )
        suffixes = np.empty(len(longer_keys), np.int64)
        suffixes[ranks] = numbers[there]
        continuations = np.bincount(suffixes, minlength=len(keys))
        # Only what begins with the start of a line has nothing before it.
        yield keys, np.where(continuations, continuations, counts)
        keys, counts = longer_keys, occurrences
        numbers = np.full(len(ids), NONE)
        numbers[there] = ranks
    if advance:
        advance(order * len(ids))
    yield keys, counts


def contexts(numbers: np.ndarray, ids: np.ndarray, length: int) -> np.ndarray:
    """Returns the number of the `length` ids before each token.

    Args:
        numbers: `(tokens,)`, number of the n-gram of `length` ids that ends at a token, or `NONE`.
        ids: `(tokens,)`.
        length: At least 1.

    Returns:
        `(tokens,)`. At the start of a line the one id before is `END`, which stands for that start; there are no more
        before it.
    """
    starts = np.ones(len(ids), bool)
    starts[1:] = ids[:-1] == END
    return np.where(starts, END if length == 1 else NONE, np.roll(numbers, 1))
