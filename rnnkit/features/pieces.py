"""Pieces: raw texts -> ids of subwords, words or characters, in the graph, and ids -> texts again."""

import keras
import tensorflow as tf

from rnnkit.features.piece_splitting import FIRST, SPACE, cleaned, splitter
from rnnkit.features.unicode_forms import FORMS
from rnnkit.features.words import RESERVED as WORDS_RESERVED
from rnnkit.layers.embedding import END, PADDING, START, UNKNOWN

KINDS = ("bpe", "unigram", "word", "character")
RESERVED = {**WORDS_RESERVED, END: "[end]"}
REPLACEMENT = "\ufffd"
"""Stands for an unknown piece in a text."""


@keras.saving.register_keras_serializable(package="rnnkit")
class Pieces(keras.layers.Layer):
    """Splits texts into pieces, looks up their ids, and joins ids to texts.

    `text (batch,) string -> ids (batch, time) int32`, padded with 0 on the right to the longest
    text of the batch: the start token, the text's first `length` pieces, the end token. How a text
    is cleaned and split stands in `piece_splitting`; "▁" begins each word, so that joining loses
    nothing but doubled white space.

    Args:
        pieces: The pieces, without the reserved ones; the first has id 4. Empty until learnt.
        scores: Of each piece: its log probability (unigram) or minus its rank (bpe). Pieces behind the
            last score have the least. Unused for the other kinds.
        kind: bpe, unigram, word or character.
        normalization: Unicode form of the texts: none, nfc or nfkc.
        lower: Lower-case first.
        length: Pieces read of each text; the rest is cut.
        start: Whether ids begin with the start token.

    Raises:
        ValueError: There is no such kind or form, a piece stands twice or is empty, or there are more
            scores than pieces.
    """

    def __init__(
        self, pieces=(), scores=(), *, kind="bpe", normalization="nfkc", lower=False, length=100, start=True, **kwargs
    ):
        super().__init__(**kwargs)
        _check(pieces, scores, kind, normalization)
        self.pieces, self.scores = list(pieces), [float(score) for score in scores]
        self.kind, self.normalization, self.lower, self.length, self.start = kind, normalization, lower, length, start
        least = min(self.scores, default=0.0)
        scores = self.scores + [least] * (len(self.pieces) - len(self.scores))
        self.splitter = splitter(kind, self.pieces, scores)
        numbers = tf.constant([PADDING, *range(FIRST, self.size)], tf.int64)
        strings = tf.lookup.KeyValueTensorInitializer(numbers, tf.constant(["", *self.pieces]))
        self.strings = tf.lookup.StaticHashTable(strings, "")
        # Traced once for all graphs that it is part of: each of its hundreds of operations takes a while.
        text = [tf.TensorSpec([None], tf.string)]
        self.__dict__["_split"] = tf.function(self._splitting, input_signature=text, autograph=False)
        self.built = True

    @property
    def size(self) -> int:
        """Number of ids, the reserved ones included."""
        return len(self.pieces) + FIRST

    @tf.autograph.experimental.do_not_convert
    def cleaned(self, text):
        """Returns texts `(batch,)` as they are split: normalised, with single spaces."""
        with tf.device("CPU"):
            return cleaned(text, normalization=self.normalization, lower=self.lower)

    def split(self, text) -> tf.RaggedTensor:
        """Returns the pieces of each text, `(batch, (pieces))` string, not cut, unknown stretches as they are."""
        return self._split(text)[1]

    def cut(self, text):
        """Tells which texts `(batch,)` have more than `length` pieces, `(batch,)` bool."""
        return self._split(text)[0].row_lengths() > self.length

    def call(self, text):
        ids = self._split(text)[0][:, : self.length]
        one = [tf.shape(text)[0], 1]
        parts = [tf.fill(one, START)] if self.start else []
        return tf.concat([*parts, ids, tf.fill(one, END)], axis=1).to_tensor(PADDING)

    def _splitting(self, text):
        # Small operations: a GPU would only pass them to and fro.
        with tf.device("CPU"):
            return self.splitter(self.cleaned(text))

    def tokens(self, ids):
        """Returns the name of each id, of any shape: '' for padding and ids there are none of, [end] for the end."""
        reserved = tf.constant([RESERVED[number] for number in range(FIRST)])
        names = tf.gather(reserved, tf.clip_by_value(ids, 0, FIRST - 1))
        return tf.where(ids < FIRST, names, self.strings.lookup(tf.cast(ids, tf.int64)))

    def join(self, ids):
        """Returns the texts `(…,)` of ids `(…, time)`: U+FFFD stands for unknown ones, nothing for others reserved."""
        strings = tf.where(ids == UNKNOWN, REPLACEMENT, self.strings.lookup(tf.cast(ids, tf.int64)))
        text = tf.strings.reduce_join(strings, axis=-1)
        return tf.strings.strip(tf.strings.regex_replace(text, f"{SPACE}+", " "))

    def compute_output_spec(self, text):
        return keras.KerasTensor((text.shape[0], None), "int32")

    def get_config(self):
        settings = ("kind", "normalization", "lower", "length", "start")
        how = {name: getattr(self, name) for name in settings}
        return {**super().get_config(), "pieces": list(self.pieces), "scores": list(self.scores), **how}


def _check(pieces, scores, kind, normalization):
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}. Got {kind!r}.")
    if normalization not in FORMS:
        raise ValueError(f"normalization must be one of {', '.join(FORMS)}. Got {normalization!r}.")
    seen = set()
    for place, piece in enumerate(pieces):
        if piece in seen or not piece:
            raise ValueError(f"pieces must differ and not be empty. Got {piece!r} in place {place + 1}. Leave it out.")
        seen.add(piece)
    if len(scores) > len(pieces):
        raise ValueError(f"scores must be no more than pieces. Got {len(scores)} for {len(pieces)} pieces.")
