"""Driver: sequences -> states through a cell's steps, in parts of the batch, with an own gradient, also under XLA.

inputs of all steps -> one matmul -> loop (recurrent matmul only) -> states; backwards: loop -> one matmul for each
weight. The batch may go in parts, which TensorFlow runs side by side: each core has a loop of its own, instead of all
waiting for each other in every small matmul.
"""

import functools

import tensorflow as tf

from rnnkit.layers.cpu import checkpoints, whole
from rnnkit.layers.cpu.steps import Steps


def run(
    steps: Steps,
    sequences,
    mask,
    states,
    kernel,
    bias,
    weights,
    *,
    every: bool,
    training: bool,
    xla: bool,
    parts: int = 1,
    checkpoint_every: int | None = None,
    truncate_every: int | None = None,
):
    """Runs a recurrent layer over a batch of sequences.

    Args:
        steps: The cell.
        sequences: `(batch, time, features)` float32.
        mask: `(batch, time)`, True where a step is real, or None; a masked step leaves the states as they are.
        states: Before the first step, each `(batch, units)`.
        kernel: `(features, gates * units)`.
        bias: `(gates * units,)`.
        weights: The cell's others, its recurrent kernel first.
        every: Give the state after every step, not only after the last.
        training: Keep what the gradient needs. Without, a gradient runs the sequence again first.
        xla: Compile the loops, once per shape.
        parts: How many parts of the batch run side by side.
        checkpoint_every: Keep the states only after so many steps, and compute those between again
            on the way back (Chen et al. 2016, https://arxiv.org/abs/1604.06174).
        truncate_every: Cut the gradient after so many steps, a multiple of `checkpoint_every`.

    Returns:
        `(batch, time, units)`, or None without `every`; and the list of states after the last step.

    The gradient is exact; it differs from the automatic one in that the products with the weights
    leave the loop (Appleyard et al. 2016, https://arxiv.org/abs/1604.01946). It has none of its
    own: second derivatives raise.
    """
    length = checkpoint_every or truncate_every
    forward, backward = _functions(tuple(kernel.shape), steps, every, training, length, truncate_every, xla)
    count = steps.states

    @tf.custom_gradient
    def loop(sequences, kernel, bias, *tensors):
        # Without the stop, a tape would want the gradient of the compiled function itself.
        sequences, kernel, bias, *tensors = [tf.stop_gradient(x) for x in (sequences, kernel, bias, *tensors)]
        weights = tensors[count:]
        in_parts = [_split(x, parts) for x in (sequences, mask, *tensors[:count])]
        results, kept = [], []
        for part, real, *starts in zip(*in_parts, strict=True):
            outputs, last, saved = forward(part, real, starts, kernel, bias, weights)
            results.append([outputs, *last] if every else list(last))
            kept.append([saved, part, real, starts])

        def gradient(*d_results):
            d_parts = zip(*[_split(d, parts) for d in d_results], strict=True)
            each = []
            for d_part, given in zip(d_parts, kept, strict=True):
                d_outputs, d_last = (d_part[0], d_part[1:]) if every else (None, d_part)
                each.append(_first_derivative(backward, d_outputs, list(d_last), *given, kernel, bias, weights))
            d_inputs, d_starts, d_weights = zip(*each, strict=True)
            if length is None:
                d_inputs = [whole.d_sequences(deltas, kernel) for deltas in d_inputs]
            d_kernel, d_bias, *d_others = [tf.add_n(parts) for parts in zip(*d_weights, strict=True)]
            d_states = [tf.concat(parts, 0) for parts in zip(*d_starts, strict=True)]
            return tf.concat(d_inputs, 0), d_kernel, d_bias, *d_states, *d_others

        return tuple(tf.concat(result, 0) for result in zip(*results, strict=True)), gradient

    results = loop(sequences, kernel, bias, *states, *weights)
    return (results[0], list(results[1:])) if every else (None, list(results))


def _split(x, parts):
    if x is None or parts == 1:
        return [x] * parts
    size = (x.shape[0] or tf.shape(x)[0]) // parts
    return [x[part * size : (part + 1) * size if part + 1 < parts else None] for part in range(parts)]


@functools.cache
def _functions(sizes, steps, every, training, length, truncate_every, xla):
    """Gives a cell's way there and back: one function for all layers of the same sizes, compiled once per shape."""
    # A function shared by several sizes would be traced again with sizes unknown.
    del sizes
    partial, compiled = functools.partial, _compiled if xla else lambda way: way
    if length:
        there = compiled(partial(whole.answer, steps, every))
        back = compiled(partial(checkpoints.backward_of_piece, steps))
        return partial(checkpoints.forward, there, every, length), partial(
            checkpoints.backward, back, length, truncate_every
        )
    if training:
        return compiled(partial(whole.forward, steps, every)), compiled(partial(whole.backward, steps))
    return compiled(partial(whole.answer, steps, every)), compiled(partial(whole.backward_of_answer, steps))


def _compiled(way):
    return tf.function(way, jit_compile=True, reduce_retracing=True, autograph=False)


def _first_derivative(backward, *arguments):
    """Calls `backward`, and refuses to go through it again."""
    flat = tf.nest.flatten(arguments)

    @tf.custom_gradient
    def guarded(*tensors):
        given = iter(tensors)
        filled = [None if x is None else tf.stop_gradient(next(given)) for x in flat]

        def refuse(*_):
            raise NotImplementedError(
                "This layer's fast loop has no second derivative. Pass loop='keras' to the layer where you need one."
            )

        results = backward(*tf.nest.pack_sequence_as(arguments, filled))
        structure.append(results)
        return tuple(tf.nest.flatten(results)), refuse

    structure = []
    results = guarded(*[x for x in flat if x is not None])
    return tf.nest.pack_sequence_as(structure[0], results)
