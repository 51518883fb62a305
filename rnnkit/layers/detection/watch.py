"""Watch: what is fitted after training, kept with the model: how errors are usually, and from where on they alarm."""

import keras
import numpy as np

from rnnkit.layers.detection.distance import Distance


@keras.saving.register_keras_serializable(package="rnnkit")
class Watch(keras.layers.Layer):
    """Passes what it is given; holds what detection needs beside the core.

    Attributes:
        distance: Joins the channels of a row.
        scale: `(channels,)`, by which channels of errors are divided first.
        errors: `(history,)`, the last errors of train, in their order.
        usual: `(2,)`, mean and standard deviation of all of train's errors.
        tail: `(4,)`, threshold, shape, scale and share of the tail of train's errors.
        threshold: `(1,)`, from where on a score is an alarm.

    Args:
        channels, how: Of the distance.
        history: Number of errors kept.
    """

    def __init__(self, channels, how, history, **kwargs):
        super().__init__(**{"dtype": "float32", "autocast": False, **kwargs, "trainable": False})
        self.channels, self.how, self.history = channels, how, history
        self.distance = Distance(channels, how, name="distance")

    def build(self, *_):
        self.distance.build()
        self.scale = self.add_weight(shape=(self.channels,), initializer="ones", name="scale")
        self.errors = self.add_weight(shape=(self.history,), initializer="ones", name="errors")
        self.usual = self.add_weight(shape=(2,), initializer="ones", name="usual")
        self.tail = self.add_weight(shape=(4,), initializer="ones", name="tail")
        self.threshold = self.add_weight(shape=(1,), initializer="ones", name="threshold")

    def call(self, x):
        return x

    def set(self, **values: np.ndarray) -> None:
        """Sets attributes by name; a history too short is repeated."""
        for name, value in values.items():
            weight = getattr(self, name)
            weight.assign(np.resize(np.asarray(value, np.float32), weight.shape))

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)

    def get_config(self):
        settings = {"channels": self.channels, "how": self.how, "history": self.history}
        return {**super().get_config(), **settings}
