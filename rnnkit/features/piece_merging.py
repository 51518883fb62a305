"""Merging: characters of words -> pieces, joining at each step the two neighbours of a word that score best.

Byte pair encoding of Sennrich et al. (2016), https://aclanthology.org/P16-1162; as in the sentencepiece library two
neighbours fit where what they spell together is a piece, however that piece came about.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

NONE = np.int64(2**62)
"""Stands where no pair fits; others are rank * `BASE` + symbol."""
BASE = np.int64(2**32)


class Merges(tf.Module):
    """Cuts words into pieces: `points (characters,)`, `words (characters,)` -> starts and numbers, `(pieces,)` each.

    Args:
        pieces: The pieces.
        scores: Of each piece; the greatest are joined first, equals from the left.
    """

    def __init__(self, pieces: Sequence[str], scores: Sequence[float]):
        super().__init__()
        self.known = len(pieces)
        # Symbols are the pieces, then characters that occur in pieces only; the next number is any other character.
        symbols = {piece: number for number, piece in enumerate(pieces)}
        for character in sorted({character for piece in pieces for character in piece}):
            symbols.setdefault(character, len(symbols))
        self.symbols = len(symbols)
        ranks = np.unique(-np.asarray(scores, np.float64), return_inverse=True)[1]
        pairs = {}
        for number, piece in enumerate(pieces):
            for cut in range(1, len(piece)):
                left, right = symbols.get(piece[:cut]), symbols.get(piece[cut:])
                if left is not None and right is not None:
                    pairs[left * (self.symbols + 1) + right] = int(ranks[number] * BASE) + number
        self.pairs = integer_table(pairs, NONE)
        letters = {ord(symbol): number for symbol, number in symbols.items() if len(symbol) == 1}
        self.letters = integer_table(letters, self.symbols)

    def __call__(self, points, words):
        symbols = self.letters.lookup(tf.cast(points, tf.int64))
        everywhere = tf.range(tf.size(points))
        pairs = self._pairs(everywhere, symbols, words)
        count = tf.reduce_max(tf.concat([[-1], words], 0)) + 1

        def step(symbols, starts, words, pairs):
            """Joins one pair in each word that has any that fits."""
            order = tf.where(pairs < NONE, pairs // BASE * BASE + tf.range(tf.size(pairs, tf.int64)), NONE)
            best = tf.math.unsorted_segment_min(order, words, count)
            places = tf.cast(tf.boolean_mask(best, best < NONE) % BASE, tf.int32)
            symbols = tf.tensor_scatter_nd_update(symbols, places[:, None], tf.gather(pairs, places) % BASE)
            gone = tf.zeros_like(places, tf.bool)
            kept = tf.tensor_scatter_nd_update(tf.ones_like(symbols, tf.bool), places[:, None] + 1, gone)
            symbols, starts, words, pairs = (tf.boolean_mask(x, kept) for x in (symbols, starts, words, pairs))
            places -= tf.range(tf.size(places))  # one character has gone in each word before
            beside = tf.concat([places, tf.maximum(places - 1, 0)], 0)
            pairs = tf.tensor_scatter_nd_update(pairs, beside[:, None], self._pairs(beside, symbols, words))
            return symbols, starts, words, pairs

        state = symbols, everywhere, words, pairs
        symbols, starts, _, _ = tf.while_loop(
            lambda symbols, starts, words, pairs: tf.reduce_any(pairs < NONE),
            step,
            state,
            (tf.TensorShape([None]),) * 4,
        )
        return starts, tf.cast(tf.where(symbols < self.known, symbols, -1), tf.int32)

    def _pairs(self, places, symbols, words):
        """Returns how each symbol at `places` and the next in its word join, or `NONE`."""
        after = tf.minimum(places + 1, tf.size(symbols) - 1)
        fit = self.pairs.lookup(tf.gather(symbols, places) * (self.symbols + 1) + tf.gather(symbols, after))
        return tf.where((after > places) & (tf.gather(words, places) == tf.gather(words, after)), fit, NONE)


def integer_table(content: dict[int, int], default: int) -> tf.lookup.StaticHashTable:
    """Returns a table of numbers from 0 on -> numbers, int64 both, that can live in a graph."""
    content = content or {-1: default}  # a table can't be empty
    keys, values = (tf.constant(list(x), tf.int64, [len(content)]) for x in (content.keys(), content.values()))
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), default)
