"""SavedModel: signatures -> a directory that TensorFlow Serving loads, with none of our Python."""

import contextlib
import pathlib
from collections.abc import Iterable, Mapping

import keras
import tensorflow as tf

from rnnkit.answers import Signature, traced


def write_saved_model(
    path: pathlib.Path, models: Iterable[keras.Model], signatures: Mapping[str, Signature]
) -> dict[str, dict]:
    """Writes the signatures to `path`.

    Args:
        path: A folder that does not exist yet.
        models: Every Keras model the signatures call; their variables and tables are saved.
        signatures: Name -> what it does; `serving_default` is the one called by default. One that was traced on a GPU
            may hold ops of cuDNN, which no CPU can run.

    Returns:
        Per signature its `inputs` and `outputs`, each name -> `{"dtype", "shape"}`.
    """
    models = list(models)
    with _portable(models):
        functions = {name: traced(signature) for name, signature in signatures.items()}
    # Keras's ExportArchive traces each signature once to list its variables and, as in the context of saving nothing
    # that was traced before counts, once more to save it: half the time that a bundle took to be written.
    root = tf.Module()
    root.kept = [_variables(models, functions.values()), _tables(models)]
    tf.saved_model.save(root, str(path), signatures=functions)
    return describe_signatures(path)


def _variables(models, functions):
    held = [variable.value for model in models for variable in model.variables]
    used = [variable for function in functions for variable in function.variables]
    return list({id(variable): variable for variable in (*held, *used)}.values())


def _tables(models):
    # A layer in a list is no child of the layer that holds the list.
    holder = tf.Module()
    holder.layers = [layer for model in models for layer in model._flatten_layers()]
    parts = tf.train.TrackableView(holder).descendants()
    return [part for part in parts if isinstance(part, tf.saved_model.experimental.TrackableResource)]


def describe_signatures(path: pathlib.Path) -> dict[str, dict]:
    """Reads the names, types and shapes of a SavedModel's signatures, without loading the model."""
    from tensorflow.core.protobuf import saved_model_pb2

    graph = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes()).meta_graphs[0]
    return {
        name: {"inputs": _described(signature.inputs), "outputs": _described(signature.outputs)}
        for name, signature in sorted(graph.signature_def.items())
        # The loader adds its own.
        if not name.startswith("__")
    }


def _described(tensors):
    return {
        name: {
            "dtype": tf.as_dtype(info.dtype).name,
            "shape": [None if axis.size == -1 else axis.size for axis in info.tensor_shape.dim],
        }
        for name, info in sorted(tensors.items())
    }


@contextlib.contextmanager
def _portable(models):
    # Traced on a GPU, LSTM and GRU would put a cuDNN op into the graph that no CPU can run
    # (keras#18504), so the export is traced with cuDNN off.
    layers = [layer for model in models for layer in model._flatten_layers() if hasattr(layer, "use_cudnn")]
    before = [layer.use_cudnn for layer in layers]
    for layer in layers:
        layer.use_cudnn = False
    try:
        yield
    finally:
        for layer, value in zip(layers, before, strict=True):
            layer.use_cudnn = value
