"""Windows of words: sentences -> sparse 0/1 features of each token, from the words around it, for a linear tagger."""

import functools
import re
from collections.abc import Sequence

import numpy as np
import scipy.sparse

from rnnkit.features.window_templates import AFFIXES, REACH, TEMPLATES
from rnnkit.features.window_templates import WORD_SLOTS as SLOTS
from rnnkit.metrics.linear_chain import presence

PAIRS = 2
"""How often a feature of several words must occur in the train split."""
NONE = -1


class Windows:
    """Turns sentences into features, those that the train sentences have.

    Args:
        sentences: The tokens of each train sentence.

    Attributes:
        size: How many features there are.
    """

    def __init__(self, sentences: Sequence[Sequence[str]]):
        self._traits: dict[tuple[str, str], int] = {}
        near = self._near(sentences, learn=True)
        self._known = []
        for template in TEMPLATES:
            keys, counts = np.unique(self._keys(near, template), return_counts=True)
            often = counts >= (PAIRS if len(template) > 1 else 1)
            self._known.append(keys[often & (keys != NONE)])
        self.size = sum(map(len, self._known))

    def matrix(self, sentences: Sequence[Sequence[str]]) -> scipy.sparse.csr_matrix:
        """Returns `(tokens of all sentences, size)`, float32, 1 where a token has a feature."""
        near = self._near(sentences)
        columns, first = [], 0
        for template, known in zip(TEMPLATES, self._known, strict=True):
            columns.append(_places(self._keys(near, template), known, first))
            first += len(known)
        ids = np.stack(columns, axis=1)
        return presence(ids, ids != NONE, self.size)

    def _near(self, sentences, learn=False):
        """Slot of a word at an offset -> its trait at each token, `(tokens,)`."""
        words, codes, real = _laid_out(sentences)
        table = np.array([self._numbered(word, learn) for word in words], np.int32)
        return {
            (offset, slot): table[codes[real + offset], column]
            for offset in range(-REACH, REACH + 1)
            for column, slot in enumerate((*SLOTS, *AFFIXES))
            if slot in SLOTS or not offset
        }

    def _numbered(self, word, learn):
        """Numbers of what is said of a word."""
        said = _said(word).items()
        if learn:
            for slot, value in said:
                if value is not None:
                    self._traits.setdefault((slot, value), len(self._traits))
        return [self._traits.get(each, NONE) for each in said]

    def _keys(self, near, template):
        """One number for each token that tells what it has of a template; `NONE` where it lacks a part."""
        parts = np.array([near[part] for part in template], np.int64)
        keys = functools.reduce(lambda key, part: key * len(self._traits) + part, parts)
        return np.where((parts == NONE).any(axis=0), NONE, keys)


def _laid_out(sentences):
    """Puts the sentences in a row, `REACH` empty words between them: distinct words, codes, places of real ones."""
    numbers = {"": 0}
    gap = [0] * REACH
    codes = list(gap)
    for words in sentences:
        codes += [numbers.setdefault(word, len(numbers)) for word in words]
        codes += gap
    lengths = np.array([len(words) for words in sentences], int)
    shift = np.repeat(REACH * np.arange(1, len(lengths) + 1), lengths)
    return list(numbers), np.array(codes), np.arange(lengths.sum()) + shift


def _places(keys, known, first):
    """Numbers of the features, from `first` on; `NONE` where the train split lacks it."""
    if not len(known):
        return np.full(len(keys), NONE, np.int32)
    places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[places] == keys, first + places, NONE).astype(np.int32)


def _said(word: str) -> dict[str, str | None]:
    lower, kinds = word.lower(), outline(word)
    said = {"word": word, "lower": lower, "outline": kinds, "brief": re.sub(r"(.)\1+", r"\1", kinds)}
    for slot in AFFIXES:
        size = int(slot[-1])
        affix = lower[:size] if slot.startswith("head") else lower[-size:]
        said[slot] = affix if len(lower) > size else None
    return said


def outline(word: str) -> str:
    """Returns the kinds of its letters: `X` capital, `x` small, `c` of no case, `0` digit, other marks as they are."""
    return "".join(map(_kind, word))


@functools.lru_cache(maxsize=4096)
def _kind(letter):
    if letter.isdigit():
        return "0"
    if not letter.isalpha():
        return letter
    return "X" if letter.isupper() else "x" if letter.islower() else "c"
