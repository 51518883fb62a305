"""Standard library: 'python' or 'python:COUNT' -> Python's own sources on this machine, so many characters of them."""

import os
import pathlib
import platform
import sysconfig

from rnnkit.sources.text_files import open_bytes

NAME = "python"
CHARACTERS = 1_000_000
LEFT_OUT = {
    *("test", "tests", "idlelib", "lib2to3", "site-packages", "dist-packages", "__pycache__", "turtledemo"),
    # Tables that were generated, and one long string of documentation.
    *("encodings", "pydoc_data"),
}
GENERATED = "_sysconfigdata"
"""How files begin that hold the machine's own paths."""


def is_standard_library(data) -> bool:
    """Says whether `data` is 'python' or begins with 'python:'."""
    return isinstance(data, str) and data.partition(":")[0] == NAME


def standard_library(data: str) -> tuple[pathlib.Path, list[pathlib.Path], tuple[str, ...]]:
    """Chooses files of the standard library, spread evenly over their names.

    Args:
        data: 'python', or 'python:3000000' for so many characters, reached with the last file.

    Returns:
        Their folder; the files, sorted by name, those without that are no UTF-8; and remarks.

    Raises:
        ValueError: The count is no count.
        OSError: There are no sources on this machine.
    """
    count = _count(data)
    root = pathlib.Path(sysconfig.get_paths()["stdlib"])
    files = _sources(root)
    if not files:
        raise FileNotFoundError(
            f"{data}: there are no sources of the standard library in {str(root)!r}. Name a file or folder: --data PATH"
        )
    # Every third file, say, then those after them, until there are enough.
    step = max(1, sum(file.stat().st_size for file in files) // count)
    taken, characters = [], 0
    for file in (file for start in range(step) for file in files[start::step]):
        if characters >= count:
            break
        if length := _characters(file):
            taken.append(file)
            characters += length
    version = platform.python_version()
    note = f"{data}: {len(taken)} of {len(files)} files of the library of Python {version}, {characters:,} characters."
    return root, sorted(taken), (note,)


def _count(data):
    name, colon, count = data.partition(":")
    if not colon:
        return CHARACTERS
    digits = count.replace("_", "").replace(",", "")
    if not (digits.isascii() and digits.isdecimal() and int(digits)):
        raise ValueError(f"python must be followed by how many characters, such as python:3000000. Got {data!r}.")
    return int(digits)


def _sources(root):
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        found += [
            pathlib.Path(folder, name) for name in names if name.endswith(".py") and not name.startswith(GENERATED)
        ]
    return sorted(file for file in found if file.is_file())


def _characters(file):
    """Returns how many characters a file has; 0 where it can't be used."""
    try:
        with open_bytes(file, str(file)) as opened:
            content = opened.read()
        return 0 if b"\0" in content else len(content.decode("utf-8"))
    except (OSError, UnicodeDecodeError):
        return 0
