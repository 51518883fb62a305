"""Toy pictures: small ones that differ by their number, their files, and tables of their captions."""

import base64
import dataclasses
import io
import json
import pathlib
import zipfile

import numpy as np
from PIL import Image

from rnnkit.images import ImageSourceSettings, read_captions
from rnnkit.settings import TrainingSettings

COUNT = 12
HEIGHT, WIDTH = 10, 14


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeededSettings(ImageSourceSettings, TrainingSettings):
    """As a recipe has them."""


def read(data, valid=None, test=None, *, progress=None, **settings):
    return read_captions(data, valid, test, SeededSettings(**settings), progress)


def picture(number=0, kind="PNG", mode="RGB", size=(WIDTH, HEIGHT), **how):
    """Returns the bytes of a picture of noise drawn by its number."""
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind, **how)
    return file.getvalue()


def uri(content, kind="png"):
    """Returns the data URI of a picture's bytes."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def captions_of(number):
    return [f"picture {number}", f"noise, number {number}"]


def write_pictures(folder, count=COUNT, name="{}.png"):
    """Writes pictures 0, 1, … into a folder and returns their names."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    names = [name.format(number) for number in range(count)]
    for number, each in enumerate(names):
        (folder / each).write_bytes(picture(number))
    return names


def write_zip(path, files):
    """Writes an archive of name -> bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def write_table(path, rows, head=("image", "caption")):
    """Writes rows as .csv or .jsonl, by the ending."""
    path = pathlib.Path(path)
    if path.suffix == ".jsonl":
        lines = [json.dumps(dict(zip(head, row, strict=True))) for row in rows]
    else:
        lines = [",".join(head), *(",".join(f'"{cell}"' if "," in cell else cell for cell in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def pairs(names):
    """Returns two rows for each name, as a table of captions has them."""
    return [(name, caption) for number, name in enumerate(names) for caption in captions_of(number)]


def contents(splits):
    """Returns the captions of all splits by the bytes of their pictures."""
    found = {}
    for rows in (splits.train, splits.valid, splits.test):
        for place, captions in enumerate(rows.captions):
            found.setdefault(rows.content(place), []).extend(captions)
    return found


EXPECTED = {picture(number): captions_of(number) for number in range(COUNT)}
