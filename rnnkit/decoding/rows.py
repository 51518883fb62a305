"""The loop of the searches that keep one hypothesis a sentence: choose a token, step, until all have ended."""

from typing import Any, NamedTuple

import tensorflow as tf

from rnnkit.decoding.attended import along, attention_array, attention_shape, no_coverage
from rnnkit.decoding.bounds import first_ids, forced, limits
from rnnkit.decoding.choices import choices
from rnnkit.decoding.controls import final_score
from rnnkit.decoding.decoded import Decoded
from rnnkit.decoding.loops import repeat, restored


class Rows(NamedTuple):
    """What one step hands to the next; a row a sentence."""

    t: Any
    ids: Any
    states: Any
    history: Any
    """`(batch, time)`, tokens written, 0 where there are none."""
    log_probability: Any
    lengths: Any
    ended: Any
    """`(batch,)`, whether the end was written."""
    coverage: Any
    weights: Any


def write_rows(choose, step, states, *, batch, steps, start, end, controls, prefix):
    """Writes one hypothesis a sentence, each token by `choose`.

    Args:
        choose: Function of a step's allowed logits `(batch, vocabulary)`, not normalised, and of the step, scalar
            int32, that gives the ids chosen, `(batch,)`.

    The other arguments and the answer are those of `greedy`.
    """
    limit, time = limits(steps, batch)
    must = forced(prefix, time)
    ids = first_ids(start, batch)
    shape = attention_shape(step, ids, states)

    def going(now):
        return tf.reduce_any(~over(now))

    def over(now):
        return now.ended | (now.t >= limit)

    def body(now):
        logits, states, weights = step(now.ids, now.states, now.t)
        weights = None if shape is None else tf.cast(weights, tf.float32)
        chances = choices(logits, now.history, now.t, controls)
        ids = tf.cast(choose(chances.allowed, now.t), tf.int32)
        if must is not None:
            ids = tf.where(must[:, now.t] > 0, must[:, now.t], ids)
        idle = over(now)
        ended = now.ended | (~idle & (ids == end))
        writes = ~idle & ~ended
        return Rows(
            t=now.t + 1,
            ids=ids,
            states=restored(states, now.states),
            history=tf.where(writes[:, None] & (tf.range(time) == now.t), ids[:, None], now.history),
            log_probability=now.log_probability + tf.where(idle, 0.0, chances.log_probabilities(ids)),
            lengths=now.lengths + tf.cast(writes, tf.int32),
            ended=ended,
            coverage=now.coverage + tf.where(idle[:, None], 0.0, weights) if controls.coverage_penalty else (),
            weights=() if shape is None else now.weights.write(now.t, weights),
        )

    last = repeat(
        going,
        body,
        Rows(
            t=tf.constant(0),
            ids=ids,
            states=states,
            history=tf.zeros([batch, time], tf.int32),
            log_probability=tf.zeros([batch]),
            lengths=tf.zeros([batch], tf.int32),
            ended=tf.zeros([batch], tf.bool),
            coverage=no_coverage(shape, batch, controls),
            weights=attention_array(shape, time),
        ),
    )
    return decoded(last, controls)


def decoded(last, controls):
    """Gives the answer of `greedy` from what its last step left."""
    lengths = last.lengths[:, None]
    tokens = lengths + tf.cast(last.ended, tf.int32)[:, None]
    coverage = last.coverage[:, None] if controls.coverage_penalty else ()
    score = final_score(last.log_probability[:, None], tokens, coverage, controls)
    ids = last.history[:, None]
    rows = tf.broadcast_to(tf.range(tf.shape(ids)[0])[:, None, None], tf.shape(ids))
    return Decoded(ids, lengths, score, along(last.weights, rows, lengths))
