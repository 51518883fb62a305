"""The loop under every search: one nest of tensors, changed until there is no need to go on."""

import tensorflow as tf


def repeat(going, body, first, shapes=None):
    """Changes a named tuple by `body` while `going` says so, and at least once.

    At least once, so that arrays of attention have their sizes even where no token may be written.

    Args:
        going: Function of the tuple that gives a scalar boolean.
        body: Function of the tuple that gives the next one.
        first: The tuple to begin with; it has `t`, the step, 0, and `coverage`, whose source axis may still grow
            at the first step.
        shapes: The static shapes that stay; None for all of the first, save of the coverage.
    """
    if shapes is None:
        # The loop knows an array by a scalar that stands for it.
        shapes = tf.nest.map_structure(lambda x: x.shape if tf.is_tensor(x) else tf.TensorShape([]), first)
        if tf.is_tensor(first.coverage) and first.coverage.shape[-1] == 1:
            shapes = shapes._replace(coverage=tf.TensorShape([None, None]))

    def again(now):
        return (now.t == 0) | going(now)

    def change(now):
        after = body(now)
        return (tf.nest.map_structure(fitted, after, shapes),)

    return tf.while_loop(again, change, [first], shape_invariants=[shapes])[0]


def fitted(x, shape):
    """Tells the graph that a tensor keeps its shape, where the operations that made it lost sight of that."""
    if tf.is_tensor(x):
        x.set_shape(shape)
    return x


def restored(states, pattern):
    """Puts what a step returned in the nest that it got: a list may have become a tuple."""
    return tf.nest.pack_sequence_as(pattern, tf.nest.flatten(states))
