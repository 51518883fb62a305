"""Bar places: what the clock tells -> vectors of how far a bar has come, what is left of it, which it is, its chord."""

import keras
import tensorflow as tf

PHRASE = 16
"""Bars after which they are counted anew."""


@keras.saving.register_keras_serializable(package="rnnkit")
class BarPlaces(keras.layers.Layer):
    """Adds up vectors of the place in the bar, of the ticks left, of the bar's number in its phrase, and of the chord.

    Args:
        vocabulary: Number of ids, of which some are chords.
        units: Size of the vectors.
        longest: Ticks of the longest bar that is told apart.

    Call arguments:
        told: `(batch, time, 5)`, as `BarClock` gives it.

    Returns:
        `(batch, time, units)`.
    """

    def __init__(self, vocabulary, units, longest=192, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary, self.units, self.longest = vocabulary, units, longest

    def build(self, *_):
        sizes = {"position": self.longest + 1, "left": self.longest + 2, "bar": PHRASE + 1, "chord": self.vocabulary}
        self.tables = {
            name: self.add_weight(shape=(size, self.units), initializer="uniform", name=name)
            for name, size in sizes.items()
        }

    def call(self, told):
        position, bar, length, chord = (tf.cast(tf.round(told[:, :, place]), tf.int32) for place in range(4))
        inside = tf.clip_by_value(position, 0, self.longest)
        # Past the bar's end is one place of its own.
        left = tf.clip_by_value(length - position, -1, self.longest) + 1
        phrase = tf.where(bar > 0, tf.math.floormod(bar - 1, PHRASE) + 1, 0)
        places = {"position": inside, "left": left, "bar": phrase, "chord": chord}
        return tf.add_n(
            [tf.gather(tf.cast(self.tables[name], self.compute_dtype), ids) for name, ids in places.items()]
        )

    def compute_output_spec(self, told):
        return keras.KerasTensor((*told.shape[:2], self.units), self.compute_dtype)

    def get_config(self):
        settings = {"vocabulary": self.vocabulary, "units": self.units, "longest": self.longest}
        return {**super().get_config(), **settings}
