"""Choices of a step: logits -> those a token may be chosen by, with their normaliser."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from rnnkit.decoding.largest import largest
from rnnkit.decoding.sizes import least, size


class Choices(NamedTuple):
    """One step's logits, as the controls leave them; log probabilities are the logits less the normaliser."""

    logits: tf.Tensor
    """`(rows, vocabulary)` float32, of every token, repetition penalised."""
    unblocked: tf.Tensor
    """The same, -inf where a token is blocked."""
    banned: tuple[int, ...]
    """Ids never chosen."""
    normaliser: tf.Tensor
    """`(rows,)`, the logarithm of the sum of exponentials of `logits`."""

    @property
    def allowed(self):
        """The logits, -inf where a token is banned or blocked."""
        every = tf.range(tf.shape(self.logits)[-1])
        return tf.where(are_banned(every, self.banned), -np.inf, self.unblocked) if self.banned else self.unblocked

    def largest(self, count):
        """Finds the most probable tokens allowed: at least `count` a row, where the vocabulary has them.

        Returns:
            Log probabilities `(rows, n)`, -inf of some that are banned, and the tokens.
        """
        # Looking at so many more costs less than a pass over the vocabulary that bans them.
        values, tokens = largest(self.unblocked, least(count + len(self.banned), size(self.logits, 1)))
        if self.banned:
            values = tf.where(are_banned(tokens, self.banned), -np.inf, values)
        return values - self.normaliser[:, None], tokens

    def log_probabilities(self, ids):
        """Gives those of one id a row, `(rows,)`, allowed or not."""
        return tf.gather(self.logits, ids, batch_dims=1) - self.normaliser


def choices(logits, history, t, controls):
    """Applies the controls to one step's logits.

    Args:
        logits: `(rows, vocabulary)`.
        history: `(rows, time)`, tokens written, those before step `t`.
        t: Scalar, the step.
    """
    logits = tf.cast(logits, tf.float32)
    if controls.repetition_penalty != 1:
        logits = less_repeated(logits, history, t, controls.repetition_penalty)
    unblocked = logits
    if controls.blocked_ngram:
        unblocked = without_ngrams(logits, history, t, controls.blocked_ngram)
    return Choices(logits, unblocked, controls.banned, tf.reduce_logsumexp(logits, axis=-1))


def are_banned(ids, banned):
    """Says of each id whether it is among the banned ones."""
    return tf.reduce_any(ids[..., None] == tf.constant(banned, tf.int32), axis=-1)


def less_repeated(logits, history, t, penalty):
    """Divides the logits of tokens written by the penalty, multiplies the negative ones; each token once."""
    written = tf.broadcast_to(tf.range(tf.shape(history)[1]) < t, tf.shape(history))
    penalised = tf.where(logits > 0, logits / penalty, logits * penalty)
    return tf.where(standing_in(history, written, logits), penalised, logits)


def without_ngrams(logits, history, t, size):
    """Puts -inf at every token that would complete a sequence of `size` tokens a second time."""
    last = tf.range(tf.shape(history)[1])
    repeats = tf.broadcast_to((last >= size - 1) & (last < t), tf.shape(history))
    for back in range(1, size):
        now = tf.gather(history, tf.maximum(t - back, 0), axis=1)[:, None]
        repeats &= tf.roll(history, back, axis=1) == now
    return tf.where(standing_in(history, repeats, logits), -np.inf, logits)


def standing_in(history, counted, logits):
    """Says of each id whether it stands in a row of the history, at a place that counts; as large as the logits."""
    rows = tf.broadcast_to(tf.range(tf.shape(history)[0])[:, None], tf.shape(history))
    # A sum, for scattering the same place twice is an addition in TFLite, whatever TensorFlow's operation is.
    return tf.scatter_nd(tf.stack([rows, history], -1), tf.cast(counted, tf.float32), tf.shape(logits)) > 0
