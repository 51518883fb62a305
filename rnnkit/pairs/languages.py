"""Languages: the words of two sides -> whether they are the other way round than what is known."""

import re
from collections.abc import Iterable, Sequence

WORD = re.compile(r"\w+")
LOOKED_AT = 2_000
"""Most texts whose words are compared, spread evenly."""
LEAST = 8
"""Words of each side below which nothing is said."""
FAR = 0.5
"""By how much the shares known must differ, added up over both sides."""


def words_of(text: str) -> list[str]:
    """Returns the words of a text, letters and digits only, case folded."""
    return WORD.findall(text.casefold())


def known_words(texts: Iterable[str]) -> set[str]:
    """Returns all words of some texts, for `swapped`."""
    return {word for text in texts for word in words_of(text)}


def shares_known(texts: Sequence[str], *known: set[str]) -> tuple[int, list[float]]:
    """Returns how many words some texts have, and which share of them is in each of `known`."""
    words = [word for text in texts[:: max(len(texts) // LOOKED_AT, 1)] for word in words_of(text)]
    return len(words), [sum(word in one for word in words) / max(len(words), 1) for one in known]


def swapped(
    sources: Sequence[str], translations: Sequence[str], known_source: set[str], known_target: set[str]
) -> bool:
    """Says whether sources and translations have changed places.

    They have where the words of both are known better from the other side, and far better by one of
    them at least. Languages that share most words, and fewer than eight words a side, say nothing.

    Args:
        sources, translations: Texts to be looked at.
        known_source, known_target: Words that a model, or a training set, has on either side; see `known_words`.
    """
    count, (straight, crossed) = shares_known(sources, known_source, known_target)
    other_count, (other_straight, other_crossed) = shares_known(translations, known_target, known_source)
    if min(count, other_count) < LEAST or crossed < straight or other_crossed < other_straight:
        return False
    return crossed - straight + other_crossed - other_straight > FAR
