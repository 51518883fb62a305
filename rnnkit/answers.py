"""Answers: raw columns -> a signature's outputs, row by row in the order given, in batches of like length."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

BATCH = 64
CHUNK = 4_096


@dataclasses.dataclass(frozen=True)
class Signature:
    """One way to call a served model.

    Attributes:
        function: Named tensors -> named tensors, traceable, core TensorFlow ops only.
        inputs: Specs with names, in the order of the function's arguments.
    """

    function: Callable
    inputs: tuple[tf.TensorSpec, ...]


def answer(function: Callable, columns: Mapping[str, Sequence[str]]) -> dict[str, np.ndarray]:
    """Calls a signature on any number of rows.

    Rows are sorted by length before they are batched, which halves the padding, and their
    answers put back in order.

    Args:
        function: Takes the columns as keyword arguments `(batch,)`.
        columns: Name -> one text per row.

    Returns:
        Name -> `(rows, …)`; an axis whose size differs between batches is padded with zeros
        or empty texts on the right.
    """
    lengths = [len(text) for text in next(iter(columns.values()))]
    order = np.argsort(lengths, kind="stable")
    parts = []
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        batch = {name: tf.constant([_bytes(column[row]) for row in rows]) for name, column in columns.items()}
        outputs = function(**batch)
        parts.append({name: output.numpy() for name, output in outputs.items()})
    back = np.argsort(order, kind="stable")
    return {name: joined([part[name] for part in parts])[back] for name in parts[0]} if parts else {}


def _bytes(text):
    # A byte that was no UTF-8, as Python reads it from the command line, goes to the graph as it was.
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def answer_rows(function: Callable, rows, inputs: Iterable[str], target: str, advance: Callable):
    """Answers every row of a split.

    Returns:
        The answers, name -> `(rows, …)`, and the raw targets as a list.
    """
    parts, truth, traced = [], [], tf.function(function, reduce_retracing=True, autograph=False)
    for chunk in rows.chunks(CHUNK):
        parts.append(answer(traced, {name: chunk[name] for name in inputs}))
        truth += chunk[target]
        advance(len(truth))
    return {name: joined([part[name] for part in parts]) for name in parts[0]}, truth


def joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Returns the rows of all arrays in one, padded to the largest of each further axis."""
    sizes = tuple(int(size) for size in np.max([array.shape[1:] for array in arrays], axis=0))
    return np.concatenate([_padded(array, sizes) for array in arrays])


def _padded(array, sizes):
    if array.shape[1:] == sizes:
        return array
    empty = b"" if array.dtype == object else 0
    whole = np.full((len(array), *sizes), empty, dtype=array.dtype)
    whole[tuple(slice(size) for size in array.shape)] = array
    return whole
