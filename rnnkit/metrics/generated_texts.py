"""Scores of generated texts without a reference: their tokens -> how varied they are, how much they repeat."""

import itertools
from collections.abc import Sequence

ORDERS = (1, 2, 3)
REPEATED = 4
"""Tokens of the n-grams whose repetition is counted."""


def diversity(texts: Sequence[Sequence[str]]) -> dict[str, float]:
    """Scores how varied texts are.

    Args:
        texts: The tokens of each text: a list of words or pieces, or a text itself for its characters.

    Returns:
        `distinct_1`, `distinct_2`, `distinct_3`, 0 to 1, higher where more varied: of all n-grams of all texts, the
        share that is left if each is counted once (Li et al. 2016, https://aclanthology.org/N16-1014; they divide by
        the number of tokens). It falls as texts get longer or more: compare it between equal amounts of text.
        0 where no text has n tokens;
        `repetition`, 0 to 1, lower where more varied: of the 4-grams of a text, the share that the same text had
        before, averaged over the texts that have 4 tokens (Welleck et al. 2020, seq-rep-4,
        https://arxiv.org/abs/1908.04319). 0 where no text has.

    Raises:
        ValueError: `texts` is one text.
    """
    if isinstance(texts, str | bytes):
        raise ValueError(f"texts must be a list of tokenised texts. Got one text, {texts[:40]!r}. Put it in a list.")
    scores = {f"distinct_{order}": _distinct([_ngrams(text, order) for text in texts]) for order in ORDERS}
    shares = [1 - _distinct([ngrams]) for text in texts if (ngrams := _ngrams(text, REPEATED))]
    return {**scores, "repetition": sum(shares) / len(shares) if shares else 0.0}


def _ngrams(text, order):
    return list(zip(*(text[start:] for start in range(order)), strict=False))


def _distinct(texts):
    count = sum(map(len, texts))
    return len(set(itertools.chain.from_iterable(texts))) / count if count else 0.0
