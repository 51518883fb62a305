"""Draws: a seed, a step and a key -> a number by chance, the same wherever it is drawn: in a graph or beside one."""

import tensorflow as tf

KEYS = 1 << 30


def keys_of(text):
    """Returns a key for each text, int32 of the same shape, equal where the texts are."""
    return tf.cast(tf.strings.to_hash_bucket_fast(text, KEYS), tf.int32)


def draw(seed, step, key):
    """Draws uniformly from 0 to 1, 1 excluded.

    Args:
        seed: `(2,)` int32.
        step, key: Scalar int32.

    Returns:
        Scalar float32.
    """
    return tf.random.stateless_uniform([], tf.random.fold_in(tf.random.fold_in(seed, step), key), alg="philox")
