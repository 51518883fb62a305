"""Reading: what the user named -> checked train, valid and test pictures with captions, and where they come from."""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Mapping

import numpy as np

from rnnkit.images.listings import SPLIT_WORDS
from rnnkit.images.locate import find_listing, find_listings, path_of
from rnnkit.images.rows import ImageRows
from rnnkit.images.scan import ImageScan, scan_listing
from rnnkit.images.settings import ImageSourceSettings
from rnnkit.images.stores import ARCHIVE, images_in, open_store
from rnnkit.sources.splits import PARTS, Splits
from rnnkit.sources.splitting import LEAST_GROUPS, NONE, assign

LABEL = "label"
"""What the setting `answer` says where each caption is a class."""


@dataclasses.dataclass(frozen=True)
class ImageSplits(Splits):
    """Three splits of pictures with captions; see `Splits`. The card also has `captions`, of each split."""

    train: ImageRows
    valid: ImageRows
    test: ImageRows
    listed: tuple[ImageScan, ...] = ()

    def changed(self) -> tuple[str, ...]:
        """Returns a remark for each captions file that is no longer as it was when it was read."""
        return tuple(
            f"{scan.listing.name} has changed during the run; what was read had SHA-256 {scan.sha256[:12]}…."
            for scan in self.listed
            if not scan.listing.same()
        )


def read_captions(
    data,
    valid=None,
    test=None,
    settings: ImageSourceSettings | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> ImageSplits:
    """Reads, checks and splits pictures with captions, by picture; those of equal bytes are in one split.

    Args:
        data: A path of a table, of a file of Flickr8k, COCO or Karpathy's, of a folder, or of a .zip; a DataFrame; or
            `tfds:NAME`. Splits that it names itself are kept.
        valid, test: The same but `tfds:NAME`, used whole, instead of what `data` may hold.
        settings: How they are read; they are cut by its `seed`, where it has one. Where it has an `answer` that is
            "label", every split gets its share of each caption.
        progress: `progress(done, total)` in bytes.

    Raises:
        ValueError: Captions, images or the format are not as they must be, or there are too few images to cut.
        LookupError: A column isn't there.
        OSError: A file isn't there or can't be read.
    """
    settings = settings or ImageSourceSettings()
    images = open_store(settings.images) if settings.images else None
    listings = find_listings(data, settings, images)
    for name, given in (("valid", valid), ("test", test)):
        if given is not None:
            listings[name] = find_listing(given, settings, images, name)
    how = {"most_pixels": settings.most_pixels, "skip": settings.skip_bad_rows}
    scans, done = {}, 0
    for name, listing in listings.items():
        scans[name] = scan_listing(listing, **how, progress=progress and _after(progress, done))
        done += scans[name].read
    splits = _cut(scans, settings)
    store = images or (scans["train"].listing.store if _is_whole(data) else None)
    notes = (*(note for scan in scans.values() for note in _notes(scan)), *_unnamed(store, scans), *_seen(splits))
    digests = [scan.sha256 for scan in scans.values()]
    rows = {name: scan.rows(chosen) for name, (scan, chosen) in splits.items()}
    card = {
        "path": path_of(data),
        "rows": {name: len(each) for name, each in rows.items()},
        "captions": {name: sum(map(len, each.captions)) for name, each in rows.items()},
        "sha256": digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest(),
    }
    return ImageSplits(**rows, card=card, notes=notes, listed=tuple(scans.values()))


def read_caption_rows(
    data, settings: ImageSourceSettings | None = None, progress: Callable[[int, int], object] | None = None
) -> ImageRows:
    """Reads and checks pictures with captions, all of them to be scored.

    Takes and raises what `read_captions` does, but `tfds:NAME` and folders of several captions files.
    """
    settings = settings or ImageSourceSettings()
    images = open_store(settings.images) if settings.images else None
    listing = find_listing(data, settings, images, "data")
    how = {"most_pixels": settings.most_pixels, "skip": settings.skip_bad_rows}
    scan = scan_listing(listing, **how, progress=progress)
    notes = _notes(scan)
    if listing.split_named:
        notes = (*notes, f"{listing.name}: the images of all its splits are read.")
    return scan.rows(np.ones(len(scan.images), bool), notes)


def _after(progress, before):
    return lambda done, total: progress(before + done, before + total)


def _is_whole(data):
    """Whether data are a folder or a .zip, all images of which should have captions."""
    return isinstance(data, str | os.PathLike) and (os.path.isdir(data) or str(data).lower().endswith(ARCHIVE))


def _cut(scans: Mapping[str, ImageScan], settings) -> dict[str, tuple[ImageScan, np.ndarray]]:
    """Returns for each split what it is taken from, and `(images,)` bool, which of that."""
    train = scans["train"]
    named = np.array([PARTS.get(image.split, PARTS["train"]) for image in train.images])
    cut = [name for name in ("valid", "test") if name not in scans and not np.any(named == PARTS[name])]
    free = named == PARTS["train"]
    codes = np.where(free, _classes(train, settings), -1).astype(np.int32)
    shares = {PARTS[name]: getattr(settings, f"{name}_share") for name in cut}
    dealt = assign(codes, train.hashes, shares, getattr(settings, "seed", 0))
    parts = np.where(dealt == NONE, named, dealt)
    splits = {}
    for name, part in PARTS.items():
        if name in scans and name != "train":
            splits[name] = scans[name], np.ones(len(scans[name].images), bool)
            continue
        splits[name] = train, parts == part
        if not np.any(parts == part):
            raise ValueError(_too_few(train, name, free))
    return splits


def _classes(scan, settings):
    if getattr(settings, "answer", "") != LABEL:
        return np.zeros(len(scan.images), np.int32)
    first = [image.captions[0] for image in scan.images]
    places = {text: place for place, text in enumerate(sorted(set(first)))}
    return np.array([places[text] for text in first], np.int32)


def _too_few(scan, name, free):
    if not free.any():
        return (
            f"{scan.listing.name} has no train images: those it has are of other splits. "
            f"Give train images, of the split {list(SPLIT_WORDS)[0]!r}."
        )
    count, different = int(free.sum()), len(np.unique(scan.hashes[free]))
    return (
        f"{scan.listing.name} has {count:,} image{'s' * (count != 1)} ({different:,} different), too few to cut {name} "
        f"images out of. At least {LEAST_GROUPS} different ones are needed. Add images, or give --valid and --test."
    )


def _notes(scan) -> tuple[str, ...]:
    name, notes = scan.listing.name, []
    if scan.faults.total:
        notes.append(scan.faults.note(name))
    if count := scan.listing.uncaptioned:
        notes.append(f"{name}: {_images(count)} without a caption, left out.")
    return tuple(notes)


def _images(count):
    return f"{count:,} image{'s' * (count != 1)}"


def _unnamed(store, scans) -> tuple[str, ...]:
    """Returns the remark on images of a store that no captions file names."""
    if store is None:
        return ()
    named = frozenset().union(*(scan.named for scan in scans.values()))
    found = (store.at(path) for path in images_in(store))
    count = sum(each is not None and each.where not in named for each in found)
    return (f"{store.name}: {_images(count)} without a caption, left out.",) if count else ()


def _seen(splits) -> tuple[str, ...]:
    train, chosen = splits["train"]
    known, notes = train.hashes[chosen], []
    for name, (scan, chosen) in list(splits.items())[1:]:
        hashes = scan.hashes[chosen]
        if seen := int(np.isin(hashes, known).sum()):
            notes.append(
                f"{scan.listing.name}: {seen:,} of {len(hashes):,} {name} images are also in train; "
                "scores on them flatter."
            )
    return tuple(notes)
