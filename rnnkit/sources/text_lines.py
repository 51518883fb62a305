"""Text lines: each line of a .txt file or of stdin, or each of some texts -> a row of one cell."""

from collections.abc import Iterator, Sequence

from rnnkit.sources.faults import Fault
from rnnkit.sources.portions import Portion, TextPortion, grouped
from rnnkit.sources.table import Meter, RowTable, Table
from rnnkit.sources.text_files import Lines, nul_fault


class TextLines(RowTable):
    """A table of one column, each line a cell; blank ones too.

    Args:
        path: The file, or "-" for stdin.
        column: What to call the column.
        encoding: Of the file.
    """

    unit = "line"

    def __init__(self, path, column: str, encoding: str):
        super().__init__(path)
        self.encoding, self.columns, self.wanted = encoding, (column,), (0,)
        self._lines = Lines(path, self.name, encoding, newline="\n")

    def rows(self, meter: Meter | None = None) -> Iterator[tuple[int, list[str], Fault | None]]:
        with self._lines.opened(meter, cut=True) as lines:
            for number, line in enumerate(lines, 1):
                yield number, [line.removesuffix("\n").removesuffix("\r")], nul_fault(line) if "\0" in line else None

    def portion(self, places, faults, rows):
        return TextPortion(self.columns, places, faults, rows)


class Texts(Table):
    """A table of one column, from memory.

    Args:
        texts: Its cells.
        column: What to call it.
    """

    name = "values"
    unit = "value"

    def __init__(self, texts: Sequence[str], column: str):
        self._texts, self.columns, self.wanted = texts, (column,), (0,)

    def portions(self, *, size: int, characters: int, meter: Meter | None = None) -> Iterator[Portion]:
        rows = ((number, [text], None) for number, text in enumerate(self._texts, 1))
        for places, faults, cells in grouped(rows, lambda row: len(row[0]), size=size, characters=characters):
            yield TextPortion(self.columns, places, faults, cells)
