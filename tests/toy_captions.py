"""Toy captions: rows of tiny pictures in memory, the settings of a small captioner, and cores without a training."""

import base64
import dataclasses
import functools
import io

import keras
import numpy as np
from PIL import Image

from rnnkit.captioning.core import build_captioner
from rnnkit.captioning.preparing import prepare_captions
from rnnkit.captioning.settings import CaptionSettings, PictureSettings, check
from rnnkit.images.settings import ImageSourceSettings
from rnnkit.layers.embedding import END
from rnnkit.progress import SILENT
from rnnkit.settings import RecurrentSettings, TrainingSettings

SIDE = 16
TEXTS = [["a red dot"], ["two dots", "a pair of dots", "dots"], ["a line", "one line"], ["dots and a line"], ["dots"]]
BROKEN = b"\x89PNG\r\n\x1a\n and no more"
SIZES = {"image_size": SIDE, "filters": 3, "units": 7, "embedding_units": 6, "attention_units": 5, "length": 6}


@dataclasses.dataclass(frozen=True, kw_only=True)
class CaptioningSettings(ImageSourceSettings, PictureSettings, CaptionSettings, RecurrentSettings, TrainingSettings):
    """As a recipe has them."""

    def __post_init__(self):
        super().__post_init__()
        check(self)


def settings(**how):
    return CaptioningSettings(**{**SIZES, "dropout": 0.0, **how})


def noise(number, size=(SIDE, SIDE), channels=3):
    """Returns pixels `(height, width, channels)` uint8 drawn by a number."""
    return np.random.default_rng(number).integers(0, 256, (*size, channels), np.uint8)


def encoded(pixels, kind="PNG", **how):
    """Returns pixels as the bytes of a file."""
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, kind, **how)
    return file.getvalue()


def uri(content, kind="png"):
    """Returns the data URI of a file's bytes."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


class Rows:
    """Pictures of noise and their captions, in memory."""

    features, target = ("image",), "caption"

    def __init__(self, captions=TEXTS, images=None, *, sizes=None, grey=None, first=0):
        self.captions = [list(texts) for texts in captions]
        self.images = images or [encoded(noise(first + number)) for number in range(len(captions))]
        self.sizes = np.full((len(self), 2), SIDE, np.int32) if sizes is None else np.array(sizes, np.int32)
        self.grey = np.zeros(len(self), bool) if grey is None else np.array(grey)

    def __len__(self):
        return len(self.captions)

    def truth(self):
        return [list(texts) for texts in self.captions]

    def name(self, place):
        return f"picture {place + 1}"

    def chunks(self, size=2):
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield {"image": self.images[part], "caption": self.captions[part]}


def prepared(rows=None, **how):
    """Returns what rows taught, and the settings."""
    wanted = settings(**how)
    return prepare_captions(rows or Rows(), wanted, SILENT), wanted


@functools.cache
def made(**how):
    """Returns a preparation of the toy rows, a core whose weights are all drawn by chance, and the settings."""
    preparation, wanted = prepared(**how)
    keras.utils.set_random_seed(1)
    return preparation, shaken(build_captioner(preparation.facts, wanted)), wanted


def shaken(core, seed=9):
    """Gives a core weights by which all parts of it matter, and captions differ and seldom end at once."""
    random = np.random.default_rng(seed)
    for weight in core.weights:
        if weight.name not in ("moving_variance", "seed_generator_state"):
            size = 0.7 if weight.path.startswith("decoder/") and len(weight.shape) == 2 else 0.3
            weight.assign(weight + size * random.normal(size=weight.shape))
    if "decoder" in [layer.name for layer in core.layers]:
        bias = np.zeros(core.get_layer("decoder").vocabulary)
        bias[END] = -0.7
        core.get_layer("decoder").logits_bias.assign(bias)
    return core
