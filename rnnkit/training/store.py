"""Store: encoded rows, prepared once, held in memory or on disk, read in any order."""

import dataclasses
import pathlib
import tempfile
from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

MEMORY_LIMIT = 256 << 20
"""Bytes of encoded rows kept in memory; what comes after goes to a temporary file."""


class Column:
    """One feature of all rows, the steps of all rows end to end.

    Args:
        folder: Where steps go once `MEMORY_LIMIT` is passed.
    """

    def __init__(self, folder: pathlib.Path, name: str):
        self.path = folder / f"{name}.bin"
        self._parts, self._lengths, self._bytes = [], [], 0
        self._file = None

    def append(self, rows: list[np.ndarray]) -> None:
        """Adds rows, each `(time, …)` with the same trailing shape."""
        flat = np.concatenate(rows)
        self._lengths.append(np.fromiter(map(len, rows), np.int64, len(rows)))
        self.dtype, self.shape = flat.dtype, flat.shape[1:]
        self._bytes += flat.nbytes
        if self._file is None and self._bytes > MEMORY_LIMIT:
            self._file = self.path.open("w+b", buffering=0)
            for part in self._parts:
                part.tofile(self._file)
            self._parts = []
        if self._file is None:
            self._parts.append(flat)
        else:
            flat.tofile(self._file)

    def close(self) -> None:
        """Ends the writing; from here on rows can be read."""
        self.lengths = np.concatenate(self._lengths) if self._lengths else np.zeros(0, np.int64)
        self._starts = np.concatenate([[0], np.cumsum(self.lengths)])
        self._flat = np.concatenate(self._parts) if self._parts else None
        self._parts = self._lengths = None

    def row(self, index: int) -> np.ndarray:
        """Returns one row, `(time, …)`."""
        return self.steps(self._starts[index], self._starts[index + 1])

    def steps(self, start: int, stop: int) -> np.ndarray:
        """Returns steps of all rows end to end, from one place to another, `(stop - start, …)`."""
        if self._file is None:
            return self._flat[start:stop]
        # A plain read rather than a memory map, whose pages would count as this process' memory.
        size = int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize
        self._file.seek(int(start) * size)
        raw = self._file.read(int(stop - start) * size)
        return np.frombuffer(raw, self.dtype).reshape(-1, *self.shape)

    def padded(self, rows: np.ndarray, length: int, size: int | None = None) -> np.ndarray:
        """Returns rows `(size, length, …)`, filled up with zeros; as many as are named, or `size`."""
        whole = np.zeros((size or len(rows), length, *self.shape), self.dtype)
        for place, row in enumerate(rows):
            steps = self.row(row)
            whole[place, : len(steps)] = steps
        return whole


@dataclasses.dataclass(frozen=True)
class Store:
    """Encoded rows of one split.

    Attributes:
        sequences: Features with a time axis, trimmed to each row's real steps.
        fixed: Features without one, `(rows, …)`.
        targets: `(rows, …)`; a column where each step has a target.
        lengths: `(rows,)`, real steps of each row.
    """

    sequences: Mapping[str, Column]
    fixed: Mapping[str, np.ndarray]
    targets: np.ndarray | Column
    lengths: np.ndarray
    folder: tempfile.TemporaryDirectory

    def __len__(self):
        return len(self.lengths)


def write(
    encoded: Iterable[tuple[Mapping[str, np.ndarray], np.ndarray]], sequences: tuple[str, ...], *, each: bool = False
) -> Store:
    """Stores chunks of encoded rows.

    Args:
        encoded: Pairs of features, name -> `(rows, time, …)` or `(rows, …)`, and targets `(rows, …)`.
        sequences: Names of the features with a time axis; the first holds ids, and a step is
            real where its id isn't 0.
        each: Whether each step has a target.
    """
    folder = tempfile.TemporaryDirectory(prefix="rnnkit-")
    columns = {name: Column(pathlib.Path(folder.name), name) for name in sequences}
    fixed, targets, of_steps = {}, [], Column(pathlib.Path(folder.name), "targets")
    for features, target in encoded:
        real = np.count_nonzero(features[sequences[0]], axis=1)
        for name, column in columns.items():
            column.append([row[:length] for row, length in zip(features[name], real, strict=True)])
        for name in features.keys() - columns.keys():
            fixed.setdefault(name, []).append(features[name])
        if each:
            of_steps.append([row[:length] for row, length in zip(target, real, strict=True)])
        else:
            targets.append(target)
    for column in (*columns.values(), of_steps):
        column.close()
    lengths = columns[sequences[0]].lengths
    fixed = {name: np.concatenate(parts) for name, parts in fixed.items()}
    return Store(columns, fixed, of_steps if each else np.concatenate(targets), lengths, folder)


def encode(rows, preparation, target: str, advance=lambda done: None) -> Store:
    """Maps a preparation over raw rows, once, and stores what comes out.

    Args:
        rows: Raw rows with `chunks()`.
        preparation: What the train split taught.
        target: Name of the column to be predicted.
        advance: Told the number of rows done.
    """
    inputs = [tensor.name for tensor in preparation.features.inputs]
    specs = {name: tf.TensorSpec([None], tf.string, name=name) for name in inputs}
    # A concrete function: a new tf.function for each call would have TensorFlow warn of retracing.
    features = tf.function(lambda columns: preparation.features(columns)).get_concrete_function(specs)

    def chunks():
        done = 0
        for chunk in rows.chunks():
            encoded = features({name: tf.constant(chunk[name]) for name in inputs})
            labels = preparation.target(tf.constant(chunk[target]))
            done += len(chunk[target])
            advance(done)
            yield {name: tensor.numpy() for name, tensor in encoded.items()}, labels.numpy()

    # Steps that have no fixed number are those of the row.
    shape = preparation.target.output_shape
    return write(chunks(), preparation.sequences, each=len(shape) > 1 and shape[1] is None)
