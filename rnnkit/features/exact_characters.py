"""Exact characters: raw texts -> ids of their code points, and ids -> the same texts again, in the graph."""

import collections
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from rnnkit.features.pieces import RESERVED
from rnnkit.layers.embedding import PADDING, UNKNOWN

FIRST = len(RESERVED)
UNKNOWN_POINT = 0xFFFD
"""Stands for a character that there is no id of, and for bytes that are no UTF-8."""


@keras.saving.register_keras_serializable(package="rnnkit")
class ExactCharacters(keras.layers.Layer):
    """Looks up the id of each character, spaces and line ends among them: nothing is lost but unknown ones.

    `text (batch,) string -> ids (batch, time) int32`, padded with 0 on the right to the longest text of the batch.

    Args:
        characters: The characters, one each, without the reserved ids; the first has id 4. Empty until learnt.

    Raises:
        ValueError: One stands twice, or is no single character.
    """

    def __init__(self, characters=(), **kwargs):
        super().__init__(**kwargs)
        self.characters = list(characters)
        seen = set()
        for place, character in enumerate(self.characters):
            if len(character) != 1 or character in seen:
                raise ValueError(
                    f"characters must be single ones that differ. Got {character!r} in place {place + 1}. Leave it out."
                )
            seen.add(character)
        points = np.array([ord(character) for character in self.characters], np.int32)
        self._order = np.argsort(points).astype(np.int32)
        self._sorted = points[self._order]
        # Reserved ids but the unknown one are nothing in a text.
        self._points = np.concatenate([np.full(FIRST, UNKNOWN_POINT, np.int32), points])
        self.built = True

    @property
    def size(self) -> int:
        """Number of ids, the reserved ones included."""
        return len(self.characters) + FIRST

    def call(self, text):
        points = tf.strings.unicode_decode(text, "UTF-8", errors="replace", replacement_char=UNKNOWN_POINT)
        return tf.ragged.map_flat_values(self._ids, points).to_tensor(PADDING)

    def _ids(self, points):
        if not self.characters:
            return tf.fill(tf.shape(points), UNKNOWN)
        places = tf.minimum(tf.searchsorted(self._sorted, points), len(self._sorted) - 1)
        known = tf.equal(tf.gather(self._sorted, places), points)
        return tf.where(known, tf.gather(self._order, places) + FIRST, UNKNOWN)

    def tokens(self, ids):
        """Returns the name of each id, of any shape: '' for padding and ids there are none of, [end] for the end."""
        spelled = tf.constant([*RESERVED.values(), *self.characters])
        known = (ids >= 0) & (ids < self.size)
        return tf.where(known, tf.gather(spelled, tf.where(known, ids, PADDING)), "")

    def join(self, ids):
        """Returns the texts `(…,)` of ids `(…, time)`: U+FFFD stands for unknown ones, nothing for others reserved."""
        shape = tf.shape(ids)
        flat = tf.reshape(ids, [-1, shape[-1]])
        written = ((flat >= FIRST) & (flat < self.size)) | (flat == UNKNOWN)
        points = tf.gather(self._points, tf.where(written, flat, UNKNOWN))
        texts = tf.strings.unicode_encode(tf.ragged.boolean_mask(points, written), "UTF-8")
        return tf.reshape(texts, shape[:-1])

    def compute_output_spec(self, text):
        return keras.KerasTensor((text.shape[0], None), "int32")

    def get_config(self):
        return {**super().get_config(), "characters": list(self.characters)}


def learn_characters(texts: Iterable[list[str]], *, size: int | None = None, least: int = 1) -> list[str]:
    """Counts the characters of training texts.

    Args:
        texts: Chunks of texts.
        size: Most ids, the reserved ones included; None for no limit.
        least: Fewest occurrences of a character that is kept.

    Returns:
        The characters, most frequent first, equals by code point.
    """
    counts = collections.Counter()
    for chunk in texts:
        for text in chunk:
            counts.update(text)
    kept = [character for character, count in counts.items() if count >= least and ord(character) != UNKNOWN_POINT]
    ranked = sorted(kept, key=lambda character: (-counts[character], character))
    # What no encoding can write is not a character.
    ranked = [character for character in ranked if not 0xD800 <= ord(character) <= 0xDFFF]
    return ranked[: None if size is None else max(size - FIRST, 0)]
