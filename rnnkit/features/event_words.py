"""Event words: raw texts of events, in any key -> ids of the same in C or A; and ids -> texts, in the key asked for."""

import collections
from collections.abc import Iterable

import keras
import tensorflow as tf

from rnnkit.features.pieces import RESERVED
from rnnkit.layers.embedding import END, UNKNOWN
from rnnkit.music.events import KEY, key_words, moved_word, shift_of
from rnnkit.music.pieces import MODES, NAMES, QUALITIES

SHIFTS = range(-6, 7)
"""Semitones by which words are moved, there and back."""
REPLACEMENT = "\ufffd"


@keras.saving.register_keras_serializable(package="rnnkit")
class EventWords(keras.layers.Layer):
    """Looks up the ids of events, moved into one key.

    `text (batch,) string -> ids (batch, time) int32`, padded with 0 on the right to the longest text of the batch. The
    first `key:` of a text says from where it is moved; a text without any stays as it is. A note that would leave what
    MIDI has goes an octave the other way.

    Args:
        pieces: The words, as they are after moving; the first has id 4. Empty until learnt.
        moved: Whether texts are moved.
    """

    def __init__(self, pieces=(), *, moved=True, **kwargs):
        super().__init__(**kwargs)
        self.pieces, self.moved = list(pieces), moved
        self.lookup = _lookup([*RESERVED.values(), *self.pieces], "lookup")
        if moved:
            keys, self._targets, shifts = _moves()
            self.moves = _lookup(["", "[unknown]", *keys], "moves")
            self.keys = _lookup(["", "[unknown]", *shifts], "keys")
            self._shifts = tf.constant([0, 0, *shifts.values()], tf.int32)
        self.built = True

    @property
    def size(self) -> int:
        """Number of ids, the reserved ones included."""
        return len(self.pieces) + len(RESERVED)

    def split(self, text) -> tf.RaggedTensor:
        """Returns the words of each text, `(batch, (words))`, moved."""
        words = tf.strings.split(_spaced(text))
        return self.move(words, self.shifts(text)) if self.moved else words

    def shifts(self, text) -> tf.Tensor:
        """Returns the semitones by which each text is moved, `(batch,)` int32."""
        if not self.moved:
            return tf.zeros(tf.shape(text), tf.int32)
        first = tf.strings.regex_replace(_spaced(text), rf"^(?s:.*?)(^| )({KEY}[^ ]+)(?s:.*)$", r"\2")
        return tf.gather(self._shifts, tf.cast(self.keys(first), tf.int32))

    def move(self, words: tf.RaggedTensor, by) -> tf.RaggedTensor:
        """Moves words `(batch, (words))` by so many semitones, `(batch,)` from -6 to 6."""
        rows = tf.gather(by, words.value_rowids())
        flat = words.flat_values
        places = self.moves(tf.strings.join([tf.strings.as_string(rows), flat], separator=" "))
        found = tf.gather(tf.constant(["", "", *self._targets]), tf.cast(places, tf.int32))
        return words.with_flat_values(tf.where(places > 1, found, flat))

    def call(self, text):
        ids = tf.ragged.map_flat_values(lambda words: tf.cast(self.lookup(words), tf.int32), self.split(text))
        # What a text may hold of reserved words are no events.
        ids = tf.ragged.map_flat_values(lambda ids: tf.where(ids <= END, UNKNOWN, ids), ids)
        return ids.to_tensor(0)

    def tokens(self, ids):
        """Returns the name of each id, of any shape: '' for padding and ids there are none of, [end] for the end."""
        spelled = tf.constant([*RESERVED.values(), *self.pieces])
        known = (ids >= 0) & (ids < self.size)
        return tf.where(known, tf.gather(spelled, tf.where(known, ids, 0)), "")

    def join(self, ids):
        """Returns the texts `(…,)` of ids `(…, time)`, in the model's key: U+FFFD stands for unknown words."""
        words = tf.where(tf.equal(ids, UNKNOWN), REPLACEMENT, tf.where(ids > END, self.tokens(ids), ""))
        text = tf.strings.reduce_join(words, axis=-1, separator=" ")
        return tf.strings.strip(tf.strings.regex_replace(text, " +", " "))

    def moved_back(self, text, shifts):
        """Returns texts `(batch,)` in the keys from which `shifts (batch,)` moved them."""
        if not self.moved:
            return text
        words = self.move(tf.strings.split(text), 0 - shifts)
        return tf.strings.reduce_join(words, axis=-1, separator=" ")

    def compute_output_spec(self, text):
        return keras.KerasTensor((text.shape[0], None), "int32")

    def get_config(self):
        return {**super().get_config(), "pieces": self.pieces, "moved": self.moved}


def _spaced(text):
    """Returns texts as words apart by single spaces; what is no UTF-8 is replaced."""
    text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
    return tf.strings.regex_replace(text, r"[\s\v\p{Z}]+", " ")


def _lookup(words, name):
    return keras.layers.StringLookup(vocabulary=list(words), mask_token="", oov_token="[unknown]", name=name)


def _moves():
    """Returns what is moved, as '2 n60', what it becomes, and the shift of each key's word."""
    words = [f"n{pitch}" for pitch in range(128)] + key_words()
    words += [f"ch:{name}{quality}" for name in NAMES for quality in QUALITIES]
    octaves = {by: by - 12 if by > 0 else by + 12 for by in SHIFTS}
    moved = {
        f"{by} {word}": moved_word(word, by) or moved_word(word, octaves[by]) for by in SHIFTS if by for word in words
    }
    shifts = {word: shift_of(place // len(MODES), word.rpartition("_")[2]) for place, word in enumerate(key_words())}
    return list(moved), list(moved.values()), shifts


def learn_events(events: EventWords, texts: Iterable[list[str]], *, least: int = 1) -> list[str]:
    """Counts the words of training texts.

    Args:
        events: Says whether they are moved.
        texts: Chunks of texts.
        least: Fewest occurrences of a word that is kept.

    Returns:
        The words, most frequent first, equals in alphabetical order.
    """
    split = tf.function(events.split, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    counts = collections.Counter()
    for chunk in texts:
        counts.update(split(tf.constant(chunk)).flat_values.numpy().tolist())
    kept = [(word.decode("utf-8"), count) for word, count in counts.items() if count >= least]
    return [word for word, _ in sorted(kept, key=lambda pair: (-pair[1], pair[0])) if word not in RESERVED.values()]
