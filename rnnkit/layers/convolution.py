"""Convolution over time: features of a few steps at once, before a recurrent stack or around its states."""

import keras
import tensorflow as tf
from keras import ops

from rnnkit.layers.stack import CELLS


def convolutional_front(x, *, filters, width=3, depth=1, stride=1, dropout=0.0, residual=False, name="front"):
    """Applies `depth` convolutions over time with relu, the first of which may shorten the sequence.

    A masked step counts as zeros, between real steps too, so padding on either side and its
    amount never change a real output. With `stride` 1 outputs stay where their steps are. With a
    larger one each row is first moved so that its first real step is at 0: padding on the left
    would shift the windows otherwise.

    Args:
        x: `(batch, time, features)` with its Keras mask, if any.
        filters: Features of each output.
        width: Steps a window sees at once, centred; at least `stride`.
        depth: Number of convolutions.
        stride: Steps that become one in the first convolution.
        dropout: Share dropped before each convolution but the first.
        residual: Add a convolution's input to its output where their shapes agree.
        name: Start of the layers' names.

    Returns:
        `(batch, ceil(time / stride), filters)`. An output is real where one of the `stride` steps it
        stands for is, so a row of `n` steps gives `ceil(n / stride)`, wherever its padding lay.

    Raises:
        ValueError: `width` is smaller than `stride`, so that steps would be skipped.
    """
    if not 1 <= stride <= width:
        raise ValueError(
            "width must be at least stride, or steps are never seen, and stride at least 1. "
            f"Got width {width}, stride {stride}."
        )
    for level in range(1, depth + 1):
        if dropout and level > 1:
            x = keras.layers.Dropout(dropout, name=f"{name}_{level}_dropout")(x)
        y = MaskedConvolution(filters, width, stride if level == 1 else 1, name=f"{name}_{level}")(x)
        if residual and y.shape[-1] == x.shape[-1] and (level > 1 or stride == 1):
            y = keras.layers.Add(name=f"{name}_{level}_residual")([x, y])
        x = y
    return x


@keras.saving.register_keras_serializable(package="rnnkit")
class MaskedConvolution(keras.layers.Layer):
    """Convolves over time with relu, masked steps read as zeros; see `convolutional_front`.

    output[i] = relu(kernel . x[i stride - (width - stride) // 2, ...: width steps] + bias)
    """

    def __init__(self, filters, width, stride=1, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.width, self.stride = filters, width, stride
        self.supports_masking = True

    def build(self, shape):
        # He et al.'s start keeps the size of activations through relu, https://arxiv.org/abs/1502.01852.
        kernel = (self.width, shape[-1], self.filters)
        self.kernel = self.add_weight(shape=kernel, initializer="he_uniform", name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, x, mask=None):
        if mask is not None:
            x = tf.where(mask[:, :, None], x, tf.zeros_like(x))
            if self.stride > 1:
                x = _moved_to_the_front(x, mask)
        before = (self.width - self.stride) // 2
        # Gives ceil(time / stride) windows, and, being the same for any time, lets TFLite know the features.
        x = tf.pad(x, [[0, 0], [before, self.width - 1 - before], [0, 0]])
        y = ops.relu(ops.conv(x, self.kernel, strides=self.stride, padding="valid") + self.bias)
        real = self.compute_mask(x, mask)
        return y if real is None else tf.where(real[:, :, None], y, tf.zeros_like(y))

    def compute_mask(self, x, mask=None):
        if mask is None or self.stride == 1:
            return mask
        return ShortenedMask(self.stride)(mask)

    def compute_output_shape(self, shape):
        return (shape[0], None if shape[1] is None else _blocks(shape[1], self.stride), self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "width": self.width, "stride": self.stride}


@keras.saving.register_keras_serializable(package="rnnkit")
class ShortenedMask(keras.Operation):
    """Makes `(batch, time)` a mask of `(batch, ceil(time / stride))`: real where one of the replaced steps is.

    An operation of its own, so that the mask has its place in a model's graph and reaches the layers behind.
    """

    def __init__(self, stride, **kwargs):
        super().__init__(**kwargs)
        self.stride = stride

    def call(self, mask):
        batch, time = ops.shape(mask)
        count = _blocks(time, self.stride)
        real = tf.pad(_moved_to_the_front(mask, mask), [[0, 0], [0, count * self.stride - time]])
        return tf.reduce_any(tf.reshape(real, [batch, count, self.stride]), axis=2)

    def compute_output_spec(self, mask):
        time = mask.shape[1]
        return keras.KerasTensor((mask.shape[0], None if time is None else _blocks(time, self.stride)), "bool")

    def get_config(self):
        return {**super().get_config(), "stride": self.stride}


def _blocks(time, stride):
    return -(-time // stride)


def _moved_to_the_front(x, mask):
    """Moves each row of `x` left, until its first real step is at 0; zeros, or False, come in from the right."""
    time = ops.shape(mask)[1]
    places = tf.argmax(tf.cast(mask, tf.int32), axis=1, output_type=tf.int32)[:, None] + tf.range(time)
    moved = tf.gather(x, tf.minimum(places, time - 1), axis=1, batch_dims=1)
    inside = tf.reshape(places < time, tf.concat([tf.shape(places), tf.ones([len(x.shape) - 2], tf.int32)], 0))
    return tf.where(inside, moved, tf.zeros_like(moved))


def recurrent_convolution(x, *, units, filters=None, cell="lstm", name="context"):
    """Projects each step together with the states of all that is left and right of it.

    output[t] = tanh(kernel [left[t]; x[t]; right[t]] + bias), where left[t] is the forward state
    before step t and right[t] the backward state after it, each zeros at its end of the row. A
    masked step is skipped by both. `pool(..., by="max")` makes it the recurrent convolutional
    network.

    Args:
        x: `(batch, time, features)` with its Keras mask, if any, which is kept.
        units: Size of the context on each side.
        filters: Features of each output; `units` by default.
        cell: Key of `CELLS`.
        name: Start of the layers' names.

    Returns:
        `(batch, time, filters)`.

    Raises:
        ValueError: `cell` is unknown.

    Lai et al. (2015), eq. 1-4, https://ojs.aaai.org/index.php/AAAI/article/view/9513.
    There the contexts come from a plain recurrent cell.
    """
    if cell not in CELLS:
        raise ValueError(f"cell must be one of {', '.join(CELLS)}. Got {cell!r}.")
    left = CELLS[cell](units, return_sequences=True, name=f"{name}_left")(x)
    right = CELLS[cell](units, return_sequences=True, go_backwards=True, name=f"{name}_right")(x)
    joined = InContext(name=f"{name}_joined")([left, x, right])
    return keras.layers.Dense(filters or units, activation="tanh", name=f"{name}_projection")(joined)


@keras.saving.register_keras_serializable(package="rnnkit")
class InContext(keras.layers.Layer):
    """Joins each step with the state before it, and with that after it.

    `[(batch, time, units), (batch, time, features), (batch, time, units)] -> (batch, time, all)`;
    the third reads backwards, its first step the last of the row, as Keras hands it out.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        left, x, right = inputs
        before = ops.pad(left[:, :-1], [[0, 0], [1, 0], [0, 0]])
        after = ops.pad(ops.flip(right, axis=1)[:, 1:], [[0, 0], [0, 1], [0, 0]])
        return ops.concatenate([before, x, after], axis=-1)

    def compute_mask(self, inputs, mask=None):
        return None if mask is None else mask[1]

    def compute_output_shape(self, shapes):
        return (*shapes[1][:2], sum(shape[-1] for shape in shapes))
