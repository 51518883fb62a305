"""CIDEr-D of captions: their words and those of the references -> how much they share of what tells pictures apart.

Vedantam, Zitnick & Parikh (2015), https://arxiv.org/abs/1411.5726.
"""

import collections
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

ORDERS = 4
"""Longest n-grams, in words."""
SIGMA = 6.0
"""Of the penalty for another length, in words."""

Words = Sequence[str]


def cider_d(captions: Sequence[Words], references: Sequence[Sequence[Words]]) -> np.ndarray:
    """Scores a caption of each picture against that picture's references.

    The rarity of an n-gram is counted on the references given here: of 1 picture, and of pictures that all have the
    same references, every score is 0.

    Args:
        captions: `(pictures,)`, each as words; no words are fine and score 0.
        references: For each picture one or more, each as words.

    Returns:
        `(pictures,)`, 0 to 10. 10 is a caption that equals each of its references and has n-grams of 1, 2, 3 and 4
        words that not all pictures have; of 3 words at most 7.5 can be had, of 2 words 5, and of 1 word 2.5.

    Raises:
        ValueError: Not as many captions as references, no pictures, or a picture without a reference.

    As `ciderD` of https://github.com/vrama91/cider and, by the name of CIDEr, https://github.com/tylin/coco-caption.
    Papers mostly give it times 100: 1.13 here is 113 there.
    """
    return CiderD(references).score(captions)


class CiderD:
    """References made ready to score captions of the same pictures many times.

    Args:
        references: For each picture one or more, each as words.

    Raises:
        ValueError: No pictures, or a picture without a reference.
    """

    def __init__(self, references: Sequence[Sequence[Words]]):
        if not len(references):
            raise ValueError("CIDEr-D is of at least 1 picture. Got 0. Give the references of each picture.")
        if bare := [number for number, texts in enumerate(references, 1) if not len(texts)]:
            raise ValueError(
                f"Each picture must have at least 1 reference. Got 0 of picture {bare[0]:,}. Leave it out."
            )
        counted = [[count_ngrams(text) for text in texts] for texts in references]
        self.rarity = Rarity(counted)
        self._references = [[self.rarity.weighed(counts) for counts in several] for several in counted]

    def score(self, captions: Sequence[Words]) -> np.ndarray:
        """Returns the score of a caption of each picture, `(pictures,)`; as `cider_d` says."""
        if len(captions) != len(self._references):
            pictures = f"{len(self._references):,}"
            raise ValueError(f"There must be one caption for each of the {pictures} pictures. Got {len(captions):,}.")
        scores = np.zeros(len(captions))
        for place, (caption, references) in enumerate(zip(captions, self._references, strict=True)):
            ours = self.rarity.weighed(count_ngrams(caption))
            scores[place] = sum(similarity(ours, theirs) for theirs in references) / len(references)
        return scores


def count_ngrams(text: Words) -> dict[tuple[str, ...], int]:
    """Counts the n-grams of 1 to 4 words."""
    words = tuple(text)
    return collections.Counter(
        words[start : start + order] for order in range(1, ORDERS + 1) for start in range(len(words) - order + 1)
    )


class Weighed(NamedTuple):
    """A text as vectors of its n-grams.

    Attributes:
        weights: N-gram -> how often it occurs, times its rarity.
        norms: `(orders,)`, the length of each order's vector.
        length: Words.
    """

    weights: Mapping[tuple[str, ...], float]
    norms: tuple[float, ...]
    length: int


class Rarity:
    """Weighs n-grams by the logarithm of how few pictures have them among their references.

    Args:
        counted: For each picture the counts of each of its references, as from `count_ngrams`.
    """

    def __init__(self, counted: Sequence[Sequence[Mapping[tuple[str, ...], int]]]):
        pictures = collections.Counter()
        for several in counted:
            pictures.update(set().union(*several))
        self.most = math.log(len(counted))
        self.of = {ngram: self.most - math.log(count) for ngram, count in pictures.items()}

    def weighed(self, counts: Mapping[tuple[str, ...], int]) -> Weighed:
        """Returns the vectors of a text, of its counts; an n-gram that no picture has counts as one of 1 picture."""
        weights, squares = {}, [0.0] * ORDERS
        length = 0
        for ngram, count in counts.items():
            weight = count * self.of.get(ngram, self.most)
            weights[ngram] = weight
            squares[len(ngram) - 1] += weight * weight
            if len(ngram) == 1:
                length += count
        return Weighed(weights, tuple(map(math.sqrt, squares)), length)


def similarity(caption: Weighed, reference: Weighed) -> float:
    """Compares a caption with one reference: 0 to 10.

    The cosine of the two vectors, mean over the orders; an n-gram in the caption counts no higher than in the
    reference, and a difference of length lowers the result by a Gaussian.
    """
    products = [0.0] * ORDERS
    theirs = reference.weights
    for ngram, weight in caption.weights.items():
        if ngram in theirs:
            products[len(ngram) - 1] += min(weight, theirs[ngram]) * theirs[ngram]
    cosines = sum(
        product / (ours * other)
        for product, ours, other in zip(products, caption.norms, reference.norms, strict=True)
        if ours and other
    )
    apart = caption.length - reference.length
    return 10.0 * cosines / ORDERS * math.exp(-(apart**2) / (2 * SIGMA**2))
