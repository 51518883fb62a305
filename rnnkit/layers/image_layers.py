"""Image layers: pixels -> a grid of features by a small residual network; where each place is; rows taken again."""

import keras
from keras import ops


def residual_network(x, *, filters=32, halvings=3, depth=1, dropout=0.0, name="cnn"):
    """Applies a small residual network (He et al. 2016, https://arxiv.org/abs/1512.03385) to pictures.

    A convolution comes first, and halves the sides where there are four halvings or more; then each stage halves them
    once and doubles the features, up to eight times those of the first.

    Args:
        x: `(batch, height, width, channels)`.
        filters: Features of the first convolution.
        halvings: How often the sides are halved.
        depth: Residual blocks of a stage, of two convolutions each.
        dropout: Share of whole features dropped after each stage but the first.
        name: Start of the layers' names.

    Returns:
        `(batch, height / 2 ** halvings, width / 2 ** halvings, features)`, sides rounded up.
    """
    early = halvings >= 4
    x = _convolved(x, filters, stride=2 if early else 1, name=f"{name}_0")
    for stage in range(1, halvings + (0 if early else 1)):
        size = filters * 2 ** min(stage, 3)
        for block in range(1, depth + 1):
            x = _block(x, size, stride=2 if block == 1 else 1, name=f"{name}_{stage}_{block}")
        if dropout and stage > 1:
            x = keras.layers.SpatialDropout2D(dropout, name=f"{name}_{stage}_dropout")(x)
    return x


def _block(x, filters, *, stride, name):
    y = _convolved(x, filters, stride=stride, name=f"{name}_a")
    y = _convolved(y, filters, stride=1, name=f"{name}_b", activation=None)
    if stride > 1 or x.shape[-1] != filters:
        x = _convolved(x, filters, stride=stride, name=f"{name}_skip", activation=None, width=1)
    return keras.layers.Activation("relu", name=f"{name}_relu")(keras.layers.Add(name=f"{name}_add")([x, y]))


def _convolved(x, filters, *, stride, name, activation="relu", width=3):
    how = {"strides": stride, "padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
    x = keras.layers.Conv2D(filters, width, name=name, **how)(x)
    x = keras.layers.BatchNormalization(momentum=0.95, name=f"{name}_norm")(x)
    return keras.layers.Activation(activation, name=f"{name}_relu")(x) if activation else x


@keras.saving.register_keras_serializable(package="rnnkit")
class PlaceVectors(keras.layers.Layer):
    """Adds to each place of a grid `(batch, height, width, features)` a vector that is learnt: where it is."""

    def build(self, shape):
        self.vectors = self.add_weight(shape=shape[1:], initializer="zeros", name="vectors")

    def call(self, x):
        return x + ops.cast(self.vectors, x.dtype)


@keras.saving.register_keras_serializable(package="rnnkit")
class RowsTaken(keras.layers.Layer):
    """Takes rows of a tensor, as often as they are named: `x (n, …)` and `places (rows,)` -> `(rows, …)`."""

    def call(self, given):
        x, places = given
        return ops.take(x, places, axis=0)

    def compute_output_spec(self, given):
        x, places = given
        return keras.KerasTensor((places.shape[0], *x.shape[1:]), x.dtype)


@keras.saving.register_keras_serializable(package="rnnkit")
class Present(keras.layers.Layer):
    """Says that every place of a memory `(batch, places, features)` is real: 1, `(batch, places)` int32."""

    def call(self, memory):
        return ops.ones_like(memory[..., 0], dtype="int32")

    def compute_output_spec(self, memory):
        return keras.KerasTensor(memory.shape[:2], "int32")
