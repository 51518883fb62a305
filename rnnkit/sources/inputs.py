"""Inputs: rows to be answered, with no target -> chunks of raw columns, in constant memory."""

import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence

from rnnkit.messages import listed
from rnnkit.sources.cells import undecodable
from rnnkit.sources.data_frames import is_data_frame
from rnnkit.sources.faults import NUL, Fault, FaultLog
from rnnkit.sources.format import Format
from rnnkit.sources.locate import existing, find_table
from rnnkit.sources.text_files import open_lines

STDIN = "-"
CHUNK = 1_024


def read_inputs(path, *, features: Sequence[str], format: Format, size: int = CHUNK) -> Iterator[dict[str, list[str]]]:
    """Opens a file of rows to be answered and returns an iterator of its chunks by column.

    An empty or missing cell is an empty text, for that gets an answer too. Rows are left out
    only where `format.skip_bad_rows` says so, and then with no remark.

    Args:
        path: A table, a DataFrame, a .txt or .txt.gz with one text a line, or "-" for such lines on stdin.
        features: Names of the columns; what `format.columns` says of others is ignored.
        format: How to read it.
        size: Rows in a chunk, but for the last.

    Raises:
        ValueError, LookupError, OSError: As the message says; at once for what the file's
            head shows, else when the row is reached.
    """
    if not is_data_frame(path) and (str(path) == STDIN or str(path).lower().endswith((".txt", ".txt.gz"))):
        return _chunks(*_text_lines(path, features, format), features, format, size)
    table = find_table(path, features, None, format)
    return _chunks(table.name, table.unit, table.encoding, table.records(), features, format, size)


def _text_lines(path, features, format):
    name = "stdin" if str(path) == STDIN else os.fspath(path)
    if len(features) != 1:
        raise ValueError(
            f"{name} is read as one text a line, and this recipe reads {listed(features)}. "
            "Give it a table with a column for each, such as a .csv."
        )
    if str(path) != STDIN and existing(path).is_dir():
        raise IsADirectoryError(f"{name} is a folder. Name a file.")
    return str(name), "line", format.encoding, _texts(path, str(name), format.encoding)


def _texts(path: str | pathlib.Path, name: str, encoding: str):
    with open_lines(path, name, encoding, newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            yield number, NUL if "\0" in line else (line.removesuffix("\n").removesuffix("\r"),)


def _chunks(name, unit, encoding, records: Iterable, features, format, size):
    rows = []
    for place, cells in records:
        fault = cells if type(cells) is Fault else _undecodable(cells, encoding)
        if fault is None:
            rows.append(["" if cell.isspace() else cell for cell in cells])
        elif not format.skip_bad_rows:
            log = FaultLog(unit)
            log.add(place, fault)
            raise ValueError(log.refusal(name))
        if len(rows) == size:
            yield _columns(rows, features)
            rows = []
    if rows:
        yield _columns(rows, features)


def _columns(rows, features):
    return {name: list(column) for name, column in zip(features, zip(*rows, strict=True), strict=True)}


def _undecodable(cells, encoding):
    for cell in cells:
        if not cell.isascii():
            try:
                cell.encode()
            except UnicodeEncodeError:
                return undecodable(cell, encoding)
    return None
