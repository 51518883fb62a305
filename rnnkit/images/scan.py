"""Scan: a listing -> its images that can be decoded, their sizes and captions, and the faults of the others."""

import collections
import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from rnnkit.images.checking import Look, look
from rnnkit.images.contents import Picture, Shelf, bytes_of
from rnnkit.images.gathering import Captioned, gather
from rnnkit.images.listings import Listing
from rnnkit.images.rows import ImageRows
from rnnkit.sources.faults import Fault, FaultLog
from rnnkit.sources.table import Counter

THREADS = 2
AHEAD = 8
"""Images that are read while others are checked: so few that large ones do not fill the memory."""


@dataclasses.dataclass(frozen=True)
class ImageScan:
    """What a listing holds.

    Attributes:
        listing: What was read.
        images: Those that can be used.
        looks: What is known of each.
        shelf: Keeps contents that aren't files.
        faults: What can't be used.
        sha256: Of images and captions.
        named: What is named, by `Picture.where`; images that can't be used as well.
        read: Bytes.
    """

    listing: Listing
    images: tuple[Captioned, ...]
    looks: tuple[Look, ...]
    shelf: Shelf
    faults: FaultLog
    sha256: str
    named: frozenset
    read: int

    @property
    def hashes(self) -> np.ndarray:
        """`(images,)` uint64, equal where the bytes are."""
        return np.frombuffer(b"".join(found.digest for found in self.looks), "<u8")

    def rows(self, chosen: np.ndarray, notes: tuple[str, ...] = ()) -> ImageRows:
        """Returns those images for which `chosen`, `(images,)` bool, is True."""
        places = np.flatnonzero(chosen).tolist()
        images, looks = [self.images[place] for place in places], [self.looks[place] for place in places]
        return ImageRows(
            [image.picture for image in images],
            [image.captions for image in images],
            sizes=np.array([(found.height, found.width) for found in looks], np.int32).reshape(-1, 2),
            grey=np.array([found.grey for found in looks], bool),
            in_memory=self.shelf.in_memory and all(image.picture.where is None for image in images),
            notes=notes,
        )


def scan_listing(
    listing: Listing, *, most_pixels: int, skip: bool, progress: Callable[[int, int], object] | None = None
) -> ImageScan:
    """Reads a listing and checks every image of it once.

    Args:
        listing: What is read.
        most_pixels: Width times height of the largest picture that is decoded.
        skip: Leaves out what can't be used instead of refusing the listing.
        progress: `progress(done, total)` in bytes; the total grows once it is known which images there are.

    Raises:
        ValueError: There are captions or images that can't be used, or none at all.
        OSError: Something can't be read.
    """
    shelf, faults = Shelf(), FaultLog(listing.unit)
    counter = Counter(progress, listing.size)
    images = gather(listing, shelf, faults, counter)
    if not images and not faults.total:
        raise ValueError(f"{listing.name} has no captions. It must have one for each image, or more.")
    listed, size = counter.done, sum(image.picture.size for image in images)
    counter = Counter(progress and _later(progress, listed), size)
    kept, looks = [], []
    for image, found in zip(images, _looked((image.picture for image in images), most_pixels), strict=True):
        counter.advance(image.picture.size)
        if type(found) is Fault:
            faults.add(image.place, found)
        else:
            kept.append(image)
            looks.append(found)
    if faults.total and not skip:
        raise ValueError(faults.refusal(listing.name))
    if not kept:
        raise ValueError(f"{listing.name} has no image that can be used: {faults}.")
    counter.finish()
    named = frozenset(image.picture.where for image in images)
    sha256 = _sha256(kept, looks)
    return ImageScan(listing, tuple(kept), tuple(looks), shelf, faults, sha256, named, listed + size)


def _later(progress, before):
    return lambda done, total: progress(before + done, before + total)


def _looked(pictures: Iterable[Picture], most_pixels) -> Iterator[Look | Fault]:
    with ThreadPoolExecutor(THREADS) as pool:
        waiting = collections.deque()
        try:
            for picture in pictures:
                waiting.append(pool.submit(_look, picture, most_pixels))
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for late in waiting:
                late.cancel()


def _look(picture, most_pixels):
    try:
        content = bytes_of(picture.content())
    except OSError as error:
        return Fault("an image that can't be read", str(error).rstrip("."))
    except ValueError as error:
        return Fault("a data URI that can't be decoded", str(error))
    found = look(content, most_pixels=most_pixels)
    return found if type(found) is Look else dataclasses.replace(found, detail=_named(picture, found))


def _named(picture, fault):
    """Returns the detail of an image's fault, with the image's name before it; that of a data URI is its place."""
    name = "" if picture.where is None else picture.name
    return ": ".join(filter(None, (name, fault.detail)))


def _sha256(images, looks):
    whole = hashlib.sha256()
    for image, found in zip(images, looks, strict=True):
        whole.update(found.digest)
        for text in (image.split, *image.captions):
            encoded = text.encode()
            whole.update(f"{len(encoded)}\n".encode() + encoded)
        whole.update(b"\n")
    return whole.hexdigest()
