"""Recorded loops: a model and a gradient tape -> every state of every recurrent layer, step by step."""

import contextlib
import dataclasses
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf


@dataclasses.dataclass
class Recording:
    """One run of one recurrent layer, step by step in the order in which it read them.

    Attributes:
        layer: Its name, with a number from its second run on, such as `encoder #2`.
        cell: Its cell.
        backwards: Whether it reads from the last step to the first.
        mask: `(batch, time)`, True where a step is real, in the order of reading.
        states: The cell's own tensors: each leads on to this step's output and to the next step.
        carried: Copies of them that lead to the next step alone.
        shown: The cell's own outputs, most often one of the states.
        outputs: Copies of them that lead to what is above alone.
    """

    layer: str
    cell: object
    backwards: bool
    mask: np.ndarray
    states: list[list] = dataclasses.field(default_factory=list)
    carried: list[list] = dataclasses.field(default_factory=list)
    shown: list = dataclasses.field(default_factory=list)
    outputs: list = dataclasses.field(default_factory=list)


@contextlib.contextmanager
def recorded(model: keras.Model, tape: tf.GradientTape) -> Iterator[list[Recording]]:
    """Has every recurrent layer of the model run step by step, and gives the list its runs are added to."""
    recordings, layers, eager = [], _layers(model), tf.config.functions_run_eagerly()
    # Or a layer that calls a tf.function would run the loop that was traced before.
    tf.config.run_functions_eagerly(True)
    try:
        for layer in layers:
            # Set through __dict__: Keras tracks what is assigned, and would keep it after.
            layer.__dict__["inner_loop"] = _loop(layer, tape, recordings)
        yield recordings
    finally:
        tf.config.run_functions_eagerly(eager)
        for layer in layers:
            layer.__dict__.pop("inner_loop", None)


def _loop(layer, tape, recordings):
    """Returns what stands in for `layer.inner_loop`: the same numbers, by a loop in Python over `layer.cell`."""

    def run(sequences, initial_state, mask, training=False):
        batch, time = sequences.shape[:2]
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        real = np.ones((batch, time), bool) if mask is None else np.asarray(mask, bool).reshape(batch, time)
        if layer.go_backwards:
            sequences, real = tf.reverse(sequences, [1]), real[:, ::-1]
        states = list(initial_state) if isinstance(initial_state, (list, tuple)) else [initial_state]
        states = keras.tree.map_structure(tf.convert_to_tensor, states)
        # Watched from the start, so that frozen weights hide nothing.
        tape.watch([sequences, *keras.tree.flatten(states)])
        # A layer may run twice, and layers of nested models may share a name.
        number = 1 + sum(recording.layer.partition(" #")[0] == layer.name for recording in recordings)
        name = layer.name if number == 1 else f"{layer.name} #{number}"
        recording = Recording(name, layer.cell, layer.go_backwards, real)
        takes_training = isinstance(layer.cell, keras.layers.Layer) and layer.cell._call_has_training_arg
        arguments = {"training": training} if takes_training else {}
        zeroed, outputs = mask is not None and layer.zero_output_for_mask, []
        for t in range(time):
            output, new = layer.cell(sequences[:, t], states, **arguments)
            new = list(new) if isinstance(new, (list, tuple)) else [new]
            recording.states.append(keras.tree.flatten(new))
            recording.shown.append(output)
            new, output = keras.tree.map_structure(tf.identity, (new, output))
            recording.carried.append(keras.tree.flatten(new))
            recording.outputs.append(output)
            states = keras.tree.map_structure(lambda now, old, t=t: _chosen(real[:, t], now, old), new, states)
            before = tf.zeros_like(output) if zeroed or not outputs else outputs[-1]
            outputs.append(_chosen(real[:, t], output, before))
        recordings.append(recording)
        return outputs[-1], tf.stack(outputs, axis=1), states

    return run


def _chosen(real, now, old):
    return now if real.all() else tf.where(real.reshape(-1, *[1] * (len(now.shape) - 1)), now, old)


@contextlib.contextmanager
def left_as_it_was(model: keras.Model) -> Iterator[None]:
    """Puts back what a run changes: states of stateful layers, and metrics of the loss."""
    layers = [layer for layer in _layers(model) if layer.stateful]
    variables = [*keras.tree.flatten([layer.states for layer in layers]), *model.metrics_variables]
    before = [variable.numpy() for variable in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)


def _layers(model):
    # Keras has no public way to walk through layers inside layers.
    return [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.RNN)]
