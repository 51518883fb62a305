"""A whole sequence there and back: every step's gates are kept for the gradient."""

import tensorflow as tf

from rnnkit.layers.cpu.steps import transposed_product


def forward(steps, every, sequences, mask, states, kernel, bias, weights):
    """Gives outputs `(batch, time, units)` or None, the last states, and what `backward` needs."""
    outputs, last, kept = steps.forward(
        projected(steps, sequences, kernel, bias), time_first(mask), states, weights, kept=True
    )
    return tf.transpose(outputs, [1, 0, 2]) if every else None, list(last), [outputs, *kept]


def answer(steps, every, sequences, mask, states, kernel, bias, weights):
    """Gives outputs and the last states, and keeps nothing of all steps."""
    inputs = projected(steps, sequences, kernel, bias)
    outputs, last, scratch = steps.forward(inputs, time_first(mask), states, weights, kept=False)
    return tf.transpose(outputs, [1, 0, 2]) if every else None, list(last), scratch


def backward(steps, d_outputs, d_last, saved, sequences, mask, states, kernel, bias, weights):
    """Gives the gradients of the projections, with time first, of the states, and of kernel, bias and weights.

    From the first, `d_sequences` makes that of the inputs: outside, where it is left out if nobody asks.
    """
    del bias
    outputs, *kept = saved
    d_outputs = None if d_outputs is None else tf.transpose(d_outputs, [1, 0, 2])
    deltas, d_states, d_weights = steps.backward(d_outputs, d_last, outputs, kept, time_first(mask), states, weights)
    d_kernel = transposed_product(tf.transpose(sequences, [1, 0, 2]), deltas)
    return deltas, list(d_states), [d_kernel, tf.reduce_sum(deltas, [0, 1]), *d_weights]


def backward_of_answer(steps, d_outputs, d_last, saved, sequences, mask, states, kernel, bias, weights):
    """Gives what `backward` gives, after `answer`: runs the sequence again first."""
    del saved
    given = (sequences, mask, states, kernel, bias, weights)
    *_, saved = forward(steps, False, *given)
    return backward(steps, d_outputs, d_last, saved, *given)


def d_sequences(deltas, kernel):
    """Gives the gradient of the inputs `(batch, time, features)` from that of their projections."""
    batch, width = tf.shape(deltas)[1], deltas.shape[-1]
    flat = tf.matmul(tf.reshape(deltas, [-1, width]), kernel, transpose_b=True)
    return tf.transpose(tf.reshape(flat, [-1, batch, kernel.shape[0]]), [1, 0, 2])


def projected(steps, sequences, kernel, bias):
    """Multiplies the inputs of all steps with the kernel: `(time, batch, gates * units)`."""
    if steps.scale:
        factor = steps.scale(kernel.shape[1] // steps.gates)
        kernel, bias = kernel * factor, bias * factor
    batch = tf.shape(sequences)[0]
    flat = tf.reshape(tf.transpose(sequences, [1, 0, 2]), [-1, kernel.shape[0]])
    return tf.reshape(tf.matmul(flat, kernel) + bias, [-1, batch, kernel.shape[1]])


def time_first(mask):
    """Makes `(batch, time)` booleans `(time, batch, 1)` numbers; None stays None."""
    return None if mask is None else tf.cast(tf.transpose(mask), tf.float32)[:, :, None]
