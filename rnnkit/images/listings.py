"""Listings: a captions file of any kind -> which image has which captions, mention by mention."""

import dataclasses
import json
from collections.abc import Iterator

from rnnkit.images.checking import JPEG, PNG
from rnnkit.images.stores import Store
from rnnkit.sources.cells import undecodable
from rnnkit.sources.faults import Fault
from rnnkit.sources.table import Meter, Table

COLUMNS = ("image", "caption", "split")
SPLIT_WORDS = {
    **dict.fromkeys(("train", "training", "restval"), "train"),
    **dict.fromkeys(("valid", "val", "validation", "dev"), "valid"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""How splits are called; `restval` are images of COCO's validation set that Karpathy's split trains on."""
STARTS = tuple(start.decode("utf-8", "surrogateescape") for start in (JPEG, PNG))
SIZE, CHARACTERS = 256, 8 << 20
"""Rows of a table, and characters of text, that are read at a time."""


@dataclasses.dataclass(frozen=True, slots=True)
class Mention:
    """What a source says of an image.

    Attributes:
        image: Its name, its data URI, or the encoded picture.
        captions: Texts, as they stand there.
        split: As it stands there; "" where nothing is said.
    """

    image: str | bytes
    captions: tuple[str, ...]
    split: str = ""


class Listing:
    """A source of mentions.

    Attributes:
        name: As the user wrote it.
        unit: What places are counted in, for messages.
        encoding: Of its texts.
        size: Bytes to be read, 0 where it isn't known.
        split_named: Whether each image has a split of its own.
        store: Where images are found by their names; None where there are only contents.
        uncaptioned: Images without a caption that the source has named, once it was read.
    """

    name: str
    unit: str = "line"
    encoding: str = "utf-8"
    size: int = 0
    split_named: bool = False
    store: Store | None = None
    uncaptioned: int = 0

    def records(self, meter: Meter) -> Iterator[tuple[int | str, Mention | Fault]]:
        """Yields mentions, or why there is none, with the place of each."""
        raise NotImplementedError

    def same(self) -> bool:
        """Whether the source is as it was when it was opened."""
        return True


class TableListing(Listing):
    """A table, a row of which is an image with a caption, or with several in a list.

    Args:
        table: Its wanted cells are caption, perhaps split, and image.
        store: See `Listing`.
    """

    def __init__(self, table: Table, store: Store | None):
        self.name, self.unit, self.encoding, self.size = table.name, table.unit, table.encoding, table.size
        self.store, self.split_named = store, len(table.wanted) > 2
        self._table, self._stamp = table, table.stamp()

    def records(self, meter):
        for portion in self._table.portions(size=SIZE, characters=CHARACTERS, meter=meter):
            columns = [portion.column(place) for place in self._table.wanted]
            whole = None
            for row, place in enumerate(portion.places):
                if row in portion.faults:
                    yield place, portion.faults[row]
                    continue
                cells = [column[row] for column in columns]
                if Fault in map(type, cells):
                    whole = whole or portion.cells()
                    texts = [whole[row][column] for column in self._table.wanted]
                    cells = [_nested(*each) for each in zip(cells, texts, strict=True)]
                yield place, self._mention(*cells)

    def _mention(self, caption, *rest):
        *split, image = rest
        if fault := next((cell for cell in (image, *split) if type(cell) is Fault or type(cell) is list), None):
            return fault if type(fault) is Fault else Fault("a cell of many values", "a list", ONE)
        if type(caption) is Fault:
            return caption
        captions = tuple(caption) if type(caption) is list else (caption,)
        image = content_of(image, self.encoding)
        return image if type(image) is Fault else Mention(image, captions, *split)

    def same(self):
        try:
            return self._table.stamp() == self._stamp
        except OSError:
            return False


ONE = "A cell of an image or a split must be one text. "


def _nested(cell, text):
    """Returns a cell of many values: the texts of a list, the bytes or the path of an image; else its fault."""
    if type(cell) is not Fault:
        return cell
    value = json.loads(text)
    if type(value) is list and all(type(part) is str for part in value):
        return value
    if type(value) is dict:
        # As the datasets library keeps images in parquet files.
        found = [value.get(key) for key in ("bytes", "path")]
        return next((part for part in found if part and type(part) is str), cell)
    return cell


def content_of(cell: str, encoding: str) -> str | bytes | Fault:
    """Returns a cell that is no text but the bytes of a picture as these, another as it is."""
    if "\0" not in cell and not cell.startswith(STARTS):
        return cell
    try:
        return cell.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return undecodable(cell, encoding)
