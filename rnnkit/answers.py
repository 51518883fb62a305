"""Answers: raw columns -> a signature's outputs, row by row in the order given, in batches of like length."""

import dataclasses
import functools
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

    @property
    def names(self) -> tuple[str, ...]:
        """Names of what it takes, in the order of the function's arguments."""
        return tuple(spec.name for spec in self.inputs)

    @functools.cached_property
    def _concrete(self):
        return tf.function(self.function, input_signature=self.inputs, autograph=False).get_concrete_function()


def traced(signature: Signature) -> Callable:
    """Returns the graph of a signature, for rows of any number and length; it takes the tensors by name.

    It is traced once: what scores a model, looks at it and writes it has one graph.
    """
    return signature._concrete


def answer(function: Callable, columns: Mapping[str, "Sequence[str] | np.ndarray"]) -> dict[str, np.ndarray]:
    """Calls a signature on any number of rows.

    Texts are sorted by length before they are batched, which halves the padding, and their
    answers put back in order.

    Args:
        function: Takes the columns as keyword arguments `(batch, …)`.
        columns: Name -> one text, or bytes, per row, or all as arrays `(rows, …)`.

    Returns:
        Name -> `(rows, …)`; an axis whose size differs between batches is padded with zeros
        or empty texts on the right.
    """
    first = next(iter(columns.values()))
    arrays = isinstance(first, np.ndarray)
    order = np.arange(len(first)) if arrays else np.argsort([len(text) for text in first], kind="stable")
    parts = []
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        if arrays:
            batch = {name: tf.constant(column[rows]) for name, column in columns.items()}
        else:
            batch = {name: tf.constant([_bytes(column[row]) for row in rows]) for name, column in columns.items()}
        outputs = function(**batch)
        parts.append({name: output.numpy() for name, output in outputs.items()})
    back = np.argsort(order, kind="stable")
    return {name: joined([part[name] for part in parts])[back] for name in parts[0]} if parts else {}


def as_tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, tf.Tensor]:
    """Returns arrays as tensors, by name."""
    return {name: tf.constant(array) for name, array in arrays.items()}


def _bytes(text):
    if isinstance(text, bytes):
        return text
    # A byte that was no UTF-8, as Python reads it from the command line, goes to the graph as it was.
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def answer_rows(function: Callable, rows, inputs: Iterable[str], advance: Callable) -> dict[str, np.ndarray]:
    """Answers every row of a split: name -> `(rows, …)`."""
    parts, done = [], 0
    for chunk in rows.chunks(CHUNK):
        parts.append(answer(function, {name: chunk[name] for name in inputs}))
        done += len(chunk[rows.target])
        advance(done)
    return {name: joined([part[name] for part in parts]) for name in parts[0]}


def stacked(rows: Sequence, dtype: str, rank: int) -> np.ndarray:
    """Stacks the rows of one input, of any lengths, into an array that a signature takes.

    Args:
        rows: Nested lists or arrays, each `rank` deep.
        dtype: TensorFlow's name of the signature's type.
        rank: Axes of a row.

    Returns:
        `(rows, …)`; shorter rows are filled on the right with NaN, empty texts or 0. None is NaN or an empty text.

    Raises:
        ValueError: A row has not that many axes, or holds what is not of the type.
    """
    kind = object if dtype == "string" else np.dtype(dtype)
    empty = b"" if kind is object else np.nan if kind.kind == "f" else 0
    made = [_array([] if row is None and rank else row, kind, empty) for row in rows]
    if wrong := [array for array in made if array.ndim != rank and array.size]:
        raise ValueError(f"A row must be {rank} deep, as lists in lists. Got one of shape {wrong[0].shape}.")
    made = [array if array.ndim == rank else array.reshape((0,) * rank) for array in made]
    sizes = tuple(max(sizes) for sizes in zip(*(array.shape for array in made), strict=True)) if made else (0,) * rank
    whole = np.full((len(made), *sizes), empty, kind)
    for place, array in enumerate(made):
        whole[(place, *map(slice, array.shape))] = array if rank else array.item()
    return whole


def _array(row, kind, empty):
    if isinstance(row, np.ndarray) and row.dtype == kind and kind is not object:
        return row
    cells = np.array(row, object)
    flat = [empty if cell is None else cell for cell in cells.ravel().tolist()]
    if kind is object:
        if other := [cell for cell in flat if not isinstance(cell, str | bytes)]:
            raise ValueError(f"A text is expected. Got {other[0]!r}.")
        flat = [_bytes(cell) if isinstance(cell, str) else cell for cell in flat]
    filled = np.empty(len(flat), kind)
    try:
        filled[:] = flat
    except (ValueError, TypeError):
        raise ValueError(f"Numbers are expected, and lists of one length. Got {str(row)[:60]}.") from None
    return filled.reshape(cells.shape)


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
