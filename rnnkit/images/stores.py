"""Stores: a folder or a .zip, and the name of an image -> where that image is."""

import functools
import os
import pathlib
import posixpath
import re
from collections.abc import Iterable, Iterator

from rnnkit.images.contents import LARGEST, FilePicture, OpenZip, Picture, ZipPicture
from rnnkit.sources.faults import Fault
from rnnkit.sources.locate import existing

ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png")
OTHERS = (".gif", ".bmp", ".webp", ".heic", ".heif", ".avif", ".tif", ".tiff", ".ppm")
"""Endings of images that are none of the two kinds that can be decoded."""
ARCHIVE = ".zip"
BESIDE = ("images", "Images")
"""Folders, and names of a .zip, in which images are looked for first."""
HINT = "Say where the images are, a folder or a .zip: --images PATH. "


def is_image(name: str) -> bool:
    """Whether a file is an image by its name, of any kind."""
    return name.lower().endswith((*ENDINGS, *OTHERS)) and not posixpath.basename(name).startswith(".")


class Store:
    """Where images are found by name, or by the last part of it where folders differ."""

    name: str

    def at(self, path: str) -> Picture | None:
        """Returns the image at a path in the store; None where there is none."""
        raise NotImplementedError

    def paths(self) -> Iterable[str]:
        """Returns the paths of all files, with `/`, in order; those of hidden ones not."""
        raise NotImplementedError

    def find(self, name: str) -> Picture | Fault:
        """Returns the image of a name, or the fault that there is none, or more than one."""
        if "\0" in name:
            return Fault("no such image file", repr(name), HINT)
        for path in dict.fromkeys((name, name.replace("\\", "/"))):
            if found := self.at(path):
                return _checked(found)
        paths = self._by_base.get(re.split(r"[\\/]", name)[-1], ())
        if not paths:
            return Fault("no such image file", repr(name), HINT)
        if len(paths) > 1:
            detail = f"{paths[0]}, {paths[1]}{', …' if len(paths) > 2 else ''}"
            return Fault("an image name that several files have", detail, "Write their folders before the names. ")
        return _checked(self.at(paths[0]) or Fault("no such image file", repr(name), HINT))

    @functools.cached_property
    def _by_base(self):
        found = {}
        for path in self.paths():
            found.setdefault(posixpath.basename(path), []).append(path)
        return found


def _checked(found):
    if isinstance(found, Fault) or found.size <= LARGEST:
        return found
    return Fault("an image file that is too large", f"{found.size:,} bytes where {LARGEST:,} are the most")


class Folder(Store):
    """A folder.

    Args:
        path: The folder.
        deep: Whether images are looked for in all folders in it; else in those next to a captions file: itself, those
            straight in it, and images.zip.
    """

    def __init__(self, path: pathlib.Path, *, deep: bool):
        self.path, self.name, self._deep = path, str(path), deep
        self._whole = os.path.abspath(path)

    def at(self, path):
        whole = os.path.join(self._whole, path)
        try:
            told = os.stat(whole)
        except (OSError, ValueError):
            return self._zipped(path)
        if not os.path.isfile(whole):
            return None
        shown = os.path.normpath(os.path.join(self.path, path))
        return FilePicture(whole, shown, told.st_size, told.st_mtime_ns)

    def paths(self):
        names = _walk(self.path) if self._deep else _shallow(self.path)
        found = sorted(os.path.relpath(name, self.path).replace(os.sep, "/") for name in names)
        return [*found, *(path for zipped in self._zips for path in zipped.paths())]

    def _zipped(self, path):
        return next((found for zipped in self._zips if (found := zipped.at(path))), None)

    @functools.cached_property
    def _zips(self):
        if self._deep or any((self.path / name).is_dir() for name in BESIDE):
            return []
        places = [self.path / f"{name}{ARCHIVE}" for name in BESIDE]
        return [Archive(open_zip(place)) for place in places if place.is_file()]


def _walk(path):
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(folder, name) for name in files if not name.startswith("."))


def _shallow(path):
    """Yields the files in a folder and in those straight in it; those in images/ alone, where they are there."""
    named = [path / name for name in BESIDE if (path / name).is_dir()]
    if named:
        for folder in named:
            yield from _walk(folder)
        return
    for entry in _entries(path):
        if entry.is_file():
            yield entry.path
        elif entry.is_dir():
            yield from (inner.path for inner in _entries(entry.path) if inner.is_file())


def _entries(path) -> list[os.DirEntry]:
    try:
        return [entry for entry in os.scandir(path) if not entry.name.startswith(".")]
    except OSError:
        return []


class Archive(Store):
    """A .zip: entries are found by their names, nothing is extracted.

    Args:
        opened: The archive.
        below: A folder in it where names begin; "" or with a / at its end.
    """

    def __init__(self, opened: OpenZip, below: str = ""):
        self.opened, self.name, self.below = opened, opened.name, below

    def at(self, path):
        entry = self.below + path
        size = self.opened.entries.get(entry)
        return None if size is None else ZipPicture(self.opened, entry, f"{self.name}/{entry}", size)

    def paths(self):
        start = len(self.below)
        inside = (entry[start:] for entry in self.opened.entries if entry.startswith(self.below))
        return sorted(path for path in inside if not _hidden(path))


def _hidden(path):
    return path.startswith("__MACOSX/") or any(part.startswith(".") for part in path.split("/")[-1:])


@functools.lru_cache(maxsize=8)
def _opened(path, name, stamp):
    return OpenZip(path, name)


def open_zip(path: pathlib.Path) -> OpenZip:
    """Opens a .zip, or returns it as it was opened before where it is the same.

    Raises:
        ValueError: It is no .zip, or damaged.
        OSError: It can't be read.
    """
    told = path.stat()
    return _opened(os.path.abspath(path), str(path), (told.st_size, told.st_mtime_ns))


def open_store(path: str | os.PathLike) -> Store:
    """Opens the folder or .zip in which a user says that images are.

    Raises:
        ValueError: It is neither, or damaged.
        OSError: There is no such thing, or it can't be read.
    """
    found = existing(path)
    if found.is_dir():
        return Folder(found, deep=True)
    if not found.name.lower().endswith(ARCHIVE):
        raise ValueError(f"images must be a folder or a {ARCHIVE}. Got {str(path)!r}. Give the place of the images.")
    return Archive(open_zip(found))


def beside(path: pathlib.Path) -> Store:
    """Returns where images are looked for that are beside a captions file."""
    return Folder(path.parent, deep=False)


def images_in(store: Store) -> Iterator[str]:
    """Yields the paths of all images of a store."""
    return (path for path in store.paths() if is_image(path))
