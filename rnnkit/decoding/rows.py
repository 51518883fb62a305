"""The loop of the searches that keep one hypothesis a sentence: choose a token, step, until all have ended."""

import functools
from typing import Any, NamedTuple

import tensorflow as tf

from rnnkit.decoding.attended import along, attention_array, in_places, no_coverage, traced_shapes
from rnnkit.decoding.bounds import first_ids, forced, limits
from rnnkit.decoding.choices import choices
from rnnkit.decoding.controls import final_score
from rnnkit.decoding.decoded import Decoded
from rnnkit.decoding.loops import restored
from rnnkit.decoding.thinning import Sentences, looped, some_rows, thinned


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


def write_rows(choose, step, states, *, batch, steps, start, end, controls, prefix, shared):
    """Writes one hypothesis a sentence, each token by `choose`.

    Args:
        choose: Function of a step's allowed logits `(batch, vocabulary)`, not normalised, of the step, scalar int32,
            and of the rows' places among all sentences `(batch,)`, that gives the ids chosen, `(batch,)`.

    The other arguments and the answer are those of `greedy`.
    """
    limit, time = limits(steps, batch)
    must = () if prefix is None else forced(prefix, time)
    sentences = Sentences(tf.range(batch), limit, must, () if shared is None else (shared,))
    ids = first_ids(start, batch)
    _, shape = traced_shapes(step, ids, states, *sentences.shared)
    loop = looped(shared, batch)

    def over(now, sentences):
        return now.ended | (now.t >= sentences.limit)

    def body(now, sentences):
        logits, states, weights = step(now.ids, now.states, now.t, *sentences.shared)
        weights = None if shape is None else tf.cast(weights, tf.float32)
        chances = choices(logits, now.history, now.t, controls)
        ids = tf.cast(choose(chances.allowed, now.t, sentences.places), tf.int32)
        if prefix is not None:
            must = sentences.must[:, now.t]
            ids = tf.where(must > 0, must, ids)
        idle = over(now, sentences)
        ended = now.ended | (~idle & (ids == end))
        writes = ~idle & ~ended
        array = ()
        if shape is not None:
            every = in_places(weights, sentences.places, batch) if loop is thinned else weights
            array = now.weights.write(now.t, every)
        return Rows(
            t=now.t + 1,
            ids=ids,
            states=restored(states, now.states),
            history=tf.where(writes[:, None] & (tf.range(time) == now.t), ids[:, None], now.history),
            log_probability=now.log_probability + tf.where(idle, 0.0, chances.log_probabilities(ids)),
            lengths=now.lengths + tf.cast(writes, tf.int32),
            ended=ended,
            coverage=now.coverage + tf.where(idle[:, None], 0.0, weights) if controls.coverage_penalty else (),
            weights=array,
        )

    first = Rows(
        t=tf.constant(0),
        ids=ids,
        states=states,
        history=tf.zeros([batch, time], tf.int32),
        log_probability=tf.zeros([batch]),
        lengths=tf.zeros([batch], tf.int32),
        ended=tf.zeros([batch], tf.bool),
        coverage=no_coverage(shape, batch, controls),
        weights=attention_array(shape, time),
    )
    answers = functools.partial(found, controls=controls)
    (ids, lengths, scores), weights = loop(body, over, first, sentences, answers=answers, taken=taken)
    rows = tf.broadcast_to(tf.range(tf.shape(ids)[0])[:, None, None], tf.shape(ids))
    return Decoded(ids, lengths, scores, along(weights, rows, lengths))


def taken(now, going):
    """Gives the tuple of the rows of these numbers alone."""
    names = "ids", "states", "history", "log_probability", "lengths", "ended", "coverage"
    return now._replace(**some_rows(now, going, *names))


def found(now, sentences, controls):
    """Gives the ids, lengths and scores of `Decoded`, as far as they are written."""
    del sentences
    lengths = now.lengths[:, None]
    tokens = lengths + tf.cast(now.ended, tf.int32)[:, None]
    coverage = now.coverage[:, None] if controls.coverage_penalty else ()
    return now.history[:, None], lengths, final_score(now.log_probability[:, None], tokens, coverage, controls)
