"""JSON lines: one object a line -> cells by key."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence

from rnnkit.sources.cells import texts
from rnnkit.sources.columns import SAMPLE, find_columns
from rnnkit.sources.faults import NUL, Fault
from rnnkit.sources.format import Format
from rnnkit.sources.table import Cells, FileTable, Meter
from rnnkit.sources.text_files import open_lines


class JsonLinesTable(FileTable):
    """A .jsonl file; see `DelimitedTable` for the arguments.

    A key that only some lines have is a missing cell in the others.
    """

    unit = "line"

    def __init__(self, path, wanted: Sequence[str], target, columns: Mapping[str, str], format: Format):
        super().__init__(path)
        self.encoding = format.encoding
        self._keys = [columns.get(name, name) for name in wanted]
        first = [value for _, value in itertools.islice(self._objects(None), SAMPLE)]
        if not first:
            raise ValueError(f"{self.name} is empty. It must have one JSON object a line.")
        objects = [value for value in first if type(value) is dict]
        if not objects:
            raise ValueError(f"{self.name}, line 1: {first[0].kind} ({first[0].detail}). {first[0].hint}".rstrip())
        found = list(dict.fromkeys(key for value in objects for key in value))
        if not set(self._keys) <= set(found):
            sample = [["" if type(cell) is Fault else cell for cell in _cells(value, found)] for value in objects]
            find_columns(self.name, found, wanted, columns, lambda: sample, target=target)

    def records(self, meter: Meter | None = None) -> Iterator[tuple[int, Cells]]:
        for number, value in self._objects(meter):
            yield number, value if type(value) is Fault else texts([value.get(key) for key in self._keys])

    def _objects(self, meter):
        with open_lines(self.path, self.name, self.encoding, meter, newline="\n") as lines:
            for number, line in enumerate(lines, 1):
                if "\0" in line:
                    yield number, NUL
                elif not line.isspace():
                    yield number, _object(line)


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
