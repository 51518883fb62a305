"""IBM model 1: pairs of word lists -> how probably each source word becomes each target word, by EM."""

from collections.abc import Callable, Sequence

import numpy as np
import scipy.sparse

NULL = 0
"""The source word that stands in every sentence, for target words that come from none."""


def ibm_model_1(
    sources: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    *,
    iterations: int = 5,
    advance: Callable[[int], object] = lambda done: None,
) -> scipy.sparse.csr_matrix:
    """Learns word translation probabilities from pairs of sentences.

    Args:
        sources: Ids of each source sentence, from 1 on; 0 is `NULL`, added here.
        targets: Ids of each target sentence, from 0 on.
        iterations: Rounds of EM, from uniform probabilities.
        advance: Called with the number of rounds done.

    Returns:
        `(source words, target words)`, float64: p(target | source), each row of a word that occurs summing to 1; a
        sparse matrix of the words met together.

    Raises:
        ValueError: Not as many sources as targets, or none.

    Brown, Della Pietra, Della Pietra & Mercer (1993), section 4.1, https://aclanthology.org/J93-2003. Memory is about
    55 bytes for each source word times target word of each pair.
    """
    if len(sources) != len(targets) or not len(sources):
        raise ValueError(f"There must be as many sources as targets, 1 or more. Got {len(sources)} and {len(targets)}.")
    known = 1 + max(int(ids.max(initial=NULL)) for ids in sources)
    vocabulary = 1 + max(int(ids.max(initial=-1)) for ids in targets)
    if not vocabulary:
        return scipy.sparse.csr_matrix((known, 0))
    source, token = _met(sources, targets)
    keys = source * vocabulary + np.concatenate(targets)[token]
    del source
    pairs, pair = np.unique(keys, return_inverse=True)
    del keys
    pair = pair.astype(np.int32)
    words, targets_met = np.divmod(pairs, vocabulary)
    probability = np.full(len(pairs), 1.0 / vocabulary)
    for done in range(iterations):
        share = probability[pair]
        share /= np.bincount(token, weights=share)[token]
        counts = np.bincount(pair, weights=share, minlength=len(pairs))
        probability = counts / np.bincount(words, weights=counts)[words]
        advance(done + 1)
    return scipy.sparse.csr_matrix((probability, (words, targets_met)), shape=(known, vocabulary))


def _met(sources, targets):
    """Pairs each target token with `NULL` and with each word of its source sentence.

    Returns:
        Source ids, int64, and numbers of target tokens, int32 and rising; `(meetings,)` each.
    """
    sizes = np.array([1 + len(ids) for ids in sources])
    begins = np.cumsum(sizes) - sizes
    flat = np.full(sizes.sum(), NULL, np.int64)
    real = np.ones(len(flat), bool)
    real[begins] = False
    flat[real] = np.concatenate(sources)
    lengths = np.array([len(ids) for ids in targets])
    repeats = np.repeat(sizes, lengths)
    token = np.repeat(np.arange(len(repeats), dtype=np.int32), repeats)
    # Where a token's sentence begins in `flat`, less where the token's own meetings begin.
    shift = np.repeat(begins, lengths) - (np.cumsum(repeats) - repeats)
    return flat[shift[token] + np.arange(len(token))], token
