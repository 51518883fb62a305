"""Locks: which process holds a folder, seen by others as long as it lives, whatever ends it."""

import os
import pathlib

try:
    import fcntl
except ImportError:
    # Windows has no such locks: what a killed process left stays there, and nothing is held.
    fcntl = None


def take(descriptor: int, *, wait: bool = False) -> bool | None:
    """Takes the lock on an open file: True if taken, False if another has it, None where there are no locks.

    Args:
        descriptor: Of the file; the lock goes when it is closed.
        wait: Wait for others to let go of it.
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        return True
    except BlockingIOError:
        return False
    except OSError:
        return None


def is_still(descriptor: int, path: pathlib.Path) -> bool:
    """Says whether an open file is the one at a path, rather than one that was removed and made anew since."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
