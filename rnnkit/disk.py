"""Disk: errors of writing -> why, in a few words; and what is written -> safe from a power cut."""

import contextlib
import os
import pathlib

FULL = {
    "No space left": "no space is left on the disk",
    "quota exceeded": "the quota of the disk is used up",
    "File too large": "a file is larger than is allowed here, see `ulimit -f`",
}


def is_full(error: Exception) -> bool:
    """Says whether an error is that of a full disk, as Python or TensorFlow tell it."""
    return any(sign in str(error) for sign in FULL)


def why(error: Exception) -> str:
    """Returns why something could not be written: an error of Python's or of TensorFlow's, in few words."""
    text = str(error)
    full = (reason for sign, reason in FULL.items() if sign in text)
    return next(full, None) or getattr(error, "strerror", None) or text.strip().partition("\n")[0].rstrip(".")


def sync(folder: pathlib.Path) -> None:
    """Has all files under a folder, and their names, written to the disk.

    Raises:
        OSError: A file can't be written, such as on a full disk.
    """
    for parent, _, files in os.walk(folder, topdown=False):
        for name in files:
            descriptor = os.open(os.path.join(parent, name), os.O_RDWR)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_names(pathlib.Path(parent))


def sync_names(folder: pathlib.Path) -> None:
    """Has the names in a folder written to the disk, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
