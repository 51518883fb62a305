"""LSTM on a CPU while training: one matmul for all inputs, a lean loop, an own gradient; optionally under XLA.

projected inputs -> loop (recurrent matmul only) -> states; backwards: loop -> one matmul for the weights' gradient
"""

import tensorflow as tf


def lstm(sequences, mask, state, cell_state, kernel, recurrent_kernel, bias, *, xla: bool):
    """Runs an LSTM over a batch of sequences.

    Args:
        sequences: `(batch, time, features)` float32.
        mask: `(batch, time)`, True where a step is real; a masked step leaves the state as it is.
        state, cell_state: `(batch, units)`, before the first step.
        kernel: `(features, 4 * units)`, gates in Keras' order: input, forget, candidate, output.
        recurrent_kernel: `(units, 4 * units)`.
        bias: `(4 * units,)`.
        xla: Compile the two loops with XLA, once per shape.

    Returns:
        States `(batch, time, units)`, and state and cell state after the last step.

    Hochreiter & Schmidhuber (1997) with forget gates. The gradient is exact; it differs from the
    automatic one in that the products with the weights leave the loop (Appleyard et al. 2016,
    https://arxiv.org/abs/1604.01946). It has no gradient of its own: second derivatives raise.
    """
    features, units = kernel.shape[0], recurrent_kernel.shape[0]
    batch, time = tf.shape(sequences)[0], tf.shape(sequences)[1]
    flat = tf.reshape(tf.transpose(sequences, [1, 0, 2]), [-1, features])
    projected = tf.reshape(tf.matmul(flat, kernel) + bias, [time, batch, 4 * units])
    real = tf.cast(tf.transpose(mask), sequences.dtype)[:, :, None]
    forward, backward = (_compiled(_forward), _compiled(_backward)) if xla else (_forward, _backward)

    @tf.custom_gradient
    def loop(projected, state, cell_state, recurrent_kernel):
        # Without the stop, a tape would want the gradient of the compiled function itself.
        given = [tf.stop_gradient(x) for x in (projected, real, state, cell_state, recurrent_kernel)]
        states, cells, gates = forward(*given)

        def gradient(*d_outputs):
            return _once(backward)(*d_outputs, states, cells, gates, *given[1:])

        return (states, states[-1], cells[-1]), gradient

    states, last, last_cell = loop(projected, state, cell_state, recurrent_kernel)
    return tf.transpose(states, [1, 0, 2]), last, last_cell


def _once(backward):
    @tf.custom_gradient
    def guarded(*tensors):
        def refuse(*_):
            raise NotImplementedError("This LSTM has no second derivative. Take keras.layers.LSTM where you need it.")

        return backward(*[tf.stop_gradient(tensor) for tensor in tensors]), refuse

    return guarded


_FUNCTIONS = {}


def _compiled(function):
    # One tf.function for all layers: XLA compiles it once per shape, not once per layer.
    if function not in _FUNCTIONS:
        _FUNCTIONS[function] = tf.function(function, jit_compile=True, reduce_retracing=True, autograph=False)
    return _FUNCTIONS[function]


def _forward(projected, real, state, cell_state, recurrent_kernel):
    steps, units = tf.shape(projected)[0], recurrent_kernel.shape[0]

    def step(t, h, c, gates, cells, states):
        z = projected[t] + tf.matmul(h, recurrent_kernel)
        i_f, g, o = _sigmoid(z[:, : 2 * units]), tf.tanh(z[:, 2 * units : 3 * units]), _sigmoid(z[:, 3 * units :])
        new_c = i_f[:, units:] * c + i_f[:, :units] * g
        new_h = o * tf.tanh(new_c)
        c, h = c + real[t] * (new_c - c), h + real[t] * (new_h - h)
        return t + 1, h, c, gates.write(t, tf.concat([i_f, g, o], 1)), cells.write(t, c), states.write(t, h)

    arrays = [_array(steps, width) for width in (4 * units, units, units)]
    *_, gates, cells, states = tf.while_loop(lambda t, *_: t < steps, step, (0, state, cell_state, *arrays))
    return states.stack(), cells.stack(), gates.stack()


def _backward(d_states, d_last, d_last_cell, states, cells, gates, real, state, cell_state, recurrent_kernel):
    steps, units = tf.shape(states)[0], recurrent_kernel.shape[0]
    before, before_cell = tf.concat([state[None], states[:-1]], 0), tf.concat([cell_state[None], cells[:-1]], 0)
    i, f, g, o = tf.split(gates, 4, axis=2)
    squashed = tf.tanh(f * before_cell + i * g)
    # What a step multiplies the gradients of its cell and output by, for all steps at once.
    by_cell = tf.concat([g * i * (1 - i), before_cell * f * (1 - f), i * (1 - g * g)], 2) * real
    through_output, by_output = o * (1 - squashed * squashed), squashed * o * (1 - o) * real
    transposed = tf.transpose(recurrent_kernel)

    def step(t, dh, dc, deltas):
        dh = dh + d_states[t]
        of_cell = dc + dh * through_output[t]
        delta = tf.concat([tf.tile(of_cell, [1, 3]) * by_cell[t], dh * by_output[t]], 1)
        passed_c, passed_h = dc + real[t] * (of_cell * f[t] - dc), dh * (1 - real[t]) + tf.matmul(delta, transposed)
        return t - 1, passed_h, passed_c, deltas.write(t, delta)

    start = (steps - 1, d_last, d_last_cell, _array(steps, 4 * units))
    _, d_state, d_cell_state, deltas = tf.while_loop(lambda t, *_: t >= 0, step, start)
    d_projected = deltas.stack()
    flat = tf.reshape(d_projected, [-1, 4 * units])
    d_kernel = tf.matmul(tf.reshape(before, [-1, units]), flat, transpose_a=True)
    return d_projected, d_state, d_cell_state, d_kernel


def _array(steps, width):
    return tf.TensorArray(tf.float32, size=steps, element_shape=[None, width])


def _sigmoid(x):
    # XLA on a CPU has a fast tanh and no fast exp.
    return 0.5 * tf.tanh(0.5 * x) + 0.5
