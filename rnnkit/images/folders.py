"""Folders: a folder or a .zip with a captions file, or of a folder of images for each label -> listings by split."""

import pathlib
import posixpath
import tempfile
from collections.abc import Iterable

from rnnkit.images.captions_files import KNOWN, is_captions, open_listing
from rnnkit.images.listings import SPLIT_WORDS, Listing, Mention
from rnnkit.images.stores import BESIDE, Archive, Folder, Store, is_image
from rnnkit.messages import listed
from rnnkit.sources.format import Format
from rnnkit.sources.locate import ENDINGS

NO_CAPTIONS = ("readme", "license", "licence", "notice", "index", "requirements")
"""Beginnings of names of texts that hold no captions."""
SHOWN = 8


class ClassListing(Listing):
    """Images in a folder for each label, which is their caption.

    Args:
        store: Where they are.
        paths: Of the images, in order; the folder that one is in is its label.
    """

    unit = "file"

    def __init__(self, store: Store, paths: Iterable[str]):
        self.name, self.store, self._paths = store.name, store, tuple(paths)

    def records(self, meter):
        for path in self._paths:
            yield path, Mention(path, (posixpath.basename(posixpath.dirname(path)),))


class ZippedListing(Listing):
    """A captions file that is in a .zip, read from a copy.

    Args:
        store: The archive.
        entry: Its path in it.
        format: How to read it.
        images: Where the images are.
    """

    def __init__(self, store: Archive, entry: str, format: Format, images: Store):
        self._archive, self._folder = store.opened, tempfile.TemporaryDirectory(prefix="rnnkit-")
        self._copy = pathlib.Path(self._folder.name) / posixpath.basename(entry)
        self._shown = f"{store.name}/{store.below}{entry}"
        self._copy.write_bytes(store.at(entry).content())
        try:
            self._listing = open_listing(self._copy, format, images)
        except (ValueError, LookupError, OSError) as error:
            raise self._named(error) from None
        self.name, self.store = self._shown, images
        for name in ("unit", "encoding", "size", "split_named"):
            setattr(self, name, getattr(self._listing, name))

    def records(self, meter):
        try:
            yield from self._listing.records(meter)
        except (ValueError, OSError) as error:
            raise self._named(error) from None
        self.uncaptioned = self._listing.uncaptioned

    def same(self):
        return self._archive.same()

    def _named(self, error):
        return type(error)(str(error).replace(str(self._copy), self._shown))


def folder_listings(path: pathlib.Path, format: Format, images: Store | None) -> dict[str, Listing]:
    """Returns the listings of a folder by split, at least `train`.

    Args:
        path: The folder.
        format: How captions files are read.
        images: Where a user says that the images are; None: in the folder.

    Raises:
        ValueError: The folder has no known layout, or a file in it isn't what its ending says.
        LookupError, OSError: As `open_listing`.
    """
    names = [entry.name for entry in path.iterdir() if entry.is_file()]
    if files := _captions_files(str(path), names):
        # Images that are named by none of its files are told, so that one store is for all of them.
        store = images or Folder(path, deep=False)
        return {split: open_listing(path / name, format, store) for split, name in files.items()}
    return _classes(Folder(path, deep=True), _inside(path))


def zip_listings(store: Archive, format: Format, images: Store | None) -> dict[str, Listing]:
    """Returns the listings of a .zip by split; see `folder_listings`."""
    paths = list(store.paths())
    tops = {path.partition("/")[0] for path in paths}
    if len(tops) == 1 and all("/" in path for path in paths):
        store = Archive(store.opened, f"{store.below}{tops.pop()}/")
        paths = list(store.paths())
    if files := _captions_files(store.name, [path for path in paths if "/" not in path]):
        return {split: ZippedListing(store, name, format, images or store) for split, name in files.items()}
    return _classes(store, sorted({path.partition("/")[0] + "/" * ("/" in path) for path in paths}))


def _captions_files(name, names) -> dict[str, str]:
    """Returns the captions files by split; none where there are none."""
    found = [each for each in sorted(names) if is_captions(each) and not each.startswith(".")]
    found = [each for each in found if not each.lower().startswith(NO_CAPTIONS)]
    splits = {each: SPLIT_WORDS.get(each.partition(".")[0].lower()) for each in found}
    if len(found) > 1 and None not in splits.values() and "train" in splits.values():
        if len(set(splits.values())) < len(found):
            raise ValueError(f"{name} must have one captions file for each split. Got {listed(found)}.")
        return {split: each for each, split in splits.items()}
    if len(found) > 1:
        found = [each for each in found if each.partition(".")[0].lower() == "captions"] or found
    if len(found) > 1:
        raise ValueError(
            f"{name} must have one captions file, or train, valid and test of them. Got {listed(found[:SHOWN])}. "
            "Name the one: --data FILE, and where the images are: --images FOLDER."
        )
    return {"train": found[0]} if found else {}


def _classes(store, inside):
    """Returns a listing for each split of a store that has a folder of images for each label."""
    splits = {}
    for path in filter(is_image, store.paths()):
        *folders, label, _ = ("", "", *path.split("/"))
        above = [folder for folder in folders if folder]
        if not label or len(above) > 1 or (not above and label in BESIDE):
            continue
        split = SPLIT_WORDS.get(above[0].lower()) if above else "train"
        if split:
            splits.setdefault((bool(above), split), []).append(path)
    # train/LABEL/x.jpg beside LABEL/x.jpg: the folders of splits are what is meant.
    deep = any(above for above, _ in splits)
    listings = {split: ClassListing(store, paths) for (above, split), paths in splits.items() if above == deep}
    if "train" not in listings:
        has = f"It has {listed(inside[:SHOWN])}{', …' if len(inside) > SHOWN else ''}" if inside else "It is empty"
        raise ValueError(
            f"{store.name} has no images with captions in a known layout. {has}. Known: one captions file "
            f"({', '.join((*ENDINGS[:4], *KNOWN[-3:]))}) with the images beside it, in images or in images.zip; "
            "LABEL/*.jpg; train/LABEL/*.jpg with test/LABEL/*.jpg. Or name the file of the captions."
        )
    return listings


def _inside(path):
    return sorted(entry.name + "/" * entry.is_dir() for entry in path.iterdir() if not entry.name.startswith("."))
