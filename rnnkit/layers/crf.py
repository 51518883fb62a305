"""CRF: emissions of each step -> log potentials of a linear chain, its log-likelihood, and that as a Keras loss.

emissions (batch, time, tags) -> CRF -> potentials (batch, time, tags from, tags to) -> CRFLoss, or rnnkit.decoding

The potentials hold all there is to know of a chain, so that a model whose last layer is `CRF` compiles with `CRFLoss`
like any other, and needs no training step of its own. Lafferty, McCallum & Pereira (2001), https://repository.upenn.edu/cis_papers/159.
"""

import functools

import keras
import numpy as np
import tensorflow as tf

from rnnkit.layers.cpu import choice

NEVER = -1e4
"""Log potential of a forbidden move: its exponential is 0 in float32, and sums of many are finite."""


@keras.saving.register_keras_serializable(package="rnnkit")
class CRF(keras.layers.Layer):
    """Adds to emissions what moves from tag to tag weigh, the first and the last tag too.

    `emissions (batch, time, tags) -> log potentials (batch, time, tags, tags)` float32, from the tag before to the
    tag of the step. The first real step has the weight of beginning in all rows of its matrix, for nothing is
    before it; the last one has that of ending on top. Steps masked by the layer's mask, wherever they stand, are
    left out of the chain.

    Args:
        allowed: `(tags + 1, tags + 1)` booleans, from row to column; the last row says which tags may begin, the last
            column which may end, and the corner means nothing. None allows all moves. A forbidden move has
            the log potential `NEVER` whatever is learnt, so that it is part of no sum and is never decoded.
        regularizer: Of the transition weights.

    Raises:
        ValueError: `allowed` is no square, fits not the emissions, or leaves no way through.
    """

    def __init__(self, allowed=None, *, regularizer=None, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.allowed = None if allowed is None else checked_moves(allowed)
        self.regularizer = keras.regularizers.get(regularizer)

    def build(self, shape):
        tags = shape[-1]
        if tags is None:
            raise ValueError(f"Emissions must have as many features as there are tags. Got the shape {shape}.")
        if self.allowed is not None and len(self.allowed) != tags + 1:
            raise ValueError(
                f"allowed must be of {tags + 1} rows and columns for {tags} tags, the last ones for the beginning and "
                f"the end. Got {len(self.allowed)}."
            )
        named = {"initializer": "zeros", "regularizer": self.regularizer, "dtype": "float32"}
        self.transitions = self.add_weight(shape=(tags, tags), name="transitions", **named)
        self.begin = self.add_weight(shape=(tags,), name="begin", **named)
        self.end = self.add_weight(shape=(tags,), name="end", **named)

    def moves(self):
        """Returns the log potentials of moves `(tags, tags)`, of beginning and of ending `(tags,)`."""
        learnt = [tf.cast(weight, tf.float32) for weight in (self.transitions, self.begin, self.end)]
        if self.allowed is None:
            return learnt
        parts = self.allowed[:-1, :-1], self.allowed[-1, :-1], self.allowed[:-1, -1]
        return [tf.where(part, weight, NEVER) for part, weight in zip(parts, learnt, strict=True)]

    def call(self, emissions, mask=None):
        emissions = tf.cast(emissions, tf.float32)
        moves, begin, end = self.moves()
        first, last = ends_of(emissions, mask)
        before = tf.where(tf.expand_dims(first, -1), begin, moves)
        potentials = before + tf.expand_dims(emissions + tf.where(last, end, 0.0), 2)
        # Broadcasting loses sight of sizes.
        potentials.set_shape((*emissions.shape[:2], *self.transitions.shape))
        return potentials

    def compute_mask(self, emissions, mask=None):
        # A loss of rows has no use for a mask of steps: the targets tell which are real.
        return None

    def compute_output_spec(self, emissions, mask=None):
        return keras.KerasTensor((*emissions.shape, emissions.shape[-1]), "float32")

    def get_config(self):
        allowed = None if self.allowed is None else self.allowed.astype(int).tolist()
        regularizer = keras.regularizers.serialize(self.regularizer) if self.regularizer else None
        return {**super().get_config(), "allowed": allowed, "regularizer": regularizer}


def checked_moves(allowed) -> np.ndarray:
    """Returns moves as a square of booleans.

    Raises:
        ValueError: It is no square, or no chain can begin, go on or end by them.
    """
    allowed = np.asarray(allowed)
    if allowed.ndim != 2 or allowed.shape[0] != allowed.shape[1] or len(allowed) < 2:
        raise ValueError(f"allowed must be a square of tags + 1 rows and columns. Got the shape {allowed.shape}.")
    allowed = allowed.astype(bool)
    if not (allowed[-1, :-1] & allowed[:-1, -1]).any():
        raise ValueError("allowed must let one tag at least both begin and end, or a text of one step has no tags.")
    return allowed


def ends_of(emissions, mask):
    """Says of each step, `(batch, time, 1)`, whether it is its row's first, and its last, real one."""
    if mask is None:
        time = tf.shape(emissions)[1]
        places = tf.reshape(tf.range(time), [1, -1, 1])
        return places == 0, places == time - 1
    mask = tf.expand_dims(mask, 2)
    count = tf.cast(mask, tf.int32)
    return mask & (tf.cumsum(count, 1) == 1), mask & (tf.cumsum(count, 1, reverse=True) == 1)


def path_score(potentials, tags, mask=None):
    """Adds up the log potentials along given paths.

    Args:
        potentials: `(batch, time, tags, tags)`, of `CRF`.
        tags: `(batch, time)` integers from 0; those of masked steps mean nothing.
        mask: `(batch, time)` booleans; None where all steps are real.

    Returns:
        `(batch,)`.
    """
    tags, count = tf.cast(tags, tf.int32), potentials.shape[-1]
    real = tf.ones_like(tags, tf.bool) if mask is None else tf.cast(mask, tf.bool)
    # The tag of the real step before; of the first one it doesn't matter, and is 0.
    places = tf.where(real, tf.range(tf.shape(tags)[1])[None], -1)
    before = tf.pad(tf.scan(tf.maximum, tf.transpose(places)), [[1, 0], [0, 0]], constant_values=-1)[:-1]
    before = tf.transpose(before)
    previous = tf.where(before >= 0, tf.gather(tags, tf.maximum(before, 0), batch_dims=1), 0)
    flat = tf.reshape(potentials, [*_sizes(potentials)[:2], count * count])
    chosen = tf.gather(flat, tf.clip_by_value(previous * count + tags, 0, count * count - 1), batch_dims=2)
    return tf.reduce_sum(tf.where(real, chosen, 0.0), 1)


def _sizes(x):
    known, dynamic = x.shape, tf.shape(x)
    return [dynamic[axis] if size is None else size for axis, size in enumerate(known)]


def log_partition(potentials, mask=None):
    """Adds up, in log space, all paths there are; its gradient is the chance of each move.

    Args:
        potentials: `(batch, time, tags, tags)`.
        mask: `(batch, time)` booleans; None where all steps are real.

    Returns:
        `(batch,)`; 0 for a row without a real step.
    """
    mask = None if mask is None else tf.cast(mask, tf.bool)
    batch, time, count = potentials.shape[:3]
    loop = choice.chosen("auto", training=True, batch=batch, time=time, units=count)
    forward, backward = _compiled(count) if loop in ("xla", "halves") else (_forward, _backward)

    @tf.custom_gradient
    def total(potentials):
        alphas, whole = forward(tf.stop_gradient(potentials), mask)

        def gradient(upstream):
            moves = backward(tf.stop_gradient(potentials), mask, alphas)
            return tf.reshape(upstream, [-1, 1, 1, 1]) * moves

        return whole, gradient

    return total(potentials)


def log_likelihood(potentials, tags, mask=None):
    """Returns the log probability of given paths, `(batch,)`; arguments as for `path_score`."""
    return path_score(potentials, tags, mask) - log_partition(potentials, mask)


def chances(potentials, mask=None):
    """Returns the probability of each move, `(batch, time, tags, tags)`, 0 at masked steps.

    Summed over the tags before, they are those of each step's tags. At the first real step all of it lies in row 0.
    """
    mask = None if mask is None else tf.cast(mask, tf.bool)
    alphas, _ = _forward(potentials, mask)
    return _backward(potentials, mask, alphas)


def beginning(potentials):
    """Returns the log weights before the first step, `(batch, tags)`: a chain begins in tag 0, for lack of another."""
    batch, count = tf.shape(potentials)[0], potentials.shape[-1]
    row = tf.constant([[0.0] + [NEVER] * (count - 1)])
    return row if potentials.shape[0] == 1 else tf.tile(row, [batch, 1])


def time_first(potentials, mask):
    """Gives potentials with the time first, the mask as `(time, batch, 1)` or None, and the number of steps."""
    steps = tf.transpose(potentials, [1, 0, 2, 3])
    real = None if mask is None else tf.expand_dims(tf.transpose(tf.cast(mask, tf.bool)), 2)
    return steps, real, tf.shape(potentials)[1]


def carried(real, t, now, before):
    """Gives what a step made, or at a masked one what was there before, and tells the graph that it has its shape."""
    now.set_shape(before.shape)
    return now if real is None else tf.where(real[t], now, before)


def lowered(x):
    """Gives `(batch, tags)` less its rows' largest, and these, `(batch, 1)`."""
    top = tf.reduce_max(x, 1, keepdims=True)
    return x - top, top


def _array(potentials, time):
    return tf.TensorArray(tf.float32, size=time, element_shape=[potentials.shape[0], potentials.shape[-1]])


def _forward(potentials, mask):
    """Gives the log weights of all ways up to each step, that step not included, `(time, batch, tags)`; and in all.

    Those of a step are less by their largest: small numbers stay exact, however long the text.
    """
    steps, real, time = time_first(potentials, mask)

    def body(t, alpha, level, before):
        now, risen = lowered(tf.reduce_logsumexp(tf.expand_dims(alpha, 2) + steps[t], 1))
        level = carried(real, t, level + risen, level)
        return t + 1, carried(real, t, now, alpha), level, before.write(t, alpha)

    first = beginning(potentials)
    start = 0, first, tf.zeros_like(first[:, :1]), _array(potentials, time)
    _, alpha, level, before = tf.while_loop(lambda t, *_: t < time, body, start, maximum_iterations=time)
    return before.stack(), tf.reduce_logsumexp(alpha, 1) + level[:, 0]


def _backward(potentials, mask, alphas):
    """Gives the probability of each move, `(batch, time, tags, tags)`."""
    steps, real, time = time_first(potentials, mask)

    def body(t, beta, after):
        now, _ = lowered(tf.reduce_logsumexp(steps[t] + tf.expand_dims(beta, 1), 2))
        return t - 1, carried(real, t, now, beta), after.write(t, beta)

    start = time - 1, tf.zeros_like(beginning(potentials)), _array(potentials, time)
    _, _, after = tf.while_loop(lambda t, *_: t >= 0, body, start, maximum_iterations=time)
    logs = tf.expand_dims(alphas, 3) + tf.expand_dims(after.stack(), 2) + steps
    shares = tf.exp(logs - tf.reduce_logsumexp(logs, [2, 3], keepdims=True))
    shares = shares if real is None else tf.where(tf.expand_dims(real, 3), shares, 0.0)
    return tf.transpose(shares, [1, 0, 2, 3])


@functools.cache
def _compiled(count):
    """Returns both ways under XLA; for so many tags, whose number must stay known where shapes differ."""
    del count
    ways = _forward, _backward
    return tuple(tf.function(way, jit_compile=True, reduce_retracing=True, autograph=False) for way in ways)


@keras.saving.register_keras_serializable(package="rnnkit")
class CRFLoss(keras.losses.Loss):
    """Negative log-likelihood: `targets (batch, time)`, `potentials (batch, time, tags, tags)` -> `(batch,)`.

    Args:
        padding: Target of the steps that are left out; those of the others count from the number after it.
    """

    def __init__(self, padding=-1, *, name="crf_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.padding = padding

    def call(self, targets, potentials):
        targets = tf.cast(targets, tf.int32)
        tags = targets - (self.padding + 1)
        return -log_likelihood(tf.cast(potentials, tf.float32), tags, targets != self.padding)

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}
