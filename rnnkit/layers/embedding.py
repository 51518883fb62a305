"""Embedding: ids -> vectors, with id 0 masked as padding."""

import keras
from keras import ops

PADDING, UNKNOWN, START, END = 0, 1, 2, 3
"""Ids kept for a missing step, an unseen word and the start of a text; where texts are written, for their end too."""
NEVER_WRITTEN = (PADDING, UNKNOWN, START)


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


@keras.saving.register_keras_serializable(package="rnnkit")
class VectorTable(keras.layers.Embedding):
    """Looks up one vector per id, without a mask, and gives the whole table too, for a head to share.

    Args:
        input_dim: Number of ids.
        output_dim: Size of a vector.
        dropout: Share of the ids whose vectors are 0 for a whole batch while training, the others being scaled up
            (Gal & Ghahramani 2016, section 4.2, https://arxiv.org/abs/1512.05287). The table stays whole.

    Call arguments:
        ids: `(batch, time)` integers.

    Returns:
        Vectors `(batch, time, output_dim)` and the table `(input_dim, output_dim)`.
    """

    def __init__(self, input_dim, output_dim, *, dropout=0.0, **kwargs):
        super().__init__(input_dim, output_dim, **kwargs)
        self.dropout = dropout
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, ids, training=False):
        table = ops.cast(ops.convert_to_tensor(self.embeddings), self.compute_dtype)
        vectors = ops.take(table, ids, axis=0)
        if training and self.dropout:
            kept = keras.random.dropout(ops.ones((self.input_dim, 1)), self.dropout, seed=self.seed_generator)
            vectors = vectors * ops.cast(ops.take(kept, ids, axis=0), vectors.dtype)
        return vectors, table

    def compute_output_spec(self, ids, training=False):
        sizes = (*ids.shape, self.output_dim), (self.input_dim, self.output_dim)
        return tuple(keras.KerasTensor(size, self.compute_dtype) for size in sizes)

    def get_config(self):
        return {**super().get_config(), "dropout": self.dropout}
