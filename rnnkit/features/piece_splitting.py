"""Splitting texts into pieces: cleaned text -> units as a kind of piece has them -> ids and strings.

A text is cleaned so: Unicode form; U+0000 -> U+FFFD; lower case if asked for; each run of white space or of "▁"
becomes one space; none at the ends. Then "▁" is put before each word, a stretch between spaces, and

bpe         the two neighbours in a word whose union has the best score are joined, the leftmost first, until none fit
unigram     the text is cut so that the sum of scores is greatest, added from the left in single precision; of equal
            sums the piece that begins first counts; a character that is no piece scores 10 less than the least
word        each run of letters, numbers and marks is a piece, and each other character; the first with the word's "▁"
character   each character is a piece, "▁" too

Of bpe and unigram neighbours that are in no piece are one unknown. Both split as the sentencepiece library does
(Kudo & Richardson 2018, https://aclanthology.org/D18-2012).
"""

from collections.abc import Sequence

import tensorflow as tf

from rnnkit.features.piece_merging import Merges
from rnnkit.features.piece_paths import Paths
from rnnkit.features.unicode_forms import characters_of, normalized
from rnnkit.layers.embedding import END, UNKNOWN

SPACE = "\u2581"
FIRST = END + 1
"""Id of the first piece."""
WHITE = (
    r"[\t-\r\x1c-\x20\x85\xa0\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{2581}]+"  # str.isspace
)
LONGEST = 2_000
"""Characters cut at a stretch. A longer text is parted between words, and a longer word, as of text without spaces,
within, every so many characters from its start."""


def cleaned(text, *, normalization: str, lower: bool):
    """Returns texts `(batch,)` as the pieces see them: one space between words, none at the ends."""
    text = tf.strings.regex_replace(normalized(text, normalization), r"\x00", "\ufffd")
    if lower:
        text = tf.strings.lower(text, encoding="utf-8")
    return tf.strings.strip(tf.strings.regex_replace(text, WHITE, " "))


class MergedUnits(tf.Module):
    """Pieces of kind bpe: `text (batch,)` cleaned -> ids and strings, `(batch, (pieces))` each."""

    def __init__(self, pieces: Sequence[str], scores: Sequence[float]):
        super().__init__()
        self.cut = Merges(pieces, scores)

    def __call__(self, text):
        words = tf.strings.split(text)
        distinct, places = tf.unique(words.flat_values)
        of_words = _pieces(self.cut, SPACE + distinct)
        return _unknowns_joined(*(words.with_values(tf.gather(x, places)).merge_dims(1, 2) for x in of_words))


class LikelyUnits(tf.Module):
    """Pieces of kind unigram, as `MergedUnits` gives them."""

    def __init__(self, pieces: Sequence[str], scores: Sequence[float]):
        super().__init__()
        self.cut = Paths(pieces, scores)

    def __call__(self, text):
        # Whole texts, not distinct words: equal ways through a word are decided by rounding errors of the sum so far.
        return _unknowns_joined(*_pieces(self.cut, _marked(text)))


def _marked(text):
    """Puts "▁" before each word, in place of the spaces."""
    return tf.strings.regex_replace(text, "(^| )(.)", SPACE + r"\2")


def _pieces(cut, text):
    """Cuts marked texts or words `(rows,)` into ids and strings, `(rows, (pieces))` each."""
    points = tf.strings.unicode_decode(text, "UTF-8")
    values, rows = points.flat_values, points.value_rowids()
    starts, numbers = cut(values, _stretches(points))
    spelled = tf.RaggedTensor.from_row_splits(values, tf.concat([starts, [tf.size(values)]], 0), validate=False)
    return tuple(
        tf.RaggedTensor.from_value_rowids(pieces, tf.gather(rows, starts), points.nrows(), validate=False)
        for pieces in (tf.where(numbers < 0, UNKNOWN, numbers + FIRST), tf.strings.unicode_encode(spelled, "UTF-8"))
    )


def _stretches(points):
    """Numbers the stretches that are cut side by side, `(characters,)`: the rows, parted as `LONGEST` says."""
    values, rows = points.flat_values, points.value_rowids()
    nth = tf.range(tf.size(values, tf.int64)) - tf.gather(points.row_starts(), rows)
    begins = (values == ord(SPACE)) | (nth == 0)
    first = tf.gather(tf.boolean_mask(nth, begins), tf.cumsum(tf.cast(begins, tf.int32)) - 1)
    parts = tf.stack([rows, first // LONGEST, (nth - first) // LONGEST], axis=1)
    changes = tf.reduce_any(parts[1:] != parts[:-1], axis=1)
    return tf.concat([tf.zeros_like(values[:1]), tf.cumsum(tf.cast(changes, tf.int32))], 0)


def _unknowns_joined(ids, strings):
    """Makes one unknown piece of unknown neighbours in a row."""
    values, rows = ids.flat_values, ids.value_rowids()
    again = (values[1:] == UNKNOWN) & (values[:-1] == UNKNOWN) & (rows[1:] == rows[:-1])
    kept = tf.concat([tf.ones_like(values[:1], tf.bool), ~again], 0)
    groups = tf.cumsum(tf.cast(kept, tf.int32)) - 1
    joined = tf.strings.unsorted_segment_join(strings.flat_values, groups, tf.math.count_nonzero(kept, dtype=tf.int32))
    rows = tf.boolean_mask(rows, kept)
    return tuple(
        tf.RaggedTensor.from_value_rowids(pieces, rows, ids.nrows(), validate=False)
        for pieces in (tf.boolean_mask(values, kept), joined)
    )


class Units(tf.Module):
    """Pieces that need only be looked up, of kind word or character, as `MergedUnits` gives them."""

    def __init__(self, pieces: Sequence[str]):
        super().__init__()
        numbers = tf.constant([UNKNOWN, *range(FIRST, FIRST + len(pieces))], tf.int64)
        content = tf.lookup.KeyValueTensorInitializer(tf.constant(["", *pieces]), numbers)
        self.table = tf.lookup.StaticHashTable(content, UNKNOWN)

    def __call__(self, text):
        strings = self.split(_marked(text))
        return tf.ragged.map_flat_values(lambda units: tf.cast(self.table.lookup(units), tf.int32), strings), strings


class WordUnits(Units):
    """Pieces of kind word."""

    def split(self, text):
        letters = characters_of("LNM")
        units = f"{SPACE}?(?:[{letters}]+|[^{letters}{SPACE}])"
        return tf.strings.split(tf.strings.regex_replace(text, units, r"\0 "))


class CharacterUnits(Units):
    """Pieces of kind character."""

    def split(self, text):
        return tf.strings.unicode_split(text, "UTF-8")


def splitter(kind: str, pieces: Sequence[str], scores: Sequence[float]) -> tf.Module:
    """Returns what splits cleaned texts `(batch,)` into ids and strings, `(batch, (pieces))` each.

    Args:
        kind: bpe, unigram, word or character.
        pieces: The pieces; the first has id `FIRST`.
        scores: Of each piece of kind bpe or unigram, the greater the better; unused for others.
    """
    if kind in ("word", "character"):
        return {"word": WordUnits, "character": CharacterUnits}[kind](pieces)
    return {"bpe": MergedUnits, "unigram": LikelyUnits}[kind](pieces, scores)
