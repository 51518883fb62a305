"""Whole rows: a table -> all its cells, row by row, the rows that can't be used as well."""

import dataclasses
from collections.abc import Iterator, Sequence

from rnnkit.sources.cells import undecodable
from rnnkit.sources.faults import Fault
from rnnkit.sources.format import Format
from rnnkit.sources.json_lines import JsonLinesTable
from rnnkit.sources.locate import find_table
from rnnkit.sources.pipes import read_ahead
from rnnkit.sources.portions import Portion
from rnnkit.sources.table import STDIN, FileTable, Meter, Table

SIZE = 4_096
CHARACTERS = 8 << 20
"""Rows, and characters of text, that a portion has at most; but for the last row, which may pass the limit."""


@dataclasses.dataclass(frozen=True)
class WholeRows:
    """The rows of a table with all their cells, read as often as asked; those of stdin once.

    Attributes:
        table: Where they come from.
        inputs: Names of the columns that must be there, as `features` has them.
    """

    table: Table
    inputs: Sequence[str] = ()

    @property
    def features(self) -> dict[str, int]:
        """Name of an input -> its place among the columns."""
        return dict(zip(self.inputs, self.table.wanted, strict=True))

    @property
    def name(self) -> str:
        """As the user wrote it."""
        return self.table.name

    @property
    def unit(self) -> str:
        """What places are counted in, for messages."""
        return self.table.unit

    @property
    def columns(self) -> tuple[str, ...]:
        """All the table's columns in order; "0", "1", … where it has no header.

        Those of a .jsonl are the keys of its first 50 lines, until `find_keys` looks for those of all.
        """
        return self.table.columns

    @property
    def size(self) -> int:
        """Bytes to be read, 0 if unknown."""
        return self.table.size

    @property
    def waits(self) -> bool:
        """Whether rows may come slowly, from stdin."""
        return isinstance(self.table, FileTable) and str(self.table.path) == STDIN

    @property
    def again(self) -> bool:
        """Whether it is a file, which can be read again."""
        return isinstance(self.table, FileTable) and not self.waits

    def find_keys(self, meter: Meter | None = None) -> None:
        """Reads a .jsonl through to know all its keys; does nothing for other tables, and for stdin."""
        if isinstance(self.table, JsonLinesTable) and self.again:
            self.table.find_keys(meter)

    def use_keys(self, keys: Sequence[str]) -> None:
        """Takes these for all the keys of a .jsonl, as `find_keys` has found them before."""
        if isinstance(self.table, JsonLinesTable):
            self.table.name_columns(keys)

    def chunks(
        self, size: int = 1024, meter: Meter | None = None
    ) -> Iterator[list[tuple[int | str, list[str] | Fault]]]:
        """Yields rows, at most `size` at a time: the place of each and its cells as texts, or why it can't be used.

        A missing cell is "". A row with a cell of many values is a Fault if that is one of `features`,
        a row with bytes that can't be decoded is one wherever they stand.
        """
        for portion in self.portions(size=size, meter=meter):
            rows = zip(portion.places, portion.cells(), strict=True)
            yield [
                (place, portion.faults.get(row) or _undecodable(cells, self.table.encoding) or cells)
                for row, (place, cells) in enumerate(rows)
            ]

    def portions(
        self, *, size: int = SIZE, characters: int = CHARACTERS, meter: Meter | None = None
    ) -> Iterator[Portion]:
        """Yields the rows in portions, the same each time, with the faults of rows and of features."""
        for portion in self.table.portions(size=size, characters=characters, meter=meter):
            portion.check(self.features.values(), self.table.encoding)
            yield portion

    def portions_as_they_come(self, *, size: int = SIZE, characters: int = CHARACTERS) -> Iterator[Portion]:
        """Yields portions of the rows that are there already, so that a slow pipe gets each answer at once."""
        for rows in read_ahead(self.table.rows(), lambda row: self.table.weigh(row[1]), size, characters):
            places, read, faults = zip(*rows, strict=True)
            faults = {row: fault for row, fault in enumerate(faults) if fault is not None}
            portion = self.table.portion(list(places), faults, list(read))
            portion.check(self.features.values(), self.table.encoding)
            yield portion


def read_whole(data, *, format: Format, features: Sequence[str] = (), kind: str | None = None) -> WholeRows:
    """Opens a table with all its columns.

    Args:
        data: A .csv, .tsv, .jsonl (each also .gz) or .parquet file, a DataFrame, or "-" for stdin.
        format: How to read it.
        features: Names of columns that must be there, as `format.columns` translates them.
        kind: `csv`, `tsv`, `jsonl` or `parquet`, where the name doesn't say.

    Raises:
        ValueError, LookupError, OSError: As the message says; at once for what the file's
            head shows, else when the row is reached.
    """
    table = find_table(data, features, None, format, kind=kind)
    return WholeRows(table, tuple(features))


def _undecodable(cells, encoding):
    for cell in cells:
        if not cell.isascii():
            try:
                cell.encode()
            except UnicodeEncodeError:
                return undecodable(cell, encoding)
    return None
