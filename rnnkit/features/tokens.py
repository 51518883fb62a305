"""Tokens: raw texts -> tokens and where they stand, in the graph, with core TensorFlow ops.

text -> classes of its characters -> an expression puts `BETWEEN` around each token -> cut there, lengths say where

A text that has `BETWEEN` in it is taken as cut already.
"""

import functools

import numpy as np
import tensorflow as tf

from rnnkit.features import character_classes as classes
from rnnkit.features.token_texts import BETWEEN

_VARIED = rf"[^ {BETWEEN}][{classes.MARK}{classes.VARIANT}]*"
_SEEN = rf"A-Za-z0-9{classes.UNCASED}{classes.MARK}"
WORD = rf"[{_SEEN}][{_SEEN}{classes.JOINER}{classes.INNER}]*"
TOKEN = "|".join(
    (
        # Addresses; a mark that ends a sentence isn't theirs.
        r"(?:[Hh][Tt][Tt][Pp][Ss]?://|[Ww][Ww][Ww]\.)[^ <>\"]*[A-Za-z0-9/]",
        rf"{WORD}(?:[._+-]{WORD})*@{WORD}(?:[.-]{WORD})+",
        # U.S., a.m., and the initial of a name.
        r"(?:[A-Za-z]\.){2,}",
        r"[A-Z]\.",
        # 1,000.50, +44, .5, 12:30, 1996-08-22 and what has letters in it.
        rf"[+.]?[0-9]+(?:[.,:/-][0-9]+)*(?:-?{WORD})*",
        # Endings of English words that stand alone, and words.
        r"'(?:[SsMmDd]|[Rr][Ee]|[Vv][Ee]|[Ll][Ll])\b",
        rf"{WORD}(?:[-.&/_']+{WORD})*",
        rf"[@#]{WORD}(?:_+{WORD})*",
        rf"{classes.REGION}{{2}}",
        rf"{classes.ALONE}[{classes.MARK}{classes.VARIANT}]*",
        r"-{2,}|\.{2,}|`{2}|'{2}",
        rf"{_VARIED}(?:{classes.JOINER}{_VARIED})*",
    )
)
"""A token, as classes of its characters."""
ENDING = rf"([{_SEEN}])([Nn]'[Tt]|'(?:[SsMmDd]|[Rr][Ee]|[Vv][Ee]|[Ll][Ll])){BETWEEN}"
"""The end of an English word that is a token of its own, as newswire corpora have it."""


def split_tokens(text):
    """Splits texts into tokens.

    Args:
        text: `(batch,)` string, `readable` or made so: places count its code points.

    Returns:
        Three ragged tensors `(batch, (tokens))`: the tokens, and int32 where each begins and ends, in code points of
        the text, the end exclusive.
    """
    points = tf.strings.unicode_decode(text, "UTF-8", errors="replace")
    kinds = classes.classes_of(points)
    given = tf.strings.regex_full_match(kinds, rf"(?s:.*){BETWEEN}(?s:.*)")
    pieces = tf.strings.split(tf.where(given, kinds, _marked(kinds)), BETWEEN)
    rows = pieces.value_rowids()
    lengths = tf.strings.length(pieces.flat_values)
    # Where the text itself has the marks, they are part of it.
    own = tf.gather(given, rows)
    nth = tf.range(tf.size(rows)) - tf.cast(tf.gather(pieces.row_starts(), rows), tf.int32)
    starts = _before(lengths, pieces) + tf.where(own, nth, 0)
    # What is given as a token is one, whatever it is.
    kept = tf.where(own, lengths > 0, ~tf.strings.regex_full_match(pieces.flat_values, " *"))
    starts, lengths, rows = (tf.boolean_mask(x, kept) for x in (starts, lengths, rows))
    first = tf.gather(tf.cast(points.row_starts(), tf.int32), rows) + starts
    letters = tf.gather(points.flat_values, tf.ragged.range(first, first + lengths))
    tokens = tf.strings.unicode_encode(letters, "UTF-8")
    made = tokens, starts, starts + lengths
    return tuple(tf.RaggedTensor.from_value_rowids(x, rows, pieces.nrows(), validate=False) for x in made)


def readable(text):
    """Returns texts `(batch,)` with bytes that aren't UTF-8 as U+FFFD."""
    return tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")


def _marked(kinds):
    marked = tf.strings.regex_replace(kinds, rf"({TOKEN})", rf"{BETWEEN}\1{BETWEEN}")
    return tf.strings.regex_replace(marked, ENDING, rf"\1{BETWEEN}\2{BETWEEN}")


def _before(lengths, pieces):
    """Gives the sum of the lengths that stand before each piece in its row."""
    sums = tf.cumsum(lengths, exclusive=True)
    first = tf.gather(tf.concat([sums, [0]], 0), pieces.row_starts())
    return sums - tf.gather(first, pieces.value_rowids())


@functools.cache
def _splitter():
    return tf.function(split_tokens, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)


def token_offsets(texts: list[str]) -> list[list[tuple[int, int]]]:
    """Returns where the tokens of each text begin and end, in code points, as `split_tokens` finds them."""
    if not texts:
        return []
    tokens, starts, ends = _splitter()(tf.constant(texts))
    pairs = np.stack([starts.flat_values.numpy(), ends.flat_values.numpy()], 1).tolist()
    splits = tokens.row_splits.numpy().tolist()
    return [list(map(tuple, pairs[first:last])) for first, last in zip(splits[:-1], splits[1:], strict=True)]
