"""Locate: what the user named -> the sources of texts it stands for."""

import collections
import os
import pathlib
import re

from rnnkit.documents.settings import DocumentSettings
from rnnkit.documents.sources import Source, TableTexts, TextFiles
from rnnkit.documents.standard_library import is_standard_library, standard_library
from rnnkit.messages import listed
from rnnkit.sources.columns import check_names
from rnnkit.sources.data_frames import is_data_frame
from rnnkit.sources.locate import SPLIT_NAMES, existing, find_table, table_ending
from rnnkit.sources.public_sets import PREFIX, public_tables

COLUMNS = ("text",)
BLOCK = 1 << 16
"""Characters after which a running text is cut into blocks without a line end."""
BESIDE = (".md", ".rst", ".py", ".log", ".html")
"""Endings of files that lie beside the files of splits."""


def find_sources(data, settings: DocumentSettings) -> dict[str, Source]:
    """Returns the sources of `data` by split, at least `train`.

    Raises:
        ValueError: There is nothing in it that is text, or it isn't a known kind of data.
        LookupError: A column isn't there.
        OSError: There is no such file.
    """
    format = settings.format()
    check_names(format.columns, COLUMNS)
    if isinstance(data, str) and data.startswith(PREFIX):
        tables = public_tables(data, COLUMNS, None, format.columns)
        return {split: TableTexts(table) for split, table in tables.items()}
    if not is_data_frame(data) and not is_standard_library(data) and (path := existing(data)).is_dir():
        splits = _split_entries(path)
        sources = {split: find_source(str(entry), settings, split) for split, entry in splits.items()}
        if sources:
            found = listed(str(entry.relative_to(path)) for entry in splits.values())
            sources["train"].notes += (f"{data}: read as splits of its own: {found}.",)
            return sources
    return {"train": find_source(data, settings, "data")}


def find_source(data, settings: DocumentSettings, flag: str) -> Source:
    """Returns the one source that a file, a folder, a DataFrame or 'python' is.

    Args:
        data: What the user named.
        settings: How it is read.
        flag: As which it was named: `data`, `valid` or `test`.

    Raises:
        ValueError, LookupError, OSError: As `find_sources`.
    """
    format = settings.format()
    check_names(format.columns, COLUMNS)
    if isinstance(data, str) and data.startswith(PREFIX):
        raise ValueError(f"--{flag} must be a file, a folder or a DataFrame. Got {data!r}.")
    how = {"encoding": format.encoding, "longest_line": BLOCK if settings.lines == "running" else None}
    if is_standard_library(data):
        root, files, notes = standard_library(data)
        return TextFiles(data, files, root, notes=notes, **how | {"encoding": "utf-8"})
    path = None if is_data_frame(data) else existing(data)
    if path is None or (path.is_file() and table_ending(path.name)):
        return TableTexts(find_table(data, COLUMNS, None, format))
    if path.is_dir():
        files, notes = _files(path)
        return TextFiles(str(data), files, path, notes=notes, **how)
    if not path.is_file():
        raise ValueError(f"{data} must be a file or a folder, for it is read more than once. Save it as a file.")
    return TextFiles(str(data), (path,), None, **how)


def _split_entries(folder):
    """Returns the file or folder of each split, where all that a folder holds says so by its name."""
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    for kind in (_holds_data, pathlib.Path.is_dir):
        splits = {split: [entry for entry in entries if kind(entry) and _says(entry, names)] for split, names in PARTS}
        others = [e for e in entries if (kind(e) or e.is_dir()) and not any(e in found for found in splits.values())]
        splits = {split: found for split, found in splits.items() if found}
        if not others and "train" in splits and len(splits) > 1 and all(len(found) == 1 for found in splits.values()):
            return {split: found[0] for split, found in splits.items()}
    return {}


PARTS = tuple(SPLIT_NAMES.items())


def _holds_data(entry):
    return entry.is_file() and "." in entry.name and not entry.name.lower().endswith(BESIDE)


def _says(entry, names):
    return bool(set(re.split(r"[^a-z0-9]+", entry.name.lower())) & set(names))


def _files(root):
    """Returns the files below a folder that may be text, sorted by their paths, and remarks on others."""
    found, tables = [], []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
        for name in names:
            path = pathlib.Path(folder, name)
            if not name.startswith(".") and path.is_file():
                (tables if table_ending(name) else found).append(path)
    found.sort(key=lambda path: path.relative_to(root).as_posix())
    if found:
        return found, tuple(_notes(root, found, tables))
    if tables:
        name = tables[0].relative_to(root).as_posix()
        raise ValueError(f"{root} has no text files, but {len(tables)} tables. Name one, such as {root / name}.")
    raise ValueError(f"{root} has no text files: it is empty. Put .txt files into it, or name a file.")


def _notes(root, found, tables):
    kinds = collections.Counter(path.suffix.lower() or "no ending" for path in found)
    if len(kinds) > 1:
        shown = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(5))
        yield f"{root}: reads files of several kinds: {shown}{', …' if len(kinds) > 5 else ''}."
    if tables:
        yield f"{root}: left out {len(tables)} table{'s' * (len(tables) != 1)}; name one to read its texts."
