"""Locate: what the user named -> the tables of pairs it stands for."""

import dataclasses
import os
import re
import shlex
from collections.abc import Mapping

from rnnkit.pairs.folders import split_files
from rnnkit.pairs.parallel import ParallelFiles, no_partner, parallel_files
from rnnkit.pairs.public import public_pair_tables
from rnnkit.pairs.rows import PAIR
from rnnkit.sources.columns import SAMPLE, check_names
from rnnkit.sources.data_frames import is_data_frame
from rnnkit.sources.delimited import DelimitedTable
from rnnkit.sources.format import Format
from rnnkit.sources.locate import existing, find_table, table_ending
from rnnkit.sources.public_sets import PREFIX
from rnnkit.sources.table import STDIN, Table

NAME = re.compile(r"[^\W\d][\w-]*")
HEADERS = {*PAIR, "source", "target", "src", "tgt", "trg", "input", "output", "sentence", "original", "reference"}
"""Names of columns that no row of single words is taken for."""
SENTENCE = 2
"""Words of a row's cell, on average, from which on a first line of single words is a header."""


def find_pair_tables(data, format: Format) -> tuple[dict[str, Table], tuple[str, ...]]:
    """Returns the tables of `data` by split, at least `train`, and remarks on what was guessed.

    Raises:
        ValueError: The kind of data isn't known, there is nothing in it, or it doesn't say which side is which.
        LookupError: A column isn't there.
        OSError: There is no such file.
    """
    check_names(format.columns, PAIR)
    if isinstance(data, str) and data.startswith(PREFIX):
        return public_pair_tables(data, format)
    if is_data_frame(data) or parallel_files(data, format, "data") or not (path := existing(data)).is_dir():
        table, notes = find_pair_table(data, format, "data")
        return {"train": table}, notes
    tables, notes = {}, ()
    for split, files in split_files(path, format.columns).items():
        if len(files) == 2:
            tables[split] = ParallelFiles(files, format.encoding)
        else:
            tables[split], more = find_pair_table(files[0], format, split, like=tables.get("train"))
            notes += more
    return tables, notes


def find_pair_table(data, format: Format, flag: str, *, like: Table | None = None) -> tuple[Table, tuple[str, ...]]:
    """Returns the one table that two files, a file or a DataFrame is, and remarks on what was guessed.

    Args:
        data: What the user named.
        format: How to read it.
        flag: As which it was named: `data`, `valid` or `test`.
        like: A table whose columns are taken where they are here too, and --columns doesn't say otherwise.

    Raises:
        ValueError, LookupError, OSError: As `find_pair_tables`.
    """
    check_names(format.columns, PAIR)
    if isinstance(data, str) and data.startswith(PREFIX):
        raise ValueError(f"--{flag} must be two files with a comma between, a table or a DataFrame. Got {data!r}.")
    if files := parallel_files(data, format, flag):
        return files, ()
    if not is_data_frame(data) and str(data) != STDIN:
        path = existing(data)
        if path.is_file() and not table_ending(path.name):
            raise no_partner(path, flag)
    if format.columns:
        return find_table(data, PAIR, None, format), ()
    return _by_names(data, format, like)


def _by_names(data, format, like):
    """Finds the two columns by the names that are there, or by their order where there are two."""
    found = find_table(data, (), None, format)
    for columns in ({}, _columns_of(like)):
        if all(columns.get(name, name) in found.columns for name in PAIR):
            return _read_as(data, format, columns), ()
    if len(found.columns) != 2:
        return find_table(data, PAIR, None, format), ()
    if isinstance(found, DelimitedTable) and format.header == "auto" and not _is_header(found):
        note = f"{found.name}: its first line is taken for a row, and not for a header; if it is one: --header yes"
        return _read_as(data, dataclasses.replace(format, header="no"), dict(zip(PAIR, "01", strict=True))), (note,)
    first, second = found.columns
    if first == "translation" or second == "text":
        first, second = second, first
    columns = {"text": first, "translation": second}
    way = shlex.quote(f"text={second},translation={first}")
    note = f"{found.name}: {first!r} is read and {second!r} written; the other way round: --columns {way}"
    if isinstance(found, DelimitedTable) and format.header == "auto":
        format = dataclasses.replace(format, header="yes")
    return _read_as(data, format, columns), (note,)


def _read_as(data, format, columns: Mapping[str, str]):
    return find_table(data, PAIR, None, dataclasses.replace(format, columns=columns))


def _columns_of(table):
    """Returns which columns a table's pairs are in, as --columns would say it; nothing where it has no names."""
    if table is None or isinstance(table, ParallelFiles) or not table.columns:
        return {}
    names = [table.columns[place] for place in table.wanted]
    return {} if any(name.isdecimal() for name in names) else dict(zip(PAIR, names, strict=True))


def _is_header(table):
    """Says whether the first line names two columns: single words above sentences, or words that are such names."""
    first = [name.casefold() for name in table.columns]
    if first[0] == first[1] or not all(map(NAME.fullmatch, first)):
        return False
    if HEADERS.issuperset(first):
        return True
    portion = next(table.portions(size=SAMPLE, characters=1 << 20), None)
    cells = [cell for row in portion.cells() for cell in row] if portion else []
    return sum(len(cell.split()) for cell in cells) >= SENTENCE * max(len(cells), 1)


def size_of(tables: Mapping[str, Table]) -> int:
    """Returns how many bytes there are to read."""
    return sum(table.size for table in tables.values())


def path_of(data) -> str:
    """Returns what to call `data` on a card."""
    return "DataFrame" if is_data_frame(data) else os.fspath(data)
