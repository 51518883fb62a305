"""A sequence in pieces of time: only the states between them are kept, and each piece is run again on the way back.

The loop over pieces is TensorFlow's own; what runs a piece may be compiled, once for sequences of any length.
"""

import tensorflow as tf

from rnnkit.layers.cpu import whole


def forward(run, every, length, sequences, mask, states, kernel, bias, weights):
    """Gives outputs `(batch, time, units)` or None, the last states, and the states before each piece.

    `run` is `whole.answer` of the cell.
    """
    time = tf.shape(sequences)[1]
    pieces, mask = _padded(sequences, length), _padded(_given(mask, sequences), length)
    count = tf.shape(pieces)[1] // length
    batch, units = states[0].shape[0], states[0].shape[1]

    def run_piece(n, now, starts, outputs):
        starts = [each.write(n, state) for each, state in zip(starts, now, strict=True)]
        piece, real = (_piece(x, n, length) for x in (pieces, mask))
        states_of_piece, now, _ = run(piece, real, now, kernel, bias, weights)
        return n + 1, now, starts, [each.write(n, states_of_piece) for each in outputs]

    starts = [tf.TensorArray(tf.float32, size=count, element_shape=[batch, units]) for _ in states]
    outputs = [tf.TensorArray(tf.float32, size=count, element_shape=[batch, length, units])] if every else []
    _, last, starts, outputs = tf.while_loop(lambda n, *_: n < count, run_piece, (0, list(states), starts, outputs))
    joined = [_joined(each, units)[:, :time] for each in outputs]
    return joined[0] if every else None, last, [each.stack() for each in starts]


def backward(run_back, length, truncate_every, d_outputs, d_last, starts, sequences, mask, states, kernel, bias, rest):
    """Gives the gradients of sequences, of the states before the first step, and of kernel, bias and weights.

    `run_back` is `backward_of_piece` of the cell.
    """
    del states
    time = tf.shape(sequences)[1]
    pieces, mask = _padded(sequences, length), _padded(_given(mask, sequences), length)
    d_outputs = None if d_outputs is None else _padded(d_outputs, length)
    count = tf.shape(pieces)[1] // length
    every = d_outputs is not None

    def run_piece(n, d_now, d_weights, d_pieces):
        piece, real = (_piece(x, n, length) for x in (pieces, mask))
        start = [each[n] for each in starts]
        d_piece = _piece(d_outputs, n, length) if every else None
        d_inputs, d_now, more = run_back(d_piece, d_now, piece, real, start, kernel, bias, rest)
        if truncate_every:
            through = tf.cast((n * length) % truncate_every != 0, tf.float32)
            d_now = [d * through for d in d_now]
        d_weights = [old + new for old, new in zip(d_weights, more, strict=True)]
        return n - 1, d_now, d_weights, d_pieces.write(n, d_inputs)

    d_weights = [tf.zeros_like(x) for x in (kernel, bias, *rest)]
    shape = [sequences.shape[0], length, sequences.shape[2]]
    d_pieces = tf.TensorArray(tf.float32, size=count, element_shape=shape)
    start = (count - 1, list(d_last), d_weights, d_pieces)
    _, d_states, d_weights, d_pieces = tf.while_loop(lambda n, *_: n >= 0, run_piece, start)
    return _joined(d_pieces, sequences.shape[2])[:, :time], d_states, d_weights


def backward_of_piece(steps, d_outputs, d_last, sequences, mask, states, kernel, bias, weights):
    """Runs a piece again, and gives the gradients of its inputs, of its states, and of kernel, bias and weights."""
    given = (sequences, mask, states, kernel, bias, weights)
    deltas, d_states, d_weights = whole.backward_of_answer(steps, d_outputs, d_last, [], *given)
    return whole.d_sequences(deltas, kernel), d_states, d_weights


def _given(mask, sequences):
    return tf.ones(tf.shape(sequences)[:2], tf.bool) if mask is None else mask


def _padded(x, length):
    """Adds steps at the end, up to a multiple of `length`: zeros, or False in a mask."""
    missing = -tf.shape(x)[1] % length
    return tf.pad(x, [[0, 0], [0, missing], *[[0, 0]] * (len(x.shape) - 2)])


def _piece(x, n, length):
    piece = tf.slice(x, [0, n * length] + [0] * (len(x.shape) - 2), [-1, length] + [-1] * (len(x.shape) - 2))
    return tf.ensure_shape(piece, [x.shape[0], length, *x.shape[2:]])


def _joined(array, width):
    pieces = tf.transpose(array.stack(), [1, 0, 2, 3])
    return tf.reshape(pieces, [tf.shape(pieces)[0], -1, width])
