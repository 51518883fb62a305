"""Encoder and decoder: source ids -> memory -> logits of a target; and the same core taken apart for search.

A core of this kind takes `ids (batch, time)` and `target (batch, steps)`, and has its decoder by the name `decoder`.
"""

import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf

from rnnkit.layers.attention_decoder import AttentionDecoder, Opened


@keras.saving.register_keras_serializable(package="rnnkit")
class TableEmbedding(keras.layers.Layer):
    """Looks up one vector per id, masked where the id is 0, and gives the whole table too, for a decoder to share.

    Args:
        vocabulary: Number of ids.
        units: Size of a vector.

    Call arguments:
        ids: `(batch, time)` integers.

    Returns:
        Vectors `(batch, time, units)` and the table `(vocabulary, units)`.
    """

    def __init__(self, vocabulary, units, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary, self.units = vocabulary, units

    def build(self, shape):
        # As a table of logits too, its rows should have a length of about 1.
        start = keras.initializers.RandomNormal(stddev=self.units**-0.5)
        self.embeddings = self.add_weight(shape=(self.vocabulary, self.units), initializer=start, name="embeddings")

    def call(self, ids):
        table = tf.cast(self.embeddings, self.compute_dtype)
        return tf.gather(table, tf.cast(ids, tf.int32)), table

    def compute_mask(self, ids, previous=None):
        return keras.ops.not_equal(ids, 0), None

    def compute_output_spec(self, ids):
        sizes = (*ids.shape, self.units), (self.vocabulary, self.units)
        return tuple(keras.KerasTensor(size, self.compute_dtype) for size in sizes)

    def get_config(self):
        return {**super().get_config(), "vocabulary": self.vocabulary, "units": self.units}


@dataclasses.dataclass(frozen=True)
class Apart:
    """A core in the parts that a search needs.

    Attributes:
        encoder: Model from source ids `(batch, time)` to the memory `(batch, time, features)`.
        decoder: The core's.
        table: `() -> (vocabulary, units)`, the vectors of the units that are written.
    """

    encoder: keras.Model
    decoder: AttentionDecoder
    table: Callable

    def begin(self, ids) -> tuple[Opened, dict[str, tf.Tensor]]:
        """Reads source ids `(batch, time)`: what all steps share, and the states before the first."""
        opened = self.decoder.open(self.encoder(ids, training=False), ids)
        return opened, self.decoder.first_states(opened)

    def step(self, opened: Opened) -> Callable:
        """Returns the step that `rnnkit.decoding` asks for: `(ids, states, t) -> (logits, states, weights)`."""
        return lambda ids, states, t: self.shared_step(ids, states, t, opened)

    def shared_step(self, ids, states, t, opened: Opened):
        """Is that step for a search that is given `opened` as what its sentences share."""
        del t
        return self.decoder.step(opened, ids, states, self.table())


def taken_apart(core: keras.Model) -> Apart:
    """Takes a core apart; its weights stay the core's."""
    decoder = core.get_layer("decoder")
    memory, _, _, table = decoder.input
    embedding = next(layer for layer in core.layers if _gives(layer, table))
    return Apart(keras.Model(core.input["ids"], memory), decoder, lambda: tf.cast(embedding.embeddings, tf.float32))


def _gives(layer, tensor):
    return isinstance(layer, TableEmbedding) and any(output is tensor for output in layer.output)
