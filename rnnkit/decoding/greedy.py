"""Greedy search: the most probable token at each step -> one hypothesis a sentence."""

import tensorflow as tf

from rnnkit.decoding.controls import PLAIN
from rnnkit.decoding.decoded import Decoded
from rnnkit.decoding.rows import write_rows


@tf.autograph.experimental.do_not_convert
def greedy(step, states, *, batch, steps, start, end, controls=PLAIN, prefix=None, shared=None) -> Decoded:
    """Writes the most probable token at each step, of equal ones the lowest id, until the end or the limit.

    Args:
        step: The step function, see `rnnkit.decoding`.
        states: Its states before step 0, a nest of tensors of `batch` rows.
        batch: Number of sentences, int or scalar int32.
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
        One hypothesis a sentence, `n` is 1. A sentence's answer doesn't depend on the others of the batch.

    Raises:
        ValueError: `steps` is an int below 1, or attention is counted where the step gives none.
    """

    def choose(logits, t, places):
        return tf.argmax(logits, axis=-1, output_type=tf.int32)

    how = {"start": start, "end": end, "controls": controls, "prefix": prefix, "shared": shared}
    return write_rows(choose, step, states, batch=batch, steps=steps, **how)
