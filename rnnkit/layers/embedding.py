"""Embedding: ids -> vectors, with id 0 masked as padding."""

import keras
from keras import ops

PADDING, UNKNOWN, START, END = 0, 1, 2, 3
"""Ids kept for a missing step, an unseen word and the start of a text; where texts are written, for their end too."""


def embedding(ids, *, vocabulary, units, word_dropout=0.0, dropout=0.0, trainable=True, name="embedding"):
    """Looks up one vector per id and masks padding.

    Args:
        ids: `(batch, time)` integers; 0 is padding, 1 an unknown word.
        vocabulary: Number of ids, those two included.
        units: Size of a vector.
        word_dropout: Share of words read as unknown while training, so that the vector of
            the unknown word is trained.
        dropout: Share of the vectors' features dropped, the same ones at every step.
        trainable: Whether training changes the vectors.
        name: Name of the lookup layer, by which given vectors are put into it.

    Returns:
        `(batch, time, units)`, masked where `ids` is 0.
    """
    if word_dropout:
        ids = WordDropout(word_dropout, name=f"{name}_word_dropout")(ids)
    layer = keras.layers.Embedding(vocabulary, units, mask_zero=True, trainable=trainable, name=name)
    x = layer(ids)
    return keras.layers.SpatialDropout1D(dropout, name=f"{name}_dropout")(x) if dropout else x


@keras.saving.register_keras_serializable(package="rnnkit")
class WordDropout(keras.layers.Layer):
    """Replaces a share of the ids by the unknown word while training.

    Ids of padding and of the start of a text stay. Iyyer et al. (2015), section 4,
    https://aclanthology.org/P15-1162; there the word is removed, here it becomes unknown.

    Args:
        rate: Share of the ids replaced, from 0 to 1.
    """

    def __init__(self, rate, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.supports_masking = True
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, ids, training=False):
        if not training or not self.rate:
            return ids
        drawn = keras.random.uniform(ops.shape(ids), seed=self.seed_generator)
        dropped = ops.logical_and(drawn < self.rate, ids > START)
        return ops.where(dropped, ops.full_like(ids, UNKNOWN), ids)

    def compute_output_spec(self, ids, training=False):
        return keras.KerasTensor(ids.shape, ids.dtype)

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}
