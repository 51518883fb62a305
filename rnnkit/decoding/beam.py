"""Beam search: the most probable beginnings are kept and continued -> the best hypotheses of each sentence."""

import numbers
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from rnnkit.decoding.attended import along, attention_array, in_places, no_coverage, traced_shapes
from rnnkit.decoding.bounds import first_ids, forced, limits
from rnnkit.decoding.choices import choices
from rnnkit.decoding.controls import PLAIN, best_score, final_score
from rnnkit.decoding.decoded import Decoded
from rnnkit.decoding.loops import restored
from rnnkit.decoding.sizes import size
from rnnkit.decoding.thinning import Sentences, looped, some_rows, thinned


class Beam(NamedTuple):
    """What one step hands to the next: beginnings that go on, `live`, and hypotheses that ended, `kept`."""

    t: Any
    ids: Any
    """`(rows,)`, the token before, of row = sentence * width + hypothesis."""
    states: Any
    live: Any
    """`(batch, width)`, log P, falling; -inf where there is no such beginning."""
    traces: Any
    """Of each row `(rows, time)`: the tokens written; where there is attention, also the row that it was at each
    step, of the rows of all sentences."""
    coverage: Any
    """`(rows, source)`, attention that the source got; an empty nest where none is counted."""
    weights: Any
    """The array of all steps' attention; an empty nest where there is none."""
    scores: Any
    """`(batch, best)`, falling; -inf where none has ended yet."""
    lengths: Any
    kept: Any
    """Traces of the hypotheses that ended, `(batch, best, time)`."""
    ended: Any
    """`(batch,)`, how many have ended so far."""


@tf.autograph.experimental.do_not_convert
def beam_search(
    step, states, *, batch, width, best=1, steps, start, end, controls=PLAIN, prefix=None, shared=None
) -> Decoded:
    """Keeps the `width` most probable beginnings of each sentence, step by step.

    At each step the most probable continuations of all live beginnings are found. Those among the first `width`
    that write the end, or reach the limit, are finished and scored (see `Controls`); the first `width` of the
    others live on, so that the beam never shrinks. A sentence is done when no live beginning can beat the worst
    of its `best` finished ones: when that score is at least

        log P of the best live beginning / ((5 + limit) / 6) ** length_penalty

    for log P only falls, and no length penalty is milder than that at the limit. The answer is thus the one that
    going on to the limit would give. Tight limits make the bound tight, and the search short; `Controls.patience`
    ends it sooner.

    Args:
        step: The step function, see `rnnkit.decoding`.
        states: Its states before step 0, a nest of tensors of `batch` rows; each row is repeated `width` times here.
        batch: Number of sentences, int or scalar int32.
        width: Beginnings kept, int or scalar int32; 1 is greedy search.
        best: Hypotheses returned, int or scalar int32, at most `width`.
        steps: Most tokens, int, scalar int32 or `(batch,)` int32, one limit a sentence. A hypothesis that reaches
            it counts as ended there, without the end's probability.
        start: Id before the first token, int, scalar int32 or `(batch,)` int32.
        end: Id that ends a hypothesis.
        controls: What is favoured and what may not be written.
        prefix: `(batch, time)` int32, padded with 0 on the right: how each hypothesis begins. Its probability
            counts; it may hold what is banned or blocked, and is cut at the limit.
        shared: A nest of tensors `(batch, …)` that the step is given as a fourth argument. With it, even if empty,
            sentences that are done are left out of the next steps.

    Returns:
        `best` hypotheses a sentence. A sentence's answer doesn't depend on the others of the batch.

    Raises:
        ValueError: An int below 1, `best` above `width`, or attention is counted where the step gives none.
        tf.errors.InvalidArgumentError: The same of a tensor, when the graph runs.
    """
    width, best = checked(width, best)
    limit, time = limits(steps, batch)
    must = () if prefix is None else forced(prefix, time)
    sentences = Sentences(tf.range(batch), limit, must, () if shared is None else (shared,))
    loop = looped(shared, batch)
    begun, first = width, (first_ids(start, batch), states)
    ids, states = repeated(first, width)
    logits, shape = traced_shapes(step, ids, states, *sentences.shared)
    if loop is thinned:
        # All beginnings are the same at first, and one has ways enough to go on.
        begun = width if logits[-1] is None else tf.where(2 * width <= logits[-1], 1, width)
        ids, states = repeated(first, begun)
        # The rows of all sentences are kept, not those of a step.
        shape = None if shape is None else tf.TensorShape([None, shape[-1]])

    def done(beam, sentences):
        limit = sentences.limit
        over = (beam.t >= limit) | (beam.scores[:, -1] >= best_score(beam.live[:, 0], limit, controls))
        if not controls.patience:
            return over
        enough = tf.maximum(controls.patience * tf.cast(width, tf.float32), tf.cast(best, tf.float32))
        return over | (tf.cast(beam.ended, tf.float32) >= enough)

    def body(beam, sentences):
        logits, states, weights = step(beam.ids, beam.states, beam.t, *sentences.shared)
        weights = None if shape is None else tf.cast(weights, tf.float32)
        coverage = beam.coverage + weights if controls.coverage_penalty else ()
        chances = choices(logits, beam.traces[0], beam.t, controls)
        places = rows_of(sentences.places, size(beam.live, 1))
        found = continuations(chances, beam.live, None if prefix is None else sentences.must[:, beam.t], width)
        traces = traced(found, beam.traces, beam.t, end, places)
        # None that is done before its limit takes part where sentences are left out.
        idle = beam.t >= sentences.limit if loop is thinned else done(beam, sentences)
        ends = ((found.tokens == end) | (beam.t + 1 >= sentences.limit)[:, None]) & ~idle[:, None]
        live, order = tf.math.top_k(tf.where(found.tokens == end, -np.inf, found.scores), width)
        rows = in_rows(tf.gather(found.rows, order, batch_dims=1))
        if shape is not None:
            every = in_places(weights, places, batch * width) if loop is thinned else weights
            weights = beam.weights.write(beam.t, every)
        return Beam(
            t=beam.t + 1,
            ids=in_rows(tf.gather(found.tokens, order, batch_dims=1)),
            states=tf.nest.map_structure(lambda x: tf.gather(x, rows), restored(states, beam.states)),
            live=live,
            traces=tuple(in_rows(tf.gather(trace, order, batch_dims=1)) for trace in traces),
            coverage=tf.gather(coverage, rows) if controls.coverage_penalty else (),
            weights=() if shape is None else weights,
            **finished(beam, found, traces, ends, end, coverage, width, controls),
        )

    def answers(beam, sentences):
        return beam.kept, beam.lengths, beam.scores

    first = first_beam(batch, begun, best, time, limit, ids, states, shape, controls)
    (kept, lengths, scores), weights = loop(
        body, done, first, sentences, answers=answers, taken=lambda beam, going: taken(beam, going, width)
    )
    return Decoded(kept[0], lengths, scores, along(weights, kept[-1], lengths))


def first_beam(batch, width, best, time, limit, ids, states, shape, controls):
    """Gives the beam before step 0: of each sentence one beginning, and an ended one where nothing may be written."""
    traces = 1 if shape is None else 2
    empty = (tf.range(best) == 0) & (limit <= 0)[:, None]
    return Beam(
        t=tf.constant(0),
        ids=ids,
        states=states,
        live=tf.where(tf.range(width) == 0, 0.0, tf.fill([batch, width], -np.inf)),
        traces=tuple(tf.zeros([batch * width, time], tf.int32) for _ in range(traces)),
        coverage=no_coverage(shape, batch * width, controls),
        weights=attention_array(shape, time),
        scores=tf.where(empty, 0.0, -np.inf),
        lengths=tf.zeros([batch, best], tf.int32),
        kept=tuple(tf.zeros([batch, best, time], tf.int32) for _ in range(traces)),
        ended=tf.zeros([batch], tf.int32),
    )


def taken(beam, going, width):
    """Gives the beam of the sentences of these numbers alone."""
    rows = rows_of(going, width)
    return beam._replace(
        **some_rows(beam, rows, "ids", "states", "traces", "coverage"),
        **some_rows(beam, going, "live", "scores", "lengths", "kept", "ended"),
    )


class Continuations(NamedTuple):
    """The 2 width most probable ways to go on, falling; each `(batch, 2 width)`. At most half of them end."""

    scores: Any
    """log P."""
    rows: Any
    """The row of the beginning that is continued."""
    tokens: Any


def continuations(chances, live, forced_now, width):
    """Finds how the live beginnings, of log P `live` `(batch, begun)`, are best continued."""
    batch, begun = size(live, 0), size(live, 1)
    values, tokens = chances.largest(2 * width)
    count = size(values, 1)
    if forced_now is not None:
        token = tf.repeat(forced_now, begun)
        only = tf.where(tf.range(count) == 0, chances.log_probabilities(token)[:, None], -np.inf)
        free = (token == 0)[:, None]
        values, tokens = tf.where(free, values, only), tf.where(free, tokens, token[:, None])
    scores = tf.reshape(tf.reshape(live, [-1, 1]) + values, [batch, begun * count])
    scores, places = tf.math.top_k(scores, 2 * width)
    rows = tf.range(batch)[:, None] * begun + places // count
    return Continuations(scores, rows, tf.gather(tf.reshape(tokens, [batch, begun * count]), places, batch_dims=1))


def traced(found, traces, t, end, places):
    """Gives the traces of continuations, `(batch, 2 width, time)` each: those of their beginnings and this step.

    Args:
        places: `(rows,)`, which of the rows of all sentences each is.
    """
    here = tf.range(tf.shape(traces[0])[1]) == t
    now = tf.where(found.tokens == end, 0, found.tokens), tf.gather(places, found.rows)
    before = (tf.gather(trace, found.rows) for trace in traces)
    return [tf.where(here, step[..., None], trace) for step, trace in zip(now, before, strict=False)]


def finished(beam, found, traces, ends, end, coverage, width, controls):
    """Puts the first `width` continuations, so far as they end, among the hypotheses that ended before.

    Returns:
        The fields of `Beam` that tell of those, by name.
    """
    batch, best = size(beam.scores, 0), size(beam.scores, 1)
    if controls.coverage_penalty:
        coverage = tf.gather(coverage, found.rows[:, :width])
    tokens = tf.fill([batch, width], beam.t + 1)
    score = final_score(found.scores[:, :width], tokens, coverage, controls)
    score = tf.where(ends[:, :width], score, -np.inf)
    scores, order = tf.math.top_k(tf.concat([beam.scores, score], 1), best)

    def chosen(before, now):
        return tf.gather(tf.concat([before, now[:, :width]], 1), order, batch_dims=1)

    return {
        "scores": scores,
        "lengths": chosen(beam.lengths, beam.t + tf.cast(found.tokens != end, tf.int32)),
        "kept": tuple(chosen(before, now) for before, now in zip(beam.kept, traces, strict=True)),
        "ended": beam.ended + tf.math.count_nonzero(score > -np.inf, 1, dtype=tf.int32),
    }


def repeated(x, times):
    """Repeats each row of a nest."""
    return tf.nest.map_structure(lambda x: tf.repeat(x, times, axis=0), x)


def rows_of(sentences, width):
    """Gives the rows of sentences `(n,)`, `(n * width,)`."""
    return in_rows(sentences[:, None] * width + tf.range(width))


def in_rows(x):
    """Turns `(batch, width, ...)` into `(rows, ...)`."""
    return tf.reshape(x, tf.concat([[-1], tf.shape(x)[2:]], 0))


def checked(width, best):
    """Gives both as ints, or as tensors that are checked when the graph runs.

    Raises:
        ValueError: Of ints, one is below 1, or `best` is above `width`.
        tf.errors.InvalidArgumentError: The same of tensors.
    """
    if isinstance(width, numbers.Integral) and isinstance(best, numbers.Integral):
        if width < 1:
            raise ValueError(f"width must be at least 1. Got {width}.")
        if not 1 <= best <= width:
            raise ValueError(f"best must be from 1 to width, {width}. Got {best}.")
        return int(width), int(best)
    width, best = tf.cast(width, tf.int32), tf.cast(best, tf.int32)
    wide = tf.debugging.Assert(width >= 1, ["width must be at least 1. Got", width])
    within = tf.debugging.Assert((best >= 1) & (best <= width), ["best must be from 1 to width,", width, "Got", best])
    with tf.control_dependencies([check for check in (wide, within) if check is not None]):
        return tf.identity(width), tf.identity(best)
