"""Bar clock: ids of events and where it stood -> where in its bar, in which bar and on which chord each event ends."""

import keras
import tensorflow as tf

MOST_BAR = 4_999
"""The count of bars stays there."""
NAMES = ("position", "bar", "length", "chord", "piece")
"""What the clock tells of each event, and what its state is."""
MOST_PIECES = 1000
"""Pieces are counted anew from there."""


@keras.saving.register_keras_serializable(package="rnnkit")
class BarClock(keras.layers.Layer):
    """Counts ticks and bars as events are read.

    Its weight `table (vocabulary, 5)` says what each event does: the ticks that it lasts; 1 if it begins a bar; the
    ticks of a bar that it sets, or 0; 1 if it is a chord; 1 if it ends a piece, after which all others are 0 again.

    Call arguments:
        ids: `(batch, time)`.
        state: `(batch, 5)`, `NAMES` after the event before; 0 before the first piece.

    Returns:
        `(batch, time, 5)` float32, `NAMES` after each event: ticks since the bar began, bars begun so far, ticks of a
        whole bar, the id of the last chord, and pieces ended so far; and the state after.
    """

    def __init__(self, vocabulary, **kwargs):
        super().__init__(**{"dtype": "float32", "autocast": False, **kwargs, "trainable": False})
        self.vocabulary = vocabulary

    def build(self, *_):
        self.table = self.add_weight(shape=(self.vocabulary, 5), initializer="zeros", name="table")

    def call(self, ids, state):
        # A table of floats would be rounded where weights are made smaller for devices; whole numbers never are.
        rows, before = tf.gather(tf.cast(self.table, tf.int32), ids), tf.cast(tf.round(state), tf.int32)
        ticks, bars, lengths, chords, ends = (rows[:, :, place] for place in range(5))
        position = _since(tf.maximum(bars, ends), ticks, before[:, 0])
        bar = tf.minimum(_since(ends, bars, before[:, 1]), MOST_BAR)
        length = _last(tf.maximum(lengths, ends), lengths, before[:, 2])
        chord = _last(tf.maximum(chords, ends), ids * chords, before[:, 3])
        piece = tf.math.floormod(tf.cumsum(ends, 1) + before[:, 4, None], MOST_PIECES)
        told = tf.cast(tf.stack([position, bar, length, chord, piece], -1), tf.float32)
        return told, told[:, -1]

    def compute_output_spec(self, ids, state):
        told = keras.KerasTensor((*ids.shape, len(NAMES)), "float32")
        return told, keras.KerasTensor((ids.shape[0], len(NAMES)), "float32")

    def get_config(self):
        return {**super().get_config(), "vocabulary": self.vocabulary}


def _place_of_last(marks):
    """Returns the place of the last mark up to each step, `(batch, time)` int32, -1 where there is none."""
    steps = tf.range(tf.shape(marks)[1])
    seen = (steps[None, :] <= steps[:, None])[None] & (marks > 0)[:, None, :]
    return tf.reduce_max(tf.where(seen, steps[None, None, :], -1), -1)


def _last(marks, values, first):
    """Returns the value at the last mark up to each step, `first (batch,)` where there is none."""
    places = _place_of_last(marks)
    found = tf.gather(values, tf.maximum(places, 0), axis=1, batch_dims=1)
    return tf.where(places >= 0, found, first[:, None])


def _since(marks, values, first):
    """Returns the sum of the values after the last mark up to each step; `first` and all where there is none."""
    sums = tf.cumsum(values, 1)
    places = _place_of_last(marks)
    # A bar is counted where it stands, and what marks adds nothing to what it begins.
    before = tf.gather(sums, tf.maximum(places, 0), axis=1, batch_dims=1)
    return tf.where(places >= 0, sums - before, sums + first[:, None])
