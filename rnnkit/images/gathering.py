"""Gathering: mentions of a listing -> each image once, with where it is and all its captions."""

import dataclasses
import hashlib

from rnnkit.images.contents import Picture, Shelf, is_uri
from rnnkit.images.listings import SPLIT_WORDS, Listing, Mention
from rnnkit.images.stores import HINT
from rnnkit.sources.cells import undecodable
from rnnkit.sources.faults import Fault, FaultLog
from rnnkit.sources.table import Meter


@dataclasses.dataclass(slots=True)
class Captioned:
    """An image with its captions.

    Attributes:
        place: Where it is mentioned first.
        picture: Where its content is.
        captions: What is said of it, in order.
        split: "train", "valid" or "test"; "" where nothing is said.
    """

    place: int | str
    picture: Picture
    captions: list[str]
    split: str


def gather(listing: Listing, shelf: Shelf, faults: FaultLog, meter: Meter) -> list[Captioned]:
    """Returns the images of a listing, in the order in which they are mentioned first.

    Args:
        listing: What is read.
        shelf: Takes contents that aren't files.
        faults: Takes mentions that can't be used, with their places.
        meter: Counts what is read.

    Raises:
        ValueError, OSError: As the message says.
    """
    known = {}
    for place, mention in listing.records(meter):
        fault = mention if type(mention) is Fault else _add(known, place, mention, listing, shelf)
        if fault:
            faults.add(place, fault)
    return [found for found in known.values() if type(found) is Captioned]


def _add(known, place, mention: Mention, listing, shelf) -> Fault | None:
    captions = [text.strip() for text in mention.captions]
    if fault := _fault(mention, captions, listing):
        return fault
    split = SPLIT_WORDS[mention.split.strip().lower()] if listing.split_named else ""
    key = _key(mention.image), split
    found = known.get(key)
    if found is None:
        # An image that isn't there is looked for once, and told where it is mentioned first.
        found = known[key] = _located(place, mention.image, split, listing, shelf)
        if type(found) is Fault:
            return found
    if type(found) is Captioned:
        found.captions += captions
    return None


def _fault(mention, captions, listing):
    if not mention.image or (isinstance(mention.image, str) and mention.image.isspace()):
        return Fault("no image")
    if not captions or not all(captions):
        return Fault("no caption")
    texts = [*captions, mention.image] if isinstance(mention.image, str) else captions
    for text in texts:
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                return undecodable(text, listing.encoding)
    if listing.split_named and mention.split.strip().lower() not in SPLIT_WORDS:
        return Fault("a split that is none of train, valid and test", repr(mention.split)[:60])
    return None


def _key(image):
    if isinstance(image, str) and not is_uri(image):
        return image
    content = image.encode() if isinstance(image, str) else image
    return hashlib.blake2b(content, digest_size=16).digest()


def _located(place, image, split, listing, shelf):
    if isinstance(image, bytes) or is_uri(image):
        if isinstance(image, str) and not image.isascii():
            return Fault("a data URI that can't be decoded", "it has other characters than base64 has")
        return Captioned(place, shelf.add(image, f"{listing.name}, {listing.unit} {place}"), [], split)
    if listing.store is None:
        return Fault("no such image file", repr(image), HINT)
    found = listing.store.find(image.strip())
    return found if type(found) is Fault else Captioned(place, found, [], split)
