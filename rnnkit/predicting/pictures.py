"""Pictures: names of images, data URIs, a folder or a .zip -> their contents a few at a time, and why one has none."""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rnnkit.images.checking import look
from rnnkit.images.contents import bytes_of, is_uri
from rnnkit.images.rows import AT_ONCE
from rnnkit.images.settings import MOST_PIXELS
from rnnkit.images.stores import ARCHIVE, ENDINGS, Folder, Store, beside, images_in, open_store
from rnnkit.sources.faults import Fault
from rnnkit.sources.format import Format
from rnnkit.sources.inputs import read_inputs
from rnnkit.sources.locate import existing
from rnnkit.sources.portions import TextPortion
from rnnkit.sources.table import STDIN, FileTable
from rnnkit.sources.text_lines import Texts
from rnnkit.sources.whole import WholeRows

if TYPE_CHECKING:
    from rnnkit.bundle import Bundle

KEY = "images"
"""Key of the cards of bundles whose input is pictures."""
READABLE = "readable"
"""Output that says whether a picture could be decoded."""
SIZE = 256
"""Rows that are answered between two writings: fewer than of texts, for each takes longer."""


def reads_pictures(bundle: "Bundle") -> bool:
    """Whether the input of a bundle is pictures."""
    return KEY in bundle.card


class ImageTable(FileTable):
    """A folder or a .zip as a table of one column: the names of the images in it, in order.

    Args:
        path: The folder or .zip.
        column: What to call the column.

    Raises:
        ValueError: There are no images in it.
    """

    unit = "file"

    def __init__(self, path: str | os.PathLike, column: str):
        super().__init__(path)
        self.columns, self.wanted, self.store = (column,), (0,), open_store(path)
        found = [(name, self.store.at(name)) for name in images_in(self.store)]
        self._sizes = {name: image.size for name, image in found if image is not None}
        if not self._sizes:
            raise ValueError(f"{self.name} has no images. It must have files that end in {', '.join(ENDINGS)}.")

    @property
    def size(self) -> int:
        return sum(self._sizes.values())

    def stamp(self) -> object:
        entries = "\n".join(f"{size} {name}" for name, size in self._sizes.items())
        return (hashlib.sha256(entries.encode("utf-8", "surrogateescape")).hexdigest(),)

    def portions(self, *, size, characters, meter=None):
        names = list(self._sizes)
        for start in range(0, len(names), size):
            some = names[start : start + size]
            yield TextPortion(self.columns, some, {}, [[name] for name in some])
            if meter:
                meter.advance(sum(self._sizes[name] for name in some))


class Given(Folder):
    """The files that are named on the command line: by their paths, and by nothing else."""

    def __init__(self):
        super().__init__(pathlib.Path(), deep=True)

    def find(self, name):
        try:
            return self.at(name) or Fault("a folder where an image is asked for", f"give it as --input {name}")
        except ValueError:
            return Fault("no such image file", repr(name))

    def at(self, path):
        found = super().at(path)
        if found is None and not os.path.isdir(path):
            try:
                existing(path)
            except (OSError, ValueError) as error:
                return Fault("no such image file", str(error).rstrip("."))
        return found


def input_rows(bundle: "Bundle", input, format: Format, kind: str | None = None) -> WholeRows:
    """Opens what `read_inputs` takes; where a bundle reads pictures, also a folder or .zip of images, a row each.

    Raises:
        ValueError, LookupError, OSError: As `read_inputs`; or there are no images.
    """
    features = tuple(bundle.card["inputs"])
    if reads_pictures(bundle) and isinstance(input, str | os.PathLike) and str(input) != STDIN and not kind:
        path = existing(input)
        if path.is_dir() or path.name.lower().endswith(ARCHIVE):
            return WholeRows(ImageTable(input, features[0]), features)
    return read_inputs(input, features=features, format=format, kind=kind)


def store_of(rows: WholeRows, images: str = "") -> Store:
    """Returns where the images are that rows name.

    Args:
        rows: What is answered.
        images: A folder or .zip; empty: beside the table, or where the images themselves are given.

    Raises:
        ValueError, OSError: As `open_store`.
    """
    table = rows.table
    if isinstance(table, ImageTable):
        return table.store
    if images:
        return open_store(images)
    if isinstance(table, Texts):
        return Given()
    of_file = isinstance(table, FileTable) and not rows.waits
    return beside(table.path) if of_file else Folder(pathlib.Path(), deep=False)


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Opens the pictures that rows name, and tells why one can't be answered.

    Attributes:
        store: Where they are.
        most_pixels: Width times height of the largest one that the model decodes.
    """

    store: Store
    most_pixels: int = MOST_PIXELS

    def opened(self, cells: Sequence[str], faults: dict[int, Fault]) -> Iterator[tuple[list[int], list[bytes | str]]]:
        """Yields places of cells and their contents, few at a time; those that have none are put into `faults`."""
        for start in range(0, len(cells), AT_ONCE):
            places, contents = [], []
            for place in range(start, min(start + AT_ONCE, len(cells))):
                content = self._content(cells[place].strip())
                if type(content) is Fault:
                    faults[place] = content
                else:
                    places.append(place)
                    contents.append(content)
            if places:
                yield places, contents

    def _content(self, cell):
        if not cell:
            return Fault("no image")
        try:
            if is_uri(cell):
                bytes_of(cell)
                return cell
            found = self.store.find(cell)
            return found if type(found) is Fault else found.content()
        except OSError as error:
            return Fault("an image that can't be read", str(error).rstrip("."))
        except ValueError as error:
            return Fault("a data URI that can't be decoded", str(error))

    def _look(self, content):
        found = look(bytes_of(content), most_pixels=self.most_pixels)
        return found if type(found) is Fault else None

    def unreadable(self, contents: Sequence[bytes | str], arrays: Mapping) -> dict[int, Fault]:
        """Returns which of some pictures could not be decoded, as the answers to them say, or else they themselves."""
        if READABLE in arrays:
            wrong = [place for place, readable in enumerate(arrays[READABLE].tolist()) if not readable]
            return {place: self._look(contents[place]) or Fault("a damaged image") for place in wrong}
        looks = {place: self._look(content) for place, content in enumerate(contents)}
        return {place: fault for place, fault in looks.items() if fault}


def pictures_of(bundle: "Bundle", rows: WholeRows, images: str = "") -> Pictures | None:
    """Returns what opens the pictures that rows name; None where the bundle reads none.

    Raises:
        ValueError, OSError: As `open_store`.
    """
    if not reads_pictures(bundle):
        if images:
            raise ValueError(f"{bundle.path} reads no pictures. Got --images {images}. Leave it out.")
        return None
    return Pictures(store_of(rows, images), bundle.card["settings"].get("most_pixels", MOST_PIXELS))
