"""Texts: rows of a split -> its texts, its words, and the model that turns a text into ids."""

import dataclasses
from collections.abc import Iterable, Iterator

import keras
import numpy as np

from rnnkit.features.characters import Characters
from rnnkit.features.words import Words, learn_vocabulary
from rnnkit.progress import Reporter

FITTED_TEXT = 48 << 20
"""Characters of text, about, from which linear models are fitted: their n-grams are held in memory, 16 kB for 1 kB."""


def text_features(vocabulary: list[str], how: dict, *, characters: bool) -> keras.Model:
    """Returns the model `text (batch,) -> ids (batch, time)` and, with characters, `letters (batch, time, letters)`.

    Args:
        vocabulary: As for `Words`.
        how: `lower`, `punctuation`, `markup` and `length`, as for `Words`.
        characters: Whether words are read by their letters too.
    """
    text = keras.Input((), dtype="string", name="text")
    tensors = {"ids": Words(vocabulary, **how, name="words")(text)}
    if characters:
        tensors["letters"] = Characters(how, name="letters")(text)
    return keras.Model({"text": text}, tensors, name="features")


def count_words(train, how: dict, reporter: Reporter, *, size: int, least: int) -> list[str]:
    """Returns the most frequent words of the rows' texts, as `learn_vocabulary` does."""
    with reporter.task("learning the vocabulary", total=len(train), unit="rows") as advance:
        texts = _told((chunk["text"] for chunk in train.chunks()), advance)
        return learn_vocabulary(Words(**how), texts, size=size, least=least)


def _told(chunks, advance):
    done = 0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        advance(done)


def sampled(rows, limit: int = FITTED_TEXT) -> Iterator[tuple[list[str], np.ndarray]]:
    """Yields chunks of texts and class numbers: all rows, or as many, spread evenly, as have `limit` characters."""
    first = next(rows.chunks())["text"]
    most = max(limit * len(first) // max(sum(map(len, first)), 1), 1_000)
    kept = np.zeros(len(rows), bool)
    kept[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)] = True
    start = 0
    for chunk in rows.chunks():
        chosen = np.flatnonzero(kept[start : start + len(chunk["text"])])
        if len(chosen):
            yield [chunk["text"][place] for place in chosen], rows.codes[start + chosen]
        start += len(chunk["text"])


@dataclasses.dataclass(frozen=True)
class Texts(Iterable[str]):
    """The texts of a split, read anew at each pass."""

    rows: object

    def __iter__(self):
        for chunk in self.rows.chunks():
            yield from chunk["text"]
