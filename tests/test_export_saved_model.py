"""SavedModel: ops that every TensorFlow has, nothing bound to XLA, CUDA or Python; and warm-up requests."""

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

from rnnkit.export.saved_model import describe_signatures

FOREIGN = ("CudnnRNN", "PyFunc", "EagerPyFunc", "PyFuncStateless", "XlaLaunch", "_XlaRun", "_XlaCompile")


def nodes(path):
    model = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    (graph,) = (meta.graph_def for meta in model.meta_graphs)
    found = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    assert len(found) > 100
    return graph, found


def test_the_graph_holds_only_ops_that_tensorflow_itself_registers(tiny):
    graph, found = nodes(tiny.path)
    own = {function.signature.name for function in graph.library.function}
    unknown = {node.op for node in found if node.op not in own and op_def_registry.get(node.op) is None}
    assert not unknown
    assert not {node.op for node in found if node.op.startswith(FOREIGN)}


def test_nothing_in_the_graph_must_be_compiled(tiny):
    graph, found = nodes(tiny.path)
    assert graph.library.function
    for holder in (*found, *graph.library.function):
        assert not holder.attr["_XlaMustCompile"].b, holder


def test_no_node_is_bound_to_a_device(tiny):
    _, found = nodes(tiny.path)
    assert not {node.device for node in found if "GPU" in node.device}


def test_signatures_are_read_as_the_loaded_model_has_them(tiny):
    described = describe_signatures(tiny.path)
    assert described == tiny.card["signatures"]
    loaded = tiny.model.signatures
    assert "serving_default" in described
    for name, sides in described.items():
        _, inputs = loaded[name].structured_input_signature
        assert {key: spec.dtype.name for key, spec in inputs.items()} == {
            key: form["dtype"] for key, form in sides["inputs"].items()
        }
        assert loaded[name].structured_outputs.keys() == sides["outputs"].keys()


def varint(data, place):
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place


def fields(data):
    """Reads a protocol buffer off the wire: (field number, bytes) of each length-delimited field."""
    place = 0
    while place < len(data):
        key, place = varint(data, place)
        number, kind = key >> 3, key & 7
        assert kind == 2, f"field {number} is of wire type {kind}"
        size, place = varint(data, place)
        yield number, data[place : place + size]
        place += size
    assert place == len(data)


def only(data, number):
    (content,) = (content for found, content in fields(data) if found == number)
    return content


def test_warm_up_requests_are_prediction_logs_of_the_default_signature(tiny):
    """PredictionLog.predict_log = 6, PredictLog.request = 1, PredictRequest.model_spec = 1 and inputs = 2.

    ModelSpec.name = 1 and signature_name = 3; a map's entry has key = 1 and value = 2
    (tensorflow_serving/apis: prediction_log.proto, predict.proto, model.proto).
    """
    path = tiny.path / "assets.extra" / "tf_serving_warmup_requests"
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    sizes = []
    for record in records:
        request = only(only(record, 6), 1)
        assert dict(fields(only(request, 1))) == {1: b"tiny", 3: b"serving_default"}
        entry = only(request, 2)
        assert only(entry, 1) == b"text"
        texts = tf.io.parse_tensor(only(entry, 2), tf.string)
        assert len(tiny.model.signatures["serving_default"](text=texts)["label"]) == len(texts)
        sizes.append(len(texts))
    assert sizes[0] == 1 and max(sizes) > 1
