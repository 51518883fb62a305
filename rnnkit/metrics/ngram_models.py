"""N-gram models, a language model's baselines: counts of a train stream -> log-probability of each token of another."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rnnkit.metrics.ngram_counts import NONE, checked, contexts, count_ngrams


class Unigram:
    """Knows how often each id occurs, and nothing of what stands before it; each count is one more than seen.

    Args:
        ids: `(tokens,)`, the train stream; may be empty.
        size: Number of ids.
    """

    def __init__(self, ids: np.ndarray, size: int):
        counts = np.bincount(checked(ids, size), minlength=size) + 1.0
        self.size = size
        self.logarithms = np.log(counts / counts.sum())

    def log_probabilities(self, ids: np.ndarray) -> np.ndarray:
        """Returns the natural logarithm of each token's probability, `(tokens,)`."""
        return self.logarithms[checked(ids, self.size)]


class Order(NamedTuple):
    """What the n-grams of one length say: `P(id | context) = share + rest * P(id | context less its first id)`.

    Attributes:
        keys: `(n-grams,)`, rising, as from `count_ngrams`.
        shares: `(n-grams,)`; 0 for an n-gram that isn't there.
        rests: `(contexts,)`, by the number of a context in the order below; 1 where nothing follows it.
    """

    keys: np.ndarray
    shares: np.ndarray
    rests: np.ndarray


class KneserNey:
    """Interpolated modified Kneser-Ney smoothing.

    Id `END` ends a line and is itself predicted; a context reaches back to the start of its line, no further. Ids from
    0 to `size - 1` have probabilities above 0 after any context, which sum to 1. While it counts it takes about
    140 bytes for each token, and then 24 for each distinct n-gram of each length.

    Args:
        ids: `(tokens,)`, the train stream; may be empty.
        size: Number of ids.
        order: Length of the longest n-grams, their last id being the one predicted.
        advance: Is told, after each order, tokens times orders done.

    Attributes:
        discounts: For each length of n-grams, from 1, what is taken off counts of 1, 2 and more; None where it has
            Witten-Bell's smoothing.

    Chen & Goodman (1998), section 3, https://dash.harvard.edu/handle/1/25104739. Unlike there, one discount for all
    counts, Kneser & Ney's own, takes the place of the three where these aren't above 0 or need what never occurs. Where
    too few n-grams are rare even for that, as with single characters, a context holds back
    followers / (followers + tokens), both as counted: method C of Witten & Bell (1991), https://doi.org/10.1109/18.87000.
    """

    def __init__(self, ids: np.ndarray, size: int, order: int = 5, advance: Callable[[int], None] | None = None):
        if order < 1:
            raise ValueError(f"order must be at least 1. Got {order}.")
        self.size = size
        self.discounts: list[tuple[float, float, float] | None] = []
        self._orders: list[Order] = []
        known = 1
        for keys, counts in count_ngrams(checked(ids, size), size, order, advance):
            self.discounts.append(_discounts(counts))
            self._orders.append(_smoothed(keys, counts, keys // size, known, self.discounts[-1]))
            known = len(keys)

    def log_probabilities(self, ids: np.ndarray) -> np.ndarray:
        """Returns the natural logarithm of each token's probability after those before it in its line, `(tokens,)`."""
        ids = checked(ids, self.size)
        probability = np.full(len(ids), 1.0 / self.size)
        before = np.zeros(len(ids), np.int64)
        for length, (keys, shares, rests) in enumerate(self._orders, 1):
            there = np.flatnonzero(before != NONE)
            numbers = np.full(len(ids), NONE)
            numbers[there] = _found(keys, before[there] * self.size + ids[there])
            probability[there] *= rests[before[there]]
            there = there[numbers[there] != NONE]
            probability[there] += shares[numbers[there]]
            before = contexts(numbers, ids, length)
        return np.log(probability)


def _discounts(counts):
    """What to take off counts of 1, 2 and more, or None where too few n-grams are rare to tell."""
    one, two, three, four = (int(np.count_nonzero(counts == number)) for number in (1, 2, 3, 4))
    if not (one and two):
        return None
    ratio = one / (one + 2 * two)
    if three and four:
        modified = 1 - 2 * ratio * two / one, 2 - 3 * ratio * three / two, 3 - 4 * ratio * four / three
        if min(modified) > 0:
            return modified
    return ratio, ratio, ratio


def _smoothed(keys, counts, before, known, discounts):
    """Makes an order of n-grams whose contexts have the numbers `before`, below `known`."""
    totals = np.bincount(before, weights=counts, minlength=known)
    if discounts:
        taken = np.array([0.0, *discounts])[np.minimum(counts, 3)]
        held = np.bincount(before, weights=taken, minlength=known)
    else:
        taken = 0.0
        held = np.bincount(before, weights=counts > 0, minlength=known)
        totals += held
    followed = totals > 0
    totals[~followed] = 1.0
    return Order(keys, (counts - taken) / totals[before], np.where(followed, held / totals, 1.0))


def _found(keys, wanted):
    """Places of `wanted` in the rising `keys`, `NONE` for what isn't there."""
    if not len(keys):
        return np.full(len(wanted), NONE)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, places, NONE)
