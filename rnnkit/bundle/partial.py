"""Partial: a folder for what is not whole yet, beside its final place; one left by a killed writer is removed.

A writer holds a lock on its folder as long as it lives, whatever ends it, so that others see whether it still writes.
"""

import contextlib
import os
import pathlib
import shutil
import tempfile
import time
from collections.abc import Iterator

from rnnkit.locks import is_still, take

PREFIX, LOCK = ".partial-", "lock"
UNLOCKED_SECONDS = 24 * 3600
"""Age from which a folder without lock is stale: its writer died as it began, or was an older rnnkit's."""
TRIES = 100


@contextlib.contextmanager
def partial_folder(parent: pathlib.Path) -> Iterator[pathlib.Path]:
    """Makes an empty folder in `parent`, and `parent` if need be; removes it, and what killed writers left, at the end.

    Raises:
        OSError: It can't be made.
    """
    remove_stale(parent)
    folder, lock = _locked(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked(parent):
    for attempt in range(TRIES):
        try:
            parent.mkdir(parents=True, exist_ok=True)
            folder = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
            lock = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        except FileNotFoundError:
            # A run that failed has removed the folder it had made for itself.
            if attempt == TRIES - 1:
                raise
            continue
        if take(lock) is not False and is_still(lock, folder / LOCK):
            return folder, lock
        # A sweeper was quicker than the lock.
        os.close(lock)
    raise OSError(f"{parent}: no folder that lasts could be made there in {TRIES} tries.")


def remove_stale(parent: pathlib.Path) -> list[pathlib.Path]:
    """Removes the partial folders in `parent` whose writers are gone, and returns them."""
    return [folder for folder in sorted(parent.glob(f"{PREFIX}*")) if _remove_if_stale(folder)]


def _remove_if_stale(folder):
    if folder.is_symlink() or not folder.is_dir():
        return False
    try:
        lock = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > UNLOCKED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
                return True
        return False
    try:
        stale = take(lock) is True
        if stale:
            shutil.rmtree(folder, ignore_errors=True)
        return stale
    finally:
        os.close(lock)
