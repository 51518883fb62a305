"""Cross-entropy of ids, straight from features: features (rows, units), a table of ids -> (rows,) in nats.

The logits in between are by far the largest tensor of a language model, so that they are read as seldom as can be,
and in a sampled softmax are only those of some ids.
"""

import keras
import tensorflow as tf


def logits_of(x, table, bias):
    """Returns logits `(rows, vocabulary)` float32 of `x (rows, units)` by `table (vocabulary, units)` and `bias`."""
    return tf.nn.bias_add(tf.cast(tf.matmul(x, table, transpose_b=True), tf.float32), bias)


def cross_entropy(x, table, bias, targets):
    """Returns `-log_softmax(logits)[target]`.

    Its gradient is written out: it takes the exponentials as the forward pass left them, and divides by their sums
    the rows of `x`, which are shorter. Measured on one core, 700 rows, 200 units, 10,000 ids, forward and backward:
    99 ms, where TensorFlow's kernel takes 121 and the three matrix products alone 83.

    Args:
        x: `(rows, units)`.
        table: `(vocabulary, units)`, of the type of `x`.
        bias: `(vocabulary,)` float32.
        targets: `(rows,)` int32, below `vocabulary`.

    Returns:
        `(rows,)` float32.
    """
    places = tf.stack([tf.range(tf.shape(targets)[0]), targets], 1)

    @tf.custom_gradient
    def losses(x, table, bias):
        logits = logits_of(x, table, bias)
        top = tf.reduce_max(logits, 1, keepdims=True)
        powers = tf.exp(logits - top)
        total = tf.reduce_sum(powers, 1)
        slope = tf.tensor_scatter_nd_sub(powers, places, total)
        scale = 1 / total
        if x.dtype != tf.float32:  # A total may be above 65,504, where float16 ends.
            slope, scale = slope * scale[:, None], tf.ones_like(scale)

        def gradient(upstream):
            scaled = upstream * scale
            rows, narrow = tf.cast(scaled[:, None], x.dtype), tf.cast(slope, x.dtype)
            by_x = rows * tf.matmul(narrow, table)
            by_table = tf.matmul(narrow, rows * x, transpose_a=True)
            return by_x, by_table, tf.squeeze(tf.matmul(scaled[None], slope), 0)

        return tf.math.log(total) + tf.squeeze(top, 1) - tf.gather_nd(logits, places), gradient

    return losses(x, table, bias)


def sampled_cross_entropy(x, table, bias, targets, drawn):
    """Returns the cross-entropy among the target and a few drawn ids, all weighed by how seldom they are drawn.

    It is what `tf.nn.sampled_softmax_loss` computes of the same draw, accidental hits removed, with one look-up.
    A model that gives ids their true probabilities is where it is lowest, as it is for the whole softmax; its value
    is below that of the whole. Jean et al. (2015), https://arxiv.org/abs/1412.2007.

    Args:
        x, table, bias, targets: As for `cross_entropy`.
        drawn: Of `drawn_ids`.

    Returns:
        `(rows,)` float32.
    """
    ids, expected = drawn
    rows, both = tf.shape(targets)[0], tf.concat([targets, ids], 0)
    vectors = tf.gather(table, both)
    corrections = tf.gather(bias, both) - tf.math.log(tf.gather(expected, both))
    own = tf.cast(tf.reduce_sum(x * vectors[:rows], 1), tf.float32) + corrections[:rows]
    others = logits_of(x, vectors[rows:], corrections[rows:])
    others = tf.where(targets[:, None] == ids[None], others.dtype.min, others)
    return tf.reduce_logsumexp(tf.concat([own[:, None], others], 1), 1) - own


def drawn_ids(vocabulary, samples, seed):
    """Draws different ids, low ones oftener, as frequent ones are where ids are sorted by frequency.

    Draws of id k, at the rate log(1 + 1 / (k + 1)) as in `tf.random.log_uniform_candidate_sampler`, come as a
    Poisson process each; the ids whose first draw comes soonest are taken. An id is among them when its first draw
    comes before that of the first one left out, which is how its chance is known exactly, and sums of
    `f(id) / chance` are right on average (Kool et al. 2019, section 4.3, https://arxiv.org/abs/1903.06059).

    Args:
        vocabulary: Number of ids.
        samples: How many to draw, fewer than there are.
        seed: A `keras.random.SeedGenerator`.

    Returns:
        Ids `(samples,)` int32, and of every id the chance to be among them, `(vocabulary,)` float32.
    """
    places = tf.range(vocabulary, dtype=tf.float32)
    rates = tf.math.log1p(1 / (places + 1))
    waits = -tf.math.log1p(-keras.random.uniform((vocabulary,), seed=seed, dtype="float32")) / rates
    soonest, ids = tf.math.top_k(-waits, samples + 1)
    # A chance of 0 would have an infinite logarithm, and waits of 0 are drawn once in a while.
    chances = tf.maximum(-tf.math.expm1(rates * soonest[samples]), 1e-30)
    return ids[:samples], chances
