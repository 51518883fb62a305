"""Folders: train.en, train.de, valid.en, … or train.tsv, … -> the files of each split."""

import pathlib
import re
from collections.abc import Mapping

from rnnkit.messages import listed
from rnnkit.pairs.parallel import no_partner, split_name
from rnnkit.pairs.rows import PAIR
from rnnkit.sources.locate import SPLIT_NAMES, table_ending

ORDERS = (("src", "tgt"), ("src", "trg"), ("source", "target"), ("input", "output"), ("in", "out"), PAIR)
"""Endings of files that say themselves which is read and which is written."""


def split_files(folder: pathlib.Path, columns: Mapping[str, str]) -> dict[str, tuple[pathlib.Path, ...]]:
    """Returns the one table, or the two parallel files, of each split of a folder; at least those of `train`.

    A split's files are called as it is, or else begin so: `test_2016_flickr.en` is of the test split where
    there is no `test.en`. Of parallel files `columns` says by their endings which is read and which is written;
    without it the folder's own name may, as `en-de`, or endings such as `src` and `tgt`.

    Raises:
        ValueError: The folder has no known layout, or doesn't say which is which.
        LookupError: There are no files of an ending that `columns` names.
    """
    groups = {split: _group(folder, names) for split, names in SPLIT_NAMES.items()}
    groups = {split: files for split, files in groups.items() if files}
    if "train" not in groups:
        raise ValueError(_unknown_layout(folder))
    order = None if "" in groups["train"] else _order(folder, groups["train"], columns)
    chosen = {}
    for split, files in groups.items():
        if "" in files:
            chosen[split] = (files[""],)
            continue
        here = order or _order(folder, files, columns)
        there = [tag for tag in here if tag in files]
        if len(there) == 1:
            raise no_partner(files[there[0]], "data" if split == "train" else split)
        if there:
            chosen[split] = tuple(files[tag] for tag in here)
    return chosen


def _group(folder, names):
    """Returns the files of a split by their endings, a table's being ''."""
    stems = {}
    for entry in sorted(folder.iterdir()):
        if entry.is_file() and not entry.name.startswith("."):
            ending = table_ending(entry.name)
            stem, tag = (entry.name[: -len(ending)], "") if ending else split_name(entry.name)
            stems.setdefault(stem, []).append((tag, entry))
    found = [stem for stem in stems if stem in names]
    found = found or [stem for stem in stems if re.match(rf"({'|'.join(names)})[._-]", stem)]
    files = [file for stem in found for file in stems[stem]]
    tags = [tag for tag, _ in files]
    if len(found) > 1 or len(set(tags)) < len(tags) or ("" in tags and len(tags) > 1):
        raise ValueError(
            f"{folder} must have one table or two files of lines for each split. "
            f"Got {listed(entry.name for _, entry in files)}. Move the others elsewhere."
        )
    return dict(files)


def _order(folder, files, columns):
    """Returns the endings of what is read and of what is written."""
    has = listed(file.name for file in files.values())
    if columns:
        order = tuple(columns.get(name, name) for name in PAIR)
        for tag in order:
            if tag not in files:
                raise LookupError(f"{folder} has no train file that ends in .{tag}. It has {has}.")
        return order
    if len(files) == 1:
        raise no_partner(next(iter(files.values())), "data")
    tokens = re.split(r"[^A-Za-z]+|_", folder.resolve().name)
    for order in (*ORDERS, tuple(token for token in tokens if token in files)):
        if len(order) == 2 and set(order) <= set(files):
            return order
    first, second, *_ = sorted(files)
    raise ValueError(
        f"{folder} has {has}. Say which is read and which is written: --columns text={first},translation={second}, "
        f"or text={second},translation={first}."
    )


def _unknown_layout(folder):
    inside = sorted(entry.name + "/" * entry.is_dir() for entry in folder.iterdir() if not entry.name.startswith("."))
    has = f"It has {listed(inside[:8])}{', …' if len(inside) > 8 else ''}" if inside else "It is empty"
    return (
        f"{folder} is a folder of no known layout. {has}. Known: train.en and train.de with, if you like, valid.en, "
        "valid.de, test.en and test.de, each also .gz; train.tsv with valid.tsv and test.tsv (or .csv, .jsonl, "
        ".parquet). Or name one file, or two with a comma between them."
    )
