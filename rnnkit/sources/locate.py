"""Locate: what the user named -> the tables it stands for."""

import difflib
import os
import pathlib
from collections.abc import Sequence

from rnnkit.messages import listed
from rnnkit.sources.columns import check_names
from rnnkit.sources.data_frames import DataFrameTable, is_data_frame
from rnnkit.sources.delimited import SEPARATORS, DelimitedTable
from rnnkit.sources.format import Format
from rnnkit.sources.json_lines import JsonLinesTable
from rnnkit.sources.parquet import ParquetTable
from rnnkit.sources.public_sets import PREFIX, public_tables
from rnnkit.sources.table import STDIN, Table
from rnnkit.sources.text_folders import UNLABELLED, TextFolderTable, class_folders

ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz", ".tsv.gz", ".jsonl.gz")
SPLIT_NAMES = {"train": ("train",), "valid": ("valid", "val", "dev", "validation"), "test": ("test",)}


def find_tables(data, features: Sequence[str], target: str, format: Format) -> dict[str, Table]:
    """Returns the tables of `data` by split; at least `train`.

    Raises:
        ValueError: The kind of data isn't known, or there is nothing in it.
        LookupError: A column isn't there.
        OSError: There is no such file.
    """
    wanted = (*features, target)
    check_names(format.columns, wanted)
    if isinstance(data, str) and data.startswith(PREFIX):
        return public_tables(data, wanted, target, format.columns)
    if not is_data_frame(data) and (path := existing(data)).is_dir():
        return _folder_tables(path, wanted, target, format)
    return {"train": find_table(data, features, target, format)}


def find_table(data, features: Sequence[str], target: str | None, format: Format, *, kind: str | None = None) -> Table:
    """Returns the one table that a file, a folder of classes or a DataFrame is.

    Args:
        data: What the user named.
        features: The columns that are read.
        target: The column to be predicted; None where it isn't needed.
        format: How to read it.
        kind: `csv`, `tsv`, `jsonl` or `parquet`, where its name doesn't say; must be given for stdin.

    Raises:
        ValueError, LookupError, OSError: As `find_tables`.
    """
    wanted = (*features, target) if target else tuple(features)
    columns = {name: column for name, column in format.columns.items() if name in wanted}
    if is_data_frame(data):
        return DataFrameTable(data, wanted, target, columns)
    path = pathlib.Path(STDIN) if str(data) == STDIN else existing(data)
    if path.is_dir():
        if target and class_folders(path):
            return TextFolderTable(path, wanted, target, format.encoding)
        raise IsADirectoryError(f"{data} is a folder. Name a file in it that ends in one of {', '.join(ENDINGS)}.")
    ending = f".{kind}" if kind else table_ending(path.name)
    if not ending:
        shown = "".join(path.suffixes[-2:] if path.suffix.lower() == ".gz" else path.suffixes[-1:])
        raise ValueError(f"{data} must end in one of {', '.join(ENDINGS)}. Got {shown!r}. Save it as .csv, say.")
    kind = ending.removesuffix(".gz")
    if kind in SEPARATORS:
        return DelimitedTable(data, kind, wanted, target, columns, format)
    return (JsonLinesTable if kind == ".jsonl" else ParquetTable)(data, wanted, target, columns, format)


def existing(data) -> pathlib.Path:
    """Returns the path of a file or folder that exists.

    Raises:
        FileNotFoundError: It doesn't; names near to it in the same folder are suggested.
        ValueError: It is no path at all.
    """
    try:
        path = pathlib.Path(data)
    except TypeError:
        raise ValueError(f"Data must be a path, a DataFrame or tfds:NAME. Got a {type(data).__name__}.") from None
    if not str(data):
        raise ValueError("Data must be a path, a DataFrame or tfds:NAME. Got ''.")
    # Not path.exists(), which raises on a name that is too long.
    if os.path.exists(path):
        return path
    if not os.path.isdir(path.parent):
        raise FileNotFoundError(f"There is no file {str(data)!r}: there is no folder {str(path.parent)!r}.")
    near = difflib.get_close_matches(path.name, [entry.name for entry in path.parent.iterdir()], n=3, cutoff=0.6)
    near = " or ".join(repr(str(path.parent / name)) for name in near)
    raise FileNotFoundError(f"There is no file {str(data)!r}. {f'Did you mean {near}?' if near else 'Check its name.'}")


def table_ending(name: str) -> str | None:
    """Returns which of `ENDINGS` a file's name has, if any."""
    return next((ending for ending in ENDINGS if name.lower().endswith(ending)), None)


def _folder_tables(path, wanted, target, format):
    splits = {split: _split_entry(path, names) for split, names in SPLIT_NAMES.items()}
    splits = {split: entry for split, entry in splits.items() if entry}
    if "train" in splits:
        features = [name for name in wanted if name != target]
        return {split: find_table(entry, features, target, format) for split, entry in splits.items()}
    if class_folders(path):
        return {"train": TextFolderTable(path, wanted, target, format.encoding)}
    inside = sorted(entry.name + "/" * entry.is_dir() for entry in path.iterdir() if not entry.name.startswith("."))
    has = f"It has {listed(inside[:8])}{', …' if len(inside) > 8 else ''}" if inside else "It is empty"
    raise ValueError(
        f"{path} is a folder of no known layout. {has}. Known: LABEL/*.txt; train/LABEL/*.txt with test/LABEL/*.txt; "
        "train.csv with, if you like, valid.csv and test.csv (or .tsv, .jsonl, .parquet). Or name one file."
    )


def _split_entry(path, names):
    entries = [path / f"{name}{ending}" for name in names for ending in ENDINGS]
    found = [entry for entry in entries if entry.is_file()]
    found += [path / name for name in names if (path / name).is_dir() and class_folders(path / name)]
    if len(found) > 1:
        raise ValueError(f"{path} must have one table for each split. Got {listed(entry.name for entry in found)}.")
    return found[0] if found else None


def unlabelled_note(data) -> tuple[str, ...]:
    """Returns the remark that a folder's texts without labels are not read."""
    if is_data_frame(data) or str(data).startswith(PREFIX):
        return ()
    left = pathlib.Path(data) / "train" / UNLABELLED
    return (f"{left}: left out, for its texts have no labels.",) if left.is_dir() else ()
