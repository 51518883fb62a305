"""Layer speed: one task (cell, shape, training or not) -> stock Keras, rnnkit and PyTorch by turns -> seconds of each.

A training step is forward, loss, gradient by every weight (none by the inputs) and a plain SGD update, so that it is
the layers' work and no optimiser's. Every contender starts from the same weights, PyTorch's converted, and proves on
its first steps that it computes the same function.

PyTorch has processes of its own: thread pools in one process would get in each other's way. It stands there twice, for
it is up to Linux whether its two threads keep to one core each; a small step took 3.0 or 4.5 ms, mostly for as long as
the process lived. With OMP_PROC_BIND it is 3.0. Denormals are flushed, as TensorFlow does by itself.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
import importlib
import importlib.util
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

GATES = {"lstm": 4, "gru": 3}
HEAD = 16
CHECKED_STEPS, CHECK_RATE, RATE = 4, 1.0, 1e-5
MATMUL = 2048


@dataclasses.dataclass(frozen=True)
class Task:
    """What every contender of a comparison does.

    Attributes:
        cell: Key of `GATES`.
        features: Of a step of the input.
        every: The head and the loss take every output, rather than the last one.
        training: A whole step of training, rather than the outputs alone.
    """

    cell: str
    batch: int
    time: int
    features: int
    units: int
    depth: int = 1
    bidirectional: bool = False
    every: bool = False
    training: bool = True

    @property
    def flops(self) -> int:
        """Operations of the matmuls it can't do without; what is done elementwise isn't counted.

        Forward, gradient by weights and gradient by inputs cost the same; the last isn't due in the first layer.
        No product with the state of zeros before the first step is counted, forward or backward.
        """
        directions = 1 + self.bidirectional
        products = 3 if self.training else 1
        operations, width = 0, self.features
        for level in range(self.depth):
            by_input = products - (self.training and level == 0)
            terms = width * self.time * by_input + self.units * (self.time - 1) * products
            operations += 2 * GATES[self.cell] * self.units * self.batch * directions * terms
            width = self.units * directions
        return operations + 2 * self.batch * (self.time if self.every else 1) * width * HEAD * products

    @property
    def title(self) -> str:
        """How a table names it."""
        kind = " bidirectional" * self.bidirectional + f" {self.depth} layers" * (self.depth > 1)
        return f"({self.batch}, {self.time}, {self.features}, {self.units}){kind}"


@dataclasses.dataclass(frozen=True)
class Way:
    """A way to have a Keras model do the task.

    Attributes:
        name: In tables.
        module: Where the layer is.
        layer: Its class, if not the task's cell; it then starts from weights of its own and is not checked.
        settings: Of the layer, besides its units.
        xla: Compile the whole step.
    """

    name: str
    module: str = "keras.layers"
    layer: str = ""
    settings: Mapping[str, object] = dataclasses.field(default_factory=dict)
    xla: bool = False


@dataclasses.dataclass(frozen=True)
class Contender:
    """Something to be timed.

    Attributes:
        first: Runs it for the first time; returns the seconds of tracing and compiling, and what is to agree
            with the others': losses of `CHECKED_STEPS` large training steps, or the outputs. None: not comparable.
        burst: Runs it that many times in a row, after one to warm the caches; returns the seconds of each.
    """

    name: str
    first: Callable[[], tuple[float, np.ndarray | None]]
    burst: Callable[[int], list[float]]


def keras_model(task: Task, way: Way):
    """Returns the layers with a small head: outputs `(batch, HEAD)`, or `(batch, time, HEAD)` if every one counts."""
    import keras

    layer_class = getattr(importlib.import_module(way.module), way.layer or task.cell.upper())
    inputs = x = keras.Input((task.time if way.settings.get("unroll") else None, task.features))
    for level in range(task.depth):
        outputs = task.every or level < task.depth - 1
        layer = layer_class(task.units, return_sequences=outputs, **way.settings)
        x = (keras.layers.Bidirectional(layer) if task.bidirectional else layer)(x)
    return keras.Model(inputs, keras.layers.Dense(HEAD)(x))


def beginning(task: Task, way: Way) -> tuple[list[np.ndarray], np.ndarray]:
    """Returns the weights that all contenders start from, a model of `way`'s, and the inputs."""
    inputs = np.random.default_rng(0).normal(size=(task.batch, task.time, task.features))
    return keras_model(task, way).get_weights(), inputs.astype(np.float32)


def keras_step(model, *, training: bool, xla: bool):
    """Returns a function of inputs and a rate, that gives the loss of a training step, or else the outputs."""
    import tensorflow as tf

    weights = [weight.value for weight in model.trainable_weights]

    def train(x, rate):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x, training=True)))
        for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
            weight.assign_sub(rate * gradient)
        return loss

    def infer(x, rate):
        return model(x, training=False)

    return tf.function(train if training else infer, jit_compile=xla)


def keras_contender(task: Task, way: Way, weights: Sequence[np.ndarray], inputs: np.ndarray) -> Contender:
    """Makes a contender of a way, from the weights of a stock model of the task."""
    import tensorflow as tf

    model = keras_model(task, way)
    if not way.layer:
        model.set_weights(weights)
    step = keras_step(model, training=task.training, xla=way.xla)
    x = tf.constant(inputs)

    def first():
        seconds, values = _first(lambda rate: step(x, tf.constant(rate)).numpy(), task.training)
        return seconds, None if way.layer else values

    # A tf.function on a CPU has ended when it returns.
    return Contender(way.name, first, functools.partial(timed, functools.partial(step, x, tf.constant(RATE))))


def matmul_contender() -> Contender:
    """Makes a contender of one large product, whose rate is the machine's peak."""
    import tensorflow as tf

    square = tf.random.normal((MATMUL, MATMUL))
    step = functools.partial(tf.matmul, square, square)
    return Contender("matmul", lambda: (0.0, None), functools.partial(timed, step))


def timed(step: Callable[[], object], count: int) -> list[float]:
    """Returns the seconds of each of `count` steps, run after one that doesn't count."""
    step()
    marks = [time.perf_counter()]
    for _ in range(count):
        step()
        marks.append(time.perf_counter())
    return [end - begin for begin, end in zip(marks, marks[1:], strict=False)]


def _first(step, training):
    begin = time.perf_counter()
    values = [step(CHECK_RATE)]
    seconds = time.perf_counter() - begin
    if training:
        values += [step(CHECK_RATE) for _ in range(CHECKED_STEPS - 1)]
    return seconds, np.stack(values)


@contextlib.contextmanager
def torch_processes() -> Iterator[dict[str, concurrent.futures.Executor]]:
    """Starts PyTorch's processes, by the contender's name; none where it is not installed."""
    with contextlib.ExitStack() as stack:
        processes = {}
        for name, bound in {"PyTorch": False, "PyTorch, bound threads": True}.items():
            if importlib.util.find_spec("torch"):
                spawn = multiprocessing.get_context("spawn")
                pool = concurrent.futures.ProcessPoolExecutor(1, spawn, _start_torch, (bound,))
                processes[name] = stack.enter_context(pool)
        yield processes


def torch_contender(task, name, process, weights, inputs) -> Contender:
    """Makes a contender of PyTorch's own layer, in a process of `torch_processes`."""
    process.submit(_build_torch, task, weights, inputs).result()
    return Contender(
        name,
        lambda: process.submit(_first_of_torch).result(),
        lambda count: process.submit(_burst_of_torch, count).result(),
    )


_TORCH = {}
"""What a process of PyTorch's is working on."""


def _start_torch(bound):
    if bound:
        os.environ["OMP_PROC_BIND"] = "true"
    import torch

    # Before the first parallel loop: threads started later take it over.
    torch.set_flush_denormal(True)


def _build_torch(task, weights, inputs):
    import torch

    layer_class = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[task.cell]
    sizes = {"num_layers": task.depth, "bidirectional": task.bidirectional}
    layer = layer_class(task.features, task.units, batch_first=True, **sizes)
    head = torch.nn.Linear(task.units * (1 + task.bidirectional), HEAD)
    with torch.no_grad():
        for name, value in torch_weights(task, weights).items():
            layer.get_parameter(name).copy_(torch.from_numpy(value))
        head.weight.copy_(torch.from_numpy(weights[-2].T))
        head.bias.copy_(torch.from_numpy(weights[-1]))
    x = torch.from_numpy(inputs)

    def outputs():
        states, _ = layer(x)
        return head(states if task.every else states[:, -1])

    def train(optimizer):
        optimizer.zero_grad()
        loss = outputs().square().mean()
        loss.backward()
        optimizer.step()
        return loss.detach().numpy()

    def infer(_):
        with torch.inference_mode():
            return outputs().numpy()

    # PyTorch's LSTM has two biases where Keras has one: the check moves only one of them.
    second = [p for name, p in layer.named_parameters() if task.cell == "lstm" and name.startswith("bias_hh")]
    moved = [p for p in (*layer.parameters(), *head.parameters()) if all(p is not other for other in second)]
    groups = [{"params": moved}, {"params": second, "lr": 0.0}] if second else [{"params": moved}]
    _TORCH["training"], _TORCH["step"] = task.training, train if task.training else infer
    _TORCH["check"] = torch.optim.SGD(groups, CHECK_RATE)
    _TORCH["optimizer"] = torch.optim.SGD([*layer.parameters(), *head.parameters()], RATE)


def _first_of_torch():
    return _first(lambda rate: _TORCH["step"](_TORCH["check"]).copy(), _TORCH["training"])


def _burst_of_torch(count):
    return timed(functools.partial(_TORCH["step"], _TORCH["optimizer"]), count)


def torch_weights(task: Task, weights: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Returns Keras' weights under the names, and with the gate order, of PyTorch's layer."""

    def rows(matrix):
        gates = np.split(matrix.T, GATES[task.cell])
        # Keras' GRU has update, reset, candidate, PyTorch's has reset, update, candidate; LSTMs agree.
        return np.concatenate([gates[1], gates[0], gates[2]] if task.cell == "gru" else gates)

    named = {}
    directions = ("", "_reverse")[: 1 + task.bidirectional]
    endings = [f"l{level}{direction}" for level in range(task.depth) for direction in directions]
    for place, ending in enumerate(endings):
        kernel, recurrent, bias = weights[3 * place : 3 * place + 3]
        by_input, by_state = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
        named |= {f"weight_ih_{ending}": rows(kernel), f"weight_hh_{ending}": rows(recurrent)}
        named |= {f"bias_ih_{ending}": rows(by_input), f"bias_hh_{ending}": rows(by_state)}
    return named
