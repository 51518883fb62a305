"""Pictures of captions: pixels, captions and attention -> where was looked for each piece; answers beside the truth.

Xu et al. (2015), figure 2, https://arxiv.org/abs/1502.03044.
"""

import functools
import math
import pathlib
import textwrap
import unicodedata
import warnings
from collections.abc import Sequence

import numpy as np
import scipy.ndimage
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

ACROSS, MOST = 6, 60
"""Panels of attention in a row, and pieces that are drawn."""
DIM = 0.4
"""What is left of the brightness of a pixel that isn't looked at; its colour is lost."""
GREYS = (0.299, 0.587, 0.114)
"""Of red, green and blue: ITU-R BT.601."""
SHARP = 180
"""Pixels of the longer side that smaller pictures are enlarged to, for the attention to be smooth on them."""
SIZE, SMALL = 8.5, 7.5
"""Of fonts, in points."""
LINES = 4
"""Most lines of a text under a picture."""
INK, GREY, RIGHT, LINE = "#111111", "#6b747d", "#00734f", "#f28e2b"
FONTS = ("DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans Devanagari", "Arial Unicode MS")
"""Those that are installed are asked for a character in turn; the first comes with matplotlib."""


def draw_overlays(
    path: str | pathlib.Path, pixels: np.ndarray, caption: str, written: Sequence[str], weights: np.ndarray
) -> None:
    """Draws a picture, and once more for each piece of its caption, bright where was looked.

    Args:
        path: A .png file.
        pixels: `(height, width, channels)` uint8, 1 or 3 channels.
        caption: All of it, as it is answered.
        written: Its pieces, in order; of more than 60 the first.
        weights: `(steps, grid height, grid width)`, at least 0: the attention while each piece was written. In each
            panel the highest weight leaves the picture as it is, and no weight makes it grey and dark. A line goes
            around all that has at least half of the highest weight.

    Raises:
        ValueError: Pixels of another shape, or not as many weights as pieces.
        OSError: The file can't be written.
    """
    picture, weights = _sharp(pixels), np.asarray(weights, float)
    if weights.ndim != 3 or len(weights) != len(written) or not all(weights.shape[1:]):
        wanted = f"({len(written)}, grid height, grid width)"
        raise ValueError(f"weights must have the shape {wanted}, a grid for each piece. Got {weights.shape}.")
    looked = [_looked(grid, picture.shape[:2]) for grid in weights[:MOST]]
    panels = 1 + len(looked)
    wide = 0.8 * _wide(picture)
    page = _Page(*picture.shape[:2], across=max(1, min(ACROSS, panels, int(12 / wide))), wide=wide, head=0.26)
    columns = page.columns(SIZE + 1)
    title = _wrapped(caption or "(no caption)", columns, LINES)
    note = "bright: looked at while the piece was written; within the line, at least half of the highest weight"
    if len(written) > MOST:
        note = f"the first {MOST} of {len(written):,} pieces; {note}"
    notes = textwrap.wrap(note, page.columns(SMALL - 1))
    page.open(panels, top=0.18 + 0.19 * len(title), foot=0.1 + 0.15 * len(notes))
    page.write("\n".join(title), page.margin, 0.1, size=SIZE + 1, weight="bold")
    page.show(0, picture)
    grey = DIM * picture @ np.array(GREYS)[:, None]
    for number, (piece, light) in enumerate(zip(written, looked, strict=False), start=1):
        axes = page.show(number, (grey + light[..., None] * (picture - grey)).astype(np.uint8))
        if light.min() < 0.5:
            axes.contour(light, levels=[0.5], colors=[LINE], linewidths=1.0)
        left, top = page.corner(number)
        (short,) = _wrapped(_visible(piece), page.columns(SIZE, wide), 1)
        page.write(short, left + wide / 2, top + page.head - 0.07, size=SIZE, ha="center", va="baseline")
    page.write("\n".join(notes), page.margin, page.height - 0.05 - 0.15 * len(notes), size=SMALL - 1, color=GREY)
    page.save(path)


def draw_page(path: str | pathlib.Path, entries: Sequence[tuple[np.ndarray, Sequence[str], str]]) -> None:
    """Draws pictures, and under each what is true of it and what was answered.

    The truth is grey, its first text where there are several. The answer is bold; one that equals a truth but for white
    space is green with a tick. Labels are as good as captions.

    Args:
        path: A .png file.
        entries: Pixels `(height, width, channels)` uint8, one or more true texts, and the answer, of each picture.

    Raises:
        ValueError: There are no entries, or pixels of another shape.
        OSError: The file can't be written.
    """
    if not entries:
        raise ValueError("There must be at least 1 picture to draw. Got 0.")
    pictures = [_sharp(pixels) for pixels, _, _ in entries]
    wide = max(map(_wide, pictures))
    across = max(1, min(len(entries), round(11 / wide)))
    page = _Page(*pictures[0].shape[:2], across=across, wide=wide, head=0.0)
    columns = page.columns(SMALL, wide)
    texts = []
    for _, truths, answer in entries:
        right = _spaced(answer) in map(_spaced, truths)
        # Bold letters are wider.
        said = _wrapped(("\u2713 " if right else "") + (answer or "(nothing)"), int(columns * 0.85), LINES)
        texts.append((_wrapped(truths[0] if truths else "", columns, LINES), said, RIGHT if right else INK))
    line = SMALL * 1.35 / 72
    page.foot = 0.16 + line * max(len(truth) + len(said) for truth, said, _ in texts)
    page.open(len(entries), top=0.12, foot=0.02)
    for number, (shown, (truth, said, colour)) in enumerate(zip(pictures, texts, strict=True)):
        page.show(number, shown)
        left, top = page.corner(number)
        under = top + page.high + 0.05
        page.write("\n".join(truth), left, under, size=SMALL, color=GREY)
        under += line * len(truth)
        page.write("\n".join(said), left, under, size=SMALL, color=colour, weight="bold")
    page.save(path)


class _Page:
    """A grid of equal panels; all in inches, from the upper left.

    Args:
        rows, columns: Of a picture, in pixels, for its proportions.
        across: Panels in a row.
        wide: Of a panel.
        head, foot: Room over and under each picture.
    """

    margin = 0.12

    def __init__(self, rows, columns, *, across, wide, head, foot=0.0):
        self.across, self.wide, self.high = across, wide, wide * rows / columns
        self.head, self.foot = head, foot

    @property
    def width(self):
        return self.margin + self.across * (self.wide + self.margin)

    def columns(self, size, room=None):
        """Returns how many letters fit into a width, by default that of the page."""
        room = self.width - 2 * self.margin if room is None else room
        return max(8, int(room / (size * 0.56 / 72)))

    def open(self, panels, *, top, foot):
        """Lays the page out."""
        self.top, self.down = top, math.ceil(panels / self.across)
        self.height = top + self.down * (self.head + self.high + self.foot + self.margin) + foot
        self.figure = Figure(figsize=(self.width, self.height))

    def corner(self, number):
        """Returns where a panel begins, from the left and from above."""
        row, column = divmod(number, self.across)
        down = self.head + self.high + self.foot + self.margin
        return self.margin + column * (self.wide + self.margin), self.top + row * down

    def show(self, number, picture):
        left, top = self.corner(number)
        bottom = self.height - top - self.head - self.high
        places = left / self.width, bottom / self.height, self.wide / self.width, self.high / self.height
        axes = self.figure.add_axes(places)
        axes.imshow(picture, interpolation="antialiased")
        axes.set_axis_off()
        return axes

    def write(self, text, left, top, *, size, color=INK, weight="normal", ha="left", va="top"):
        how = {"fontsize": size, "color": color, "weight": weight, "ha": ha, "va": va, "family": _families()}
        self.figure.text(left / self.width, 1 - top / self.height, text, parse_math=False, linespacing=1.25, **how)

    def save(self, path):
        with warnings.catch_warnings():
            # A character that no font has is drawn as a box, which is enough to be told.
            warnings.filterwarnings("ignore", r"Glyph \d+")
            warnings.filterwarnings("ignore", "Matplotlib currently does not support")
            self.figure.savefig(path, dpi=130, facecolor="white")


def _wide(picture):
    """Returns how wide a panel is, in inches: wide pictures, as of lines of text, have more."""
    return float(np.clip(2.1 * math.sqrt(picture.shape[1] / picture.shape[0]), 1.3, 3.6))


@functools.cache
def _families():
    installed = {font.name for font in fontManager.ttflist}
    return [name for name in FONTS if name in installed]


def _sharp(pixels):
    """Returns red, green and blue of a picture, enlarged where it is small."""
    pixels = np.asarray(pixels)
    if pixels.ndim != 3 or pixels.shape[-1] not in (1, 3) or not pixels.size:
        raise ValueError(f"pixels must have the shape (height, width, 1 or 3). Got {pixels.shape}.")
    times = math.ceil(SHARP / max(pixels.shape[:2]))
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3)).astype(np.uint8).repeat(times, axis=0).repeat(times, axis=1)


def _looked(grid, shape):
    """Returns the weight of each pixel against the highest: the grid made as large as the picture, smoothly."""
    factors = [size / cells for size, cells in zip(shape, grid.shape, strict=True)]
    large = scipy.ndimage.zoom(grid, factors, order=3, mode="nearest", grid_mode=True).clip(0)
    return large / max(large.max(), 1e-12)


def _visible(piece):
    """Shows a piece without the mark that begins words, and white space as it is."""
    text = piece.replace("\u2581", " ")
    return text.strip(" ").replace("\n", "\u21b5") if text.strip() else "\u2423" * len(piece)


def _spaced(text):
    return " ".join(text.split())


def _wrapped(text, columns, lines):
    """Breaks a text into lines, letters of double width counted so; what doesn't fit is cut."""
    broad = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    columns = max(4, int(columns / (1 + broad / max(len(text), 1))))
    return textwrap.wrap(_spaced(text), columns, max_lines=lines, placeholder=" \u2026") or [""]
