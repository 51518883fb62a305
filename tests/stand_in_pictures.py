"""A stand-in for a bundle that reads pictures: answers with the size of a picture, without TensorFlow."""

import dataclasses
import io

import numpy as np
from PIL import Image

from rnnkit.images.contents import bytes_of
from rnnkit.images.settings import MOST_PIXELS

STRING, WEIGHTS = {"dtype": "string", "shape": [None]}, {"dtype": "float32", "shape": [None, None, 2, 2]}
READABLE = {"dtype": "bool", "shape": [None]}
WRITTEN = {"dtype": "string", "shape": [None, None]}


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Stands for a bundle: its caption of a picture is its size, its label whether that is wide."""

    answer: str = "text"
    path: str = "sizes/1"
    asked: list = dataclasses.field(default_factory=list)

    @property
    def card(self):
        outputs = {"caption": STRING, "score": {"dtype": "float32", "shape": [None]}, "readable": READABLE}
        if self.answer == "label":
            shares = {"dtype": "float32", "shape": [None, 2]}
            outputs = {"label": STRING, "probability": shares, "readable": READABLE}
        inputs = {"inputs": {"image": STRING}}
        attention = {"caption": STRING, "written": WRITTEN, "weights": WEIGHTS, "readable": READABLE}
        signatures = {"serving_default": outputs, "attention": attention, "bare": {"caption": STRING}}
        settings = {"columns": "", "header": "auto", "encoding": "utf-8", "quoting": "auto"}
        return {
            "version": 1,
            "inputs": ["image"],
            "labels": ["high", "wide"] if self.answer == "label" else [],
            "signatures": {name: {**inputs, "outputs": outputs} for name, outputs in signatures.items()},
            "settings": {**settings, "most_pixels": MOST_PIXELS, "fit": "squash"},
            "images": {"height": 4, "width": 8, "channels": 3},
        }

    def predict(self, rows, *, signature="serving_default"):
        self.asked.append(len(rows["image"]))
        found = [size_of(content) for content in rows["image"]]
        readable, sizes = np.array([size is not None for size in found]), [size or (0, 0) for size in found]
        captions = np.array([f"{width} x {height}" for width, height in sizes], object)
        share = np.array([[0.25, 0.75] if width > height else [0.75, 0.25] for width, height in sizes], np.float32)
        label = np.array([["high", "wide"][int(row.argmax())] for row in share], object)
        written = np.array([[*caption.split(), "", ""] for caption in captions], object)
        weights = np.full((len(sizes), written.shape[1], 2, 2), 0.25, np.float32)
        answers = {"caption": captions, "score": share[:, 0], "readable": readable}
        answers |= {"label": label, "probability": share, "written": written, "weights": weights}
        return {name: answers[name] for name in self.card["signatures"][signature]["outputs"]}


def size_of(content):
    """Returns width and height of an encoded picture, None where it can't be decoded."""
    try:
        image = Image.open(io.BytesIO(bytes_of(content)), formats=("JPEG", "PNG"))
        image.load()
        return image.size
    except OSError:
        return None
