"""Categories: texts of several columns -> ids, in the graph."""

import keras
import tensorflow as tf

UNSEEN = "\N{REPLACEMENT CHARACTER} unseen"
"""Stands for id 0 in Keras' table, where nothing else may."""


@keras.saving.register_keras_serializable(package="rnnkit")
class CategoryIds(keras.layers.Layer):
    """Looks up each column's texts among its own.

    `texts (…, columns) string -> ids (…, columns) int32`; 0 for what is missing or unseen, then 1, 2, … in order.

    Args:
        names: Of each column, the texts it may have.
    """

    def __init__(self, names, **kwargs):
        super().__init__(**kwargs)
        self.names = [list(column) for column in names]
        self.lookups = [
            # Keras refuses a table without a word.
            keras.layers.StringLookup(vocabulary=column or [""], oov_token=UNSEEN, name=f"lookup_{place}")
            for place, column in enumerate(self.names)
        ]
        self.built = True

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of ids of each column, 0 included."""
        return tuple(len(column) + 1 for column in self.names)

    def call(self, texts):
        columns = [
            tf.cast(lookup(texts[..., place]), tf.int32)
            if self.names[place]
            else tf.zeros_like(texts[..., place], tf.int32)
            for place, lookup in enumerate(self.lookups)
        ]
        return tf.stack(columns, axis=-1)

    def compute_output_spec(self, texts):
        return keras.KerasTensor(texts.shape, "int32")

    def get_config(self):
        return {**super().get_config(), "names": self.names}
