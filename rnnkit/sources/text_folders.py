"""Text folders: pos/1.txt, neg/2.txt -> the text of each file and the name of its folder."""

import pathlib
from collections.abc import Iterator, Sequence

from rnnkit.sources.faults import Fault
from rnnkit.sources.table import Cells, Meter, Table
from rnnkit.sources.text_files import open_bytes

UNLABELLED = "unsup"
"""Folder of the texts without a label in the IMDB archive (aclImdb)."""


class TextFolderTable(Table):
    """A folder with one folder of .txt files for each label.

    Args:
        path: The folder.
        wanted: One feature and the target.
        target: The target's name.
        encoding: Of the files.

    Raises:
        ValueError: More than one feature is wanted.
    """

    unit = "file"

    def __init__(self, path: pathlib.Path, wanted: Sequence[str], target: str, encoding: str):
        if len(wanted) > 2:
            names = ", ".join(repr(name) for name in wanted if name != target)
            raise ValueError(f"{path} holds one text a file, and this recipe reads {names}. Give it a table.")
        self.name, self.encoding = str(path), encoding
        self._files = [(path / label / file, label) for label in class_folders(path) for file in _texts(path / label)]
        self._target_first = tuple(wanted).index(target) == 0
        self._root = path

    @property
    def size(self) -> int:
        return sum(file.stat().st_size for file, _ in self._files)

    def records(self, meter: Meter | None = None) -> Iterator[tuple[str, Cells]]:
        for file, label in self._files:
            place = file.relative_to(self._root).as_posix()
            with open_bytes(file, str(file)) as opened:
                content = opened.read()
            if meter:
                meter.digest(f"{place}\n{len(content)}\n".encode("utf-8", "surrogateescape"))
                meter.digest(content)
                meter.advance(len(content))
            text = self._decoded(content)
            yield place, text if type(text) is Fault else [label, text] if self._target_first else [text, label]

    def _decoded(self, content):
        try:
            return content.decode(self.encoding, "surrogateescape").removeprefix("\ufeff")
        except UnicodeError as error:
            return Fault(f"bytes that are not {self.encoding}", str(error), "Say which they are: --encoding utf-8. ")


def class_folders(path: pathlib.Path) -> list[str]:
    """Returns the names of the folders in `path` that hold .txt files, those of unlabelled texts left out."""
    return sorted(
        entry.name
        for entry in path.iterdir()
        if entry.is_dir() and entry.name != UNLABELLED and not entry.name.startswith(".") and any(entry.glob("*.txt"))
    )


def _texts(folder):
    return sorted(entry.name for entry in folder.glob("*.txt") if not entry.name.startswith("."))
