"""Decoder cells: LSTM and GRU whose products a `scan` can take out of the loop of the gradient."""

import dataclasses
from collections.abc import Callable

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Cell:
    """A recurrent cell in parts.

    Attributes:
        gates: Width of a projected input, in units.
        states: Number of states; the first is the output.
        matrices: `(units, features below) -> shapes` of what the step multiplies by, in order.
        step: `(projected, below, states, times, recurrent_bias) -> states`. `projected` `(rows, gates * units)` holds
            the bias and what of the input is known before the loop; `below` `(rows, features)` is the rest, or None;
            `times(x, place)` multiplies by the cell's matrix of that place.
    """

    gates: int
    states: int
    matrices: Callable[[int, int], list[tuple[int, int]]]
    step: Callable


def sigmoid(x):
    """The logistic function by tanh, which XLA has a fast form of on a CPU."""
    return 0.5 * tf.tanh(0.5 * x) + 0.5


def _lstm(projected, below, states, times, recurrent_bias):
    """Hochreiter & Schmidhuber (1997), gates in Keras' order: input, forget, candidate, output."""
    del recurrent_bias
    h, c = states
    i, f, g, o = tf.split(projected + times(h if below is None else tf.concat([below, h], 1), 0), 4, 1)
    c = sigmoid(f) * c + sigmoid(i) * tf.tanh(g)
    return sigmoid(o) * tf.tanh(c), c


def _gru(projected, below, states, times, recurrent_bias):
    """Cho et al. (2014), with the reset after the product, as in cuDNN; gates in Keras' order: update, reset."""
    (h,) = states
    inner = times(h, 0) + recurrent_bias
    x = projected if below is None else projected + times(below, 1)
    units = h.shape[1]
    z, r = tf.split(sigmoid(x[:, : 2 * units] + inner[:, : 2 * units]), 2, 1)
    g = tf.tanh(x[:, 2 * units :] + r * inner[:, 2 * units :])
    return (g + z * (h - g),)


CELLS = {
    "lstm": Cell(4, 2, lambda units, below: [(below + units, 4 * units)], _lstm),
    "gru": Cell(3, 1, lambda units, below: [(units, 3 * units), *([(below, 3 * units)] if below else [])], _gru),
}


def check_decoder_cell(cell: str) -> None:
    """Raises ValueError for a cell that a decoder can't have."""
    if cell not in CELLS:
        raise ValueError(f"A decoder's cell must be one of {', '.join(CELLS)}. Got {cell!r}.")


def forgetting(cell: str):
    """Returns the start of a bias: 1 for the forget gate of an LSTM (Jozefowicz et al. 2015), else 0."""
    if cell != "lstm":
        return "zeros"

    def start(shape, dtype=None):
        return tf.cast(tf.range(shape[0]) // (shape[0] // 4) == 1, dtype or tf.float32)

    return start
