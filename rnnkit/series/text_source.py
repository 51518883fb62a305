"""Text source: a .csv, .tsv or .jsonl -> a sheet, through the readers that all sources share."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from rnnkit.checking.times import parsers
from rnnkit.series.cells import Mixed, Texts, is_missing
from rnnkit.series.sheet import SAMPLE, Sheet
from rnnkit.sources.faults import Fault, FaultLog
from rnnkit.sources.format import Format
from rnnkit.sources.table import Meter
from rnnkit.sources.whole import read_whole

CHUNK = 65_536
CHARACTERS = 64 << 20
"""Most rows, and characters, that are turned into numbers at a time."""
PLAIN = (".txt", ".txt.gz")


class TextSource:
    """A .csv, .tsv or .jsonl file, perhaps gzipped; a .txt is taken for a .csv."""

    def __init__(self, path, format: Format, used: Sequence[str] = ()):
        self._path, self._skip = path, format.skip_bad_rows
        kind = None
        if str(path).lower().endswith(PLAIN):
            kind = "csv"
        header = format.header
        table = read_whole(
            path,
            format=dataclasses.replace(format, columns={}, header="yes" if header == "auto" else header),
            kind=kind,
        )
        self.guessed = header == "auto" and table.table.unit == "line" and _is_row(table, used)
        if self.guessed:
            table = read_whole(path, format=dataclasses.replace(format, columns={}, header="no"), kind=kind)
        self._rows, self.name, self.unit, self.columns = table, table.name, table.unit, table.columns

    @property
    def size(self) -> int:
        """Bytes to be read."""
        return self._rows.size

    def stamp(self) -> object:
        """Returns a value that changes when the file does."""
        return self._rows.table.stamp()

    def sample(self) -> dict[str, list[str]]:
        """Returns the first cells of each column."""
        portion = next(iter(self._rows.portions(size=SAMPLE)), None)
        columns = [portion.column(place) if portion else [] for place in range(len(self.columns))]
        cells = [[cell for cell in column if type(cell) is not Fault] for column in columns]
        return dict(zip(self.columns, cells, strict=True))

    def read(self, texts: Sequence[str], values: Sequence[str], meter: Meter) -> Sheet:
        """Reads these columns, once.

        Raises:
            ValueError: Rows can't be read and aren't to be left out.
        """
        meter.begin()
        collected = {name: Texts() for name in texts} | {name: Mixed() for name in values}
        wanted = {name: self.columns.index(name) for name in collected}
        faults, places = FaultLog(self.unit), []
        encoding = self._rows.table.encoding
        for portion in self._rows.table.portions(size=CHUNK, characters=CHARACTERS, meter=meter):
            portion.check(wanted.values(), encoding)
            for row, fault in portion.faults.items():
                faults.add(portion.places[row], fault)
            if portion.faults:
                portion = portion.kept([row for row in range(len(portion)) if row not in portion.faults])
            places.append(np.array(portion.places, np.int64))
            for name, place in wanted.items():
                collected[name].take(portion.column(place))
        if faults.total and not self._skip:
            raise ValueError(faults.refusal(self.name))
        places = np.concatenate(places) if places else np.zeros(0, np.int64)
        finished = {name: collected[name].finish() for name in values}
        read = {name: collected[name] for name in texts}
        return Sheet(self.name, self.unit, places, read, finished, faults, meter.hexdigest())


def _is_row(table, used):
    """Says whether the first line is a row: all its cells are numbers or times, and none is a name that is used."""
    head = table.columns
    if any(name in head for name in used):
        return False
    filled = [cell for cell in head if not is_missing(cell)]
    return bool(filled) and all(_is_number(cell) or reads_as_time(cell) for cell in filled)


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def reads_as_time(text: str, name: str = "") -> bool:
    """Says whether a cell can be read as a time in any way that a column of that name may be written."""
    return any(parse(text.strip()) is not None for parse in parsers(name).values())
