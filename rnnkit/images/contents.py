"""Contents: a file, an entry of a .zip, a data URI or bytes -> the bytes of a picture, read when they are needed."""

import base64
import binascii
import dataclasses
import os
import re
import tempfile
import threading
import zipfile
import zlib
from typing import Protocol

URI = "data:"
MEMORY = 256 << 20
"""Bytes of contents that are kept in memory; more go to a temporary file."""
LARGEST = 1 << 30
"""Bytes of the largest file that is read."""
UNREADABLE = (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What reading an entry of a .zip raises: damage, an unknown compression, a password."""


class Picture(Protocol):
    """Where the content of a picture is.

    Attributes:
        name: What to call it in messages.
        size: Bytes that are read.
        where: What two pictures share that are of one file or entry; None where there is none.
    """

    name: str
    size: int

    @property
    def where(self) -> object: ...

    def content(self) -> bytes | str:
        """Returns the encoded picture, or its data URI.

        Raises:
            OSError: It can't be read, or has changed.
        """


@dataclasses.dataclass(frozen=True, slots=True)
class FilePicture:
    """A file; see `Picture`. `stamp` is when it was changed last."""

    path: str
    name: str
    size: int
    stamp: int

    @property
    def where(self) -> str:
        return self.path

    def content(self) -> bytes:
        try:
            with open(self.path, "rb") as file:
                told = os.fstat(file.fileno())
                if (told.st_size, told.st_mtime_ns) != (self.size, self.stamp):
                    raise changed(self.name)
                return file.read()
        except FileNotFoundError:
            raise changed(self.name) from None
        except OSError as error:
            raise OSError(f"{self.name} can't be read: {_reason(error)}.") if error.errno else error from None


@dataclasses.dataclass(frozen=True, slots=True)
class ZipPicture:
    """An entry of an archive; see `Picture`."""

    archive: "OpenZip"
    entry: str
    name: str
    size: int

    @property
    def where(self) -> tuple[str, str]:
        return self.archive.name, self.entry

    def content(self) -> bytes:
        return self.archive.read(self.entry, self.name)


@dataclasses.dataclass(frozen=True, slots=True)
class KeptPicture:
    """A content that was given, kept in a `Shelf`; see `Picture`."""

    shelf: "Shelf"
    place: int
    name: str
    size: int
    is_text: bool

    @property
    def where(self) -> None:
        return None

    def content(self) -> bytes | str:
        content = self.shelf.read(self.place)
        return content.decode("ascii") if self.is_text else content


class OpenZip:
    """A .zip, opened once in each process, for any number of threads.

    Args:
        path: The file.
        name: What to call it in messages.

    Raises:
        ValueError: It is no .zip, or damaged.
        OSError: It can't be read.
    """

    def __init__(self, path: str | os.PathLike, name: str):
        self.path, self.name, self._lock, self._files = path, name, threading.Lock(), {}
        self.stamp = self._stamp()
        try:
            self.entries = {info.filename: info.file_size for info in self._file().infolist() if not info.is_dir()}
        except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, ValueError) as error:
            raise ValueError(f"{name} is damaged or no .zip: {_reason(error)}. Write it again.") from None
        except OSError as error:
            raise OSError(f"{name} can't be read: {_reason(error)}.") from None

    def read(self, entry: str, name: str) -> bytes:
        """Returns the content of an entry; `name` is what to call it in messages.

        Raises:
            OSError: It can't be read, or the archive has changed.
        """
        try:
            if self._stamp() != self.stamp:
                raise changed(self.name)
            return self._file().read(entry)
        except FileNotFoundError:
            raise changed(self.name) from None
        except UNREADABLE as error:
            known = isinstance(error, OSError) and not error.errno
            raise error if known else OSError(f"{name} can't be read: {_reason(error)}.") from None

    def same(self) -> bool:
        """Whether the file is as it was."""
        try:
            return self._stamp() == self.stamp
        except OSError:
            return False

    def _file(self):
        # A process that was forked would share the place in the file with its parent.
        process = os.getpid()
        with self._lock:
            if process not in self._files:
                self._files = {process: zipfile.ZipFile(self.path)}
            return self._files[process]

    def _stamp(self):
        told = os.stat(self.path)
        return told.st_size, told.st_mtime_ns


class Shelf:
    """Contents that come with their table, such as data URIs: in memory, and past a limit in a temporary file.

    Args:
        most: Bytes kept in memory.
    """

    def __init__(self, most: int = MEMORY):
        self._room, self._kept, self._file, self._end = most, [], None, 0

    @property
    def in_memory(self) -> bool:
        """Whether nothing was put into a file."""
        return self._file is None

    def add(self, content: bytes | str, name: str) -> KeptPicture:
        """Keeps a content, bytes or a data URI.

        Raises:
            OSError: There is no room for the temporary file.
        """
        is_text = isinstance(content, str)
        encoded = content.encode("ascii") if is_text else content
        self._room -= len(encoded)
        self._kept.append(encoded if self._room >= 0 else self._written(encoded))
        return KeptPicture(self, len(self._kept) - 1, name, len(encoded), is_text)

    def read(self, place: int) -> bytes:
        """Returns what was kept as number `place`."""
        kept = self._kept[place]
        return kept if isinstance(kept, bytes) else os.pread(self._file.fileno(), kept[1], kept[0])

    def _written(self, content):
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="rnnkit-", buffering=0)  # noqa: SIM115
            start, view = self._end, memoryview(content)
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            folder = tempfile.gettempdir()
            raise OSError(
                f"There is no room for the pictures in {folder}: {_reason(error)}. Name a folder that has, by TMPDIR."
            ) from None
        self._end += len(content)
        return start, len(content)


def changed(name: str) -> OSError:
    """Returns the error of what isn't there any more as it was."""
    return OSError(f"{name} has changed since it was checked. Leave it alone until the run ends.")


def is_uri(text: str) -> bool:
    """Whether a text is a data URI."""
    return text[: len(URI)].lower() == URI


def bytes_of(content: bytes | str) -> bytes:
    """Returns the encoded picture of a content: bytes as they are, a data URI decoded.

    Raises:
        ValueError: It is a data URI without base64.
    """
    if isinstance(content, bytes):
        return content
    head, comma, text = content.partition(",")
    if not comma or not re.search(r";\s*base64\s*$", head, re.IGNORECASE):
        raise ValueError(f"no ';base64,' in {content[:30]!r}")
    text = re.sub(r"[\s=]", "", text).translate(SAFE)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the text after 'base64,' is no base64") from None


SAFE = str.maketrans("-_", "+/")


def _reason(error):
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.splitlines()[0].rstrip(".").lower()
