"""Choice: which loop over time a recurrent layer runs, by size from measurements, or forced.

| loop | what runs | when |
|---|---|---|
| keras | Keras' own loop, or cuDNN on a GPU | wherever the others can't, and answers in graphs that may be exported |
| plain | TensorFlow ops, own gradient | training with any lengths: nothing is compiled |
| xla | the same loop under XLA, compiled once per shape | for `compiled`, where halves don't pay |
| halves | as xla, the batch in two halves that run side by side | for `compiled`, by `HALVES_FROM` |
| compiled | xla or halves | training where the time is fixed, and `evaluate` and `predict` of such |
| auto | what this table says | by default |
"""

import contextlib
import contextvars
import math
import os
import sys

import tensorflow as tf

LOOPS = ("auto", "keras", "plain", "compiled", "xla", "halves")
PARTS = {"plain": 1, "xla": 1, "halves": 2}

HALVES_FROM = ((256, 4), (512, 16))
"""Up to so many units, halves of a batch of at least so many rows were faster than the whole, on two cores.

Measured: training with 128 units 1.2 to 1.4 times from 4 rows on; 512 units level from 16 rows on, slower below;
1,024 units always slower, for each half reads all weights. benchmarks/layers.py --loops xla,halves shows it.
"""

_forced = contextvars.ContextVar("recurrent_loop", default="auto")


@contextlib.contextmanager
def recurrent_loop(loop: str):
    """Has the recurrent layers of rnnkit that are called (traced, in a graph) inside the block run a loop.

    A layer's own `loop`, where it is not `auto`, wins.

    Args:
        loop: One of `LOOPS`.

    Raises:
        ValueError: It is none of them.
    """
    token = _forced.set(known(loop))
    try:
        yield
    finally:
        _forced.reset(token)


def known(loop: str) -> str:
    """Returns a loop's name, or raises ValueError."""
    if loop not in LOOPS:
        raise ValueError(f"loop must be one of {', '.join(LOOPS)}. Got {loop!r}.")
    return loop


def chosen(own: str, *, training: bool, batch: int | None, time: int | None, units: int) -> str:
    """Names the loop of a layer whose cell has steps of its own.

    Args:
        own: The layer's `loop`.
        training: The call is a training call.
        batch, time: Of the sequences; None where the graph doesn't know.
        units: Of the layer.
    """
    loop = own if own != "auto" else _forced.get()
    if loop == "auto":
        loop = _automatic(training, time)
    if loop == "compiled":
        rows = math.inf if batch is None else batch
        return "halves" if _cores() > 1 and rows >= _least_rows(units) else "xla"
    return loop


def _automatic(training, time):
    if tf.config.list_logical_devices("GPU"):
        return "keras"
    # XLA compiles once per shape, which pays where the time is fixed and the graph runs many times.
    fixed = time is not None and not tf.executing_eagerly()
    if training:
        return "compiled" if fixed else "plain"
    return "compiled" if fixed and _in_keras_trainer() else "keras"


def _cores():
    # Only Linux tells which cores a process may use.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _least_rows(units):
    return next((rows for limit, rows in HALVES_FROM if units <= limit), math.inf)


def _in_keras_trainer():
    """Tells whether `predict` or `evaluate` traces: any other graph may be on its way into a SavedModel.

    There a function compiled with XLA would carry that demand along, and not every server has XLA.
    """
    frame = sys._getframe()
    while frame:
        if frame.f_globals.get("__name__") == "keras.src.backend.tensorflow.trainer":
            return True
        frame = frame.f_back
    return False
