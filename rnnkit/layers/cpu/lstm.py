"""LSTM steps for a CPU: projected inputs -> states; gradient of the states -> gradient of the projections and weights.

Gates stand in Keras' order: input, forget, candidate, output. A sigmoid is 0.5 tanh(x / 2) + 0.5, for XLA has a fast
tanh on a CPU and no fast exp; the half is put into the weights, so that one tanh serves all four gates.
"""

import tensorflow as tf

from rnnkit.layers.cpu.steps import Steps, array, carried, keep, rows_before, transposed_product

GATES = 4


def _scale(units):
    """Returns `(4 * units,)`: what the columns of both kernels are multiplied by before the loop."""
    return tf.constant([0.5] * (2 * units) + [1.0] * units + [0.5] * units)


def _forward(projected, real, states, weights, *, kept: bool):
    """Runs the steps of `(time, batch, 4 * units)`; `kept` also gives what `backward` needs besides the outputs."""
    (recurrent_kernel,) = weights
    time, units = tf.shape(projected)[0], recurrent_kernel.shape[0]
    factor = _scale(units)
    recurrent_kernel = recurrent_kernel * factor

    def step(t, h, c, outputs, *kept_arrays):
        gates = tf.tanh(projected[t] + tf.matmul(h, recurrent_kernel)) * factor + (1 - factor)
        i, f, g, o = tf.split(gates, GATES, 1)
        new_c = f * c + i * g
        h, c = carried(real, t, (o * tf.tanh(new_c), h), (new_c, c))
        return t + 1, h, c, outputs.write(t, h), *keep(kept_arrays, t, gates, c)

    arrays = [array(time, width) for width in (units, *((GATES * units, units) if kept else ()))]
    _, h, c, *arrays = tf.while_loop(lambda t, *_: t < time, step, (0, *states, *arrays))
    outputs, *kept_arrays = [each.stack() for each in arrays]
    return outputs, (h, c), kept_arrays


def _backward(d_outputs, d_last, outputs, kept, real, states, weights):
    """Gives the gradients of the projections, of the states before the first step, and of the weights."""
    (recurrent_kernel,), (gates, cells) = weights, kept
    time, units = tf.shape(gates)[0], recurrent_kernel.shape[0]
    before, before_cell = rows_before(outputs, states[0]), rows_before(cells, states[1])
    i, f, g, o = tf.split(gates, GATES, 2)
    squashed = tf.tanh(f * before_cell + i * g)
    # What a step multiplies the gradients of its cell and of its output by, for all steps at once.
    by = [g * i * (1 - i), before_cell * f * (1 - f), i * (1 - g * g), squashed * o * (1 - o)]
    through_output = o * (1 - squashed * squashed)
    if real is not None:
        by = [each * real for each in by]
    transposed = tf.transpose(recurrent_kernel)

    def step(t, dh, dc, deltas):
        if d_outputs is not None:
            dh = dh + d_outputs[t]
        of_cell = dc + dh * through_output[t]
        delta = tf.concat([d * each[t] for d, each in zip((of_cell, of_cell, of_cell, dh), by, strict=True)], 1)
        passed = tf.matmul(delta, transposed)
        if real is None:
            return t - 1, passed, of_cell * f[t], deltas.write(t, delta)
        masked = 1 - real[t]
        return t - 1, dh * masked + passed, dc * masked + real[t] * of_cell * f[t], deltas.write(t, delta)

    start = (time - 1, *d_last, array(time, GATES * units))
    _, dh, dc, deltas = tf.while_loop(lambda t, *_: t >= 0, step, start)
    deltas = deltas.stack()
    return deltas, (dh, dc), (transposed_product(before, deltas),)


LSTM = Steps(2, GATES, _forward, _backward, _scale)
