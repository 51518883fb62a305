"""Steps: what the driver asks of a cell, and what all cells share: a masked step carries its state."""

import dataclasses
from collections.abc import Callable

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Steps:
    """A cell's way through time and back, on tensors with time first.

    Attributes:
        states: How many states a step hands to the next.
        gates: Width of a projected input, in units.
        forward: `(projected, real, states, weights, kept=) -> (outputs, last states, kept tensors)`.
        backward: `(d_outputs or None, d_last, outputs, kept tensors, real, states, weights) ->
            (d_projected, d_states, d_weights)`.
        scale: `units -> (gates * units,)`, by which projections are multiplied before `forward`; their
            gradient is that of the projection without it. None: not at all.
    """

    states: int
    gates: int
    forward: Callable
    backward: Callable
    scale: Callable | None = None


def array(time, width):
    """Returns an array of `time` entries `(batch, width)`."""
    return tf.TensorArray(tf.float32, size=time, element_shape=[None, width])


def carried(real, t, *pairs):
    """Gives each new state, or the old one in rows whose step is masked.

    Args:
        real: `(time, batch, 1)`, 1 where a step is real, or None: all are.
        t: The step.
        pairs: New and old state, both `(batch, units)`.
    """
    if real is None:
        return [new for new, _ in pairs]
    return [tf.where(real[t] > 0, new, old) for new, old in pairs]


def keep(arrays, t, *values):
    """Writes what the gradient needs, where there are arrays for it."""
    return [each.write(t, value) for each, value in zip(arrays, values, strict=True)] if arrays else []


def rows_before(outputs, first):
    """Shifts `(time, batch, units)` by a step: what each step started from."""
    return tf.concat([first[None], outputs[:-1]], 0)


def transposed_product(states, deltas):
    """Sums `state^T delta` over time and batch in one matmul: the gradient of a kernel."""
    flat, deltas = (tf.reshape(x, [-1, x.shape[-1]]) for x in (states, deltas))
    return tf.matmul(flat, deltas, transpose_a=True)
