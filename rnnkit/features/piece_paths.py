"""Paths: characters of texts -> pieces, those whose scores have the greatest sum.

Unigram language model of Kudo (2018), https://aclanthology.org/P18-1007, by the algorithm of Viterbi.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rnnkit.features.piece_merging import integer_table

PENALTY = np.float32(10)
"""By how much an unknown character scores less than the worst piece."""
WORST = np.float32(-np.inf)
CHARACTERS = 1 << 21
"""More than there are code points."""


class Paths(tf.Module):
    """Cuts stretches into pieces, as `Merges` does.

    `points (characters,)`, `stretches (characters,)` -> starts and numbers, `(pieces,)` each.

    Args:
        pieces: The pieces.
        scores: The log probability of each piece. They are added in single precision, from the left, as in the
            sentencepiece library: the same pieces in another order may have another sum.
    """

    def __init__(self, pieces: Sequence[str], scores: Sequence[float]):
        super().__init__()
        # Nodes are the beginnings of pieces; those that are whole pieces have the pieces' numbers.
        nodes = {piece: number for number, piece in enumerate(pieces)}
        for piece in pieces:
            for length in range(len(piece)):
                nodes.setdefault(piece[:length], len(nodes))
        self.root = nodes.setdefault("", len(nodes))
        steps = {nodes[n[:-1]] * CHARACTERS + ord(n[-1]): number for n, number in nodes.items() if n}
        self.steps = integer_table(steps, -1)
        self.known = len(pieces)
        self.longest = max(map(len, pieces), default=1)
        self.scores = np.append(np.asarray(scores, np.float32), WORST)
        self.unknown = min(self.scores[:-1], default=np.float32(0)) - PENALTY

    def __call__(self, points, stretches):
        found = self._found(points, stretches)
        begins = tf.concat([tf.ones_like(stretches[:1], tf.bool), stretches[1:] != stretches[:-1]], 0)
        firsts = tf.cast(tf.where(begins)[:, 0], tf.int32)
        lengths = tf.concat([firsts[1:], [tf.size(stretches)]], 0) - firsts
        # The longest first, so that those still being read stand in front.
        order = tf.argsort(-lengths, stable=True)
        firsts, lengths = tf.gather(firsts, order), tf.gather(lengths, order)
        back = self._best(found, firsts, lengths)
        starts, taken = _traced(back, firsts, lengths)
        return starts, tf.gather_nd(found, tf.stack([starts, taken - 1], axis=1))

    def _found(self, points, stretches):
        """Returns the number of the piece that begins at each character with each length, -1 where there is none.

        `(characters, longest)` int32
        """
        count = tf.size(points)

        def step(length, places, nodes, found):
            ends = places + length
            inside = tf.gather(stretches, tf.minimum(ends, count - 1)) == tf.gather(stretches, places)
            places, nodes, ends = (tf.boolean_mask(x, inside & (ends < count)) for x in (places, nodes, ends))
            nodes = self.steps.lookup(nodes * CHARACTERS + tf.cast(tf.gather(points, ends), tf.int64))
            places, nodes = (tf.boolean_mask(x, nodes >= 0) for x in (places, nodes))
            numbers = tf.cast(tf.where(nodes < self.known, nodes, -1), tf.int32)
            at = tf.stack([places, tf.fill(tf.shape(places), length)], axis=1)
            return length + 1, places, nodes, tf.tensor_scatter_nd_update(found, at, numbers)

        free = tf.TensorShape([None])
        roots = tf.fill([count], tf.constant(self.root, tf.int64))
        return tf.while_loop(
            lambda length, places, nodes, found: (length < self.longest) & (tf.size(places) > 0),
            step,
            (0, tf.range(count), roots, tf.fill([count, self.longest], -1)),
            (tf.TensorShape([]), free, free, tf.TensorShape([None, self.longest])),
        )[3]

    def _best(self, found, firsts, lengths):
        """Returns how long the piece is that ends at each character, on the best path to there, `(characters,)`.

        Equal sums are decided for the piece that begins first.
        """
        scores = tf.gather(self.scores, tf.where(found < 0, self.known, found))
        alone = tf.where(found[:, :1] < 0, self.unknown, scores[:, :1])
        scores = tf.concat([alone, scores[:, 1:]], 1)
        sizes = tf.range(1, self.longest + 1)
        # How many stretches have an nth character.
        counts = tf.cumsum(tf.math.bincount(lengths - 1), reverse=True)

        def step(nth, before, ahead, taken, back):
            """Reads the nth character of each stretch; `ahead` and `taken` are of the ends from there on."""
            count = counts[nth]
            places = firsts[:count] + nth
            sums = tf.gather(scores, places) + before[:count, None]
            better = sums > ahead[:count]
            ahead, taken = tf.where(better, sums, ahead[:count]), tf.where(better, sizes, taken[:count])
            back = tf.tensor_scatter_nd_update(back, places[:, None], taken[:, 0])
            next_ahead = tf.pad(ahead[:, 1:], [[0, 0], [0, 1]], constant_values=WORST)
            next_taken = tf.pad(taken[:, 1:], [[0, 0], [0, 1]])
            return nth + 1, ahead[:, 0], tf.ensure_shape(next_ahead, wide), tf.ensure_shape(next_taken, wide), back

        free, wide = tf.TensorShape([None]), tf.TensorShape([None, self.longest])
        window = [tf.size(firsts), self.longest]
        state = 0, tf.zeros(window[:1]), tf.fill(window, WORST), tf.zeros(window, tf.int32), tf.zeros_like(found[:, 0])
        shapes = tf.TensorShape([]), free, wide, wide, free
        return tf.while_loop(lambda nth, *_: nth < tf.size(counts), step, state, shapes)[4]


def _traced(back, firsts, lengths):
    """Follows the best paths from the ends of the stretches: the first character and the length of each piece."""

    def step(firsts, ends, taken):
        sizes = tf.gather(back, ends)
        taken = tf.tensor_scatter_nd_update(taken, (ends - sizes + 1)[:, None], sizes)
        ends -= sizes
        return tf.boolean_mask(firsts, ends >= firsts), tf.boolean_mask(ends, ends >= firsts), taken

    free = tf.TensorShape([None])
    state = firsts, firsts + lengths - 1, tf.zeros_like(back)
    taken = tf.while_loop(lambda firsts, ends, taken: tf.size(ends) > 0, step, state, (free, free, free))[2]
    starts = tf.cast(tf.where(taken > 0)[:, 0], tf.int32)
    return starts, tf.gather(taken, starts)
