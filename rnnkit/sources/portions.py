"""Portions: some rows of a table with all their cells -> texts, JSON or Arrow, each value as it was."""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rnnkit.sources.cells import ESCAPED, as_text, undecodable
from rnnkit.sources.faults import Fault

if TYPE_CHECKING:
    import pyarrow

UNWRITABLE = re.compile("[\0\ud800-\udfff]")


class Portion:
    """Rows that follow each other in a table.

    Args:
        columns: Names of all the table's columns.
        places: Of each row.
        faults: Index in the portion -> why that row can't be used.
    """

    def __init__(self, columns: Sequence[str], places: list, faults: dict[int, Fault]):
        self.columns, self.places, self.faults = columns, places, faults

    def __len__(self):
        return len(self.places)

    def column(self, place: int) -> list[str | Fault]:
        """Returns the cells of one column as texts, "" where there is none; a Fault for many values."""
        raise NotImplementedError

    def cells(self) -> list[list[str]]:
        """Returns each row's cells as texts, those of many values as JSON."""
        raise NotImplementedError

    def objects(self) -> list[str]:
        """Returns each row as the text of a JSON object."""
        raise NotImplementedError

    def batch(self) -> "pyarrow.RecordBatch":
        """Returns the rows in the types of the table: all texts, where it knows none."""
        import pyarrow

        columns = zip(*self.cells(), strict=True) if len(self) else ([] for _ in self.columns)
        arrays = [pyarrow.array(map(readable, column), pyarrow.string()) for column in columns]
        return pyarrow.record_batch(arrays, names=[readable(name) for name in self.columns])

    def others(self) -> set[str]:
        """Returns the names that rows have beside `columns`."""
        return set()

    def kept(self, rows: Sequence[int]) -> "Portion":
        """Returns these rows only."""
        raise NotImplementedError

    def check(self, columns: Iterable[int], encoding: str) -> None:
        """Adds the faults of these columns: texts that can't be decoded, cells of many values."""
        for column in columns:
            for row, text in enumerate(self.column(column)):
                if type(text) is Fault:
                    self.faults.setdefault(row, text)
                elif not text.isascii():
                    try:
                        text.encode()
                    except UnicodeEncodeError:
                        self.faults.setdefault(row, undecodable(text, encoding))

    def _of(self, rows):
        faults = {new: self.faults[row] for new, row in enumerate(rows) if row in self.faults}
        return self.columns, [self.places[row] for row in rows], faults


class TextPortion(Portion):
    """Rows of texts: in `rows` as many for each as there are columns."""

    def __init__(self, columns, places, faults, rows: list[list[str]]):
        super().__init__(columns, places, faults)
        self._rows = rows

    def column(self, place):
        return [row[place] for row in self._rows]

    def cells(self):
        return self._rows

    def objects(self):
        return [json.dumps(dict(zip(self.columns, row, strict=True)), ensure_ascii=False) for row in self._rows]

    def kept(self, rows):
        return TextPortion(*self._of(rows), [self._rows[row] for row in rows])


class JsonPortion(Portion):
    """Rows that are JSON objects: in `rows` the line and the value of each, None where it is no object."""

    def __init__(self, columns, places, faults, rows: list[tuple[str, dict | None]]):
        super().__init__(columns, places, faults)
        self._rows = rows

    def column(self, place):
        key = self.columns[place]
        return [as_text(value.get(key)) if value else "" for _, value in self._rows]

    def cells(self):
        return [[_shown(value.get(key)) if value else "" for key in self.columns] for _, value in self._rows]

    def objects(self):
        """Returns the lines as they were, so that numbers keep all their digits."""
        return ["{}" if value is None else line.strip() for line, value in self._rows]

    def others(self):
        known = set(self.columns)
        return set().union(*(value.keys() - known for _, value in self._rows if value))

    def kept(self, rows):
        return JsonPortion(*self._of(rows), [self._rows[row] for row in rows])


class ValuePortion(Portion):
    """Rows of typed values.

    Args:
        values: A list for each column.
        batch: Makes the Arrow form.
    """

    def __init__(self, columns, places, faults, values: list[list], batch: "Callable[[], pyarrow.RecordBatch]"):
        super().__init__(columns, places, faults)
        self._values, self.batch = values, batch

    def column(self, place):
        return [value if type(value) is str else as_text(value) for value in self._values[place]]

    def cells(self):
        columns = ([_shown(value) for value in column] for column in self._values)
        return [list(row) for row in zip(*columns, strict=True)]

    def objects(self):
        columns = ([_json_value(value) for value in column] for column in self._values)
        rows = (dict(zip(self.columns, row, strict=True)) for row in zip(*columns, strict=True))
        return [json.dumps(row, ensure_ascii=False) for row in rows]

    def kept(self, rows):
        values = [[column[row] for row in rows] for column in self._values]
        return ValuePortion(*self._of(rows), values, lambda: self.batch().take(list(rows)))


def grouped(
    records: Iterable[tuple[int | str, object, Fault | None]],
    weigh: Callable[[object], int],
    *,
    size: int,
    characters: int,
) -> Iterator[tuple[list, dict[int, Fault], list]]:
    """Yields places, faults and rows: `size` of them, or fewer where those weigh `characters` or more."""
    places, faults, rows, weight = [], {}, [], 0
    for place, row, fault in records:
        if fault is not None:
            faults[len(rows)] = fault
        places.append(place)
        rows.append(row)
        weight += weigh(row)
        if len(rows) >= size or weight >= characters:
            yield places, faults, rows
            places, faults, rows, weight = [], {}, [], 0
    if rows:
        yield places, faults, rows


def readable(text: str) -> str:
    r"""Returns a text that every reader of UTF-8 takes: \xe9 for a byte that wasn't decoded, \x00 for NUL."""
    if "\0" not in text:
        if text.isascii():
            return text
        try:
            text.encode()
            return text
        except UnicodeEncodeError:
            pass
    return UNWRITABLE.sub(escaped, text)


def escaped(match: re.Match) -> str:
    """Returns what stands in a readable text for the character matched."""
    code = ord(match[0])
    return f"\\u{code:04x}" if code and code not in ESCAPED else f"\\x{code & 0xFF:02x}"


def _shown(value):
    if type(value) is str:
        return value
    text = as_text(value)
    return json.dumps(_json_value(value), ensure_ascii=False) if type(text) is Fault else text


def _json_value(value):
    if type(value) in (str, int, bool) or value is None:
        return value
    if type(value) is float:
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _json_value(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_json_value(part) for part in value]
    if hasattr(value, "tolist"):
        return _json_value(value.tolist())
    return as_text(value)
