"""Balance of attention: how far, over all steps, the places of a memory are from being looked at once each."""

import tensorflow as tf

from rnnkit.layers.cpu.scan import Given, Products
from rnnkit.layers.decoder_step import DecoderStep


def unevenness(way: DecoderStep, after, given: Given, real, products: Products):
    """Looks again, with the states of all steps at once, and compares what each place got with 1.

    The doubly stochastic regulariser of Xu et al. (2015), section 4.2.1, https://arxiv.org/abs/1502.03044, as a mean.

    Args:
        way: What happens at a step; attention without coverage.
        after: Name -> `(steps, batch, …)`, the states after each step.
        given: Of the scan that gave them.
        real: `(batch, steps)` float32, 1 where a step counts.
        products: Of the scan.

    Returns:
        A scalar, the mean over places and rows of (1 - the sum of a place's weights) ** 2; a row without a step that
        counts is left out.
    """
    queries = {name: after[name] for level in range(way.depth) for name in way.names(level)[:1]}
    if way.looks_first:
        queries = {name: tf.concat([given.states[name][None], x[:-1]], 0) for name, x in queries.items()}
    rows = {name: side_by_side(x) for name, x in queries.items()}
    real_places = {"real": given.constant["real"]}
    _, weights = way.look(way.top(rows), None, given.fixed, real_places, products)
    weights = tf.reshape(weights, [tf.shape(real)[0], tf.shape(real)[1], tf.shape(weights)[1]])
    uneven = tf.reduce_mean(tf.square(1 - tf.reduce_sum(weights * tf.expand_dims(real, -1), 1)), 1)
    written = tf.reduce_max(real, 1)
    return tf.reduce_sum(uneven * written) / tf.maximum(tf.reduce_sum(written), 1)


def side_by_side(x):
    """Gives `(steps, batch, width)` as `(batch * steps, width)`: the steps of a row lie together."""
    return tf.reshape(tf.transpose(x, [1, 0, 2]), [-1, x.shape[-1]])
