"""Partial: an output while it is made, in a folder beside its target -> the target, once it is whole.

The folder `.NAME.partial` has `rows`, what is written so far; `progress.json`, how much of it counts; and
`lock`, held by the process that writes. It goes when the target is there.
"""

import contextlib
import json
import os
import pathlib
import signal
import time
from collections.abc import Callable, Iterator

from rnnkit.disk import sync_names, why
from rnnkit.interrupts import Interrupted
from rnnkit.locks import is_still, take

ROWS, PROGRESS, DRAFT, LOCK, JOINED = "rows", "progress.json", "progress.new", "lock", "joined"
NOTED = {"rows", "faults", "columns", "identity", "bytes", "whole"}
EVERY = 2.0
"""Seconds between two notes of the progress, each of which waits for the disk."""


class Partial:
    """What is written of an output.

    Args:
        target: Its path, once it is whole.
        folder: Where it is made.
        name: The target's as the user wrote it.

    Attributes:
        progress: What was noted last; None where nothing was.
        started: Whether this process has begun to write.
    """

    def __init__(self, target: pathlib.Path, folder: pathlib.Path, name: str):
        self.target, self._folder, self._name = target, folder, name
        self.progress, self.started = self._read(), False
        self._file, self._noted = None, time.monotonic()

    def _read(self):
        try:
            progress = json.loads((self._folder / PROGRESS).read_text(encoding="utf-8"))
            known = isinstance(progress, dict) and progress.keys() >= NOTED
            return progress if known else None
        except (OSError, ValueError):
            return None

    @property
    def placed(self) -> bool:
        """Whether the target was whole and in its place when the process that made it was killed."""
        return bool(self.progress and self.progress["whole"] and self.target.exists() and not self._rows.exists())

    @property
    def usable(self) -> bool:
        """Whether the rows written are those that the progress speaks of."""
        try:
            return self.progress is not None and self._rows.stat().st_size >= self.progress["bytes"]
        except OSError:
            return False

    @property
    def _rows(self):
        return self._folder / ROWS

    def begin(self) -> None:
        """Starts with nothing."""
        with self._told():
            for name in (PROGRESS, ROWS, JOINED):
                (self._folder / name).unlink(missing_ok=True)
            self.progress, self.started = None, True
            self._file = self._rows.open("wb")

    def go_on(self) -> None:
        """Starts with what was noted last; what was written after that goes."""
        with self._told():
            self.started = True
            self._file = self._rows.open("r+b")
            self._file.truncate(self.progress["bytes"])
            self._file.seek(0, os.SEEK_END)

    def write(self, content: bytes) -> None:
        """Adds bytes."""
        with self._told():
            self._file.write(content)

    def note(self, facts: dict, *, whole: bool = False, now: bool = False) -> None:
        """Notes durably how far it is: every few seconds, or now.

        Args:
            facts: `rows`, `identity` and what else is needed to go on; ready for JSON.
            whole: Whether all rows are written.
            now: Whether to do it at once.

        Raises:
            OSError: It could not be written; what was noted before still holds.
        """
        if not now and time.monotonic() - self._noted < EVERY:
            return
        with self._told():
            self._file.flush()
            os.fsync(self._file.fileno())
            progress = {**facts, "bytes": self._file.tell(), "whole": whole}
            draft = self._folder / DRAFT
            with draft.open("w", encoding="utf-8") as file:
                json.dump(progress, file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._folder / PROGRESS)
        self.progress, self._noted = progress, time.monotonic()

    def place(self, join: Callable[[pathlib.Path, pathlib.Path], None] | None) -> None:
        """Puts the output in its place.

        Args:
            join: `(rows, joined)`: makes the output of what was written; None where that is the output.
        """
        with self._told():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            whole = self._rows
            if join:
                whole = self._folder / JOINED
                join(self._rows, whole)
                with whole.open("rb") as file:
                    os.fsync(file.fileno())
            whole.replace(self.target)
            sync_names(self.target.parent)

    @contextlib.contextmanager
    def _told(self):
        """Says in one line what could not be written, and what is left of it."""
        try:
            yield
        except OSError as error:
            kept = "Nothing of it is kept: make room, or write elsewhere."
            if self.progress:
                kept = f"{self.progress['rows']:,} rows are kept: make room, then go on with --resume."
            raise OSError(f"{self._name} can't be written: {why(error)}. {kept}") from None

    def close(self) -> None:
        """Lets go of the file."""
        if self._file and not self._file.closed:
            with contextlib.suppress(OSError):
                self._file.close()

    def remove(self) -> None:
        """Removes the folder; the lock last, for whoever takes it next makes files of these names."""
        self.close()
        # Where the output is in its place, the progress says so until the end; else it goes before what it speaks of.
        first, last = ((), (PROGRESS,)) if self.progress else ((PROGRESS,), ())
        for name in (*first, DRAFT, ROWS, JOINED, *last, LOCK):
            (self._folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._folder.rmdir()


@contextlib.contextmanager
def held(target: pathlib.Path, name: str) -> Iterator[Partial]:
    """Holds what is made of `target`, which the user calls `name`, while the block runs.

    What was noted stays, to be gone on with, unless the block finds fault with the input.

    Raises:
        ValueError: Another process writes it.
        OSError: The folder can't be made.
        Interrupted: The block was interrupted, and this says what is kept.
    """
    with _locked(target.with_name(f".{target.name}.partial"), name) as folder:
        partial = Partial(target, folder, name)
        try:
            yield partial
        except (ValueError, LookupError):
            if partial.started:
                partial.progress = None
            raise
        except KeyboardInterrupt as stopped:
            if partial.progress is None:
                raise
            kept = f"{partial.progress['rows']:,} rows of {name} are kept; the same command with --resume goes on."
            raise Interrupted(f"interrupted. {kept}", getattr(stopped, "signal", signal.SIGINT)) from None
        finally:
            partial.close()
            if partial.progress is None:
                partial.remove()


@contextlib.contextmanager
def _locked(folder, name):
    with contextlib.ExitStack() as stack:
        while not (file := _lock(folder, name)):
            pass
        stack.enter_context(file)
        yield folder


def _lock(folder, name):
    """Makes the folder and takes its lock; returns None where its last holder has removed it meanwhile."""
    try:
        folder.mkdir(exist_ok=True)
        try:
            file = (folder / LOCK).open("a")
        except FileNotFoundError:
            return None
    except OSError as error:
        raise OSError(f"{name} can't be written: {folder}: {why(error)}. Name another --output.") from None
    if take(file.fileno()) is False:
        file.close()
        raise ValueError(f"{name} is being written by another process. Wait for its end, or name another --output.")
    if is_still(file.fileno(), folder / LOCK):
        return file
    file.close()
    return None
