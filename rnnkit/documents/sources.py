"""Sources: a text file, many of them, or a table -> units, each the blocks of its text, as often as asked."""

import os
import pathlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from rnnkit.documents.text_blocks import NotText, fault_of, text_blocks, whole_lines, without_bad_lines
from rnnkit.sources.data_frames import is_data_frame
from rnnkit.sources.faults import Fault
from rnnkit.sources.table import Meter, Table
from rnnkit.sources.text_files import LONGEST

LeaveOut = Callable[[int | str, Fault], object]
Unit = tuple[int, Iterator[str] | NotText]


class Source:
    """Texts in units, such as files or rows, that are the same each time.

    Attributes:
        name: As the user wrote it.
        unit: What the places of faults are counted in, for messages.
        units: What the texts are counted in, for messages.
        notes: One-line remarks on what was found.
    """

    name: str
    unit: str = "line"
    units: str = "files"
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes to be read, as far as it is known; 0 where not."""
        return 0

    def stamp(self) -> object:
        """Returns a value that changes when the texts do."""
        return None

    def read(self, leave_out: LeaveOut, meter: Meter | None = None, wanted: np.ndarray | None = None) -> Iterator[Unit]:
        """Yields each unit's number, from 0, and its text in blocks of whole lines, to be read before the next one.

        Args:
            leave_out: Is told the place of each line or row that can't be used, and why.
            meter: Counts and digests what is read.
            wanted: `(units,)` bool, those that are yielded; None for all.
        """
        raise NotImplementedError


class TextFiles(Source):
    """Files of text, each a unit.

    Args:
        name: What the user named.
        files: Their paths.
        root: The folder they are told relative to; None where the name is that of the only file.
        encoding: Of the files.
        longest_line: Characters after which a block ends where a line doesn't; None: such a line is refused.
        notes: One-line remarks.
    """

    def __init__(
        self,
        name: str,
        files: Sequence[pathlib.Path],
        root: pathlib.Path | None,
        *,
        encoding: str,
        longest_line: int | None,
        notes: tuple[str, ...] = (),
    ):
        self.name, self.notes = name, notes
        self._files, self._root, self._encoding, self._longest = tuple(files), root, encoding, longest_line

    @property
    def size(self):
        return sum(file.stat().st_size for file in self._files)

    def stamp(self):
        stats = (file.stat() for file in self._files)
        return tuple((status.st_size, status.st_mtime_ns) for status in stats)

    def read(self, leave_out, meter=None, wanted=None):
        meter = meter or Meter()
        for number, file in enumerate(self._files):
            if wanted is None or wanted[number]:
                blocks = self._blocks(file, leave_out, meter)
                try:
                    first = next(blocks, "")
                except NotText as error:
                    yield number, error
                else:
                    yield number, _with_first(first, blocks)

    def _blocks(self, file, leave_out, meter):
        name, before = self.name, ""
        if self._root:
            name, before = str(file), f"{file.relative_to(self._root).as_posix()}:"
            content = f"{before}{file.stat().st_size}\n"
            meter.digest(content.encode("utf-8", "surrogateescape"))
        blocks = text_blocks(file, name, self._encoding, meter)
        blocks = whole_lines(blocks, self._longest) if self._longest else _bounded_lines(blocks, name)
        yield from without_bad_lines(
            blocks, self._encoding, lambda line, fault: leave_out(f"{before}{line}" if before else line, fault)
        )


def _with_first(first, blocks):
    yield first
    yield from blocks


def _bounded_lines(blocks, name):
    for block in whole_lines(blocks, LONGEST):
        if len(block) > LONGEST and "\n" not in block:
            raise ValueError(
                f"{name} has a line of more than {LONGEST:,} characters, too many for a text of its own. "
                "Pass --lines running, and it is read as one text that runs on over its lines."
            )
        yield block


class TableTexts(Source):
    """The rows of a table of one column, each a unit."""

    units = "rows"

    def __init__(self, table: Table):
        self.name, self.unit, self._table = table.name, table.unit, table

    @property
    def size(self):
        return self._table.size

    def stamp(self):
        return self._table.stamp()

    def read(self, leave_out, meter=None, wanted=None):
        for number, (place, cells) in enumerate(self._table.records(meter)):
            if wanted is not None and not (number < len(wanted) and wanted[number]):
                continue
            fault = cells if type(cells) is Fault else _fault(cells[0], self._table.encoding)
            if fault:
                leave_out(place, fault)
                yield number, iter(())
            else:
                yield number, iter((cells[0].replace("\r\n", "\n").replace("\r", "\n"),))


def _fault(text, encoding):
    return Fault("no text") if not text or text.isspace() else fault_of(text, encoding)


def path_of(data) -> str:
    """Returns what to call `data` on a card."""
    return "DataFrame" if is_data_frame(data) else os.fspath(data)
