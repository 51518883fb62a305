"""Captions files: tables, files as Flickr8k has them, JSON files of COCO and of Karpathy's splits -> listings."""

import pathlib
import re

from rnnkit.images.captions_json import JSON, JsonListing
from rnnkit.images.listings import COLUMNS, Listing, Mention, TableListing
from rnnkit.images.stores import Store
from rnnkit.sources.columns import check_names
from rnnkit.sources.data_frames import is_data_frame
from rnnkit.sources.faults import Fault
from rnnkit.sources.format import Format
from rnnkit.sources.locate import ENDINGS, find_table, table_ending
from rnnkit.sources.table import FileTable
from rnnkit.sources.text_files import Lines, nul_fault

TEXTS = (".txt", ".token", ".txt.gz", ".token.gz")
KNOWN = (*ENDINGS, JSON, *TEXTS[:2])
"""Endings of files of captions."""
TOKEN = re.compile(r"(?P<image>.*?)(#\d+)?\t(?P<caption>.*)", re.DOTALL)


def is_captions(name: str) -> bool:
    """Whether a file may hold captions, by its name."""
    return bool(table_ending(name)) or name.lower().endswith((JSON, *TEXTS))


def open_listing(data, format: Format, store: Store | None) -> Listing:
    """Opens a captions file or a DataFrame.

    Args:
        data: A path or a DataFrame.
        format: How to read it.
        store: Where its images are.

    Raises:
        ValueError: Its kind isn't known, or it isn't what its ending says.
        LookupError: A column isn't there.
        OSError: It can't be read.
    """
    check_names(format.columns, COLUMNS)
    name = "" if is_data_frame(data) else pathlib.Path(data).name.lower()
    if name.endswith(JSON):
        return JsonListing(data, format, store)
    if name.endswith(TEXTS):
        return _text(data, format, store)
    if name and not table_ending(name):
        raise ValueError(
            f"{data} is no captions file by its ending. Known: {', '.join(KNOWN)}; a folder or a .zip of images. "
            f"Got {pathlib.Path(data).suffix!r}. Save it as .csv, say."
        )
    return _table(data, format, store)


def _table(data, format, store, kind=None):
    columns = format.columns
    named = "split" in columns
    if not named and format.header != "no" and not any(column.isdecimal() for column in columns.values()):
        named = "split" in find_table(data, (), None, format, kind=kind).columns
    # Names are like a target: there are fewer different ones than captions, so that a guess is right.
    features = ("caption", "split") if named else ("caption",)
    return TableListing(find_table(data, features, "image", format, kind=kind), store)


def _text(path, format, store):
    lines = Lines(path, str(path), format.encoding)
    with lines.peek() as first:
        head = next((line.rstrip("\r\n") for line in first if line.strip()), None)
    if head is None:
        raise ValueError(f"{path} is empty. It must have a line for each caption.")
    for separator, kind in (("\t", "tsv"), (",", "csv")):
        names = [cell.strip(' "') for cell in head.split(separator)]
        if format.columns.get("image", "image") in names and len(names) > 1:
            return _table(path, format, store, kind)
    if "\t" not in head:
        raise ValueError(
            f"{path}, line 1: it is neither a header, image,caption, nor NAME.jpg#0, a tab and a caption. "
            f"Got {head[:60]!r}. Save it as .csv, say."
        )
    return TokenListing(path, format, store)


class TokenListing(Listing):
    """A text file as Flickr8k has it: the name of an image, `#` and a number or nothing, a tab, and a caption."""

    def __init__(self, path, format: Format, store: Store | None):
        self.name, self.encoding, self.store = str(path), format.encoding, store
        self._file = FileTable(path)
        self.size, self._stamp = self._file.size, self._file.stamp()
        self._lines = Lines(path, self.name, self.encoding)

    def records(self, meter):
        with self._lines.opened(meter, cut=True) as lines:
            for number, line in enumerate(lines, 1):
                if "\0" in line:
                    yield number, nul_fault(line)
                elif not line.isspace():
                    found = TOKEN.fullmatch(line.rstrip("\r\n"))
                    yield (
                        number,
                        Mention(found["image"], (found["caption"],))
                        if found
                        else Fault("no tab between image and caption"),
                    )

    def same(self):
        try:
            return self._file.stamp() == self._stamp
        except OSError:
            return False
