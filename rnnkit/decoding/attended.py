"""Attention over a search: the weights of each step kept once, read back along the rows that were taken."""

import tensorflow as tf


def traced_shapes(step, ids, states, *shared):
    """Gives the static shapes of the step's logits, and of its weights or None: learnt by tracing it once."""
    answer = tf.function(lambda *given: step(*given, *shared), autograph=False).get_concrete_function(
        spec_of(ids), tf.nest.map_structure(spec_of, states), tf.TensorSpec([], tf.int32)
    )
    logits, _, weights = answer.structured_outputs
    return logits.shape, None if weights is None else weights.shape


def spec_of(x):
    return tf.TensorSpec(x.shape, x.dtype)


def attention_array(shape, time):
    """Makes the array of `time` steps' weights, each `(rows, source)`; an empty nest where there are none."""
    return () if shape is None else tf.TensorArray(tf.float32, size=time, element_shape=shape)


def in_places(weights, rows, count):
    """Puts the weights of some rows in their places among `count`, the others 0."""
    return tf.scatter_nd(rows[:, None], weights, [count, tf.shape(weights)[-1]])


def no_coverage(shape, rows, controls):
    """Gives the attention that the source got before step 0; an empty nest where the controls count none.

    Raises:
        ValueError: They count it, and the step gives no weights.
    """
    if not controls.coverage_penalty:
        return ()
    if shape is None:
        raise ValueError(
            f"coverage_penalty counts attention, and this step gives no weights. Got {controls.coverage_penalty}. "
            "Leave it at 0, or let the step give its weights."
        )
    # One zero stands for all positions where their number is known only when the first weights are added.
    return tf.zeros([rows, shape[-1] or 1])


def along(array, rows, lengths):
    """Reads the weights by which each token of each hypothesis was chosen.

    Args:
        array: Of `attention_array`, written at least at step 0.
        rows: `(batch, n, time)`, the row that was the hypothesis at each step.
        lengths: `(batch, n)`, its tokens.

    Returns:
        `(batch, n, time, source)`, 0 past the last token; None of an array that is an empty nest.
    """
    if isinstance(array, tuple):
        return None
    weights = array.stack()  # (time, rows, source); 0 at steps that the search didn't need
    steps = tf.range(tf.shape(rows)[-1])
    places = tf.stack([tf.broadcast_to(steps, tf.shape(rows)), rows], axis=-1)
    return tf.where((steps < lengths[..., None])[..., None], tf.gather_nd(weights, places), 0.0)
