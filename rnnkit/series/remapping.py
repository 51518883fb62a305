"""Remapping: windows of one panel -> the raw rows that a model of other columns takes."""

from collections.abc import Iterator, Sequence

import numpy as np

from rnnkit.series.preparing import renamed
from rnnkit.series.windows import Windows

INPUTS = {
    "values": ("targets", "past", "future"),
    "categories": ("past_categories", "future_categories"),
    "future_values": ("future",),
    "future_categories": ("future_categories",),
    "static_values": ("static",),
    "static_categories": ("static_categories",),
}
"""Roles whose columns each input has, in order."""


class OtherColumns:
    """Looks like windows and gives the inputs of a model of other columns; what they lack is missing.

    Args:
        windows: To be answered.
        pairs: How their table calls our columns, as `--columns` says it.
        columns: Of the model, by role.
        inputs: Names of the model's inputs.
    """

    target = "target"

    def __init__(self, windows: Windows, pairs: str, columns: dict, inputs: Sequence[str]):
        self._windows, self._inputs = windows, tuple(inputs)
        self._ours, self._theirs = renamed(windows.panel.columns.as_dict(), pairs), columns

    @property
    def same_targets(self) -> bool:
        """Whether both have the same targets in the same order."""
        return list(self._ours["targets"]) == list(self._theirs["targets"])

    def __len__(self):
        return len(self._windows)

    def chunks(self, size: int = 1024) -> Iterator[dict[str, np.ndarray]]:
        """Yields the model's raw inputs, and the truth under `target`."""
        for chunk in self._windows.chunks(size):
            count = len(chunk["time"])
            given = {name: self._taken(name, chunk, count) for name in self._inputs if name != "time"}
            yield {"time": chunk["time"], **given, self.target: chunk[self.target]}

    def _taken(self, name, chunk, count):
        names, others = (
            [column for role in INPUTS[name] for column in side[role]] for side in (self._theirs, self._ours)
        )
        texts = name.endswith("categories")
        found = chunk.get(name)
        if found is None:
            steps = () if name.startswith("static") else (self._steps(name, chunk),)
            found = np.full((count, *steps, 0), b"" if texts else np.nan, "S1" if texts else np.float32)
        empty = np.full((*found.shape[:-1], 1), b"" if texts else np.nan, found.dtype)
        parts = [found[..., [others.index(column)]] if column in others else empty for column in names]
        return np.concatenate(parts, axis=-1)

    def _steps(self, name, chunk):
        return self._windows.horizon if name.startswith("future") else chunk["time"].shape[1]
