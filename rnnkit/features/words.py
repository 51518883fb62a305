"""Words: raw texts -> word ids, in the graph, and the vocabulary they come from."""

import collections
from collections.abc import Iterable

import keras
import tensorflow as tf

from rnnkit.layers.embedding import PADDING, START, UNKNOWN

RESERVED = {PADDING: "", UNKNOWN: "[unknown]", START: "[start]"}
PRUNE_ABOVE = 2_000_000
"""Distinct words kept while counting; past that, words seen once so far are forgotten."""


@keras.saving.register_keras_serializable(package="rnnkit")
class Words(keras.layers.Layer):
    """Splits texts into words and looks up their ids.

    `text (batch,) string -> ids (batch, time) int32`, padded with 0 on the right to the
    longest text of the batch. Each row begins with the start token, so that an empty text
    is one real step. Bytes that aren't UTF-8 become U+FFFD.

    Args:
        vocabulary: The words, most frequent first, without the reserved ones; empty until learnt.
        lower: Lower-case first.
        punctuation: `split` makes each mark a word of its own, `drop` leaves them out, `keep`
            leaves them on their words.
        markup: `drop` replaces tags such as <br /> by a space, `keep` leaves them.
        length: Words read of each text; the rest is cut.
    """

    def __init__(self, vocabulary=(), *, lower=True, punctuation="split", markup="drop", length=400, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary = list(vocabulary)
        self.how = {"lower": lower, "punctuation": punctuation, "markup": markup, "length": length}
        reserved = [RESERVED[UNKNOWN], RESERVED[START]]
        self.lookup = keras.layers.StringLookup(
            vocabulary=[RESERVED[PADDING], *reserved, *self.vocabulary] if self.vocabulary else None,
            mask_token=RESERVED[PADDING],
            oov_token=RESERVED[UNKNOWN],
            name="lookup",
        )
        self.built = True

    def split(self, text) -> tf.RaggedTensor:
        """Returns the words of each text, `(batch, (words))`, with no start token."""
        return split_words(text, **self.how)

    def call(self, text):
        ids = tf.ragged.map_flat_values(lambda words: tf.cast(self.lookup(words), tf.int32), self.split(text))
        start = tf.fill([tf.shape(text)[0], 1], START)
        return tf.concat([start, ids.to_tensor(PADDING)], axis=1)

    def compute_output_spec(self, text):
        return keras.KerasTensor((text.shape[0], None), "int32")

    def get_config(self):
        return {**super().get_config(), "vocabulary": self.vocabulary, **self.how}


def split_words(text, *, lower, punctuation, markup, length) -> tf.RaggedTensor:
    """Splits texts `(batch,)` into words, `(batch, (words))`, as `Words` says, with core TensorFlow ops."""
    text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
    if markup == "drop":
        text = tf.strings.regex_replace(text, r"<[A-Za-z/!][^>]*>", " ")
    # RE2 and the split below know the white space of ASCII alone.
    text = tf.strings.regex_replace(text, r"[\s\p{Z}]+", " ")
    if lower:
        text = tf.strings.lower(text, encoding="utf-8")
    if punctuation != "keep":
        text = tf.strings.regex_replace(text, r"[^\p{L}\p{N}\p{M}\s']|\B'|'\B", r" \0 ")
    if punctuation == "drop":
        text = tf.strings.regex_replace(text, r"(^|\s)[^\p{L}\p{N}\p{M}\s]+", " ")
    return tf.strings.split(text)[:, :length]


def learn_vocabulary(words: Words, texts: Iterable[list[str]], *, size: int, least: int = 1) -> list[str]:
    """Counts the words of the training texts and returns the most frequent ones.

    Args:
        words: Says how texts are split; its own vocabulary is not used.
        texts: Chunks of texts.
        size: Most ids, the reserved ones included.
        least: Fewest occurrences of a word that is kept.

    Returns:
        The words, most frequent first, equals in alphabetical order.
    """
    split = tf.function(words.split, input_signature=[tf.TensorSpec([None], tf.string)])
    counts = collections.Counter()
    for chunk in texts:
        counts.update(split(tf.constant(chunk)).flat_values.numpy().tolist())
        if len(counts) > PRUNE_ABOVE:
            counts = collections.Counter({word: count for word, count in counts.items() if count > 1})
    kept = ((word, count) for word, count in counts.items() if count >= least)
    ranked = sorted(kept, key=lambda pair: (-pair[1], pair[0]))
    names = (word.decode("utf-8") for word, _ in ranked)
    return [word for word in names if word not in RESERVED.values()][: size - len(RESERVED)]
