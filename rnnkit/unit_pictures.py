"""Pictures of a language model over a text: tokens and a number for each -> the text on coloured ground.

Karpathy, Johnson & Fei-Fei (2015), figure 2, https://arxiv.org/abs/1506.02078.
"""

import functools
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PathCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.path import Path
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Affine2D

LINES = 12
"""Most lines of text on a panel."""
WIDEST = 400
"""Most columns: beyond, matplotlib can't make the picture."""
FONTS = ("DejaVu Sans Mono", "DejaVu Sans")
"""Both come with matplotlib. All characters of the first are equally wide; the second has more of them."""
SIZE = 8.5
"""Of the font, in points."""
WIDTH, HEIGHT = 0.602, 1.5
"""Of a character's cell, in font sizes."""
NARROWEST = 40
"""Columns that a panel has room for at least, for its title and what stands beneath."""
NEWLINE, SPACE, MISSING = "\u21b5", "\u2581", "\u25a1"
INK, FAINT, FRAME = "#111111", "#11111166", "#a3abb3"
# Blue and orange are told apart by the colour-blind; nothing is so dark that ink is hard to read on it.
ACTIVATIONS = LinearSegmentedColormap.from_list("activations", ["#4f9fd9", "#ffffff", "#f28e2b"])
LOSSES = LinearSegmentedColormap.from_list("losses", ["#ffffff", "#fde0b5", "#f9a65a", "#e9633f"])


class Place(NamedTuple):
    """A character in a picture, and the number of its token."""

    row: int
    column: int
    character: str
    token: int


def draw_units(
    path: str | pathlib.Path,
    tokens: Sequence[str],
    activations: np.ndarray,
    units: Sequence[int] | None = None,
    *,
    most: int = 6,
    columns: int = 90,
    gap: int | None = None,
) -> None:
    """Draws a text once for each unit, each token on the colour of the unit's activation there.

    Args:
        path: A .png file.
        tokens: Characters, pieces or words, in order. What doesn't fit on 12 lines isn't drawn; the picture says so.
        activations: `(tokens, units)`, -1 to 1; what is outside is drawn as the nearest of them.
        units: Which to draw. None: the `most` telling ones of the text that is drawn, by `telling_units`.
        most: Units to choose.
        columns: Characters of a line, 1 to 400.
        gap: Columns between two tokens. None: 1 where the tokens look like words, which are longer than a character
            and have neither white space nor "▁" within, else 0.

    Raises:
        ValueError: No tokens, activations of another shape or that aren't finite, or a unit that isn't there.
        OSError: The file can't be written.
    """
    activations = np.asarray(activations, float)
    if activations.ndim != 2 or len(activations) != len(tokens) or not activations.shape[1]:
        wanted = f"({len(tokens)}, units)"
        raise ValueError(f"activations must have the shape {wanted}, a row for each token. Got {activations.shape}.")
    if not np.isfinite(activations).all():
        raise ValueError(f"activations must be finite. Got {activations[~np.isfinite(activations)][0]}.")
    last = activations.shape[1] - 1
    if wrong := [unit for unit in ([] if units is None else units) if not 0 <= unit <= last]:
        raise ValueError(f"units must be 0 to {last}. Got {wrong[0]}.")
    places = laid_out(tokens, columns, gap)
    drawn = activations[: 1 + places[-1].token]
    if units is None:
        units = telling_units(drawn, most)
    if not len(units):
        raise ValueError("There must be at least 1 unit to draw. Got 0.")
    panels = {f"unit {unit}": drawn[:, unit].clip(-1, 1) for unit in units}
    bar = ScalarMappable(Normalize(-1, 1), ACTIVATIONS)
    _figure(places, panels, bar, "activation", len(tokens)).savefig(path, dpi=130)


def draw_token_losses(
    path: str | pathlib.Path,
    tokens: Sequence[str],
    nats: Sequence[float],
    *,
    columns: int = 90,
    gap: int | None = None,
) -> None:
    """Draws a text, each token on the colour of its loss.

    Args:
        path: A .png file.
        tokens: As by `draw_units`; so are `columns` and `gap`.
        nats: `(tokens,)`, minus the natural logarithm of each token's probability, NaN where there is none, as for a
            prompt. The strongest colour is the highest loss, or 1.25 times what 98 % are below if that is less.

    Raises:
        ValueError: No tokens, or not as many losses.
        OSError: The file can't be written.
    """
    nats = np.asarray(nats, float)
    if nats.shape != (len(tokens),):
        raise ValueError(f"There must be one loss for each of {len(tokens):,} tokens. Got {nats.shape}.")
    places = laid_out(tokens, columns, gap)
    drawn = nats[: 1 + places[-1].token]
    known = drawn[np.isfinite(drawn)]
    top = min(known.max(), 1.25 * np.quantile(known, 0.98)) if known.size else 0.0
    bar = ScalarMappable(Normalize(0, top if top > 0 else 1.0), LOSSES)
    title = f"{known.mean():.2f} nats a token" if known.size else "no losses"
    panels = {title: drawn.clip(0, bar.norm.vmax)}
    _figure(places, panels, bar, "nats", len(tokens)).savefig(path, dpi=130)


def telling_units(activations: np.ndarray, most: int) -> list[int]:
    """Chooses units that say something about a text which can be seen, and each something else.

    A unit counts `spread * steadiness * difference`. Spread: the standard deviation of its activation, so that one
    that is always on doesn't count. Steadiness: the correlation of its activation with that at the token before,
    0 where it is negative, so that one that changes at each token doesn't count. Difference: 1 less the highest
    absolute correlation with a unit chosen before. The highest is chosen first, of equal ones the first.

    Args:
        activations: `(tokens, units)`.
        most: Units to choose.

    Returns:
        Their numbers, the most telling first; at most as many as there are.
    """
    centred = np.asarray(activations, float) - np.mean(activations, axis=0)
    spread = centred.std(axis=0)
    # A unit whose activation is constant but for rounding says nothing.
    standard = np.where(spread > 1e-6, centred / np.maximum(spread, 1e-6), 0.0)
    steadiness = np.maximum((standard[1:] * standard[:-1]).sum(axis=0) / len(standard), 0.0)
    telling = spread * steadiness
    difference = np.ones(len(telling))
    chosen = []
    for _ in range(min(most, len(telling))):
        unit = int(np.argmax(np.where(np.isin(np.arange(len(telling)), chosen), -1.0, telling * difference)))
        chosen.append(unit)
        likeness = np.abs(standard.T @ standard[:, unit]) / len(standard)
        difference = np.minimum(difference, np.maximum(1 - likeness, 0.0))
    return chosen


def laid_out(tokens: Sequence[str], columns: int, gap: int | None) -> list[Place]:
    """Puts a text on lines, as many as are drawn.

    A newline ends a line and is shown at its end, where it may stand in the column behind the last. A tab is up to 4
    spaces. A token that doesn't fit on the rest of a line begins the next, unless it is longer than a line.

    Returns:
        The characters in order, each with the number of its token.

    Raises:
        ValueError: There are no tokens, all are empty, or the columns are out of range.
    """
    if not any(tokens):
        raise ValueError(f"There must be at least 1 token with a character to draw. Got {len(tokens)} without.")
    if not 1 <= columns <= WIDEST:
        raise ValueError(f"columns must be 1 to {WIDEST}. Got {columns}.")
    gap = _gap(tokens) if gap is None else gap
    places, row, column = [], 0, 0
    for number, token in enumerate(tokens):
        shown = token.expandtabs(4)
        if column and column + len(shown.rstrip("\n")) > columns >= len(shown):
            row, column = row + 1, 0
        for character in shown:
            if column >= columns and character != "\n":
                row, column = row + 1, 0
            if row == LINES:
                return places
            places.append(Place(row, column, character.replace("\n", NEWLINE), number))
            row, column = (row + 1, 0) if character == "\n" else (row, column + 1)
        column = min(column + gap, columns) if column else 0
    return places


def _gap(tokens):
    long = any(len(token) > 1 for token in tokens)
    inside = any(SPACE in token or any(map(str.isspace, token)) for token in tokens if token != "\n")
    return int(long and not inside)


def _figure(places: Sequence[Place], panels: Mapping[str, np.ndarray], bar: ScalarMappable, label: str, tokens: int):
    """Returns the page: panels side by side and below each other, the meaning of the colours at its foot.

    All sizes are computed here, in inches: characters and their ground must meet exactly.
    """
    rows = 1 + max(place.row for place in places)
    columns = max(NARROWEST, 1 + max(place.column for place in places))
    # Room for half a character beside the lines, and a little above and below.
    wide, high = (columns + 1) * WIDTH * SIZE / 72, (rows + 0.2) * HEIGHT * SIZE / 72
    margin, head, foot = 0.16, 0.26, 0.62
    across, down = _grid(len(panels), wide / (high + head))
    width, height = across * (wide + margin) + margin, down * (high + head) + foot
    figure = Figure(figsize=(width, height))
    for number, (title, values) in enumerate(panels.items()):
        left = margin + number % across * (wide + margin)
        bottom = foot + (down - 1 - number // across) * (high + head)
        axes = figure.add_axes((left / width, bottom / height, wide / width, high / height))
        _draw_text(axes, places, values, (rows, columns), bar)
        axes.set_title(title, loc="left", fontsize=SIZE, pad=3)
    strip = figure.add_axes((margin / width, 0.36 / height, 1.3 / width, 0.11 / height))
    drawn_bar = figure.colorbar(bar, cax=strip, orientation="horizontal")
    drawn_bar.outline.set(edgecolor=FRAME, linewidth=0.5)
    strip.locator_params(nbins=3)
    strip.tick_params(labelsize=SIZE - 1.5, length=2)
    strip.get_xticklabels()[0].set_ha("left")
    figure.text((margin + 1.45) / width, 0.36 / height, label, fontsize=SIZE - 0.5)
    drawn = 1 + places[-1].token
    if drawn < tokens:
        note = f"the first {drawn:,} of {tokens:,} tokens"
        figure.text(1 - margin / width, 0.1 / height, note, fontsize=SIZE - 1.5, ha="right")
    return figure


def _grid(panels, shape):
    """Returns how many panels stand across and down: few places left empty, the page about as wide as a screen."""

    def ugliness(across):
        down = math.ceil(panels / across)
        return abs(math.log(across * shape / down / 1.6)) + 2 * math.log(across * down / panels)

    across = min(range(1, 1 + panels), key=ugliness)
    return across, math.ceil(panels / across)


def _draw_text(axes, places, values, shape, bar):
    ground = np.full(shape, np.nan)
    for place in places:
        ground[place.row, place.column] = values[place.token]
    rows, columns = shape
    axes.imshow(ground, cmap=bar.cmap, norm=bar.norm, extent=(0, columns, rows, 0), aspect="auto")
    axes.set(xticks=[], yticks=[], xlim=(-0.5, columns + 0.5), ylim=(rows + 0.1, -0.1))
    axes.spines[:].set(color=FRAME, linewidth=0.5)
    written = [place for place in places if not place.character.isspace()]
    # One collection of glyphs: a Text for each character would take seconds.
    glyphs = PathCollection(
        [_glyph(place.character) for place in written],
        offsets=[(place.column, place.row + 0.69) for place in written] or [(0, 0)],
        offset_transform=axes.transData,
        facecolors=[FAINT if place.character in (NEWLINE, SPACE) else INK for place in written],
        linewidths=0,
    )
    glyphs.set_transform(Affine2D().scale(SIZE / 72) + axes.figure.dpi_scale_trans)
    # To whole pixels, strokes would be of unlike width.
    glyphs.set_snap(False)
    axes.add_collection(glyphs, autolim=False)


@functools.cache
def _glyph(character):
    """Returns a character's outline for a font size of 1, in the middle of its cell and no wider than it."""
    for font in map(_font, FONTS):
        if get_font(findfont(font)).get_char_index(ord(character)):
            # Not TextPath, which fails where a glyph has no outline, as those without width.
            vertices, codes = text_to_path.get_text_path(font, character)
            break
    else:
        vertices = codes = ()
    if not len(vertices):
        return _glyph(MISSING)
    outline = Path(np.asarray(vertices) / text_to_path.FONT_SCALE, codes)
    box = outline.get_extents()
    narrower = min(1.0, WIDTH / box.width)
    moved = Affine2D().translate(-box.x0 - box.width / 2, 0).scale(narrower, 1).translate(WIDTH / 2, 0)
    return outline.transformed(moved)


@functools.cache
def _font(family):
    return FontProperties(family=family)
