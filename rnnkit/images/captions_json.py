"""Captions in JSON: files of COCO, of Karpathy's splits, or of a list of images with captions -> mentions."""

import json
import pathlib

from rnnkit.images.listings import Listing, Mention
from rnnkit.images.stores import Store
from rnnkit.messages import few_of
from rnnkit.sources.faults import Fault
from rnnkit.sources.format import Format
from rnnkit.sources.table import FileTable
from rnnkit.sources.text_files import open_bytes

JSON = ".json"
KNOWN = (
    "Known: COCO's, an object with images and annotations; Karpathy's, an object with images that have sentences; "
    "or a list of objects with image and caption."
)


class JsonListing(Listing):
    """A .json file.

    COCO (https://cocodataset.org/#format-data): `images` with `id` and `file_name`, `annotations` with `image_id` and
    `caption`. Karpathy's splits (https://cs.stanford.edu/people/karpathy/deepimagesent): `images` with `filename`,
    perhaps `filepath`, `split`, and `sentences` that have `raw`. Or a list of objects with `image` and `caption`,
    which may be a list, and perhaps `split`.

    Args:
        path: The file.
        format: Its encoding, and which key is which in a list.
        store: Where its images are.

    Raises:
        ValueError: It is no JSON, or has none of these forms.
        OSError: It can't be read.
    """

    def __init__(self, path, format: Format, store: Store | None):
        self.name, self.encoding, self.store = str(path), format.encoding, store
        self._file, self._columns = FileTable(path), format.columns
        self.size, self._stamp = self._file.size, self._file.stamp()
        self._value = _parsed(path, self.name, self.encoding)
        value = self._value
        images = value.get("images") if type(value) is dict else value
        lists = [images, value["annotations"]] if type(value) is dict and "annotations" in value else [images]
        if not all(type(each) is list for each in lists):
            keys = few_of([str(key) for key in value]) or "nothing"
            raise ValueError(f"{self.name} has no captions in a known form. It has {keys}. {KNOWN}")
        if len(lists) > 1:
            self.unit, self._records = "annotation", self._coco
        elif type(value) is dict:
            self.unit, self._records = "image", self._karpathy
        else:
            self.unit, self._records = "item", self._plain
        key = self._columns.get("split", "split") if type(value) is list else "split"
        self.split_named = len(lists) == 1 and any(type(image) is dict and key in image for image in images)

    def records(self, meter):
        meter.advance(self.size)
        yield from self._records()
        # It may be large, and is read once.
        self._value = None

    def same(self):
        try:
            return self._file.stamp() == self._stamp
        except OSError:
            return False

    def _coco(self):
        names, told = {}, set()
        for image in self._value["images"]:
            if type(image) is dict and type(image.get("id")) in (int, str) and type(image.get("file_name")) is str:
                names.setdefault(image["id"], image["file_name"])
        for place, annotation in enumerate(self._value["annotations"], 1):
            key = annotation.get("image_id") if type(annotation) is dict else None
            if type(key) not in (int, str) or key not in names:
                yield place, Fault("an image_id that no image has", repr(key)[:60])
                continue
            told.add(key)
            caption = annotation.get("caption")
            yield place, Mention(names[key], (caption,)) if type(caption) is str else Fault("no caption")
        self.uncaptioned = len(names) - len(told)

    def _karpathy(self):
        for place, image in enumerate(self._value["images"], 1):
            if type(image) is not dict or type(image.get("filename")) is not str:
                yield place, Fault("no filename")
                continue
            folder, split, sentences = image.get("filepath"), image.get("split"), image.get("sentences")
            name = f"{folder}/{image['filename']}" if folder and type(folder) is str else image["filename"]
            texts = [_sentence(each) for each in sentences] if type(sentences) is list else []
            if not texts:
                self.uncaptioned += 1
            elif None in texts:
                yield place, Fault("a sentence without raw")
            else:
                yield place, Mention(name, tuple(texts), split if type(split) is str else "")

    def _plain(self):
        keys = [self._columns.get(name, name) for name in ("image", "caption", "split")]
        for place, row in enumerate(self._value, 1):
            image, caption, split = (row.get(key) for key in keys) if type(row) is dict else (None, None, None)
            texts = [caption] if type(caption) is str else caption
            if type(image) is not str:
                yield place, Fault(f"no {keys[0]}")
            elif type(texts) is not list or not texts or not all(type(text) is str for text in texts):
                yield place, Fault(f"no {keys[1]}")
            else:
                yield place, Mention(image, tuple(texts), split if type(split) is str else "")


def _sentence(value):
    if type(value) is dict and type(value.get("raw")) is str:
        return value["raw"]
    return value if type(value) is str else None


def _parsed(path, name, encoding):
    open_bytes(path, name).close()
    try:
        text = pathlib.Path(path).read_bytes().decode(encoding).removeprefix("\ufeff")
    except UnicodeError as error:
        reason = getattr(error, "reason", None) or error
        raise ValueError(f"{name} is not {encoding}: {reason}. Say what it is: --encoding latin-1, say.") from None
    if not text.strip():
        raise ValueError(f"{name} is empty. {KNOWN}")
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, character {error.colno}"
        raise ValueError(f"{name}, {where}: broken JSON: {error.msg}. Write it again, or save it as .csv.") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name}: broken JSON: {str(error).splitlines()[0]}. Write it again.") from None
    if type(value) not in (dict, list):
        raise ValueError(f"{name} has no captions in a known form. It is a {type(value).__name__}. {KNOWN}")
    return value
