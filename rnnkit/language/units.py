"""Units: raw texts -> ids of their tokens, and ids -> texts again, whichever kind the tokens are."""

import dataclasses

import keras
import tensorflow as tf

from rnnkit.features.exact_characters import ExactCharacters, learn_characters
from rnnkit.features.piece_learning import MOST_WORDS, grow_pieces, learn_pieces
from rnnkit.features.pieces import RESERVED, Pieces
from rnnkit.features.words import RESERVED as WORDS_RESERVED
from rnnkit.features.words import Words, learn_vocabulary
from rnnkit.layers.embedding import END, UNKNOWN

NAME = "tokens"
WHOLE = 1 << 30
"""A length that cuts no text."""
REPLACEMENT = "\ufffd"


@dataclasses.dataclass(frozen=True)
class Units:
    """The layer that cuts texts, and what a language model asks of it.

    Attributes:
        layer: `ExactCharacters`, `Words` or `Pieces`.
    """

    layer: keras.layers.Layer

    @property
    def size(self) -> int:
        """Number of ids, the reserved ones included."""
        if isinstance(self.layer, Words):
            # The first of its words is the end, so that all kinds have one, of id 3.
            return len(WORDS_RESERVED) + len(self.layer.vocabulary)
        return self.layer.size

    @property
    def learnt(self) -> list[str]:
        """The tokens in the order of their ids, from id 4 on."""
        if isinstance(self.layer, Words):
            return self.layer.vocabulary[1:]
        return self.layer.characters if isinstance(self.layer, ExactCharacters) else self.layer.pieces

    @property
    def between(self) -> str:
        """What stands between the texts of two tokens."""
        return " " if isinstance(self.layer, Words) else ""

    def ids(self, text):
        """Returns ids `(batch, time)` of texts `(batch,)`, padded with 0 on the right, without a start or an end."""
        ids = self.layer(text)
        if isinstance(self.layer, Words):
            return ids[:, 1:]
        return tf.where(ids == END, 0, ids)[:, :-1] if isinstance(self.layer, Pieces) else ids

    def tokens(self, ids):
        """Returns the name of each id, of any shape: '' for padding and ids there are none of, [end] for the end."""
        if not isinstance(self.layer, Words):
            return self.layer.tokens(ids)
        names = tf.constant([*RESERVED.values(), *self.learnt])
        known = (ids >= 0) & (ids < self.size)
        return tf.where(known, tf.gather(names, tf.where(known, ids, 0)), "")

    def join(self, ids):
        """Returns the texts `(…,)` of ids `(…, time)`: U+FFFD stands for unknown ones, nothing for others reserved."""
        if not isinstance(self.layer, Words):
            return self.layer.join(ids)
        words = tf.where(ids == UNKNOWN, REPLACEMENT, tf.where(ids > END, self.tokens(ids), ""))
        text = tf.strings.reduce_join(words, axis=-1, separator=" ")
        return tf.strings.strip(tf.strings.regex_replace(text, " +", " "))


def units_of(features: keras.Model) -> Units:
    """Returns the units of a preparation's features."""
    return Units(features.get_layer(NAME))


def learn_units(texts, settings) -> Units:
    """Learns the tokens of training texts.

    Args:
        texts: Chunks of texts.
        settings: Of `TokenSettings`, and a seed.

    Raises:
        ValueError: The texts hold no token, or `vocabulary` has no room for any.
    """
    size, least = settings.vocabulary or None, settings.least_count
    if settings.tokens == "character":
        units = Units(ExactCharacters(learn_characters(texts, size=size, least=least), name=NAME))
    elif settings.tokens == "word":
        how = word_settings(settings)
        words = learn_vocabulary(Words(**how), texts, size=(size or MOST_WORDS) - 1, least=least)
        units = Units(_words(words, how))
    else:
        clean = {"normalization": "none", "lower": settings.lower}
        pieces = learn_pieces(texts, kind=settings.tokens, size=size, seed=settings.seed, **clean)
        units = Units(_pieces(settings.tokens, *pieces, **clean))
    if not units.learnt:
        raise ValueError(
            f"The texts hold no {settings.tokens} that occurs {least:,} times. Give more text, or lower --least-count."
        )
    return units


def grown(units: Units, texts, *, most: int, least: int) -> tuple[Units, list[str]]:
    """Adds to a parent's units the tokens of own texts, most frequent first: the units, and what joined."""
    layer, known = units.layer, set(units.learnt)
    if isinstance(layer, Words):
        met = learn_vocabulary(layer, texts, size=WHOLE, least=least)
        new = [word for word in met if word not in known and word != RESERVED[END]][:most]
        return Units(_words([*units.learnt, *new], layer.how)), new
    if isinstance(layer, ExactCharacters):
        new = [character for character in learn_characters(texts, least=least) if character not in known][:most]
        return Units(ExactCharacters([*layer.characters, *new], name=NAME)), new
    new = grow_pieces(layer, texts, most=most)
    clean = {"normalization": layer.normalization, "lower": layer.lower}
    return Units(_pieces(layer.kind, [*layer.pieces, *new], layer.scores, **clean)), new


def word_settings(settings) -> dict:
    """Returns how words are split, as `Words` takes it."""
    return {
        "lower": settings.lower,
        "punctuation": settings.punctuation,
        "markup": settings.markup,
        "length": WHOLE,
    }


def _words(words, how):
    return Words([RESERVED[END], *(word for word in words if word != RESERVED[END])], **how, name=NAME)


def _pieces(kind, pieces, scores, **clean):
    return Pieces(pieces, scores, kind=kind, length=WHOLE, start=False, name=NAME, **clean)
