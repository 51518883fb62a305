"""Windows of tokens: letters of tokens -> keys of what stands around each -> ids of those that the train split has.

letters -> slots of each different word, hashed -> keys of templates of slots nearby -> places among the known keys
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from rnnkit.features.token_texts import joined_tokens
from rnnkit.features.window_templates import AFFIXES, REACH, SLOTS, TEMPLATES, WORD_SLOTS
from rnnkit.layers.embedding import UNKNOWN

if TYPE_CHECKING:
    from rnnkit.features.token_features import Tokens

LETTER_IDS, FIRST_LETTER = 512, UNKNOWN + 1
"""A letter's id is `FIRST_LETTER` and its code point, folded so that it stays below `LETTER_IDS`; 0 is none."""
LONGEST_AFFIX = 4
KEY_BITS = 31
PRIME, LETTER_STEP, PART_STEP = 2**KEY_BITS - 1, 48_271, 69_069
"""Of the hashes: letter p counts `LETTER_STEP ** (p + 1)`, and each part of a template multiplies by `PART_STEP`."""
NONE = -1
"""Stands for a slot that a token lacks, and for the key of a template in which it is."""
NO_KEY = np.iinfo(np.int64).max
"""Stands behind the known keys."""
CHUNK, TALLIED = 1_000, 8_000_000
"""Sentences that are read together, and keys that are counted together, about."""

COUNT = len(TEMPLATES)
SINGLE = sum(len(template) == 1 for template in TEMPLATES)


def _small(letter):
    lower = letter.lower()
    return FIRST_LETTER + ord(lower if len(lower) == 1 and ord(lower) < LETTER_IDS - FIRST_LETTER else letter)


def _kind(letter):
    if letter.isdigit():
        return 4
    if not letter.isalpha():
        return 8 + FIRST_LETTER + ord(letter)
    return 1 if letter.isupper() else 2 if letter.islower() else 3


def _table(of):
    return np.array([0] * FIRST_LETTER + [of(chr(point)) for point in range(LETTER_IDS - FIRST_LETTER)], np.int64)


READINGS = np.stack([np.arange(LETTER_IDS), _table(_small), _table(_kind)], 1)
"""By a letter's id: itself; that of the small letter; 1 for a capital, 2 small, 3 of no case, 4 digit, else a mark."""


def letter_powers(letters: int) -> np.ndarray:
    """Returns what each of so many letters counts in a hash, `(letters,)` int64."""
    return np.array([pow(LETTER_STEP, place + 1, PRIME) for place in range(letters)])


def word_slots(letters):
    """Hashes what is said of words.

    Args:
        letters: `(words, letters)` int32, ids as `LETTER_IDS` says; at least `LONGEST_AFFIX` letters are read.

    Returns:
        `(words, slots)` int64, as `SLOTS`, at least 0; `NONE` where a word is too short.
    """
    powers = letter_powers(letters.shape[1])
    read = tf.gather(READINGS, letters)
    small, kinds = read[..., 1], read[..., 2]
    # Each step is from one kind to another.
    steps = tf.cast((letters > 0) & (kinds != tf.pad(kinds[:, :-1], [[0, 0], [1, 0]])), tf.int64)
    nth = tf.maximum(tf.cumsum(steps, axis=1) - 1, 0)
    brief = tf.reduce_sum(steps * kinds * tf.gather(powers, nth), 1, keepdims=True)
    counts = tf.math.count_nonzero(letters, 1, keepdims=True, dtype=tf.int32)
    last = tf.gather(small, tf.maximum(counts - LONGEST_AFFIX + tf.range(LONGEST_AFFIX), 0), batch_dims=1)
    # By columns: of each length, what its letters count, the first of the affix first.
    heads = np.triu(np.repeat(powers[:LONGEST_AFFIX, None], LONGEST_AFFIX, axis=1))
    tails = np.array([np.roll(column, -size) for size, column in enumerate(heads.T, 1)]).T
    wholes = tf.reduce_sum(read * powers[:, None], 1)
    found = tf.concat([wholes, brief, small[:, :LONGEST_AFFIX] @ heads, last @ tails], 1) % PRIME
    fewest = [0] * len(WORD_SLOTS) + [int(slot[-1]) + 1 for slot in AFFIXES]
    return tf.where(counts >= fewest, found, NONE)


def look_around(letters, places, rows, *, made: Callable = tf.identity):
    """Gives the key of each template at each token.

    Args:
        letters: `(words, letters)` int32, those of different words.
        places: `(tokens,)` int32, which word each token is.
        rows: `(tokens,)`, in which sentence, counted upwards; tokens of others are as if they were not.
        made: What to make of keys of any shape; done once for each word where one word says all.

    Returns:
        `(tokens, COUNT)`, int64 if made no other; `NONE` where there is none.
    """
    slots = word_slots(letters)
    near = _near(places, rows, tf.shape(slots)[0])
    slots = tf.pad(slots, [[0, 1], [0, 0]])
    single, several = TEMPLATES[:SINGLE], TEMPLATES[SINGLE:]
    columns = [SLOTS.index(slot) for ((_, slot),) in single]
    alone = made(_keys([tf.gather(slots, columns, axis=1)], single, 0))
    alone = _at(alone, near, [offset for ((offset, _),) in single], range(SINGLE))
    parts = []
    for nth in range(max(map(len, several))):
        # What has fewer parts takes its last again, which is not looked at.
        taken = [template[min(nth, len(template) - 1)] for template in several]
        parts.append(_at(slots, near, [offset for offset, _ in taken], [SLOTS.index(slot) for _, slot in taken]))
    return tf.concat([alone, made(_keys(parts, several, SINGLE))], 1)


def _near(places, rows, outside):
    """Gives the word at each offset from each token, `(tokens, 2 * REACH + 1)`; `outside` beyond its sentence."""
    around = tf.range(tf.size(places))[:, None] + tf.range(2 * REACH + 1)
    places, others = (tf.pad(x, [[REACH, REACH]], constant_values=-1) for x in (places, rows))
    return tf.where(tf.gather(others, around) == rows[:, None], tf.gather(places, around), outside)


def _at(table, near, offsets, columns):
    """Gives what a table of words `(words, columns)` says at offsets, `(tokens, offsets)`, each in its column."""
    places = tf.gather(near, [REACH + offset for offset in offsets], axis=1)
    return tf.gather(tf.reshape(table, [-1]), places * table.shape[1] + list(columns))


def _keys(parts, templates, first):
    """Gives the keys of templates, numbered from `first`, by the values of each part, `(n, templates)`."""
    keys, lacking = tf.range(first + 1, first + 1 + len(templates), dtype=tf.int64)[None], False
    for nth, values in enumerate(parts):
        real = [nth < len(template) for template in templates]
        keys = tf.where(real, (keys * PART_STEP + values + 1) % PRIME, keys)
        lacking |= values == NONE
    return tf.where(lacking, tf.constant(NONE, tf.int64), keys)


def window_keys(letters, counts):
    """Gives the key of each template at each token of sentences.

    Args:
        letters: `(batch, time, letters)` int32, ids as `LETTER_IDS` says.
        counts: `(batch,)`, tokens of each sentence; those behind are as if they were not.

    Returns:
        `(batch, time, COUNT)` int64; `NONE` where there is none.
    """
    return _dense_windows(letters, counts, tf.identity, NONE)


def _dense_windows(letters, counts, made, rest):
    where = tf.where(tf.sequence_mask(counts, tf.shape(letters)[1]))
    found = look_around(tf.gather_nd(letters, where), tf.range(tf.shape(where)[0]), where[:, 0], made=made)
    shape = tf.concat([tf.shape(letters)[:2], [COUNT]], 0)
    return tf.tensor_scatter_nd_update(tf.fill(shape, tf.constant(rest, found.dtype)), where, found)


@keras.saving.register_keras_serializable(package="rnnkit")
class WindowIds(keras.layers.Layer):
    """Looks up which of the known keys stand in the window of each token.

    `letters (batch, time, letters) int32, counts (batch,) -> ids (batch, time, COUNT)` int32: 1 and the place of a key
    among `known (size,)`, int64, rising, `NO_KEY` behind the last; 0 of other keys, and behind the last token.

    Keys lie evenly, so that a table by their first bits says between which places to look: a plain binary search in
    so many is bound by the memory it jumps through. Until `assign` makes the table, all places are looked through.

    Args:
        size: How many keys there may be.
    """

    def __init__(self, size: int, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.bits = max(size.bit_length() - 1, 1)
        # Texts are read on the CPU, also where there is a GPU.
        with tf.device("CPU:0"):
            self.known = self._held("known", np.full(size, NO_KEY))
            self.bounds = self._held("bounds", np.tile(np.array([0, size], np.int32), (2**self.bits, 1)))
        self.built = True

    def _held(self, name, value):
        of = {"name": name, "shape": value.shape, "dtype": value.dtype.name, "trainable": False}
        return self.add_weight(initializer=lambda shape, dtype: tf.constant(value), **of)

    def assign(self, keys: np.ndarray) -> None:
        """Makes keys the known ones; they are in rising order, and at most `size`."""
        known = np.pad(keys, (0, self.size - len(keys)), constant_values=NO_KEY)
        firsts = np.arange(2**self.bits, dtype=np.int64) << (KEY_BITS - self.bits)
        places = np.append(np.searchsorted(known, firsts), len(keys))
        self.known.assign(known)
        self.bounds.assign(np.stack([places[:-1], places[1:]], 1))

    # The table follows from the keys, and is not saved.
    def save_own_variables(self, store):
        store["0"] = self.known.numpy()

    def load_own_variables(self, store):
        self.assign(np.setdiff1d(store["0"], NO_KEY))

    def look_up(self, keys):
        """Returns the ids of keys of any shape."""
        flat, known = tf.reshape(keys, [-1]), tf.convert_to_tensor(self.known)
        first = tf.bitwise.right_shift(tf.maximum(flat, 0), tf.constant(KEY_BITS - self.bits, tf.int64))
        low, high = tf.unstack(tf.gather(tf.convert_to_tensor(self.bounds), first), axis=1)

        def halved(low, high):
            middle = (low + high) // 2
            before = tf.gather(known, tf.minimum(middle, self.size - 1)) < flat
            left = low < high
            return tf.where(left & before, middle + 1, low), tf.where(left & ~before, middle, high)

        places, _ = tf.while_loop(lambda low, high: tf.reduce_any(low < high), halved, (low, high))
        same = tf.gather(known, tf.minimum(places, self.size - 1)) == flat
        return tf.reshape(tf.where(same, places + 1, 0), tf.shape(keys))

    def call(self, letters, counts):
        return _dense_windows(letters, counts, self.look_up, 0)

    def compute_output_spec(self, letters, counts):
        return keras.KerasTensor((*letters.shape[:2], COUNT), "int32")

    def get_config(self):
        return {**super().get_config(), "size": self.size}


def learn_windows(
    layer: "Tokens",
    sentences: Iterable[Sequence[str]],
    *,
    most: int,
    least: int = 2,
    advance: Callable[[int], object] = lambda done: None,
) -> np.ndarray:
    """Returns the keys that are known from the train split, in rising order, int64.

    Args:
        layer: Says how tokens are read; its own vocabulary and keys are not used.
        sentences: Tokens of each.
        most: Most keys; of more, the most frequent ones are kept, of equals the lowest.
        least: Fewest occurrences of a key of several slots; one of a single slot counts from the first.
        advance: Called with how many sentences more are done.
    """
    sentences, tallies = iter(sentences), (_Tally(), _Tally())
    found = tf.function(layer.window_keys, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    while chunk := list(itertools.islice(sentences, CHUNK)):
        keys = found(tf.constant(joined_tokens(chunk))).numpy()
        for tally, part in zip(tallies, (keys[:, :SINGLE], keys[:, SINGLE:]), strict=True):
            tally.add(part[part != NONE])
        advance(len(chunk))
    keys, counts = _counted([tally.kept(fewest) for tally, fewest in zip(tallies, (1, least), strict=True)])
    return np.sort(keys[np.lexsort((keys, -counts))[:most]])


class _Tally:
    """Counts keys."""

    def __init__(self):
        self.done, self.waiting = np.zeros((2, 0), np.int64), []

    def add(self, keys):
        self.waiting.append(keys)
        if sum(map(len, self.waiting)) > TALLIED:
            self.kept(1)

    def kept(self, fewest):
        fresh = np.unique(np.concatenate([self.done[0][:0], *self.waiting]), return_counts=True)
        (keys, counts), self.waiting = _counted([self.done, fresh]), []
        self.done = keys, counts
        return keys[counts >= fewest], counts[counts >= fewest]


def _counted(tallies):
    """Adds up pairs of keys and their counts."""
    keys, counts = (np.concatenate(parts) for parts in zip(*tallies, strict=True))
    keys, places = np.unique(keys, return_inverse=True)
    return keys, np.bincount(places, counts, len(keys)).astype(np.int64)
