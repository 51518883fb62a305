"""ABC tunes: pieces -> text that people and programs read, four bars a line."""

import bisect
import decimal
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from rnnkit.music.abc_headers import ALTERATIONS, FIFTHS, SIGNATURE_SHIFTS
from rnnkit.music.pieces import LETTERS, NAMES, TICKS, Piece

BARS_A_LINE = 4
UNIT = TICKS // 2
"""Ticks of a note without a length: an eighth."""
SIGNS = {alteration: sign for sign, alteration in ALTERATIONS.items()}
MODE_WORDS = {"major": "", "minor": "m"}
"""Others are written with their first three letters."""
FLATTEST, SHARPEST = -3, 9
"""Fifths from the key's own, between which notes outside of it are spelled: in C from E flat to G sharp."""
MOST_IN_TUPLET = 9


class Segment(NamedTuple):
    """Notes, or silence, within a bar and without a change of chord; `goes_on` where a tie leads to the next."""

    start: int
    ticks: int
    pitches: tuple[int, ...]
    goes_on: bool


def write_abc(piece: Piece, number: int = 1) -> str:
    """Writes a tune in ABC, so that `read_abc` gives the same piece.

    Args:
        piece: Notes follow each other, or begin and end together.
        number: What X: says.

    Returns:
        Lines, with a newline at the end.

    Raises:
        ValueError: The piece has no notes, they overlap, or notes or chords lie outside of the bars.
    """
    fifths, tonic = _spelled_key(piece.tonic, piece.mode)
    beats, unit = piece.metre
    tempo = format(decimal.Decimal(repr(float(piece.tempo))), "f").removesuffix(".0")
    header = [f"X:{number}", f"T:{_text(piece.title)}", f"R:{_text(piece.style)}", f"M:{beats}/{unit}", "L:1/8"]
    header += [f"Q:1/4={tempo}", f"K:{tonic}{MODE_WORDS.get(piece.mode, piece.mode[:3])}"]
    bars = _bars(piece, _Spelling(fifths))
    # An upbeat stands on the line of the bar it leads to.
    first = BARS_A_LINE + (piece.bars[1] < piece.bar_ticks)
    lines = [bars[:first]] + [bars[place : place + BARS_A_LINE] for place in range(first, len(bars), BARS_A_LINE)]
    music = "|\n".join("|".join(line) for line in lines)
    return "\n".join([*(line for line in header if line != "R:"), f"{music}|]\n"])


def _text(text):
    return " ".join(text.split()).replace("%", "\\%")


def _spelled_key(tonic, mode):
    """The key's place among the fifths, and its tonic's name."""
    found = []
    for fifths in range(-6, 7):
        place = fifths - SIGNATURE_SHIFTS[mode]
        if place * 7 % 12 == tonic:
            name = FIFTHS[(place + 1) % 7] + {-1: "b", 0: "", 1: "#"}[(place + 1) // 7]
            found.append((abs(fifths), name not in NAMES, fifths, name))
    return min(found)[2:]


class _Spelling:
    """Pitches as letters with accidentals, where the key or the bar so far don't have them."""

    def __init__(self, fifths: int):
        self.names = {}
        for place in range(fifths + FLATTEST, fifths + SHARPEST):
            self.names[place * 7 % 12] = FIFTHS[(place + 1) % 7], (place + 1) // 7
        self.signature = {letter: (fifths + 6 - place) // 7 for place, letter in enumerate(FIFTHS)}
        self.altered: dict[tuple[str, int], int] = {}

    def written(self, pitches: Sequence[int]) -> list[str]:
        """Returns notes without a length."""
        spelled = []
        for pitch in pitches:
            letter, by = self.names[pitch % 12]
            spelled.append((letter, (pitch - by - LETTERS[letter]) // 12 - 1, by))
        places = [note[:2] for note in spelled]
        return [self._note(letter, octave, by, places.count((letter, octave)) > 1) for letter, octave, by in spelled]

    def _note(self, letter, octave, by, clashes):
        known = self.altered.get((letter, octave), self.signature[letter])
        # After F and F sharp at once, what a tie takes over the bar line would be anyone's guess.
        sign = SIGNS[by] if by != known or clashes else ""
        if sign:
            self.altered[letter, octave] = by
        return sign + (letter.lower() + "'" * (octave - 5) if octave > 4 else letter + "," * (4 - octave))


def _bars(piece, spelling):
    chords = {chord.start: f'"{chord.name}"' for chord in piece.chords}
    outside = [start for start in chords if not 0 <= start < piece.bars[-1]]
    if outside:
        raise ValueError(f"{_name(piece)}: a chord at tick {outside[0]} lies outside of the bars.")
    segments = _cut(_sounds(piece), sorted({*piece.bars, *chords}))
    beats, unit = piece.metre
    beat = max(4 * TICKS * (3 if unit == 8 and beats % 3 == 0 else 1) // unit, 1)
    bars, place = [], 0
    for start, end in zip(piece.bars, piece.bars[1:], strict=False):
        first, place = place, bisect.bisect_left(segments, end, key=lambda segment: segment.start)
        spelling.altered.clear()
        # Beats of an upbeat count from its end.
        bars.append("".join(_words(segments[first:place], chords, spelling, beat, end if not start else start)))
    return bars


def _name(piece):
    return piece.source or piece.title or "The piece"


def _sounds(piece) -> list[tuple[int, int, tuple[int, ...]]]:
    """Start, end and pitches of what sounds, silence between included."""
    sounds, tick = [], 0
    if not piece.notes:
        raise ValueError(f"{_name(piece)} has no notes.")
    for note in piece.notes:
        end = note.start + note.duration
        if sounds and sounds[-1][:2] == (note.start, end) and note.pitch > sounds[-1][2][-1]:
            sounds[-1] = (note.start, end, (*sounds[-1][2], note.pitch))
            continue
        if note.start < tick or note.duration < 1:
            raise ValueError(
                f"{_name(piece)}: the note of pitch {note.pitch} at tick {note.start} begins before the one before it "
                "ends, and ABC is written for one voice. Leave it out, or write MIDI."
            )
        if note.start > tick:
            sounds.append((tick, note.start, ()))
        sounds.append((note.start, end, (note.pitch,)))
        tick = end
    if tick > piece.bars[-1]:
        raise ValueError(f"{_name(piece)}: the last note ends at tick {tick}, after the last bar, {piece.bars[-1]}.")
    return sounds + [(tick, piece.bars[-1], ())] * (tick < piece.bars[-1])


def _cut(sounds, cuts) -> list[Segment]:
    segments = []
    for start, end, pitches in sounds:
        edges = [start, *cuts[bisect.bisect_right(cuts, start) : bisect.bisect_left(cuts, end)], end]
        for first, last in zip(edges, edges[1:], strict=False):
            segments.append(Segment(first, last - first, pitches, bool(pitches) and last != end))
    return segments


def _words(segments, chords, spelling, beat, origin) -> Iterator[str]:
    """Text of each segment of a bar, with a space before each beat."""
    left, factor = 0, Fraction(1)
    for place, segment in enumerate(segments):
        if place and not left and (segment.start - origin) % beat == 0:
            yield " "
        yield chords.get(segment.start, "")
        if not left:
            left = _tuplet_size(segments[place:])
            factor = Fraction(3, 2) if left else Fraction(1)
            if left:
                yield "(3" if left == 3 else f"(3:2:{left}"
        left = max(left - 1, 0)
        notes = spelling.written(segment.pitches)
        yield ("[" + "".join(notes) + "]" if len(notes) > 1 else "".join(notes) or "z")
        yield _length(segment.ticks * factor / UNIT) + "-" * segment.goes_on


def _tuplet_size(segments):
    """How many segments triplets take until they fill an even time, 0 where the first is in none."""
    ticks = 0
    for count, segment in enumerate(segments[:MOST_IN_TUPLET], 1):
        ticks += segment.ticks
        if ticks % 3 == 0:
            return count if count > 1 else 0
    return 0


def _length(length):
    above = "" if length.numerator == 1 else str(length.numerator)
    below = {1: "", 2: "/"}.get(length.denominator, f"/{length.denominator}")
    return above + below
