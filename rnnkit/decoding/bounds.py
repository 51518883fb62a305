"""Bounds of a search: how many tokens each sentence may have, and how it must begin."""

import numbers

import tensorflow as tf


def limits(steps, batch):
    """Gives the most tokens of each sentence, `(batch,)`, and of all, a Python int where `steps` is one.

    Raises:
        ValueError: `steps` is a Python int below 1.
    """
    if isinstance(steps, numbers.Integral):
        if steps < 1:
            raise ValueError(f"steps must be at least 1. Got {steps}.")
        return tf.fill([batch], int(steps)), int(steps)
    steps = tf.cast(steps, tf.int32)
    return tf.broadcast_to(steps, [batch]), tf.maximum(tf.reduce_max(steps), 1)


def forced(prefix, time):
    """Gives the token that each step must write, `(batch, time)`, 0 where it is free; None without a prefix."""
    if prefix is None:
        return None
    prefix = tf.cast(prefix, tf.int32)[:, :time]
    return tf.pad(prefix, [[0, 0], [0, time - tf.shape(prefix)[1]]])


def first_ids(start, rows):
    """Gives the ids before the first step, `(rows,)`."""
    return tf.broadcast_to(tf.cast(start, tf.int32), [rows])
