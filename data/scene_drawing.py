"""Draws a scene: meaning and digit images -> where each digit lies -> grey pixels -> a PNG in a text."""

import base64
import dataclasses
import random
import struct
import zlib

import numpy as np

from rnnkit.data.scene_grammar import BETWEEN, Meaning

SIDE = 28
MARGIN = 1
DIMMEST = 0.7


@dataclasses.dataclass(frozen=True)
class Spacing:
    """How far apart things lie.

    Attributes:
        gaps: Pixels between neighbours, one drawn for each.
        wobble: Pixels that a middle can be off the line, to either side.
    """

    gaps: tuple[int, ...]
    wobble: int


CLOSE = Spacing(gaps=(1, 1, 2, 2, 3), wobble=1)
WIDE = Spacing(gaps=(2, 3, 4, 5), wobble=2)


@dataclasses.dataclass(frozen=True)
class Placed:
    """A digit at its place.

    Attributes:
        digit: 0 to 9.
        image: Its number among the digit images.
        left, top, width, height: Its box in pixels, of the image without its empty border.
    """

    digit: int
    image: int
    left: int
    top: int
    width: int
    height: int

    def moved(self, right: int, down: int) -> "Placed":
        """Returns it moved by so many pixels."""
        return dataclasses.replace(self, left=self.left + right, top=self.top + down)


def place(
    rng: random.Random, meaning: Meaning, images: np.ndarray, choices: dict[int, list[int]]
) -> tuple[Placed, ...]:
    """Draws a place for each digit of `meaning`, so that none overlap and all lie on the canvas.

    Args:
        rng: Where chance comes from.
        meaning: What the scene shows.
        images: `(images, 8, 8)`.
        choices: Numbers of the images to choose from, by digit.
    """
    room = SIDE - 2 * MARGIN
    while True:
        groups = [
            [_single(rng, digit, images, choices) for _ in range(count)]
            for digit, count in (meaning.first, meaning.second)
        ]
        whole = _arranged(rng, meaning.relation, *groups)
        width, height = _extent(whole)
        if width <= room and height <= room:
            right, down = MARGIN + rng.randint(0, room - width), MARGIN + rng.randint(0, room - height)
            return tuple(item.moved(right, down) for item in whole)


def _single(rng, digit, images, choices):
    image = rng.choice(choices[digit])
    _, _, width, height = box(images[image])
    return [Placed(digit, image, 0, 0, width, height)]


def _arranged(rng, relation, first, second):
    if relation == BETWEEN:
        return _line(rng, [second[0], first[0], second[1]], rng.choice("xy"), CLOSE)
    lines = [_line(rng, group, rng.choice("xy"), CLOSE) for group in (first, second)]
    return _line(rng, lines, "y" if relation == "above" else "x", WIDE)


def _line(rng, blocks, axis, spacing):
    """Puts blocks one after the other along `axis`, their middles about on a line."""
    placed, along = [], 0
    for block in blocks:
        width, height = _extent(block)
        length, across = (width, height) if axis == "x" else (height, width)
        aside = rng.randint(-spacing.wobble, spacing.wobble) - across // 2
        placed += [item.moved(*((along, aside) if axis == "x" else (aside, along))) for item in block]
        along += length + rng.choice(spacing.gaps)
    left, top = min(item.left for item in placed), min(item.top for item in placed)
    return [item.moved(-left, -top) for item in placed]


def _extent(block):
    return max(item.left + item.width for item in block), max(item.top + item.height for item in block)


def box(image: np.ndarray) -> tuple[int, int, int, int]:
    """Returns left, top, width and height of what isn't empty in `image`."""
    rows, columns = np.flatnonzero(image.any(axis=1)).tolist(), np.flatnonzero(image.any(axis=0)).tolist()
    return columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1


def draw(rng: random.Random, placed: tuple[Placed, ...], images: np.ndarray) -> np.ndarray:
    """Draws the digits, each a little brighter or dimmer, and returns pixels `(28, 28)` of uint8."""
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    for item in placed:
        left, top, width, height = box(images[item.image])
        bright = 255 * rng.uniform(DIMMEST, 1.0)
        cut = images[item.image][top : top + height, left : left + width]
        canvas[item.top : item.top + height, item.left : item.left + width] = np.rint(cut / 16 * bright)
    return canvas


def data_uri(pixels: np.ndarray) -> str:
    """Returns grey `pixels` `(height, width)` of uint8 as a PNG in a data URI."""
    return f"data:image/png;base64,{base64.b64encode(png(pixels)).decode('ascii')}"


def png(pixels: np.ndarray) -> bytes:
    """Encodes grey `pixels` `(height, width)` of uint8 as a PNG, which is three chunks.

    PNG, third edition (2025), https://www.w3.org/TR/png-3/.
    """
    height, width = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
