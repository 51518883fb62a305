"""Continuous cache: states, the token that followed each, the model's probabilities -> probabilities with a memory.

Where the model is in a state like one before, what followed then is likely to follow again: names and rare words of
the text at hand are known after their first time, without training.

Grave, Joulin & Usunier (2017), https://arxiv.org/abs/1612.04426, eq. 2-5.
"""

from collections.abc import Iterator, Sequence

import numpy as np

ROWS = 256
"""Positions computed at once; fewer where the cache is so large that they would take more than `CELLS`."""
CELLS = 2**20
FLATNESSES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.45, 0.65, 1.0)
SHARES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
NARROW = 1e3
"""Exponents up to which float32 is exact enough, to about 1e-4; larger ones are computed in float64."""


def cached_log_probabilities(
    hidden: np.ndarray,
    targets: np.ndarray,
    log_probabilities: np.ndarray,
    *,
    size: int = 2000,
    flatness: float = 0.3,
    share: float = 0.1,
    boundaries: Sequence[int] | None = None,
) -> np.ndarray:
    """Mixes the model's probability of each token with that of a cache of the tokens before it.

    `p = (1 - share) p_model + share p_cache`. Each i of the last `size` positions before t weighs
    `exp(flatness * hidden[t] . hidden[i])`, and `p_cache(w)` at t is the share of the weight of those with
    `targets[i] == w`.

    Args:
        hidden: `(tokens, features)`, the state from which the model predicts each target; read a block at a time.
        targets: `(tokens,)` ids.
        log_probabilities: `(tokens,)`, natural logarithms of the model's probabilities of the targets.
        size: Positions the cache remembers.
        flatness: How much more a like state counts, from 0: all alike.
        share: Of the cache, from 0 to below 1.
        boundaries: Positions where a new text begins, in any order: the cache is emptied before them. None: one text.

    Returns:
        `(tokens,)`, float64. Where the cache is empty, at the start of a text, it is the model's.

    Raises:
        ValueError: A size, flatness, share or boundary out of range, arrays of unlike length, hidden states that
            aren't finite, or positive log-probabilities.

    Memory is some 15 MB beside the arrays given, 35 with float64; 82,430 tokens of 650 features take 5 s on one core.
    """
    _check_shares([share])
    model = _checked_model(log_probabilities, targets)
    starts = _starts(len(model), size, boundaries)
    (cache,) = _cache_log_probabilities(hidden, targets, starts, (flatness,))
    return _mixed(model, cache, starts, share)


def tuned(
    hidden: np.ndarray,
    targets: np.ndarray,
    log_probabilities: np.ndarray,
    *,
    size: int = 2000,
    flatnesses: Sequence[float] = FLATNESSES,
    shares: Sequence[float] = SHARES,
    boundaries: Sequence[int] | None = None,
) -> tuple[float, float]:
    """Chooses flatness and share by the likelihood of validation tokens.

    Args:
        hidden: `(tokens, features)`, as by `cached_log_probabilities`; so are the other arrays, and the size.
        flatnesses: To choose from. States are compared once for all of them.
        shares: To choose from; with 0 among them, the cache is left out where it only harms.

    Returns:
        Flatness and share; of equally good ones the first.

    Raises:
        ValueError: As by `cached_log_probabilities`, or there is no token, flatness or share.
    """
    model = _checked_model(log_probabilities, targets)
    for name, values in (("token", model), ("flatness", flatnesses), ("share", shares)):
        if not len(values):
            raise ValueError(f"There must be at least 1 {name} to tune the cache. Got 0.")
    _check_shares(shares)
    starts = _starts(len(model), size, boundaries)
    caches = _cache_log_probabilities(hidden, targets, starts, flatnesses)
    means = [[_mixed(model, cache, starts, share).mean() for share in shares] for cache in caches]
    row, column = np.unravel_index(np.argmax(means), (len(flatnesses), len(shares)))
    return float(flatnesses[row]), float(shares[column])


def _check_shares(shares):
    for share in shares:
        if not 0 <= share < 1:
            raise ValueError(f"share must be from 0 to below 1. Got {share}.")


def _checked_model(log_probabilities, targets):
    model = np.asarray(log_probabilities, np.float64)
    if model.shape != (len(targets),):
        raise ValueError(f"There must be one log-probability for each of {len(targets):,} targets. Got {model.shape}.")
    # A little above 0 is rounding.
    if not (model <= 1e-3).all():
        highest = model.max()
        raise ValueError(f"log_probabilities must be at most 0. Got {highest:.4g}. Losses in nats must be negated.")
    return model


def _starts(tokens, size, boundaries):
    """Returns the first position that each position remembers, `(tokens,)`; its own where it remembers none."""
    if size < 1:
        raise ValueError(f"size must be at least 1. Got {size}.")
    places = np.asarray([] if boundaries is None else boundaries, np.int64)
    if wrong := [int(place) for place in places if not 0 <= place < max(tokens, 1)]:
        raise ValueError(f"boundaries must be positions from 0 to below {tokens:,}. Got {wrong[0]:,}.")
    begins = np.zeros(tokens, np.int64)
    if tokens:
        begins[places] = places
    return np.maximum(np.maximum.accumulate(begins), np.arange(tokens) - size)


def _mixed(model, cache, starts, share):
    with np.errstate(divide="ignore"):
        mixed = np.logaddexp(np.log1p(-share) + model, np.log(share) + cache)
    return np.where(starts < np.arange(len(model)), mixed, model)


def _cache_log_probabilities(hidden, targets, starts, flatnesses):
    """Returns log p_cache of each target for each flatness, `(flatnesses, tokens)`; -inf where it isn't remembered."""
    targets = np.asarray(targets)
    if np.ndim(hidden) != 2 or len(hidden) != len(targets):
        wanted = f"({len(targets)}, features)"
        raise ValueError(f"hidden must have the shape {wanted}, a state for each target. Got {np.shape(hidden)}.")
    for flatness in flatnesses:
        if not 0 <= flatness < np.inf:
            raise ValueError(f"flatness must be a number from 0. Got {flatness}.")
    logs = np.full((len(flatnesses), len(targets)), -np.inf)
    dtype = _dtype(hidden, max(flatnesses))
    for first, last, oldest in _blocks(starts):
        likeness = np.asarray(hidden[first:last], dtype) @ np.asarray(hidden[oldest:last], dtype).T
        places = np.arange(oldest, last)
        known = (places >= starts[first:last, None]) & (places < np.arange(first, last)[:, None])
        # The nearest state counts 1, so that no exponential overflows and their sum is at least 1.
        nearest = likeness.max(axis=1, keepdims=True, where=known, initial=-np.inf)
        likeness = np.subtract(likeness, nearest, where=known, out=np.zeros_like(likeness))
        same = (known & (targets[oldest:last] == targets[first:last, None])).astype(dtype)
        known = known.astype(dtype)
        for row, flatness in zip(logs, flatnesses, strict=True):
            weights = np.exp(likeness * dtype(flatness))
            wholes, parts = (np.einsum("ij,ij->i", weights, chosen) for chosen in (known, same))
            with np.errstate(divide="ignore"):
                row[first:last] = np.log(parts.astype(np.float64)) - np.log(np.maximum(wholes, 1))
    return logs


def _dtype(hidden, flatness):
    """Returns what the exponents are computed in; no product of two states exceeds the largest square of one."""
    largest = 0.0
    for first in range(0, len(hidden), ROWS):
        rows = np.asarray(hidden[first : first + ROWS], np.float64)
        largest = max(largest, np.square(rows).sum(axis=1).max())
        if not np.isfinite(rows).all():
            place, unit = np.argwhere(~np.isfinite(rows))[0]
            raise ValueError(f"hidden must be finite. Got {rows[place, unit]} at position {first + place:,}.")
    return np.float32 if largest * max(flatness, 1.0) <= NARROW else np.float64


def _blocks(starts) -> Iterator[tuple[int, int, int]]:
    """Yields positions from, to, and the oldest that any of them remembers."""
    first = 0
    while first < len(starts):
        oldest = int(starts[first])
        last = min(len(starts), first + max(1, min(ROWS, CELLS // (first - oldest + ROWS))))
        yield first, last, oldest
        first = last
