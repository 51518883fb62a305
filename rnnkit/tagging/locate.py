"""Locate: what the user named -> the sources of sentences it stands for."""

import itertools
import os

from rnnkit.sources.data_frames import is_data_frame
from rnnkit.sources.format import Format
from rnnkit.sources.json_lines import JsonLinesTable
from rnnkit.sources.locate import existing, find_table, table_ending
from rnnkit.sources.public_sets import PREFIX
from rnnkit.tagging.column_files import ColumnFile, check_columns, is_column_file
from rnnkit.tagging.folders import split_files
from rnnkit.tagging.json_arrays import JsonArray, is_array
from rnnkit.tagging.objects import LOOKED_AT, ObjectTable, objects
from rnnkit.tagging.public import public_sources
from rnnkit.tagging.sentences import SentenceSource
from rnnkit.tagging.token_tables import TokenTable, holds_tokens

NAMES = ("tokens", "tags", "sentence", "document", "text", "spans")
"""What `--columns` may name."""
JSON = (".json", ".json.gz")


def find_sources(data, format: Format) -> dict[str, SentenceSource]:
    """Returns the sources of `data` by split, at least `train`.

    Raises:
        ValueError: The kind of data isn't known, or there is nothing in it.
        LookupError: A column isn't there.
        OSError: There is no such file.
    """
    check_columns(format.columns, NAMES)
    if isinstance(data, str) and data.startswith(PREFIX):
        return public_sources(data, format)
    if not is_data_frame(data) and (path := existing(data)).is_dir():
        return {split: find_source(str(file), format, split) for split, file in split_files(path).items()}
    return {"train": find_source(data, format, "data")}


def find_source(data, format: Format, flag: str) -> SentenceSource:
    """Returns the one source that a file or a DataFrame is.

    Args:
        data: What the user named.
        format: How to read it.
        flag: As which it was named: `data`, `valid` or `test`.

    Raises:
        ValueError, LookupError, OSError: As `find_sources`.
    """
    check_columns(format.columns, NAMES)
    if is_data_frame(data):
        return _table_source(data, format)
    if isinstance(data, str) and data.startswith(PREFIX):
        raise ValueError(f"--{flag} must be a file or a DataFrame. Got {data!r}.")
    path = existing(data)
    if path.is_dir():
        raise IsADirectoryError(f"{data} is a folder. Name a file in it.")
    ending, name = table_ending(path.name), path.name.lower()
    if name.endswith(JSON):
        return _json_source(data, format)
    if ending is None and not name.endswith(".parquet.gz"):
        return ColumnFile(data, format.columns, format)
    if ending in (".tsv", ".tsv.gz") and is_column_file(data, format):
        return ColumnFile(data, format.columns, format)
    if ending in (".jsonl", ".jsonl.gz"):
        return _objects_or_tokens(data, JsonLinesTable(data, (), None, {}, format), format, "jsonl")
    if ending == ".parquet":
        return _table_source(data, format)
    return TokenTable(data, format)


def _json_source(data, format):
    if is_array(data, format):
        return ObjectTable(JsonArray(data, format), format.columns)
    return _objects_or_tokens(data, JsonLinesTable(data, (), None, {}, format), format, "jsonl")


def _table_source(data, format):
    return _objects_or_tokens(data, find_table(data, (), None, format), format, None)


def _objects_or_tokens(data, table, format, kind):
    rows = [row for _, row in itertools.islice(objects(table), LOOKED_AT) if type(row) is dict]
    if "sentence" in format.columns or holds_tokens(rows, format.columns):
        return TokenTable(data, format, kind)
    return ObjectTable(table, format.columns)


def path_of(data) -> str:
    """Returns what to call `data` on a card."""
    return "DataFrame" if is_data_frame(data) else os.fspath(data)
