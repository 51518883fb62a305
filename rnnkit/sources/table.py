"""Table: what every source of rows looks like to the ones who read it."""

import hashlib
import os
import pathlib
from collections.abc import Callable, Iterator

from rnnkit.sources.faults import Fault

STEP = 4 << 20
"""Bytes between two calls of a progress function."""

Cells = list[str] | Fault


class Table:
    """A source of labelled rows, read from the start as often as asked.

    Attributes:
        name: As the user wrote it.
        unit: What places are counted in, for messages.
        encoding: Of its texts.
    """

    name: str
    unit: str = "row"
    encoding: str = "utf-8"

    @property
    def size(self) -> int:
        """Bytes to be read, as far as it is known; 0 where not."""
        return 0

    def records(self, meter: "Meter | None" = None) -> Iterator[tuple[int | str, Cells]]:
        """Yields each row's place and its cells, in the order of the wanted columns.

        The rows are the same, in the same order, each time; a missing cell is "".
        """
        raise NotImplementedError

    def stamp(self) -> object:
        """Returns a value that changes when the table does."""
        return None


class FileTable(Table):
    """A table that is one file."""

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(path)
        self.name = str(path)

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def stamp(self) -> object:
        status = self.path.stat()
        return status.st_size, status.st_mtime_ns


class Meter:
    """Counts and digests what is read, over one table after the other.

    Args:
        progress: `progress(done, total)`, called every few megabytes; None for none.
        total: Bytes to be read.
    """

    def __init__(self, progress: Callable[[int, int], object] | None = None, total: int = 0):
        self._progress, self._total, self._done, self._told = progress, total, 0, 0
        self.begin()

    def begin(self) -> None:
        """Starts the digest of the next table."""
        self._digest = hashlib.sha256()
        self.digested = False

    def digest(self, data: bytes) -> None:
        """Adds bytes to the digest."""
        self._digest.update(data)
        self.digested = True

    def advance(self, count: int) -> None:
        """Counts bytes as read."""
        self._done += count
        if self._progress and self._done - self._told >= STEP:
            self._told = self._done
            self._progress(self._done, max(self._total, self._done))

    def finish(self) -> None:
        """Tells the progress function that all is read."""
        if self._progress:
            self._progress(max(self._total, self._done), max(self._total, self._done))

    def hexdigest(self) -> str:
        """Returns the SHA-256 since `begin`."""
        return self._digest.hexdigest()
