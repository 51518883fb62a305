"""Runs: what is kept of a run until its bundle is whole, under <out>/.runs/<name>/<number>/, to go on from."""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
from collections.abc import Iterator

from rnnkit.disk import sync_names
from rnnkit.locks import is_still, take
from rnnkit.training.checkpoints import Checkpoints

FOLDER = ".runs"
ATTEMPTS = 1_000
DESCRIPTION, LOCK, DATA = "run.json", "lock", "data.json"


@dataclasses.dataclass(frozen=True)
class Run:
    """A run's folder, locked while the process that runs it lives.

    Attributes:
        path: The folder.
        description: What is run: `verb, recipe, settings`, and what else must be the same to go on.
    """

    path: pathlib.Path
    description: dict

    def checkpoints(self, stage: str) -> Checkpoints:
        """Returns the checkpoints of one of the run's trainings."""
        return Checkpoints(self.path / stage)

    def check_same(self, asked: dict) -> None:
        """Compares what is asked for with the description.

        Raises:
            ValueError: It is not what the run began with.
        """
        for name in asked:
            if asked[name] != self.description.get(name):
                raise ValueError(
                    f"{name} is {self.description.get(name)!r} in the interrupted run. Got {asked[name]!r}. "
                    "Leave it as it was, or begin anew without --resume."
                )

    def check_data(self, sha256: str) -> None:
        """Notes the hash of the data, or compares it with the one noted.

        Raises:
            ValueError: The data are not those the run began with.
        """
        file = self.path / DATA
        if not file.exists():
            _write(file, {"sha256": sha256})
        elif (begun := json.loads(file.read_text(encoding="utf-8"))["sha256"]) != sha256:
            raise ValueError(
                f"The data have changed since the run began: their SHA-256 is {sha256[:12]}…, it was {begun[:12]}…. "
                "Give the same data, or begin anew without --resume."
            )


def begin(out: str | pathlib.Path, name: str, description: dict) -> contextlib.AbstractContextManager[Run]:
    """Makes the folder of a new run and holds it while the block runs.

    The folder goes when the block ends well, or fails before there was a checkpoint; and so do
    those of killed runs that had none.

    Raises:
        OSError: It can't be written.
    """
    home = pathlib.Path(out) / FOLDER / name
    new = [folder for folder in home.parents if not folder.exists()]
    interrupted(out, name, clear=True)
    for _ in range(ATTEMPTS):
        # Another run may take the number meanwhile, or remove the folder, which was empty, at its end.
        with contextlib.suppress(FileExistsError, FileNotFoundError):
            home.mkdir(parents=True, exist_ok=True)
            path = home / str(max(map(int, _numbers(home)), default=0) + 1)
            path.mkdir()
            return _held(path, description, new)
    raise OSError(f"{home} can't be made. Move away what stands in its place, or name another folder with --out.")


def resume(out: str | pathlib.Path, name: str) -> contextlib.AbstractContextManager[Run]:
    """Holds the newest interrupted run called `name` while the block runs.

    Raises:
        LookupError: There is none.
    """
    waiting = interrupted(out, name)
    if not waiting:
        raise LookupError(
            f"There is no interrupted run {name!r} under {pathlib.Path(out) / FOLDER}. Run without --resume."
        )
    return _held(waiting[-1].path)


def interrupted(out: str | pathlib.Path, name: str, *, clear: bool = False) -> list[Run]:
    """Returns the runs called `name` that nobody runs any more, the oldest first.

    Args:
        out, name: As for `begin`.
        clear: Remove those without a checkpoint.
    """
    home = pathlib.Path(out) / FOLDER / name
    waiting = []
    for number in sorted(_numbers(home), key=int):
        path = home / number
        with contextlib.suppress(OSError, ValueError), (path / LOCK).open("r+") as lock:
            free = take(lock.fileno())
            if free is False or not is_still(lock.fileno(), path / LOCK):
                continue
            description = json.loads((path / DESCRIPTION).read_text(encoding="utf-8"))
            if clear and free and not _has_checkpoint(path):
                _remove(path)
            else:
                waiting.append(Run(path, description))
    return waiting


@contextlib.contextmanager
def _held(path, description=None, new=()) -> Iterator[Run]:
    with (path / LOCK).open("r+" if description is None else "a") as lock:
        file = path / DESCRIPTION
        if description is not None:
            # Others hold the lock of a new run for a moment only, to see whether it is free.
            take(lock.fileno(), wait=True)
            _write(file, description)
        elif take(lock.fileno()) is False or not is_still(lock.fileno(), path / LOCK):
            raise ValueError(f"{path} is being run by another process. Wait for its end.")
        try:
            yield Run(path, json.loads(file.read_text(encoding="utf-8")))
        except BaseException:
            if not _has_checkpoint(path):
                _remove(path, new)
            raise
        _remove(path, new)


def _has_checkpoint(path):
    return any(path.glob("*/*.checkpoint"))


def _numbers(home):
    try:
        return [name for name in os.listdir(home) if name.isdecimal()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _write(file, values):
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(values, indent=1), encoding="utf-8")
    partial.replace(file)
    sync_names(file.parent)


def _remove(path, new=()):
    """Removes a run's folder, and where they are empty now those of its name and of all runs, and `new` ones."""
    shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):
        for folder in dict.fromkeys((path.parent, path.parent.parent, *new)):
            folder.rmdir()
