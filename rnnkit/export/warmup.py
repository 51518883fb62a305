"""Warm-up: example rows -> the request log that TensorFlow Serving plays before it takes traffic."""

import functools
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tensorflow.core.framework import tensor_pb2

PACKAGE = "rnnkit.serving"
MESSAGES = {
    # As numbered in tensorflow_serving/apis/model.proto, predict.proto and prediction_log.proto.
    "ModelSpec": {"name": (1, "string"), "signature_name": (3, "string")},
    "InputsEntry": {"key": (1, "string"), "value": (2, ".tensorflow.TensorProto")},
    "PredictRequest": {"model_spec": (1, "ModelSpec"), "inputs": (2, "repeated InputsEntry")},
    "PredictLog": {"request": (1, "PredictRequest")},
    "PredictionLog": {"predict_log": (6, "PredictLog")},
}


def write_warmup(
    path: pathlib.Path,
    requests: Sequence[Mapping[str, Sequence[str] | np.ndarray]],
    *,
    model: str,
    signature: str = "serving_default",
) -> None:
    """Writes PredictionLog records.

    Args:
        path: The file `assets.extra/tf_serving_warmup_requests` of a SavedModel.
        requests: Each an input per name, one text per row or an array `(rows, …)`.
        model: Name under which the model is served.
        signature: The signature that is called.

    https://www.tensorflow.org/tfx/serving/saved_model_warmup. The messages are declared here,
    field by field, because the package that holds them pins old versions of TensorFlow.
    """
    with tf.io.TFRecordWriter(str(path)) as writer:
        for request in requests:
            log = prediction_log()
            log.predict_log.request.model_spec.name = model
            log.predict_log.request.model_spec.signature_name = signature
            for name, values in request.items():
                tensor = log.predict_log.request.inputs.add(key=name).value
                tensor.CopyFrom(tf.make_tensor_proto(values, None if hasattr(values, "dtype") else tf.string))
            writer.write(log.SerializeToString())


def prediction_log():
    """Returns an empty PredictionLog message."""
    return _message_class()()


@functools.cache
def _message_class():
    file = descriptor_pb2.FileDescriptorProto(name="rnnkit/serving.proto", package=PACKAGE, syntax="proto3")
    file.dependency.append(tensor_pb2.DESCRIPTOR.name)
    for message, fields in MESSAGES.items():
        declared = file.message_type.add(name=message)
        for field, (number, kind) in fields.items():
            _declare(declared, field, number, kind)
    pool = descriptor_pool.Default()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.PredictionLog"))


def _declare(message, name, number, kind):
    types = descriptor_pb2.FieldDescriptorProto
    repeated, kind = kind.startswith("repeated "), kind.removeprefix("repeated ")
    label = types.LABEL_REPEATED if repeated else types.LABEL_OPTIONAL
    if kind == "string":
        message.field.add(name=name, number=number, label=label, type=types.TYPE_STRING)
        return
    kind = kind if kind.startswith(".") else f".{PACKAGE}.{kind}"
    message.field.add(name=name, number=number, label=label, type=types.TYPE_MESSAGE, type_name=kind)
