"""GRU steps for a CPU: projected inputs -> states; gradient of the states -> gradient of the projections and weights.

Gates stand in Keras' order: update, reset, candidate; the reset comes after the product with the recurrent kernel
(`reset_after`), as in cuDNN. For the sigmoid as a tanh see lstm.py.
"""

import tensorflow as tf

from rnnkit.layers.cpu.steps import Steps, array, carried, keep, rows_before, transposed_product

GATES = 3


def _scale(units):
    """Returns `(3 * units,)`: what the columns of both kernels are multiplied by before the loop."""
    return tf.constant([0.5] * (2 * units) + [1.0] * units)


def _forward(projected, real, states, weights, *, kept: bool):
    """Runs the steps of `(time, batch, 3 * units)`; `kept` also gives what `backward` needs besides the outputs."""
    recurrent_kernel, recurrent_bias = weights
    time, units = tf.shape(projected)[0], recurrent_kernel.shape[0]
    factor = _scale(units)
    recurrent_kernel, recurrent_bias = recurrent_kernel * factor, recurrent_bias * factor

    def step(t, h, outputs, *more):
        x, inner = projected[t], tf.matmul(h, recurrent_kernel) + recurrent_bias
        gates = 0.5 * tf.tanh(x[:, : 2 * units] + inner[:, : 2 * units]) + 0.5
        z, r = tf.split(gates, 2, 1)
        candidate = inner[:, 2 * units :]
        g = tf.tanh(x[:, 2 * units :] + r * candidate)
        (h,) = carried(real, t, (g + z * (h - g), h))
        return t + 1, h, outputs.write(t, h), *(keep(more, t, z, r, g, candidate) if kept else [gates])

    # XLA computes the gates apart, and vectorised, only where they outlive the step: 8 ms instead of 18.
    more = [array(time, units) for _ in range(4)] if kept else [tf.zeros_like(projected[0, :, : 2 * units])]
    _, h, outputs, *more = tf.while_loop(lambda t, *_: t < time, step, (0, *states, array(time, units), *more))
    return outputs.stack(), (h,), [each.stack() for each in more] if kept else more


def _backward(d_outputs, d_last, outputs, kept, real, states, weights):
    """Gives the gradients of the projections, of the state before the first step, and of the weights."""
    (recurrent_kernel, _), (z, r, g, candidate) = weights, kept
    time, units = tf.shape(z)[0], recurrent_kernel.shape[0]
    before = rows_before(outputs, states[0])
    # What a step multiplies the gradient of its state by, for all steps at once.
    by_candidate = (1 - z) * (1 - g * g)
    by = [(before - g) * z * (1 - z), by_candidate * candidate * r * (1 - r), by_candidate * r]
    if real is not None:
        by, by_candidate, z = [each * real for each in by], by_candidate * real, real * z + (1 - real)
    transposed = tf.transpose(recurrent_kernel)

    def step(t, dh, inners, d_states):
        if d_outputs is not None:
            dh = dh + d_outputs[t]
        inner = tf.concat([dh * each[t] for each in by], 1)
        return t - 1, dh * z[t] + tf.matmul(inner, transposed), inners.write(t, inner), d_states.write(t, dh)

    start = (time - 1, *d_last, array(time, GATES * units), array(time, units))
    _, dh, inners, d_states = tf.while_loop(lambda t, *_: t >= 0, step, start)
    inners = inners.stack()
    # Inputs and states meet the same gates, but the candidate, where the reset stands between.
    deltas = tf.concat([inners[:, :, : 2 * units], d_states.stack() * by_candidate], 2)
    return deltas, (dh,), (transposed_product(before, inners), tf.reduce_sum(inners, [0, 1]))


GRU = Steps(1, GATES, _forward, _backward, _scale)
