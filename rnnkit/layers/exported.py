"""Loops for devices: a recurrent layer -> TFLite's fused LSTM, or all its steps, or a loop, of built-in ops alone."""

import contextlib
import dataclasses
import functools
import itertools
import uuid
from collections.abc import Callable, Iterable, Iterator

import keras
import tensorflow as tf

from rnnkit.layers.hierarchy import EachSentence
from rnnkit.layers.parallel import MinGRUCell, MinLSTMCell
from rnnkit.layers.segments import Segments
from rnnkit.layers.variants import VariantLSTMCell

RUNGS = ("fused", "unrolled", "while")
UNROLLED_AT_MOST = 512
"""Steps written out one by one, in all layers together: each is a dozen ops in the file."""


@dataclasses.dataclass(frozen=True)
class Loop:
    """How one recurrent layer was traced.

    Attributes:
        layer: Its name and type.
        form: One of `RUNGS`.
        steps: Its time steps, or None where the graph doesn't know.
    """

    layer: str
    form: str
    steps: int | None


@contextlib.contextmanager
def exported_loops(
    models: Iterable[keras.Model], rung: str, *, unrolled_at_most: int = UNROLLED_AT_MOST
) -> Iterator[list[Loop]]:
    """Has every recurrent layer of the models, when it is traced inside the block, take a form that TFLite can run.

    Masks are not looked at, for on a device a batch is one row of its real length; only layers inside
    `in_segments`, `hierarchical` and TimeDistributed heed them, whose pieces and sentences are padded.

    Args:
        models: Their recurrent layers, at any depth, rnnkit's or Keras' own.
        rung: `fused`: the LSTMs that can be, in the fused op, other layers as below. `unrolled`: every layer
            whose time is fixed step by step, up to `unrolled_at_most` steps in all. `while`: every layer in a loop.
        unrolled_at_most: See `UNROLLED_AT_MOST`; layers past it take the loop.

    Yields:
        A list, to which each layer traced is added.
    """
    loops, layers = [], _recurrent(models)
    for layer, padded in layers:
        # Set through __dict__: Keras tracks what is assigned, and would keep it after.
        layer.__dict__["inner_loop"] = functools.partial(
            _run, layer, loops, rung=rung, padded=padded, at_most=unrolled_at_most
        )
    try:
        yield loops
    finally:
        for layer, _ in layers:
            layer.__dict__.pop("inner_loop", None)


def _recurrent(models):
    """Lists each recurrent layer once, and whether its rows are padded pieces of a row."""
    # Keras has no public way to walk through layers inside layers.
    every = {id(layer): layer for model in models for layer in model._flatten_layers()}.values()
    cutting = [each for each in every if isinstance(each, (EachSentence, Segments, keras.layers.TimeDistributed))]
    padded = {id(layer) for each in cutting for layer in each._flatten_layers(include_self=False)}
    return [(layer, id(layer) in padded) for layer in every if isinstance(layer, keras.layers.RNN)]


def _run(layer, loops, sequences, initial_state, mask, training=False, *, rung, padded, at_most):
    """Stands in for `layer.inner_loop`: the same numbers."""
    del training
    mask = mask[0] if isinstance(mask, (list, tuple)) else mask
    time, states = sequences.shape[1], keras.tree.flatten(initial_state)
    fits = time is not None and time + sum(loop.steps for loop in loops if loop.form == "unrolled") <= at_most
    if rung == "fused" and not padded and _fusable(layer, states):
        form = "fused"
    else:
        form = "unrolled" if rung != "while" and fits else "while"
    loops.append(Loop(f"{layer.name} ({type(layer).__name__})", form, time))
    sequences, states = tf.cast(sequences, tf.float32), [tf.cast(state, tf.float32) for state in states]
    if layer.go_backwards:
        sequences, mask = tf.reverse(sequences, [1]), None if mask is None else tf.reverse(mask, [1])
    if form == "fused":
        last, outputs = _fused(layer.cell, sequences)
        return last, outputs, [last, tf.zeros_like(last)]
    real = tf.expand_dims(tf.transpose(mask), 2) if padded and mask is not None else None
    steps, every = _steps(layer, initial_state), layer.return_sequences
    inputs = steps.project(tf.transpose(sequences, [1, 0, 2]))
    run = _step_by_step if form == "unrolled" else _in_a_loop
    last, outputs, states = run(steps, inputs, states, real, every)
    if real is not None and layer.zero_output_for_mask:
        last = last * tf.cast(real[-1], last.dtype)
        outputs = outputs * tf.cast(real, outputs.dtype) if every else outputs
    outputs = tf.transpose(outputs, [1, 0, 2]) if every else last[:, None]
    return last, outputs, keras.tree.pack_sequence_as(list(initial_state), states)


def _fusable(layer, states):
    cell = layer.cell
    return (
        type(cell) is keras.layers.LSTMCell
        and cell.activation is keras.activations.tanh
        and cell.recurrent_activation is keras.activations.sigmoid
        # The op starts from zeros, and keeps its last cell to itself.
        and not (layer.return_state or layer.stateful)
        and all(state.shape[0] == 1 and _is_zero(state) for state in states)
    )


def _is_zero(tensor):
    value = tf.get_static_value(tensor)
    return value is not None and not value.any()


def _fused(cell, sequences):
    """Gives the last output `(1, units)` and all `(1, time, units)`, by the op that the converter puts in.

    That op keeps its states from one call of the interpreter to the next, and whoever forgets to reset
    them gets answers that hang on earlier rows. So a step comes first whose one input of its own closes
    all three gates: both states are 0 after it, whatever they were.
    """
    kernel, recurrent_kernel = tf.cast(cell.kernel, tf.float32), tf.cast(cell.recurrent_kernel, tf.float32)
    bias = tf.cast(cell.bias, tf.float32) if cell.use_bias else tf.zeros([kernel.shape[1]])
    # Its weights are as large as the kernel's largest, so that in int8 the others keep their precision.
    size, units = tf.maximum(tf.reduce_max(tf.abs(kernel)), LEAST), cell.units
    row = size * tf.constant([-1.0] * (2 * units) + [0.0] * units + [-1.0] * units)
    closing = tf.concat([tf.zeros([1, 1, sequences.shape[2]]), tf.reshape(CLOSED / size, [1, 1, 1])], 2)
    sequences = tf.concat([closing, tf.pad(sequences, [[0, 0], [0, 0], [0, 1]])], 1)
    # The op writes its states over these two constants, which it would share with whatever else in the graph
    # has the same value: so they are two that no model has.
    states = [tf.fill([1, units], next(_UNSHARED)) for _ in range(2)]
    # Only the first two results may be used.
    last, outputs, *_ = _tagged()(sequences, *states, tf.concat([kernel, row[None]], 0), recurrent_kernel, bias)
    return last, outputs[:, 1:]


CLOSED, LEAST = 1e3, 1 / 32
"""Below minus the first, a sigmoid is 0, however large the recurrent part; divided by the second it is a float16."""

_UNSHARED = itertools.cycle((1 + place / 1024) / 8 for place in range(1, 1024))
"""Values that stay apart in float16 too, and small: in a float16 file the states do start there."""


def _tagged():
    """Makes the function that the TFLite converter replaces whole, by its tag.

    The pass behind it, written for Keras 2, asks for these six arguments and five results. Keras 3 no longer
    tags (tensorflow#126061, #73254).
    """

    def lstm(inputs, init_h, init_c, kernel, recurrent_kernel, bias):
        def step(state, x):
            h, c = state
            i, f, g, o = tf.split(tf.matmul(x, kernel) + tf.matmul(h, recurrent_kernel) + bias, 4, axis=1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            return tf.sigmoid(o) * tf.tanh(c), c

        h, c = tf.scan(step, tf.transpose(inputs, [1, 0, 2]), (init_h, init_c))
        return h[-1], tf.transpose(h, [1, 0, 2]), h[-1], c[-1], tf.constant(1.0)

    tags = {"api_implements": f"lstm_{uuid.uuid4()}", "api_preferred_device": "CPU"}
    tags |= {"go_backwards": False, "time_major": False}
    return tf.function(lstm, experimental_attributes=tags, autograph=False)


@dataclasses.dataclass(frozen=True)
class _Steps:
    """A cell taken apart.

    Attributes:
        project: `(time, batch, features) -> (time, batch, width)`, for all steps at once.
        step: `((batch, width), states) -> (output, states)`.
        width: Of an output.
    """

    project: Callable
    step: Callable
    width: int


def _steps(layer, initial_state) -> _Steps:
    cell = layer.cell
    if isinstance(cell, VariantLSTMCell):
        settings = {"recurrent_kernel": cell.recurrent_kernel, "kept": (cell.zoneout, cell.cell_zoneout)}
        return _Steps(cell.project, lambda x, states: cell.step(x, states, **settings), cell.units)
    if isinstance(cell, (MinGRUCell, MinLSTMCell)):
        return _Steps(
            lambda inputs: tf.concat(cell.recurrence(inputs), -1),
            lambda x, states: (state := x[:, : cell.units] * states[0] + x[:, cell.units :], [state]),
            cell.units,
        )
    if type(cell) in _LEAN and getattr(cell, "reset_after", True):
        return _LEAN[type(cell)](cell)
    # Any other cell, its inputs projected step by step.
    arguments = {"training": False} if getattr(cell, "_call_has_training_arg", False) else {}

    def step(x, states):
        output, states = cell(x, keras.tree.pack_sequence_as(list(initial_state), states), **arguments)
        return output, keras.tree.flatten(states)

    return _Steps(lambda inputs: inputs, step, cell.output_size)


def _lstm(cell):
    recurrent_kernel = tf.convert_to_tensor(cell.recurrent_kernel)

    def step(x, states):
        h, c = states
        i, f, g, o = tf.split(x + tf.matmul(h, recurrent_kernel), 4, 1)
        i, f, o = (cell.recurrent_activation(gate) for gate in (i, f, o))
        c = f * c + i * cell.activation(g)
        h = o * cell.activation(c)
        return h, [h, c]

    return _Steps(lambda inputs: _projected(inputs, cell.kernel, cell.bias), step, cell.units)


def _gru(cell):
    recurrent_kernel = tf.convert_to_tensor(cell.recurrent_kernel)
    bias, recurrent_bias = tf.unstack(tf.convert_to_tensor(cell.bias)) if cell.use_bias else (None, 0.0)
    gates = 2 * cell.units

    def step(x, states):
        (h,) = states
        inner = tf.matmul(h, recurrent_kernel) + recurrent_bias
        z, r = tf.split(cell.recurrent_activation(x[:, :gates] + inner[:, :gates]), 2, 1)
        candidate = cell.activation(x[:, gates:] + r * inner[:, gates:])
        h = candidate + z * (h - candidate)
        return h, [h]

    return _Steps(lambda inputs: _projected(inputs, cell.kernel, bias), step, cell.units)


def _simple(cell):
    recurrent_kernel = tf.convert_to_tensor(cell.recurrent_kernel)

    def step(x, states):
        h = cell.activation(x + tf.matmul(states[0], recurrent_kernel))
        return h, [h]

    return _Steps(lambda inputs: _projected(inputs, cell.kernel, cell.bias), step, cell.units)


_LEAN = {keras.layers.LSTMCell: _lstm, keras.layers.GRUCell: _gru, keras.layers.SimpleRNNCell: _simple}


def _projected(inputs, kernel, bias):
    kernel = tf.convert_to_tensor(kernel)
    flat = tf.matmul(tf.reshape(inputs, [-1, inputs.shape[-1]]), kernel)
    flat = flat if bias is None else flat + bias
    time = inputs.shape[0] or tf.shape(inputs)[0]
    return tf.reshape(flat, [time, -1 if inputs.shape[1] is None else inputs.shape[1], kernel.shape[1]])


def _carried(real, new, old):
    return new if real is None else [tf.where(real, now, before) for now, before in zip(new, old, strict=True)]


def _step_by_step(steps, inputs, states, real, every):
    """Gives the last output, all of them `(time, batch, width)` or None, and the last states."""
    output, outputs = tf.zeros([tf.shape(inputs)[1], steps.width]), []
    for t, x in enumerate(tf.unstack(inputs)):
        new_output, new = steps.step(x, states)
        output, *states = _carried(None if real is None else real[t], [new_output, *new], [output, *states])
        outputs.append(output)
    return output, tf.stack(outputs) if every else None, states


def _in_a_loop(steps, inputs, states, real, every):
    """Gives what `_step_by_step` gives, from one loop of TFLite's."""
    time, batch = tf.shape(inputs)[0], inputs.shape[1] or tf.shape(inputs)[1]

    def body(t, outputs, *carried):
        output, *states = carried
        new_output, new = steps.step(tf.gather(inputs, t), states)
        now = _carried(None if real is None else tf.gather(real, t), [new_output, *new], carried)
        # The outputs move up by one, and end in order: a list of tensors would want to know the batch beforehand.
        return t + 1, tf.concat([outputs[1:], now[0][None]], 0) if every else outputs, *now

    outputs = tf.zeros([time if every else 0, batch, steps.width])
    start = (0, outputs, tf.zeros([batch, steps.width]), *states)
    free = tf.TensorShape([None, inputs.shape[1], steps.width])
    shapes = (tf.TensorShape([]), free, *[tf.TensorShape([inputs.shape[1], each.shape[-1]]) for each in start[2:]])
    _, outputs, output, *states = tf.while_loop(lambda t, *_: t < time, body, start, shape_invariants=shapes)
    return output, outputs if every else None, states
