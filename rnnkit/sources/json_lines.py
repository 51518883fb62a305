"""JSON lines: one object a line -> cells by key."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rnnkit.sources.cells import texts
from rnnkit.sources.columns import SAMPLE, find_columns
from rnnkit.sources.faults import Fault
from rnnkit.sources.format import Format
from rnnkit.sources.portions import JsonPortion
from rnnkit.sources.table import Cells, Meter, RowTable
from rnnkit.sources.text_files import Lines, nul_fault


class JsonLinesTable(RowTable):
    """A .jsonl file; see `DelimitedTable` for the arguments.

    A key that only some lines have is a missing cell in the others. Its columns are the keys of
    the first lines, until `find_keys` looks for those of all.
    """

    unit = "line"

    def __init__(self, path, wanted: Sequence[str], target, columns: Mapping[str, str], format: Format):
        super().__init__(path)
        self.encoding = format.encoding
        self._keys = [columns.get(name, name) for name in wanted]
        self._lines = Lines(path, self.name, self.encoding, newline="\n")
        with self._lines.peek() as lines:
            looked_at = SAMPLE if self._lines.peekable else 1
            first = [value for _, _, value in itertools.islice(_values(lines), looked_at)]
        if not first:
            raise ValueError(f"{self.name} is empty. It must have one JSON object a line.")
        objects = [value for value in first if type(value) is dict]
        if not objects:
            raise ValueError(f"{self.name}, line 1: {first[0].kind} ({first[0].detail}). {first[0].hint}".rstrip())
        found = list(dict.fromkeys(key for value in objects for key in value))
        if not set(self._keys) <= set(found):
            sample = [["" if type(cell) is Fault else cell for cell in _cells(value, found)] for value in objects]
            find_columns(self.name, found, wanted, columns, lambda: sample, target=target)
        self.name_columns(found)

    def name_columns(self, keys: Iterable[str]) -> None:
        """Makes columns of these keys, those wanted among them."""
        self.columns = tuple(keys)
        self.wanted = tuple(self.columns.index(key) for key in self._keys)

    def find_keys(self, meter: Meter | None = None) -> None:
        """Reads the whole file to make a column of each key that any line has."""
        keys = dict.fromkeys(self.columns)
        with self._lines.opened(meter, cut=True) as lines:
            for _, _, value in _values(lines):
                if type(value) is dict and not value.keys() <= keys.keys():
                    keys.update(dict.fromkeys(value))
        self.name_columns(keys)

    def records(self, meter: Meter | None = None) -> Iterator[tuple[int, Cells]]:
        with self._lines.opened(meter) as lines:
            for number, _, value in _values(lines):
                yield number, value if type(value) is Fault else texts([value.get(key) for key in self._keys])

    def rows(self, meter: Meter | None = None) -> Iterator[tuple[int, tuple[str, dict | None], Fault | None]]:
        """Yields lines with their values, None where one is no object."""
        with self._lines.opened(meter, cut=True) as lines:
            for number, line, value in _values(lines):
                yield (number, (line, None), value) if type(value) is Fault else (number, (line, value), None)

    def portion(self, places, faults, rows):
        return JsonPortion(self.columns, places, faults, rows)

    def weigh(self, row):
        return len(row[0])


def _values(lines):
    for number, line in enumerate(lines, 1):
        if "\0" in line:
            yield number, line, nul_fault(line)
        elif not line.isspace():
            yield number, line, _object(line)


def _object(line):
    try:
        value = json.loads(line.rstrip("\r\n"))
    except json.JSONDecodeError as error:
        return Fault("broken JSON", f"{error.msg} at character {error.colno}", "Each line must be one JSON object. ")
    except (ValueError, RecursionError) as error:
        return Fault("broken JSON", str(error), "Each line must be one JSON object. ")
    if type(value) is not dict:
        return Fault("JSON that is no object", f"a {type(value).__name__}", "Each line must be one JSON object. ")
    return value


def _cells(value, keys):
    cells = texts([value.get(key) for key in keys])
    return [""] * len(keys) if type(cells) is Fault else cells
