"""Sizes of tensors: Python ints where the graph knows them, else scalars."""

import tensorflow as tf


def size(x, axis):
    """Gives the size of an axis."""
    return tf.shape(x)[axis] if x.shape[axis] is None else x.shape[axis]


def least(one, other):
    """Gives the smaller of two sizes."""
    if isinstance(one, int) and isinstance(other, int):
        return min(one, other)
    return tf.minimum(one, other)
