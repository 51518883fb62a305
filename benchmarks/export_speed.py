"""Export speed: one classifier of word ids in many forms -> processes that load and answer them -> seconds of a row.

ids (batch, time) -> embedding -> BiLSTM -> mean over time -> probability (batch, classes)

TensorFlow, LiteRT and PyTorch have a process each, told how many threads to use: their pools would get in each other's
way, and TensorFlow's is fixed for the life of a process. PyTorch has one more, with threads bound to cores; see
layer_speed.
"""

import concurrent.futures
import contextlib
import functools
import importlib.util
import io
import multiprocessing
import os
import pathlib
from collections.abc import Iterator

import numpy as np
from layer_speed import Contender, Task, timed, torch_weights

VOCABULARY, TIME, FEATURES, CLASSES = 5_000, 50, 64, 3
FAMILIES = ("tensorflow", "litert", "torch", "torch, bound threads")


def classifier(units: int, *, masked: bool = True):
    """Returns the model, with weights whose answers aren't all alike; `masked` leaves out steps of id 0."""
    import keras

    from rnnkit.layers import pool, recurrent_stack

    ids = keras.Input((None,), dtype="int32", name="ids")
    x = recurrent_stack(keras.layers.Embedding(VOCABULARY, FEATURES, mask_zero=masked)(ids), units=units)
    x = keras.layers.Dense(CLASSES, activation="softmax", name="probability")(pool(x, by="mean"))
    model = keras.Model(ids, x, name=f"bilstm_{units}")
    draw = np.random.default_rng(0)
    # As large as in a trained model: from Keras' start all probabilities were a third.
    deviations = {0: 1.0, len(model.weights) - 2: 1.0}
    model.set_weights([draw.normal(0, deviations.get(n, 0.1), w.shape) for n, w in enumerate(model.weights)])
    return model


def torch_bytes(path: pathlib.Path) -> int:
    """Returns the size of PyTorch's file of the weights that lie at `path`."""
    import torch

    buffer = io.BytesIO()
    torch.save(_torch_model(path).state_dict(), buffer)
    return buffer.tell()


@contextlib.contextmanager
def processes(threads: int) -> Iterator[dict[str, concurrent.futures.Executor]]:
    """Starts a process for each of `FAMILIES`; none for PyTorch where it isn't installed."""
    with contextlib.ExitStack() as stack:
        pools = {}
        for family in FAMILIES:
            if not family.startswith("torch") or importlib.util.find_spec("torch"):
                spawn = multiprocessing.get_context("spawn")
                pool = concurrent.futures.ProcessPoolExecutor(1, spawn, _start, (family, threads))
                pools[family] = stack.enter_context(pool)
        yield pools


def contender(name: str, process, kind: str, path: pathlib.Path, rows: np.ndarray) -> tuple[Contender, np.ndarray]:
    """Has a process load a form of the model.

    Args:
        name: In tables.
        process: Of the family that knows `kind`.
        kind: Key of `KINDS`.
        path: Of the file or folder.
        rows: `(rows, time)` ids.

    Returns:
        The contender, which is timed on the first row, and the answers to all rows `(rows, classes)`, asked one by one
        but for Keras, which takes a fifth of a second for one.
    """
    answers = process.submit(_load, name, kind, path, rows).result()
    burst = functools.partial(_submitted, process, name)
    return Contender(name, lambda: (0.0, answers), burst), answers


def _submitted(process, name, count):
    return process.submit(_burst, name, count).result()


_STATE = {"threads": 1, "steps": {}}
"""What a process is working on."""


def _start(family, threads):
    _STATE["threads"] = threads
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    if family == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    elif family.startswith("torch"):
        if "bound" in family:
            os.environ["OMP_PROC_BIND"] = "true"
        import torch

        torch.set_num_threads(threads)


def _load(name, kind, path, rows):
    call = KINDS[kind](path)
    _STATE["steps"][name] = functools.partial(call, rows[:1])
    if kind in IN_A_BATCH:
        return call(rows)
    return np.concatenate([call(rows[place : place + 1]) for place in range(len(rows))])


def _burst(name, count):
    return timed(_STATE["steps"][name], count)


def _keras(path):
    import keras

    import rnnkit.layers  # noqa: F401, so that Keras knows its classes

    return keras.saving.load_model(path, compile=False)


def _keras_predict(path):
    return functools.partial(_keras(path).predict, verbose=0)


def _keras_call(path):
    model = _keras(path)
    return lambda ids: model(ids, training=False).numpy()


def _saved_model(path):
    import tensorflow as tf

    model = tf.saved_model.load(str(path))
    signature = model.signatures["serving_default"]

    def call(ids, model=model):
        # The signature alone would not keep the model's variables alive.
        return signature(ids=tf.constant(ids))["probability"].numpy()

    return call


def _litert(path):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=_STATE["threads"])
    interpreter.allocate_tensors()
    run = interpreter.get_signature_runner()
    (given,), (answer,) = run.get_input_details(), run.get_output_details()

    def call(ids):
        # As edge/run.py does.
        interpreter.reset_all_variables()
        return run(**{given: ids})[answer]

    return call


def _torch(path):
    import torch

    model = _torch_model(path)

    def call(ids):
        with torch.inference_mode():
            return model(torch.from_numpy(ids)).numpy()

    return call


def _onnx(path):
    import onnxruntime
    import torch

    target, ids = path.with_suffix(".onnx"), torch.zeros((1, TIME), dtype=torch.int32)
    torch.onnx.export(_torch_model(path), (ids,), target, input_names=["ids"], output_names=["probability"])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _STATE["threads"]
    session = onnxruntime.InferenceSession(str(target), options)
    return lambda ids: session.run(None, {"ids": ids})[0]


def _torch_model(path):
    import torch

    weights = list(np.load(path).values())
    units = weights[2].shape[0]
    task = Task("lstm", batch=1, time=TIME, features=FEATURES, units=units, bidirectional=True, training=False)

    class Classifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(VOCABULARY, FEATURES)
            self.lstm = torch.nn.LSTM(FEATURES, units, batch_first=True, bidirectional=True)
            self.head = torch.nn.Linear(2 * units, CLASSES)

        def forward(self, ids):
            states, _ = self.lstm(self.embedding(ids))
            return torch.softmax(self.head(states.mean(1)), -1)

    model = Classifier().eval()
    with torch.no_grad():
        model.embedding.weight.copy_(torch.from_numpy(weights[0]))
        for name, value in torch_weights(task, weights[1:]).items():
            model.lstm.get_parameter(name).copy_(torch.from_numpy(value))
        model.head.weight.copy_(torch.from_numpy(weights[-2].T))
        model.head.bias.copy_(torch.from_numpy(weights[-1]))
    return model


IN_A_BATCH = ("predict", "call")
KINDS = {
    "predict": _keras_predict,
    "call": _keras_call,
    "saved_model": _saved_model,
    "litert": _litert,
    "torch": _torch,
    "onnx": _onnx,
}
