"""Tables: what the user named -> every table of it, opened with all its columns where it has columns."""

import dataclasses
from collections.abc import Iterator, Sequence

from rnnkit.sources.faults import Fault
from rnnkit.sources.format import Format
from rnnkit.sources.locate import find_table, find_tables
from rnnkit.sources.table import Meter, Table

CHUNK = 4_096
CHARACTERS = 4 << 20

Row = tuple[int | str, Sequence[str] | None, Fault | None]
"""A row's place, its cells if it has such, and why it can't be used."""


@dataclasses.dataclass(frozen=True)
class Opened:
    """A table to be looked at once.

    Attributes:
        table: The table.
        columns: Names of its columns; the recipe's where there are no others, as in a folder of texts.
        inputs: Those that the recipe reads to answer, as far as they are there.
        target: The one to be predicted; None where it is not there.
    """

    table: Table
    columns: tuple[str, ...]
    inputs: tuple[str, ...]
    target: str | None

    def chunks(self, meter: Meter | None = None) -> Iterator[list[Row]]:
        """Yields rows with their cells in the order of `columns`."""
        if not self.table.columns:
            yield from _gathered(self.table.records(meter))
            return
        read = [self.columns.index(name) for name in (*self.inputs, self.target) if name in self.columns]
        for portion in self.table.portions(size=CHUNK, characters=CHARACTERS, meter=meter):
            # What is wrong with a row as a whole leaves no cells; what is wrong with a cell does.
            broken, rows = dict(portion.faults), zip(portion.places, portion.cells(), strict=True)
            portion.check(read, self.table.encoding)
            yield [
                (place, None if row in broken else cells, portion.faults.get(row))
                for row, (place, cells) in enumerate(rows)
            ]


def _gathered(records):
    rows = []
    for place, cells in records:
        rows.append((place, None, cells) if type(cells) is Fault else (place, cells, None))
        if len(rows) == CHUNK:
            yield rows
            rows = []
    if rows:
        yield rows


def open_tables(data, valid, test, *, inputs: Sequence[str], target: str | None, format: Format) -> dict[str, Opened]:
    """Opens the tables of each split that the user gave, `train` first.

    A table that lacks a column that the recipe reads is opened as well.

    Args:
        data, valid, test: As for `read_splits`; the last two may be None.
        inputs: The recipe's names of what it reads to answer.
        target: The recipe's name of what is to be predicted.
        format: How to read it.

    Raises:
        ValueError, LookupError, OSError: As the message says, where nothing can be read.
    """
    try:
        tables = find_tables(data, inputs, target, format)
    except LookupError as error:
        tables = {"train": _as_it_is(data, format, error)}
    for name, given in (("valid", valid), ("test", test)):
        if given is not None:
            try:
                tables[name] = find_table(given, inputs, target, format)
            except LookupError as error:
                tables[name] = _as_it_is(given, format, error)
    return {split: _opened(table, inputs, target, format) for split, table in tables.items()}


def _as_it_is(data, format, error):
    """Opens a table in which a column isn't there, for what is there; not a folder, nor a public data set."""
    if format.header == "auto" and format.columns and all(map(str.isdecimal, format.columns.values())):
        format = dataclasses.replace(format, header="no")
    try:
        return find_table(data, (), None, format)
    except (ValueError, OSError):
        raise error from None


def _opened(table, inputs, target, format):
    if not table.columns:
        return Opened(table, (*inputs, target) if target else tuple(inputs), tuple(inputs), target)
    named = {name: format.columns.get(name, name) for name in (*inputs, target) if name}
    there = {name: column for name, column in named.items() if column in table.columns}
    return Opened(table, table.columns, tuple(there[name] for name in inputs if name in there), there.get(target))
