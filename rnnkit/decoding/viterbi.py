"""Viterbi: log potentials of a linear chain -> its best paths, and how likely each of their steps is.

Forney (1973), https://doi.org/10.1109/PROC.1973.9030; the n best as in Seshadri & Sundberg (1994),
https://doi.org/10.1109/26.275299.
"""

import tensorflow as tf

from rnnkit.layers.crf import beginning, carried, chances, time_first


def viterbi(potentials, mask=None):
    """Finds the best path.

    Args:
        potentials: `(batch, time, tags, tags)`, of `rnnkit.layers.CRF`.
        mask: `(batch, time)` booleans; None where all steps are real.

    Returns:
        Tags `(batch, time)` int32, 0 at masked steps, and the log potential of the path `(batch,)`. Of equal paths
        the one whose tags come first.
    """
    steps, real, time = time_first(potentials, mask)
    count = potentials.shape[-1]
    origins = tf.TensorArray(tf.int32, size=time, element_shape=[potentials.shape[0], count])
    stay = tf.range(count)[None]

    def forward(t, best, origins):
        ways = tf.expand_dims(best, 2) + steps[t]
        origin = tf.argmax(ways, 1, output_type=tf.int32)
        origin = origin if real is None else tf.where(real[t], origin, stay)
        return t + 1, carried(real, t, tf.reduce_max(ways, 1), best), origins.write(t, origin)

    start = 0, beginning(potentials), origins
    _, best, origins = tf.while_loop(lambda t, *_: t < time, forward, start, maximum_iterations=time)
    last = tf.argmax(best, 1, output_type=tf.int32)
    origins = origins.stack()
    path = tf.TensorArray(tf.int32, size=time, element_shape=[potentials.shape[0]])

    def backward(t, tag, path):
        before = tf.gather(origins[t], tag, batch_dims=1)
        before.set_shape(tag.shape)
        return t - 1, before, path.write(t, tag)

    _, _, path = tf.while_loop(lambda t, *_: t >= 0, backward, (time - 1, last, path), maximum_iterations=time)
    tags = tf.transpose(path.stack())
    return tags if real is None else tf.where(mask, tags, 0), tf.reduce_max(best, 1)


def n_best(potentials, count: int, mask=None):
    """Finds the best paths, best first.

    Args:
        potentials, mask: As for `viterbi`.
        count: How many, at least 1.

    Returns:
        Tags `(batch, count, time)` int32, 0 at masked steps, and log potentials `(batch, count)`. Where there are fewer
        paths, or fewer that are allowed, the rest have the score -inf or near `NEVER`.

    Raises:
        ValueError: `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1. Got {count}.")
    steps, real, time = time_first(potentials, mask)
    real = None if real is None else tf.expand_dims(real, 3)
    tags = potentials.shape[-1]
    rows = tf.shape(potentials)[0]
    # Of each tag the `count` best ways to it: (batch, tags, count).
    first = tf.concat([beginning(potentials)[:, :, None], tf.fill([rows, tags, count - 1], -float("inf"))], 2)
    origins = tf.TensorArray(tf.int32, size=time, element_shape=[potentials.shape[0], tags, count])
    stay = tf.reshape(tf.range(tags * count), [1, tags, count])

    def forward(t, best, origins):
        # Each way to a tag, (batch, to, from, count), in a row.
        ways = best[:, None] + tf.transpose(steps[t], [0, 2, 1])[..., None]
        ways = tf.reshape(ways, [-1, tags, tags * count])
        now, origin = tf.math.top_k(ways, count)
        origin = origin if real is None else tf.where(real[t], origin, stay)
        return t + 1, carried(real, t, now, best), origins.write(t, origin)

    start = 0, first, origins
    _, best, origins = tf.while_loop(lambda t, *_: t < time, forward, start, maximum_iterations=time)
    scores, last = tf.math.top_k(tf.reshape(best, [-1, tags * count]), count)
    origins = tf.reshape(origins.stack(), [time, -1, tags * count])
    path = tf.TensorArray(tf.int32, size=time, element_shape=[potentials.shape[0], count])

    def backward(t, place, path):
        before = tf.gather(origins[t], place, batch_dims=1)
        before.set_shape(place.shape)
        return t - 1, before, path.write(t, place // count)

    _, _, path = tf.while_loop(lambda t, *_: t >= 0, backward, (time - 1, last, path), maximum_iterations=time)
    found = tf.transpose(path.stack(), [1, 2, 0])
    return found if real is None else tf.where(mask[:, None], found, 0), scores


def marginals(potentials, mask=None):
    """Computes how likely each tag and each move is.

    Args:
        potentials, mask: As for `viterbi`.

    Returns:
        Of tags `(batch, time, tags)`, and of moves `(batch, time, tags, tags)`, from the tag before; 0 at masked steps.
    """
    moves = chances(potentials, mask)
    return tf.reduce_sum(moves, 2), moves


def run_probability(tags, single, moves, starts, stops):
    """Computes how likely it is that a path has exactly given tags over stretches of steps.

    Of a chain that is a product: of the first tag's probability and of each move's, given the tag before. No step
    inside a stretch may be masked.

    Args:
        tags: `(batch, time)`, the path.
        single, moves: Of `marginals`.
        starts, stops: `(n, 2)` int32 pairs of row and step: the first and the last step of each stretch.

    Returns:
        `(n,)`.
    """
    count = single.shape[-1]
    before = tf.pad(tags[:, :-1], [[0, 0], [1, 0]])
    of_tag = tf.gather(single, tags, batch_dims=2)
    flat = tf.reshape(moves, [tf.shape(moves)[0], tf.shape(moves)[1], count * count])
    of_move = tf.gather(flat, before * count + tags, batch_dims=2)
    given = tf.pad(of_tag[:, :-1], [[0, 0], [1, 0]], constant_values=1.0)
    logs = tf.math.log(tf.maximum(of_move, LEAST)) - tf.math.log(tf.maximum(given, LEAST))
    sums = tf.cumsum(logs, 1)
    first = tf.gather_nd(of_tag, starts)
    return first * tf.exp(tf.minimum(tf.gather_nd(sums, stops) - tf.gather_nd(sums, starts), 0.0))


LEAST = 1e-30
"""Below which a probability is not looked at."""
