"""Character convolution: the letters of each word -> one vector per word."""

import keras
from keras import ops


def character_convolution(letters, *, size, units=32, width=3, name="characters"):
    """Reads each word by its letters, with a convolution and the maximum over its places.

    Args:
        letters: `(batch, time, letters)` ids; 0 is padding.
        size: Number of ids.
        units: Size of a word's vector.
        width: Letters the convolution sees at once.
        name: Start of the layers' names.

    Returns:
        `(batch, time, units)`; zeros for a word without letters. Letters' padding does not
        matter. A word without letters is masked; joined to word vectors, those decide.

    Ma & Hovy (2016), section 2.1, https://aclanthology.org/P16-1101.
    """
    x = keras.layers.Embedding(size, 16, name=f"{name}_embedding")(letters)
    return CharacterConvolution(units, width, name=f"{name}_convolution")([x, letters])


@keras.saving.register_keras_serializable(package="rnnkit")
class CharacterConvolution(keras.layers.Layer):
    """Convolves over letters and keeps the highest real value of each unit.

    `[(batch, time, letters, features), ids (batch, time, letters)] -> (batch, time, units)`.
    """

    def __init__(self, units, width, **kwargs):
        super().__init__(**kwargs)
        self.units, self.width = units, width
        self.supports_masking = True

    def build(self, shapes):
        self.kernel = self.add_weight(shape=(self.width * shapes[0][-1], self.units), name="kernel")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def call(self, inputs):
        x, ids = inputs
        real = ops.cast(ids > 0, x.dtype)[..., None]
        count = ids.shape[-1]
        before = (self.width - 1) // 2
        padded = ops.pad(x * real, [[0, 0], [0, 0], [before, self.width - 1 - before], [0, 0]])
        windows = ops.concatenate([padded[:, :, place : place + count] for place in range(self.width)], axis=-1)
        # relu before the maximum, so that zero is the value of "no letter".
        return ops.max(ops.relu(ops.matmul(windows, self.kernel) + self.bias) * real, axis=2)

    def compute_mask(self, inputs, mask=None):
        # A step without letters is masked: beside word vectors, Keras' Concatenate takes a step for real that
        # is real in either, and one without any mask would be real everywhere.
        return ops.any(inputs[1] > 0, axis=-1)

    def compute_output_spec(self, inputs):
        x, _ = inputs
        return keras.KerasTensor((*x.shape[:2], self.units), x.dtype)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "width": self.width}
