"""Delimited tables: lines of .csv and .tsv -> cells, with the line each record begins at.

The stdlib's csv neither says where a record begins nor goes on after a broken one, and takes
twice as long on long texts; what this reads is the same (RFC 4180), as the tests prove against it.
"""

import itertools
import operator
from collections.abc import Iterator, Mapping, Sequence

from rnnkit.sources.columns import SAMPLE, find_columns, has_header
from rnnkit.sources.faults import NUL, QUOTES, Fault
from rnnkit.sources.format import Format
from rnnkit.sources.table import Cells, FileTable, Meter
from rnnkit.sources.text_files import LONGEST, open_lines, too_long

SEPARATORS = {".csv": ",", ".tsv": "\t"}


class DelimitedTable(FileTable):
    """A .csv or .tsv file.

    Args:
        path: The file.
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
        self._split = split_quoted if quoted else split_plain
        with open_lines(path, self.name, self.encoding) as lines:
            first = list(itertools.islice(self._split(lines, self._separator, self.name), SAMPLE))
        if not first:
            raise ValueError(f"{self.name} is empty. It must have a header line and rows.")
        head = self._checked_head(first[0][1])
        self._header = has_header(format.header, columns, head)
        self._width = len(head)
        found = head if self._header else [str(index) for index in range(len(head))]
        sample = [cells for _, cells in first[self._header :] if type(cells) is list]
        places = find_columns(
            self.name, found, wanted, columns, lambda: sample, target=target, counted=not self._header
        )
        self._take = operator.itemgetter(*places) if len(places) > 1 else lambda cells: (cells[places[0]],)

    def _checked_head(self, cells):
        if type(cells) is Fault:
            raise ValueError(f"{self.name}, line 1: {cells.kind}. {cells.hint}".rstrip())
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
        with open_lines(self.path, self.name, self.encoding, meter) as lines:
            for number, cells in itertools.islice(self._split(lines, self._separator, self.name), self._header, None):
                if type(cells) is not list:
                    yield number, cells
                elif len(cells) != width:
                    yield number, self._misfit(len(cells))
                else:
                    yield number, take(cells)

    def _misfit(self, count):
        hint = "A cell that holds the separator must stand in quotes. " if self._split is split_quoted else ""
        return Fault("a wrong number of cells", f"{count} where line 1 has {self._width}", hint)


def split_plain(lines: Iterator[str], separator: str, name: str) -> Iterator[tuple[int, Cells]]:
    """Yields line number and cells of each line that isn't empty; quotes are ordinary characters."""
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\r\n")
        if "\0" in line:
            yield number, NUL
        elif line:
            yield number, line.split(separator)


def split_quoted(lines: Iterator[str], separator: str, name: str) -> Iterator[tuple[int, Cells]]:
    """Yields the number of its first line and the cells of each record.

    Cells in double quotes may hold separators, line ends and doubled quotes. Broken quotes
    give a Fault, and reading goes on with the next line.

    Raises:
        ValueError: A quote is never closed, so that the rest of the file would be one cell.
    """
    numbered = enumerate(lines, 1)
    for number, line in numbered:
        if "\0" in line:
            yield number, NUL
        elif '"' not in line:
            line = line.rstrip("\r\n")
            if line:
                yield number, line.split(separator)
        else:
            yield number, _record(number, line, numbered, separator, name)


def _record(number, line, numbered, separator, name):
    cells, size = [], len(line)
    inside = _walk(line, separator, cells, None)
    while type(inside) is list:
        _, line = next(numbered, (0, None))
        if line is None:
            raise ValueError(f"{name}, line {number}: a quote opened here is never closed. {QUOTES[1]}".rstrip())
        size += len(line)
        if size > LONGEST:
            raise ValueError(too_long(name, number))
        inside = NUL if "\0" in line else _walk(line, separator, cells, inside)
    return cells if inside is None else inside


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
