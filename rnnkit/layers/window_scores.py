"""Window scores: ids of what is known of each token and its neighbours -> what each tag weighs, a linear model."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="rnnkit")
class WindowScores(keras.layers.Layer):
    """Adds up the weights of a token's features: `ids (batch, time, features) -> (batch, time, tags)` float32.

    Its weights are fitted to the train split before training, and not by gradient steps: a feature is seen so
    seldom that few epochs would not do. Until they are set, nothing weighs anything. Id 0, no feature, weighs nothing.

    Args:
        size: Number of ids, 0 included.
        tags: Number of tags.
    """

    def __init__(self, size: int, tags: int, **kwargs):
        super().__init__(trainable=False, dtype="float32", **kwargs)
        self.size, self.tags = size, tags

    def build(self, shape):
        self.table = self.add_weight(shape=(self.size, self.tags), initializer="zeros", name="table")

    def call(self, ids):
        return tf.reduce_sum(tf.gather(self.table, ids), axis=2)

    def compute_output_spec(self, ids):
        return keras.KerasTensor((*ids.shape[:2], self.tags), "float32")

    def get_config(self):
        kept = {name: value for name, value in super().get_config().items() if name not in ("trainable", "dtype")}
        return {**kept, "size": self.size, "tags": self.tags}
