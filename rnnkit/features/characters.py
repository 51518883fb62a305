"""Characters: the letters of each word -> ids, so that an unseen word is read by its spelling."""

import keras
import tensorflow as tf

from rnnkit.features.words import split_words
from rnnkit.layers.embedding import UNKNOWN


@keras.saving.register_keras_serializable(package="rnnkit")
class Characters(keras.layers.Layer):
    """Splits texts into words as `Words` does, and each word into characters.

    `text (batch,) string -> ids (batch, time, letters) int32`; 0 is padding. A character's id
    is its code point folded into `size` ids, so there is nothing to learn and none is unknown.
    The start token, and padding, have no letters.

    Args:
        words: `lower`, `punctuation`, `markup` and `length` of the `Words` layer whose steps these are.
        letters: Letters read of each word; the rest is cut.
        size: Number of ids, padding and unknown included.
    """

    def __init__(self, words, *, letters=16, size=256, **kwargs):
        super().__init__(**kwargs)
        self.words, self.letters, self.size = dict(words), letters, size
        self.built = True

    def call(self, text):
        words = split_words(text, **self.words)
        points = tf.ragged.map_flat_values(tf.strings.unicode_decode, words, "UTF-8")
        ids = tf.ragged.map_flat_values(lambda point: UNKNOWN + 1 + point % (self.size - UNKNOWN - 1), points)
        dense = ids.to_tensor(0, shape=[None, None, self.letters])
        return tf.pad(dense, [[0, 0], [1, 0], [0, 0]])

    def compute_output_spec(self, text):
        return keras.KerasTensor((text.shape[0], None, self.letters), "int32")

    def get_config(self):
        return {**super().get_config(), "words": self.words, "letters": self.letters, "size": self.size}
