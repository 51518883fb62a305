"""Hierarchy: words of each sentence -> a vector per sentence -> what is built over the sentences."""

from collections.abc import Callable

import keras
from keras import ops


def hierarchical(x, words: Callable, sentences: Callable, *, name="hierarchy"):
    """Reads each sentence as a row of its own, then the document as a sequence of sentences.

    Padding of words and of sentences, on either side, never matters as far as `words` and
    `sentences` heed masks, as `recurrent_stack` and `pool` do.

    ```
    def read(x, name):
        return pool(recurrent_stack(x, cell="gru", units=50, name=name), by="attention", name=f"{name}_pooling")

    document = hierarchical(x, lambda x: read(x, "words"), lambda x: read(x, "sentences"))
    ```

    Args:
        x: `(batch, sentences, words, features)` with its Keras mask `(batch, sentences, words)`,
            if any, as an Embedding of ids `(batch, sentences, words)` gives it.
        words: `(rows, words, features) -> (rows, units)`, builds what reads one sentence.
        sentences: `(batch, sentences, units) -> y`, builds what reads the sentences' vectors.
            A sentence without any real word is masked there, and all zeros.
        name: Name of the layer that holds the model of `words`.

    Returns:
        What `sentences` returns.

    Raises:
        ValueError: `x` has not 4 axes, or `words` keeps the time axis.

    Yang et al. (2016), section 2.2, https://aclanthology.org/N16-1174: with GRUs and attention
    at both levels.
    """
    if len(x.shape) != 4:
        raise ValueError(
            f"x must be (batch, sentences, words, features). Got {len(x.shape)} axes: {tuple(x.shape)}. "
            "Cut documents into sentences, and embed the ids, first."
        )
    sentence = keras.Input((None, x.shape[-1]), name="sentence", dtype=x.dtype)
    return sentences(EachSentence(keras.Model(sentence, words(sentence), name=f"{name}_words"), name=name)(x))


@keras.saving.register_keras_serializable(package="rnnkit")
class EachSentence(keras.layers.Layer):
    """Applies a model `(rows, words, features) -> (rows, units)` to every sentence of every document.

    `(batch, sentences, words, features) -> (batch, sentences, units)`. A sentence without a real
    word is masked and gives zeros.
    """

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        if len(inner.output_shape) != 2:
            raise ValueError(
                "words must give one vector per sentence, (rows, units). "
                f"Got {tuple(inner.output_shape)}. Let it end in pool(...)."
            )
        self.inner = inner
        # The mask reaches the inner layers; without this Keras warns that it does not.
        self.supports_masking = inner.supports_masking = True

    def call(self, x, mask=None, training=False):
        batch, count, length, features = ops.shape(x)
        if mask is None:
            mask = ops.ones((batch, count, length), dtype="bool")
        rows, real = ops.reshape(x, (-1, length, features)), ops.reshape(mask, (-1, length))
        y = self.inner(rows, mask=real, training=training)
        y = ops.where(ops.any(real, axis=1)[:, None], y, ops.zeros_like(y))
        return ops.reshape(y, (batch, count, y.shape[-1]))

    def compute_mask(self, x, mask=None):
        return None if mask is None else ops.any(mask, axis=-1)

    def compute_output_spec(self, x, mask=None, training=False):
        return keras.KerasTensor((*x.shape[:2], self.inner.output_shape[-1]), self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "inner": keras.saving.serialize_keras_object(self.inner)}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config.pop("inner")), **config)
