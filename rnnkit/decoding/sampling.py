"""Sampling: tokens drawn by their probabilities -> one hypothesis a sentence, the same for the same seed."""

import numbers

import numpy as np
import tensorflow as tf

from rnnkit.decoding.controls import PLAIN
from rnnkit.decoding.decoded import Decoded
from rnnkit.decoding.largest import largest
from rnnkit.decoding.rows import write_rows

TINY = 1e-30
"""Temperature in place of 0: all chances but the highest become 0."""

LOWEST, HALVINGS = -104.0, 30
"""A logit whose exponential is 0, and how often the interval from there to 0 is halved: to a ten-millionth."""


@tf.autograph.experimental.do_not_convert
def sample(
    step,
    states,
    *,
    batch,
    steps,
    start,
    end,
    temperature=1.0,
    top_k=0,
    top_p=1.0,
    seed,
    controls=PLAIN,
    prefix=None,
    shared=None,
) -> Decoded:
    """Draws each token from the probabilities that are left when the rare ones are cut off.

    Args:
        temperature: Number or scalar float32 from 0; logits are divided by it. 0 takes the most probable token,
            drawn where several are equally so.
        top_k: Int or scalar int32: only so many of the most probable tokens are drawn, and those as probable as
            the last of them; 0 for all. Fan et al. (2018), section 5.3, https://arxiv.org/abs/1805.04833.
        top_p: Number or scalar float32 above 0, at most 1: of what `top_k` leaves, only the fewest tokens whose
            probabilities sum to it are drawn, and those as probable as the last of them.
            Holtzman et al. (2020), https://arxiv.org/abs/1904.09751.
        seed: `(2,)` int32. A sentence's draws depend on it and on the sentence's place in the batch alone.

    The other arguments and the answer are those of `greedy`; scores are those of the model, as if temperature were
    1 and nothing cut off.

    Raises:
        ValueError: As `greedy`; or a Python number out of its range.
    """
    check_ranges(temperature, top_k, top_p)

    def choose(logits, t, places):
        draw = tf.random.stateless_uniform([batch], tf.random.fold_in(seed, t), alg="philox")
        return drawn(logits, tf.gather(draw, places), temperature, top_k, top_p)

    how = {"start": start, "end": end, "controls": controls, "prefix": prefix, "shared": shared}
    return write_rows(choose, step, states, batch=batch, steps=steps, **how)


def is_number(value):
    """Says whether Python knows the value: a tensor's isn't known yet."""
    return isinstance(value, numbers.Real)


def check_ranges(temperature, top_k, top_p):
    """Raises ValueError for a Python number out of its range."""
    if is_number(temperature) and not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature must be at least 0. Got {temperature}.")
    if is_number(top_k) and top_k < 0:
        raise ValueError(f"top_k must be at least 0; 0 for all tokens. Got {top_k}.")
    if is_number(top_p) and not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1. Got {top_p}.")


def drawn(logits, draw, temperature, top_k, top_p):
    """Draws one id a row.

    Args:
        logits: `(rows, vocabulary)`, -inf where a token may not be drawn.
        draw: `(rows,)`, uniform from 0 to 1, 1 excluded.

    Returns:
        `(rows,)` int32.
    """
    highest = tf.reduce_max(logits, axis=-1, keepdims=True)
    scaled = (logits - highest) / tf.maximum(tf.cast(temperature, tf.float32), TINY)
    scaled = highest_alone(scaled, top_k)
    return place_of(draw, tf.exp(nucleus_alone(scaled, top_p)))


def highest_alone(logits, top_k):
    """Puts -inf below the `top_k` highest of each row, or nowhere if it is 0."""
    if is_number(top_k) and top_k == 0:
        return logits
    lowest = largest(logits, tf.clip_by_value(top_k, 1, tf.shape(logits)[-1]))[0][:, -1:]
    return tf.where((logits >= lowest) | tf.equal(top_k, 0), logits, -np.inf)


def nucleus_alone(logits, top_p):
    """Puts -inf below the highest logits of each row that make up `top_p` of its probability, or nowhere if it is 1.

    Finds the lowest logit that stays by halving an interval: sorting a vocabulary takes ten times as long.

    Args:
        logits: `(rows, vocabulary)`, the highest of each row 0.
    """
    if is_number(top_p) and top_p == 1:
        return logits
    top_p = tf.cast(top_p, tf.float32)
    chances = tf.exp(logits)
    enough = top_p * tf.reduce_sum(chances, axis=-1, keepdims=True)

    def halve(turn, low, high):
        middle = (low + high) / 2
        mass = tf.reduce_sum(tf.where(logits >= middle, chances, 0.0), axis=-1, keepdims=True)
        return turn + 1, tf.where(mass >= enough, middle, low), tf.where(mass >= enough, high, middle)

    high = tf.zeros_like(enough)
    turns = tf.where(top_p < 1, HALVINGS, 0)
    _, low, _ = tf.while_loop(lambda turn, *_: turn < turns, halve, [0, high + LOWEST, high])
    return tf.where(logits >= low, logits, -np.inf)


def place_of(draw, chances):
    """Finds the place at which the running sum of chances, which needn't sum to 1, passes the draw; `(rows,)`."""
    possible = chances > 0
    # A parallel sum may fall a little from one place to the next: the highest is the total, and 0 is never drawn.
    sums = tf.cumsum(chances, axis=-1)
    total = tf.reduce_max(tf.where(possible, sums, 0.0), axis=-1, keepdims=True)
    return tf.argmax(tf.cast(possible & (sums > draw[:, None] * total), tf.int32), axis=-1, output_type=tf.int32)
