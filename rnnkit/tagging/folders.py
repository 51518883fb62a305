"""Folders: eng.train, eng.testa, eng.testb, or train.jsonl, … -> the file of each split."""

import pathlib
import re

from rnnkit.messages import listed

NAMES = {
    "train": ("train", "training"),
    "valid": ("valid", "val", "dev", "devel", "validation", "development", "testa"),
    "test": ("test", "testb"),
}
"""Parts of a file's name -> its split; CoNLL-2002 and 2003 call them train, testa and testb."""
FOREIGN = (".md", ".rst", ".py", ".log", ".zip", ".tar", ".tgz", ".html", ".pdf")
"""Endings of files that lie beside the data."""


def split_files(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Returns the one file of each split of a folder; at least that of `train`.

    Raises:
        ValueError: A split has several files, or there is none to train on.
    """
    files = {split: [] for split in NAMES}
    for entry in sorted(folder.iterdir()):
        if entry.is_file() and not entry.name.startswith(".") and not entry.name.lower().endswith(FOREIGN):
            split = _split_of(entry.name)
            if split:
                files[split].append(entry)
    for split, found in files.items():
        if len(found) > 1:
            names = listed(entry.name for entry in found)
            raise ValueError(f"{folder} must have one file for each split. Got {names} for {split}. Name files alone.")
    if not files["train"]:
        raise ValueError(_unknown_layout(folder))
    return {split: found[0] for split, found in files.items() if found}


def _split_of(name):
    parts = re.split(r"[^a-z0-9]+", name.lower())
    found = [split for split, names in NAMES.items() if set(parts) & set(names)]
    return found[0] if len(found) == 1 else None


def _unknown_layout(folder):
    inside = sorted(entry.name + "/" * entry.is_dir() for entry in folder.iterdir() if not entry.name.startswith("."))
    has = f"It has {listed(inside[:8])}{', …' if len(inside) > 8 else ''}" if inside else "It is empty"
    return (
        f"{folder} is a folder of no known layout. {has}. Known: files whose names say train and, if you like, valid "
        "(or dev, testa) and test (or testb), such as eng.train, eng.testa, eng.testb or train.jsonl, test.jsonl. "
        "Or name one file."
    )
