"""SavedModel: signatures -> a directory that TensorFlow Serving loads, with none of our Python."""

import contextlib
import pathlib
from collections.abc import Iterable, Mapping

import keras
import tensorflow as tf

from rnnkit.answers import Signature


def write_saved_model(
    path: pathlib.Path, models: Iterable[keras.Model], signatures: Mapping[str, Signature]
) -> dict[str, dict]:
    """Writes the signatures to `path`.

    Args:
        path: A folder that does not exist yet.
        models: Every Keras model the signatures call; their variables and tables are saved.
        signatures: Name -> what it does; `serving_default` is the one called by default.

    Returns:
        Per signature its `inputs` and `outputs`, each name -> `{"dtype", "shape"}`.
    """
    archive = keras.export.ExportArchive()
    models = list(models)
    for model in models:
        archive.track(model)
    with _portable(models):
        for name, signature in signatures.items():
            archive.add_endpoint(name, signature.function, input_signature=list(signature.inputs))
    archive.write_out(path, verbose=False)
    return describe_signatures(path)


def describe_signatures(path: pathlib.Path) -> dict[str, dict]:
    """Reads the names, types and shapes of a SavedModel's signatures, without loading the model."""
    from tensorflow.core.protobuf import saved_model_pb2

    graph = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes()).meta_graphs[0]
    return {
        name: {"inputs": _described(signature.inputs), "outputs": _described(signature.outputs)}
        for name, signature in sorted(graph.signature_def.items())
        # ExportArchive always adds "serve", the same as the default, and the loader its own.
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
