"""Delimited tables: lines of .csv and .tsv -> cells, with the line each record begins at.

The stdlib's csv neither says where a record begins nor goes on after a broken one, and takes
twice as long on long texts; what this reads is the same (RFC 4180), as the tests prove against it.
"""

import itertools
import operator
from collections.abc import Iterator, Mapping, Sequence

from rnnkit.sources.columns import SAMPLE, find_columns, has_header
from rnnkit.sources.faults import QUOTES, Fault
from rnnkit.sources.format import Format
from rnnkit.sources.portions import TextPortion
from rnnkit.sources.table import Cells, Meter, RowTable
from rnnkit.sources.text_files import LONGEST, Lines, nul_fault, too_long

SEPARATORS = {".csv": ",", ".tsv": "\t"}


class DelimitedTable(RowTable):
    """A .csv or .tsv file.

    Args:
        path: The file, or "-" for stdin.
        ending: `.csv` or `.tsv`.
        wanted: The recipe's names of the columns to read.
        target: Which of them is the target, if any.
        columns: See `Format.columns`.
        format: How to read it.

    Raises:
        LookupError: A column isn't there.
        ValueError: The file is empty, or not what its ending says.
    """

    unit = "line"

    def __init__(self, path, ending: str, wanted: Sequence[str], target, columns: Mapping[str, str], format: Format):
        super().__init__(path)
        self.encoding = format.encoding
        self._separator = SEPARATORS[ending]
        quoted = format.quoting == "double" or (format.quoting == "auto" and ending == ".csv")
        self._split, self._each = (split_quoted, _each_quoted) if quoted else (split_plain, _each_plain)
        self._lines = Lines(path, self.name, self.encoding)
        with self._lines.peek() as lines:
            looked_at = SAMPLE if self._lines.peekable else 1
            first = list(itertools.islice(self._each(lines, self._separator, self.name), looked_at))
        if not first:
            raise ValueError(f"{self.name} is empty. It must have a header line and rows.")
        _, head, fault = first[0]
        head = self._checked_head(fault or head)
        self._header = has_header(format.header, columns, head)
        self._width = len(head)
        self.columns = tuple(head if self._header else map(str, range(len(head))))
        sample = [cells for _, cells, fault in first[self._header :] if fault is None]
        places = find_columns(
            self.name, self.columns, wanted, columns, lambda: sample, target=target, counted=not self._header
        )
        self.wanted = tuple(places)
        self._take = operator.itemgetter(*places) if len(places) > 1 else lambda cells: (cells[places[0]],)

    def _checked_head(self, cells):
        if type(cells) is Fault:
            what = f"{cells.kind}: {cells.detail}" if cells.detail else cells.kind
            raise ValueError(f"{self.name}, line 1: {what}. {cells.hint}".rstrip())
        for cell in cells:
            if not cell.isascii() and any("\udc80" <= c <= "\udcff" for c in cell):
                byte = next(ord(c) - 0xDC00 for c in cell if "\udc80" <= c <= "\udcff")
                raise ValueError(
                    f"{self.name}, line 1: byte 0x{byte:02x} is not {self.encoding}. "
                    "Say which encoding it is in, such as --encoding latin-1, cp1252 or utf-16."
                )
        return [cell.strip() for cell in cells]

    def records(self, meter: Meter | None = None) -> Iterator[tuple[int, Cells]]:
        take, width = self._take, self._width
        with self._lines.opened(meter) as lines:
            for number, cells in itertools.islice(self._split(lines, self._separator, self.name), self._header, None):
                if type(cells) is not list:
                    yield number, cells
                elif len(cells) != width:
                    yield number, self._misfit(len(cells))
                else:
                    yield number, take(cells)

    def rows(self, meter: Meter | None = None) -> Iterator[tuple[int, list[str], Fault | None]]:
        """Yields the cells of all columns; where one can't be used, those before its fault."""
        width = self._width
        with self._lines.opened(meter, cut=True) as lines:
            each = self._each(lines, self._separator, self.name)
            for number, cells, fault in itertools.islice(each, self._header, None):
                if fault is None and len(cells) != width:
                    fault = self._misfit(len(cells))
                if len(cells) != width:
                    cells = [*cells[:width], *[""] * (width - len(cells))]
                yield number, cells, fault

    def portion(self, places, faults, rows):
        return TextPortion(self.columns, places, faults, rows)

    def _misfit(self, count):
        hint = "A cell that holds the separator must stand in quotes. " if self._split is split_quoted else ""
        return Fault("a wrong number of cells", f"{count} where line 1 has {self._width}", hint)


def split_plain(lines: Iterator[str], separator: str, name: str) -> Iterator[tuple[int, Cells]]:
    """Yields line number and cells of each line that isn't empty; quotes are ordinary characters."""
    for number, cells, fault in _each_plain(lines, separator, name):
        yield number, fault or cells


def split_quoted(lines: Iterator[str], separator: str, name: str) -> Iterator[tuple[int, Cells]]:
    """Yields the number of its first line and the cells of each record.

    Cells in double quotes may hold separators, line ends and doubled quotes. Broken quotes
    give a Fault, and reading goes on with the next line.

    Raises:
        ValueError: A quote is never closed, so that the rest of the file would be one cell.
    """
    try:
        for number, cells, fault in _records(enumerate(lines, 1), separator, name):
            yield number, fault or cells
    except _NeverClosed as error:
        raise ValueError(str(error)) from None


def _each_plain(lines, separator, name):
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\r\n")
        if line:
            yield number, line.split(separator), nul_fault(line) if "\0" in line else None


def _each_quoted(lines, separator, name):
    """Yields records as they are; a quote that is never closed costs its line, and the next ones are read again.

    Those can't hold another: one that opens there would have closed the first.
    """
    numbered = enumerate(lines, 1)
    while True:
        try:
            yield from _records(numbered, separator, name)
            return
        except _NeverClosed as error:
            number, taken = error.number, error.taken
            yield number, error.cells, Fault(QUOTES[0], "a quote opened here is never closed", QUOTES[1])
            numbered = itertools.chain(enumerate(taken, number + 1), numbered)


class _NeverClosed(Exception):
    """A quote is never closed, or only after more text than a record may have.

    Attributes:
        number: Line that its record begins at.
        cells: Those before it.
        taken: The lines after that one which were taken for its cell.
    """

    def __init__(self, message, number, cells, taken):
        super().__init__(message)
        self.number, self.cells, self.taken = number, cells, taken


def _records(numbered, separator, name):
    for number, line in numbered:
        if '"' in line:
            yield _record(number, line, numbered, separator, name)
        else:
            line = line.rstrip("\r\n")
            if line:
                yield number, line.split(separator), nul_fault(line) if "\0" in line else None


def _record(number, line, numbered, separator, name):
    cells, taken, size = [], [], len(line)
    fault = nul_fault(line) if "\0" in line else None
    inside = _walk(line, separator, cells, None)
    while type(inside) is list and fault is None:
        _, line = next(numbered, (0, None))
        if line is None:
            message = f"{name}, line {number}: a quote opened here is never closed. {QUOTES[1]}".rstrip()
            raise _NeverClosed(message, number, cells, taken)
        taken.append(line)
        size += len(line)
        if size > LONGEST:
            raise _NeverClosed(too_long(name, number), number, cells, taken)
        if "\0" in line:
            fault = nul_fault(line)
        else:
            inside = _walk(line, separator, cells, inside)
    return number, cells, fault or inside


def _walk(line, separator, cells, inside):
    """Takes the cells of one line.

    Args:
        line: With its end.
        separator: One character.
        cells: Complete ones are put here.
        inside: The pieces of the quoted cell the line begins in, None at the start of a record.

    Returns:
        The pieces of the quoted cell that is still open, None where the record is complete,
        or a Fault.
    """
    parts = line.split('"')
    last = len(parts) - 1
    place, outside = 0, parts[0]
    while True:
        if inside is not None:
            inside.append(parts[place])
            if place == last:
                return inside
            place += 1
            outside = parts[place]
            if not outside and place < last:
                inside.append('"')
                place += 1
                continue
            cells.append("".join(inside))
            inside = None
            if place == last and not outside.rstrip("\r\n"):
                return None
            if not outside.startswith(separator):
                return Fault(QUOTES[0], "text after a closing quote", QUOTES[1])
            outside = outside[1:]
        if place == last:
            cells += outside.rstrip("\r\n").split(separator)
            return None
        *whole, begun = outside.split(separator)
        cells += whole
        place += 1
        if begun:
            # A quote in the middle of a cell that doesn't begin with one is an ordinary character.
            outside = f'{begun}"{parts[place]}'
        else:
            inside = []
