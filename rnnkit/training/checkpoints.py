"""Checkpoints: a training's whole state -> files, each whole or not there, the last two kept -> the newest one."""

import dataclasses
import hashlib
import io
import json
import os
import pathlib
import zipfile

import numpy as np

from rnnkit.disk import sync_names, why

KEPT = 2
MARK = b"rnnkit checkpoint 1 "
"""Stands before the SHA-256 at the end of each file."""


@dataclasses.dataclass(frozen=True)
class State:
    """What a training needs to go on.

    Attributes:
        arrays: Values of variables, by name.
        facts: Plain values, ready for JSON.
    """

    arrays: dict[str, np.ndarray]
    facts: dict


class Checkpoints:
    """The checkpoints of one training.

    Args:
        folder: Theirs alone; made with the first one.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder

    def save(self, state: State) -> None:
        """Writes the next checkpoint, and then removes all but the last two.

        Raises:
            OSError: It could not be written; the earlier ones are whole.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        files = self._files()
        number = int(files[-1].stem) + 1 if files else 1
        facts = np.frombuffer(json.dumps(state.facts).encode(), np.uint8)
        content = io.BytesIO()
        np.savez(content, facts=facts, **state.arrays)
        whole = self.folder / f"{number:06}.checkpoint"
        partial = whole.with_suffix(".partial")
        try:
            with partial.open("wb") as file:
                file.write(content.getbuffer())
                file.write(MARK + hashlib.sha256(content.getbuffer()).hexdigest().encode())
                file.flush()
                os.fsync(file.fileno())
            partial.replace(whole)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise OSError(
                f"The checkpoint {whole} could not be written: {why(error)}. Make room, then go on with --resume."
            ) from None
        sync_names(self.folder)
        for old in files[: 1 - KEPT]:
            old.unlink(missing_ok=True)

    def newest(self) -> tuple[State | None, list[str]]:
        """Returns the newest whole checkpoint, None where there is none, and what was wrong with newer ones."""
        notes = []
        for file in reversed(self._files()):
            try:
                return _read(file), notes
            except (ValueError, LookupError, OSError, zipfile.BadZipFile, EOFError) as error:
                notes.append(f"the checkpoint {file} is damaged and passed over: {error}.")
        return None, notes

    def discard(self) -> None:
        """Removes all, for there is nothing to go on with."""
        for file in self._files():
            file.unlink(missing_ok=True)

    def _files(self):
        return sorted(self.folder.glob("[0-9]*.checkpoint"))


def _read(file):
    content = file.read_bytes()
    end = len(MARK) + 64
    body, mark = content[:-end], content[-end:]
    if mark != MARK + hashlib.sha256(body).hexdigest().encode():
        raise ValueError("its SHA-256 is not the one it ends with")
    with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        values = {name: arrays[name] for name in arrays.files}
    return State(values, json.loads(values.pop("facts").tobytes()))
