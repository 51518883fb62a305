"""Hashing: files of a folder -> their sizes and SHA-256, and whether they still are what they were.

Hashes find damage: a copy cut short, a bad disk, an edit by mistake. They don't find an attacker, who would
write new ones.
"""

import hashlib
import json
import os
import pathlib
import re
import stat
from collections.abc import Iterable, Mapping

from rnnkit.messages import listed

MEND = "Copy the bundle again, or pass --no-verify."

Entry = dict[str, int | str]
"""`{"bytes": size, "sha256": hex}` of one file."""


def hash_files(folder: pathlib.Path, *, leave_out: Iterable[str] = ()) -> dict[str, Entry]:
    """Returns the size and SHA-256 of each file under a folder, by its path there with `/` between."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: _entry(path) for name, path in names.items() if name not in set(leave_out)}


def _entry(path):
    with open(path, "rb") as file:
        return {"bytes": os.fstat(file.fileno()).st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def hash_card(card: Mapping[str, object]) -> str:
    """Returns the SHA-256 of a card's content, whatever its key `sha256` says and however it is laid out."""
    content = {name: value for name, value in card.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def check_links(folder: pathlib.Path) -> None:
    """Refuses links that lead out of a folder: its files would be others than those that were hashed and copied.

    Raises:
        ValueError: There is such a link.
    """
    inside = folder.resolve()
    for parent, folders, files in os.walk(folder):
        for path in (pathlib.Path(parent, name) for name in (*folders, *files)):
            if path.is_symlink() and not path.resolve().is_relative_to(inside):
                raise ValueError(
                    f"{path} is a link that leads out of the bundle, to {os.readlink(path)!r}. "
                    "Copy the bundle with what its links lead to: cp -rL."
                )


def check_entries(files: object) -> bool:
    """Says whether `files` is what `hash_files` returns, with names that stay inside the folder."""
    return isinstance(files, dict) and all(_is_inside(name) and _is_entry(entry) for name, entry in files.items())


def _is_inside(name):
    parts = name.split("/")
    return not {"", ".", ".."} & set(parts) and not set("\\:\0") & set(name)


def _is_entry(entry):
    size, digest = (entry.get("bytes"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
    return type(size) is int and isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest) is not None


def check_sizes(folder: pathlib.Path, files: Mapping[str, Entry], *, mend: str = MEND) -> None:
    """Checks that each file is there and as long as it was; reads none.

    Args:
        folder: A bundle, or a part of one.
        files: As `hash_files` returned them when the folder was written.
        mend: What the user may do about a damaged file, a sentence.

    Raises:
        ValueError: A file is missing, no plain file, or of another size.
    """
    missing = [name for name in files if not (folder / name).exists()]
    if missing:
        raise ValueError(_damaged(folder, f"it lacks {listed(missing)}", mend))
    for name, entry in files.items():
        status = (folder / name).stat()
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(_damaged(folder, f"{name} is no plain file", mend))
        if status.st_size != entry["bytes"]:
            change = f"it has {status.st_size:,} bytes and had {entry['bytes']:,}"
            raise ValueError(_damaged(folder, f"{name} is not as it was written: {change}", mend))


def check_hashes(folder: pathlib.Path, files: Mapping[str, Entry], *, mend: str = MEND) -> None:
    """Checks that each file is there with the content it had; reads them all, a block at a time.

    Takes and raises what `check_sizes` does, and OSError where a file can't be read.
    """
    check_sizes(folder, files, mend=mend)
    for name, entry in files.items():
        got = _entry(folder / name)["sha256"]
        if got != entry["sha256"]:
            change = f"its SHA-256 is {got[:12]}… and was {entry['sha256'][:12]}…"
            raise ValueError(_damaged(folder, f"{name} is not as it was written: {change}", mend))


def _damaged(folder, what, mend):
    return f"The bundle {folder} is damaged: {what}. {mend}"
