"""Pictures of pieces: notes, chords, bars -> a piano roll in rows of bars, in two colours: of the key and others."""

import pathlib

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from rnnkit.music.pieces import MODES, NAMES, TICKS, Piece

IN_KEY, OUT_OF_KEY, GIVEN = "#1f77b4", "#d9602b", "#f6e7bf"
"""A note of the key; any other; behind what the model was given."""
LINE, BEAT, BLACK = "#7a828c", "#e3e6ea", "#f3f4f6"
"""Bar lines; beats; the rows of black keys."""
ROW = 32
"""Quarters of a row, about."""
MOST_ROWS = 24
WIDTH, HIGHEST = 12, 45
"""Inches of the picture."""
LONGEST_TITLE = 100


def draw_roll(path: str | pathlib.Path, piece: Piece, *, title: str = "", primer_ticks: int = 0) -> None:
    """Draws a piano roll: pitch over bars, the chords' names above; a long piece goes on in further rows.

    Args:
        path: A .png file.
        piece: Its first 24 rows at most, of about 32 quarters, are drawn.
        title: Above all; the piece's own where it is ''.
        primer_ticks: How much of the beginning was given to the model, and is shaded; 0 for none.

    Raises:
        ValueError: `primer_ticks` is negative.
    """
    if primer_ticks < 0:
        raise ValueError(f"primer_ticks must be at least 0. Got {primer_ticks}.")
    rows = _rows(piece)
    low, high = _pitches(piece, rows[-1][-1])
    lane = (high - low + 1) * 0.075 + (0.6 if piece.chords else 0.3)
    rows = rows[: max(1, int(HIGHEST / lane))]
    figure = Figure(figsize=(WIDTH, 0.9 + lane * len(rows)), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.03, hspace=0)
    every = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    # A short piece isn't stretched to the whole width.
    longest = max(ROW * TICKS // 2, *(row[-1] - row[0] for row in rows))
    for axes, row in zip(every, rows, strict=True):
        axes.set_xlim(row[0], row[0] + longest)
        _draw_keys(axes, low, high, row, piece)
        _draw_bars(axes, row, piece)
        _draw_notes(axes, row, piece)
        _draw_chords(axes, row, piece)
        if primer_ticks > row[0]:
            axes.axvspan(row[0], min(primer_ticks, row[-1]), color=GIVEN, zorder=0.6, linewidth=0)
    figure.suptitle(_title(piece, title, rows), fontsize="medium", parse_math=False)
    handles = list(_legend(piece, primer_ticks))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize="small")
    figure.savefig(path, dpi=110)


def _rows(piece):
    """Returns the bar lines of each row; a row's last is the next one's first."""
    upbeat = len(piece.bars) > 2 and piece.bars[1] - piece.bars[0] < piece.bar_ticks
    each = max(1, round(ROW * TICKS / piece.bar_ticks))
    each += each % 2 if each > 2 else 0
    lines, first, rows = list(piece.bars), 0, []
    while not rows or (first < len(lines) - 1 and len(rows) < MOST_ROWS):
        # An upbeat stands before the first row's bars.
        last = first + each + (upbeat and first == 0)
        # A single bar isn't worth a row.
        last += len(lines) - 1 - last == 1
        rows.append(lines[first : last + 1])
        first = last
    return rows


def _pitches(piece, end):
    """Returns the lowest and the highest pitch of the picture: an octave at least, and a row more on either side."""
    pitches = [note.pitch for note in piece.notes if note.start < end] or [60, 72]
    low, high = min(pitches), max(pitches)
    more = max(12 - (high - low), 0)
    return low - more // 2 - 1, high + -(-more // 2) + 1


def _draw_keys(axes, low, high, row, piece):
    """Draws the rows of the keyboard, and names those of C and of the tonic."""
    for pitch in range(low, high + 1):
        if pitch % 12 in (1, 3, 6, 8, 10):
            axes.broken_barh([(row[0], row[-1] - row[0])], (pitch - 0.5, 1), color=BLACK, zorder=0.5, linewidth=0)
    names = [pitch for pitch in range(low, high + 1) if pitch % 12 in (0, piece.tonic)]
    # Two names a semitone or two apart would touch.
    names = [pitch for pitch in names if pitch % 12 == 0 or min(piece.tonic, 12 - piece.tonic) > 2]
    axes.set_yticks(names, [f"{NAMES[pitch % 12]}{pitch // 12 - 1}" for pitch in names], fontsize="small")
    axes.set_ylim(low - 0.5, high + 0.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _draw_bars(axes, row, piece):
    first = piece.bars.index(row[0])
    upbeat = len(piece.bars) > 2 and piece.bars[1] - piece.bars[0] < piece.bar_ticks
    beat = piece.bar_ticks // piece.metre[0]
    for begin, end in zip(row[:-1], row[1:], strict=True):
        for tick in range(end - beat, begin, -beat):
            axes.axvline(tick, color=BEAT, linewidth=0.6, zorder=0.7)
    for line in row:
        axes.axvline(line, color=LINE, linewidth=0.9, zorder=0.8, clip_on=False)
    # As musicians count: an upbeat is bar 0.
    numbers = [str(first + place + (not upbeat)) for place in range(len(row) - 1)]
    numbers[0] = numbers[0] if first else f"bar {numbers[0]}"
    axes.set_xticks(row[:-1], numbers, fontsize="x-small", color=LINE, ha="left")


def _draw_notes(axes, row, piece):
    begin, end = row[0], row[-1]
    scale = {(piece.tonic + step) % 12 for step in MODES[piece.mode]}
    ranges = {}
    for note in piece.notes:
        first, last = max(note.start, begin), min(note.start + note.duration, end)
        if first < last:
            # A gap, so that repeated notes are seen as two.
            width = max(last - first - 0.8, 0.6 * (last - first))
            ranges.setdefault(note.pitch, []).append((first, width))
    for pitch, own in ranges.items():
        colour = IN_KEY if pitch % 12 in scale else OUT_OF_KEY
        axes.broken_barh(own, (pitch - 0.42, 0.84), color=colour, linewidth=0, zorder=2)


def _draw_chords(axes, row, piece):
    """Writes the names of chords, in two lines where they would touch."""
    reached = [row[0], row[0]]
    where = {"xycoords": axes.get_xaxis_transform(), "textcoords": "offset points", "annotation_clip": False}
    for chord in piece.chords:
        if row[0] <= chord.start < row[-1]:
            line = int(chord.start < reached[0] and reached[1] < reached[0])
            # A letter is about 0.3 quarters wide.
            reached[line] = chord.start + 3 * TICKS * (1 + len(chord.name)) // 10
            place = (chord.start, 1)
            axes.annotate(chord.name, place, (0, 3 + 11 * line), fontsize="small", va="bottom", ha="left", **where)


def _title(piece, title, rows):
    key = f"{NAMES[piece.tonic]} {piece.mode}, {piece.metre[0]}/{piece.metre[1]}, {piece.tempo:g} quarters a minute"
    text = " ".join((title or piece.title).split())
    text = text if len(text) <= LONGEST_TITLE else f"{text[: LONGEST_TITLE - 1]}…"
    shown, whole = sum(len(row) - 1 for row in rows), len(piece.bars) - 1
    more = f" (the first {shown:,} of {whole:,} bars)" if shown < whole else ""
    return f"{text}\n{key}{more}" if text else f"{key}{more}"


def _legend(piece, primer_ticks):
    yield Patch(color=IN_KEY, label="in the key")
    yield Patch(color=OUT_OF_KEY, label="out of the key")
    if primer_ticks:
        yield Patch(color=GIVEN, label="given")
