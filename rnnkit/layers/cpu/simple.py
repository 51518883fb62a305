"""Elman's steps for a CPU: projected inputs -> states; gradient of the states -> of the projections and weights."""

import functools

import tensorflow as tf

from rnnkit.layers.cpu.steps import Steps, array, carried, rows_before, transposed_product


def _forward(activation, projected, real, states, weights, *, kept):
    (recurrent_kernel,) = weights
    time = tf.shape(projected)[0]

    def step(t, h, outputs):
        (h,) = carried(real, t, (activation(projected[t] + tf.matmul(h, recurrent_kernel)), h))
        return t + 1, h, outputs.write(t, h)

    start = (0, *states, array(time, recurrent_kernel.shape[0]))
    _, h, outputs = tf.while_loop(lambda t, *_: t < time, step, start)
    return outputs.stack(), (h,), []


def _backward(slope, d_outputs, d_last, outputs, kept, real, states, weights):
    (recurrent_kernel,) = weights
    time = tf.shape(outputs)[0]
    by = slope(outputs) if real is None else slope(outputs) * real
    transposed = tf.transpose(recurrent_kernel)

    def step(t, dh, deltas):
        if d_outputs is not None:
            dh = dh + d_outputs[t]
        delta = dh * by[t]
        passed = tf.matmul(delta, transposed)
        return t - 1, passed if real is None else passed + dh * (1 - real[t]), deltas.write(t, delta)

    start = (time - 1, *d_last, array(time, recurrent_kernel.shape[0]))
    _, dh, deltas = tf.while_loop(lambda t, *_: t >= 0, step, start)
    deltas = deltas.stack()
    return deltas, (dh,), (transposed_product(rows_before(outputs, states[0]), deltas),)


def _steps(activation, slope):
    return Steps(1, 1, functools.partial(_forward, activation), functools.partial(_backward, slope))


TANH = _steps(tf.tanh, lambda y: 1 - y * y)
RELU = _steps(tf.nn.relu, lambda y: tf.cast(y > 0, y.dtype))
