"""Pieces: notes, chords and bars in whole ticks -> the same in another key; what readers give and writers take."""

import dataclasses
import re
from typing import NamedTuple

TICKS = 24
"""Of a quarter: a triplet of sixteenths has 4, a thirty-second 3."""
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
"""Of the pitch classes."""
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
MODES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
}
"""Mode -> its scale, in semitones above the tonic."""
QUALITIES = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "dim": (0, 3, 6),
    "dim7": (0, 3, 6, 9),
    "aug": (0, 4, 8),
    "sus4": (0, 5, 7),
    "9": (0, 4, 7, 10, 2),
}
"""What follows a chord's root -> its pitch classes above it."""
OTHERS = {"min": "m", "-": "m", "mi": "m", "maj": "", "M": "", "M7": "maj7", "o": "dim", "°": "dim", "+": "aug"}
"""Other spellings of qualities."""
CHORD = re.compile(r"([A-Ga-g])([#b♯♭+]?)([^/]*)(?:/.*)?")
LOWEST, HIGHEST = 0, 127


class Note(NamedTuple):
    """A note: first tick, ticks it lasts (at least 1), and its pitch, 60 for middle C."""

    start: int
    duration: int
    pitch: int


class Harmony(NamedTuple):
    """A chord that begins: first tick, and its name as `chord_name` spells it."""

    start: int
    name: str


@dataclasses.dataclass(frozen=True)
class Piece:
    """A tune or a piece, as it is played from its beginning.

    Attributes:
        notes: By start, then pitch.
        chords: By start; each holds until the next.
        bars: First tick of each bar, and the end, rising, the first 0. The first bar may be shorter than the metre
            says: an upbeat.
        metre: Beats and what a beat is, as (6, 8).
        tonic: Pitch class, 0 for C.
        mode: Key of `MODES`.
        tempo: Quarters a minute.
        title: '' where there is none.
        style: Such as jig; '' where there is none.
        source: Where it stands, for messages: file, and the tune's number and line in it.
    """

    notes: tuple[Note, ...]
    bars: tuple[int, ...]
    metre: tuple[int, int]
    chords: tuple[Harmony, ...] = ()
    tonic: int = 0
    mode: str = "major"
    tempo: float = 120.0
    title: str = ""
    style: str = ""
    source: str = ""

    @property
    def bar_ticks(self) -> int:
        """Ticks of a whole bar."""
        return bar_ticks(self.metre)

    @property
    def right_bars(self) -> tuple[bool, ...]:
        """Whether each bar has a length that it may have: the metre's.

        The first may be shorter, an upbeat; then the last of several may be short by just that.
        """
        lengths = [end - begin for begin, end in zip(self.bars[:-1], self.bars[1:], strict=True)]
        whole, right = self.bar_ticks, [length == self.bar_ticks for length in lengths]
        if lengths and 0 < lengths[0] < whole:
            right[0] = True
            right[-1] |= lengths[-1] == whole - lengths[0] and len(lengths) > 1
        return tuple(right)

    def transposed(self, by: int) -> "Piece":
        """Returns the piece so many semitones higher.

        Raises:
            ValueError: A note would leave what MIDI has, 0 to 127.
        """
        if by == 0:
            return self
        for note in self.notes:
            if not LOWEST <= note.pitch + by <= HIGHEST:
                raise ValueError(f"{self.source}: pitch {note.pitch} can't be moved by {by:+d}: pitches are 0 to 127.")
        notes = tuple(note._replace(pitch=note.pitch + by) for note in self.notes)
        chords = tuple(chord._replace(name=moved_chord(chord.name, by)) for chord in self.chords)
        return dataclasses.replace(self, notes=notes, chords=chords, tonic=(self.tonic + by) % 12)


def bar_ticks(metre: tuple[int, int]) -> int:
    """Returns the ticks of a whole bar.

    Raises:
        ValueError: Its beats are no whole number of ticks.
    """
    beats, unit = metre
    ticks = 4 * TICKS * beats
    if beats < 1 or unit < 1 or ticks % unit:
        raise ValueError(f"A metre must be such as 4/4 or 6/8. Got {beats}/{unit}.")
    return ticks // unit


def chord_name(text: str) -> str:
    """Returns a chord's name in our spelling, its bass left out, such as 'F#m7'; '' where the text is none."""
    match = CHORD.fullmatch(text.strip())
    if not match:
        return ""
    letter, sign, quality = match.groups()
    # The letters of Nottingham's chords have + for sharps.
    root = (LETTERS[letter.upper()] + {"#": 1, "♯": 1, "+": 1, "b": -1, "♭": -1}.get(sign, 0)) % 12
    quality = quality.strip()
    quality = OTHERS.get(quality, quality)
    if quality not in QUALITIES:
        # 'Fine' and 'Coda' are no chords.
        if not re.fullmatch(r"(min|maj|mi|dim|aug|sus|add|alt|no|[mMo°øΔ+\-()#b♯♭,\s\d])+", quality):
            return ""
        begins = [known for known in (*QUALITIES, *OTHERS) if known and quality.startswith(known)]
        quality = max(begins, key=len) if begins else ""
        quality = OTHERS.get(quality, quality)
    return NAMES[root] + quality


def chord_classes(name: str) -> tuple[int, ...]:
    """Returns the pitch classes of a chord, the root first."""
    root, quality = _parted(name)
    return tuple((root + step) % 12 for step in QUALITIES[quality])


def moved_chord(name: str, by: int) -> str:
    """Returns a chord so many semitones higher."""
    root, quality = _parted(name)
    return NAMES[(root + by) % 12] + quality


def _parted(name):
    root = max((known for known in NAMES if name.startswith(known)), key=len)
    return NAMES.index(root), name.removeprefix(root)
