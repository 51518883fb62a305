"""Table: what every source of rows looks like to the ones who read it."""

import hashlib
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rnnkit.sources.faults import Fault
from rnnkit.sources.portions import Portion, grouped

if TYPE_CHECKING:
    import pyarrow

STDIN = "-"

STEP = 4 << 20
"""Bytes between two calls of a progress function."""

Cells = list[str] | Fault


class Table:
    """A source of labelled rows, read from the start as often as asked.

    Attributes:
        name: As the user wrote it.
        unit: What places are counted in, for messages.
        encoding: Of its texts.
        columns: Names of all its columns, in order; those without a header are called "0", "1", …
        wanted: Where in `columns` the wanted ones stand.
    """

    name: str
    unit: str = "row"
    encoding: str = "utf-8"
    columns: tuple[str, ...] = ()
    wanted: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """Bytes to be read, as far as it is known; 0 where not."""
        return 0

    def records(self, meter: "Meter | None" = None) -> Iterator[tuple[int | str, Cells]]:
        """Yields each row's place and its cells, in the order of the wanted columns.

        The rows are the same, in the same order, each time; a missing cell is "".
        """
        raise NotImplementedError

    def portions(self, *, size: int, characters: int, meter: "Meter | None" = None) -> Iterator[Portion]:
        """Yields all rows with all their cells, those that can't be used as well.

        The portions are the same each time.

        Args:
            size: Most rows in a portion.
            characters: Text after which a portion ends sooner.
            meter: Counts what is read.
        """
        raise NotImplementedError

    def schema(self) -> "pyarrow.Schema":
        """Returns names and types of the portions' Arrow form: all texts, where the table knows no types."""
        import pyarrow

        return pyarrow.schema([(name, pyarrow.string()) for name in self.columns])

    def stamp(self) -> object:
        """Returns a value that changes when the table does."""
        return None


class FileTable(Table):
    """A table that is one file."""

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(path)
        self.name = "stdin" if str(path) == STDIN else str(path)

    @property
    def size(self) -> int:
        return 0 if str(self.path) == STDIN else self.path.stat().st_size

    def stamp(self) -> object:
        status = self.path.stat()
        return status.st_size, status.st_mtime_ns


class RowTable(FileTable):
    """A file that is read row by row."""

    def rows(self, meter: "Meter | None" = None) -> Iterator[tuple[int, object, Fault | None]]:
        """Yields each row's place, what was read of it, and why it can't be used."""
        raise NotImplementedError

    def portion(self, places: list, faults: dict[int, Fault], rows: list) -> Portion:
        """Returns what `rows` has yielded as a portion."""
        raise NotImplementedError

    def weigh(self, row: object) -> int:
        """Returns how much text there is in a row that `rows` has yielded."""
        return sum(map(len, row))

    def portions(self, *, size, characters, meter=None):
        for portion in grouped(self.rows(meter), self.weigh, size=size, characters=characters):
            yield self.portion(*portion)


class Meter:
    """Counts and digests what is read, over one table after the other.

    Args:
        progress: `progress(done, total)`, called every few megabytes; None for none.
        total: Bytes to be read.
    """

    def __init__(self, progress: Callable[[int, int], object] | None = None, total: int = 0):
        self._progress, self._total, self._done, self._told = progress, total, 0, 0
        self.begin()

    @property
    def done(self) -> int:
        """Bytes read so far."""
        return self._done

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


class Counter(Meter):
    """A meter that counts and does not digest."""

    def digest(self, data: bytes) -> None:
        """Does nothing."""
