"""Direction: frequent words of both sides of a training -> whether other pairs have them the other way round."""

import collections
from collections.abc import Mapping

from rnnkit.pairs.languages import swapped, words_of

KEPT = 300
"""Words of each side that are kept: of most languages they are half of all that is written."""


def frequent_words(rows) -> dict[str, list[str]]:
    """Returns the most frequent words of both sides of a split, by column, for `check_direction`."""
    counts = {name: collections.Counter() for name in (*rows.features, rows.target)}
    for chunk in rows.chunks():
        for name, count in counts.items():
            count.update(word for text in chunk[name] for word in words_of(text))
    return {name: [word for word, _ in count.most_common(KEPT)] for name, count in counts.items()}


def check_direction(rows, card: Mapping, name: str) -> None:
    """Refuses pairs whose sides are the other way round than those that a bundle was trained on.

    Args:
        rows: The pairs.
        card: The bundle's, with `frequent_words`; where it has none, nothing is said.
        name: Of the data, as it was given.

    Raises:
        ValueError: As said.
    """
    known = card.get("frequent_words")
    if not known:
        return
    texts, translations = [], []
    for chunk in rows.chunks():
        texts += chunk["text"]
        translations += chunk[rows.target]
    if not swapped(texts, translations, *(set(words) for words in known.values())):
        return
    first, comma, second = name.partition(",")
    files = (
        f"--data {second},{first}" if comma and second else "--columns text=…,translation=… with the names exchanged"
    )
    raise ValueError(
        f"{name} has the languages the other way round: it would have read what the bundle writes, and the reverse. "
        f"Give {files}."
    )
