"""Named: columns of values that know their names."""

from collections.abc import Sequence

import keras


@keras.saving.register_keras_serializable(package="rnnkit")
class Named(keras.layers.Layer):
    """Passes values `(…, columns)` as they are, and keeps the columns' names with the model.

    Args:
        names: Of the columns, in order.
    """

    def __init__(self, names: Sequence[str], **kwargs):
        super().__init__(**{"dtype": "float32", "autocast": False, **kwargs})
        self.names = list(names)
        self.built = True

    def call(self, values):
        return values

    def compute_output_spec(self, values):
        return keras.KerasTensor(values.shape, values.dtype)

    def get_config(self):
        return {**super().get_config(), "names": self.names}
