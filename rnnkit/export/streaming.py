"""Streaming: a model of whole sequences -> a function of one step, with the states in and out as tensors.

features of a step, states -> the model's layers on this step alone, recurrent ones by their cells -> outputs, states
"""

import collections
import dataclasses
import re
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.layers import Blend, LRUCell, NgramScores, VariantLSTMCell, WindowScores
from rnnkit.layers.convolution import MaskedConvolution
from rnnkit.layers.embedding import WordDropout
from rnnkit.layers.pooling import POOLINGS, LastStep
from rnnkit.layers.segments import Segments

_NAMES = """
    Embedding Dense TimeDistributed Masking Identity Rescaling
    Activation ReLU LeakyReLU ELU Softmax
    LayerNormalization RMSNormalization BatchNormalization UnitNormalization Normalization
    Dropout SpatialDropout1D AlphaDropout GaussianDropout GaussianNoise ActivityRegularization
    Add Subtract Multiply Average Maximum Minimum Concatenate
"""
PER_STEP = (*[getattr(keras.layers, name) for name in _NAMES.split()], WordDropout, Blend)
"""Layers that treat each step by itself, unless their axis is that of time."""
ELEMENTWISE = ("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Negative")
"""Operations of keras.ops, such as x + y makes, that may stand between layers."""
STATES = {keras.layers.LSTMCell: ("h", "c"), VariantLSTMCell: ("h", "c"), LRUCell: ("real", "imaginary")}
REMEDIES = {
    (keras.layers.Bidirectional,): "Train with --no-bidirectional.",
    (NgramScores,): "Train with --ngrams 0.",
    (WindowScores,): "Train with --windows 0.",
    (Segments,): "Train with --segment 0.",
    tuple(POOLINGS.values()): "Train with --no-bidirectional --pooling last.",
    (keras.Model,): "Build one model of all its layers.",
}
RULE = "A step can hold recurrent layers that read forwards, and layers that treat each step by itself."


@dataclasses.dataclass(frozen=True)
class Step(Signature):
    """One time step of a model.

    `function` takes the model's inputs without their time axis, such as `(batch, features)` or ids
    `(batch,)`, and then the states. It gives the model's outputs for this step, and the states after
    it under the names that they have as inputs. A step that the model masks, such as id 0 of an
    `Embedding(mask_zero=True)`, leaves the states as they are, and its outputs mean nothing.

    Attributes:
        states: Those of `inputs` that are states, `(batch, units)`.
    """

    states: tuple[tf.TensorSpec, ...]

    def zero_states(self, batch: int = 1) -> dict[str, np.ndarray]:
        """Returns the states before the first step, by name."""
        return {spec.name: np.zeros((batch, *spec.shape[1:]), spec.dtype.as_numpy_dtype) for spec in self.states}


def step_signature(
    model: keras.Model, *, batch: int | None = None, per_step: tuple[type[keras.layers.Layer], ...] = ()
) -> Step:
    """Makes the function of one step of a functional model.

    A recurrent layer without `return_sequences`, and `LastStep`, answer as if the sequence ended
    with this step. A state is called after its layer: `recurrent_1_lstm_h`.

    Args:
        model: Inputs `(batch, time, …)` -> outputs; its weights are used, not copied.
        batch: Fixes the number of rows; TFLite wants 1.
        per_step: Further layer classes that treat each step by itself.

    Raises:
        ValueError: A layer sees more of other steps than a state tells, or the model is not functional.
    """
    graph = _graph(model)
    calls, timed = _calls(graph, batch, (*PER_STEP, *per_step))
    states = tuple(spec for call in calls for spec in call.states)
    inputs = tuple(tf.TensorSpec([batch, *x.shape[2:]], x.dtype, name=x.name) for x in graph.inputs)
    outputs = _output_names(graph)
    for names in ([spec.name for spec in inputs], outputs):
        _check_names([*names, *(spec.name for spec in states)])

    def step(*tensors):
        features, before = tensors[: len(inputs)], iter(tensors[len(inputs) :])
        values = {id(x): tf.expand_dims(tensor, 1) for x, tensor in zip(graph.inputs, features, strict=True)}
        after = {}
        for call in calls:
            arguments, keywords = call.node.arguments.fill_in(values)
            given = [next(before) for _ in call.states]
            results, new = call.run(call.node.operation, given, *arguments, **keywords)
            values |= zip(map(id, call.node.outputs), keras.tree.flatten(results), strict=True)
            after |= zip((spec.name for spec in call.states), new, strict=True)
        answers = [values[id(x)][:, 0] if id(x) in timed else values[id(x)] for x in graph.outputs]
        return dict(zip(outputs, answers, strict=True)) | after

    return Step(step, (*inputs, *states), states)


def _graph(model):
    graph = getattr(model, "_functional", None) or model
    if not hasattr(graph, "_nodes_by_depth"):
        raise ValueError(
            f"Model {model.name!r} ({type(model).__name__}) does not show its layers' graph, which a step is made of. "
            "Build it by keras.Model(inputs, outputs), or as a Sequential with an Input."
        )
    flat = [x.name for x in graph.inputs if len(x.shape) < 2]
    if flat:
        raise ValueError(f"Input {flat[0]!r} has no time axis. A step needs inputs (batch, time, …).")
    return graph


def _output_names(graph):
    paths = [path for path, _ in keras.tree.flatten_with_path(graph.output)]
    named = [path and isinstance(path[-1], str) for path in paths]
    layers = [x._keras_history.operation.name for x in graph.outputs]
    return [path[-1] if by_key else layer for path, by_key, layer in zip(paths, named, layers, strict=True)]


def _check_names(names):
    twice = [name for name, count in collections.Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"Names of a step's tensors must differ. Got {twice[0]!r} twice. Rename the layer of one.")


@dataclasses.dataclass(frozen=True)
class _Call:
    """A layer's call in the model's graph, and how a step does it.

    Attributes:
        node: The call, as Keras keeps it.
        run: `(layer, states, *arguments, **keywords) -> results, new states`.
        states: Specs of the states it needs.
    """

    node: object
    run: Callable
    states: tuple[tf.TensorSpec, ...] = ()


def _calls(graph, batch, per_step):
    """Lists the calls of the graph in order, and the ids of those tensors that have a time axis."""
    calls, counts, timed = [], collections.Counter(), set(map(id, graph.inputs))
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            if node.is_input:
                continue
            layer, with_time = node.operation, [id(x) in timed for x in node.input_tensors]
            if not any(with_time):
                # After the last step there is no time left: whatever it does, it does so here.
                calls.append(_Call(node, _as_it_is))
            elif isinstance(layer, keras.layers.RNN):
                _check_recurrent(layer, node)
                counts[layer.name] += 1
                calls.append(_Call(node, _advanced, _states(layer, counts[layer.name], batch)))
                timed |= {id(x) for x in node.outputs[:1] if layer.return_sequences}
            elif not all(with_time):
                _refuse(layer, "joins every step with what is known after the last one only")
            elif isinstance(layer, LastStep) and not layer.bidirectional:
                calls.append(_Call(node, _last))
            else:
                _check_per_step(layer, node, per_step)
                calls.append(_Call(node, _as_it_is))
                timed |= set(map(id, node.outputs))
    return calls, timed


def _check_recurrent(layer, node):
    first = node.input_tensors[0]
    if layer.go_backwards:
        _refuse(layer, "reads backwards", "Train without go_backwards.")
    starts = (*node.arguments.args[1:2], node.arguments.kwargs.get("initial_state"))
    if any(start is not None for start in starts):
        _refuse(layer, "starts from a state that a layer gives", "Leave initial_state out: the step's caller gives it.")
    if len(first.shape) != 3:
        _refuse(layer, f"has inputs of shape {first.shape}, not (batch, time, features)")


def _check_per_step(layer, node, per_step):
    if _is_elementwise(layer, node):
        return
    narrow = (isinstance(layer, keras.layers.Conv1D) and layer.kernel_size == layer.strides == (1,)) or (
        isinstance(layer, MaskedConvolution) and layer.width == 1
    )
    if not narrow and not isinstance(layer, per_step):
        further = "Leave it out; or, if it sees one step at a time, name its class: per_step=(…,)."
        remedy = next((remedy for kinds, remedy in REMEDIES.items() if isinstance(layer, kinds)), further)
        _refuse(layer, "sees more than one step, or may do so", remedy)
    rank = len(node.input_tensors[0].shape)
    axes = [axis for axis in keras.tree.flatten(getattr(layer, "axis", None)) if axis is not None]
    if any(axis % rank < 2 for axis in axes):
        _refuse(layer, f"works along axis {axes[0]}, which is that of time", "Set its axis to -1.")


def _is_elementwise(operation, node):
    if isinstance(operation, keras.layers.Layer):
        return False
    # What gives truth values only makes up masks, such as `ids != 0` of an embedding.
    of_mask = all(x.dtype == "bool" for x in node.outputs)
    return of_mask or (type(operation).__module__ == "keras.src.ops.numpy" and type(operation).__name__ in ELEMENTWISE)


def _refuse(layer, reason, remedy="Leave it out."):
    raise ValueError(f"Layer {layer.name!r} ({type(layer).__name__}) {reason}. {RULE} {remedy}")


def _states(layer, count, batch):
    sizes = keras.tree.flatten(layer.state_size)
    usual = ("h",) if len(sizes) == 1 else range(1, len(sizes) + 1)
    endings = next((names for kind, names in STATES.items() if isinstance(layer.cell, kind)), usual)
    name = layer.name if count == 1 else f"{layer.name}_{count}"
    return tuple(
        tf.TensorSpec([batch, size], layer.compute_dtype, name=re.sub(r"\W", "_", f"{name}_{ending}"))
        for size, ending in zip(sizes, endings, strict=True)
    )


def _as_it_is(layer, states, *arguments, **keywords):
    return layer(*arguments, **keywords), states


def _last(layer, states, sequences, **keywords):
    return sequences[:, 0], states


def _advanced(layer, states, sequences, mask=None, **keywords):
    output, new = layer.cell(sequences[:, 0], keras.tree.pack_sequence_as(layer.state_size, states))
    new = keras.tree.flatten(new)
    if mask is not None:
        new = [tf.where(mask, *pair) for pair in zip(new, states, strict=True)]  # mask (batch, 1)
    output = tf.cast(output, layer.compute_dtype)
    output = output[:, None] if layer.return_sequences else output
    return [output, *new] if layer.return_state else output, new
