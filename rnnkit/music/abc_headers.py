"""ABC's fields: the texts of K:, M:, L: and Q: -> key signature, metre, unit length and tempo."""

import re
from fractions import Fraction
from typing import NamedTuple

from rnnkit.music.pieces import bar_ticks

MODES = {"M": "major", "maj": "major", "ion": "major", "m": "minor", "min": "minor", "aeo": "minor"} | {
    name[:3]: name for name in ("dorian", "phrygian", "lydian", "mixolydian", "locrian")
}
"""What follows a tonic, as far as it counts."""
SIGNATURE_SHIFTS = {"major": 0, "lydian": 1, "mixolydian": -1, "dorian": -2, "minor": -3, "phrygian": -4, "locrian": -5}
"""Mode -> fifths by which its signature differs from that of the major key of its tonic."""
FIFTHS = "FCGDAEB"
"""The order of sharps; backwards, that of flats."""
ALTERATIONS = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}
"""Accidental -> semitones."""
TONIC = re.compile(r"([A-G])([#b]?)(.*)")
ACCIDENTAL = re.compile(r"(\^\^?|__?|=)([A-Ga-g])")
CLEF = re.compile(r"(clef|middle|m|name|nm|snm|stafflines|staffscale|style|score)=|(treble|bass|alto|tenor|perc)|none$")
FRACTION = re.compile(r"(\d+)(?:/(\d+))?")
METRE = re.compile(r"\(?(\d+(?:\s*\+\s*\d+)*)\)?\s*/\s*(\d+)")
TEMPO = re.compile(r"(?:(?:C(\d*)|(\d+(?:/\d+)?(?:\s+\d+(?:/\d+)?)*))\s*=\s*)?(\d{1,7}(?:\.\d{1,40})?)")
DEFAULT_TEMPO = 120.0
LARGEST = 10**6
"""Of all numbers in a file: what is larger is a slip, and could take all memory."""


class Key(NamedTuple):
    """Tonic as a pitch class, mode of `pieces.MODES`, and letter, large or small, -> semitones it is altered by."""

    tonic: int
    mode: str
    signature: dict[str, int]


def read_key(text: str) -> Key:
    """Reads a K: field, such as `D`, `Ador`, `A mix`, `D phr ^f`, `HP` or `none`; clefs are passed over.

    Raises:
        ValueError: It names no key, or one of more than seven sharps or flats.
    """
    words = text.split()
    if words[:1] in (["HP"], ["Hp"]):
        words[0] = "D"
    match = TONIC.fullmatch(words[0]) if words else None
    if not match and words and words[0].lower() != "none" and not CLEF.match(words[0]):
        raise ValueError(f"K:{text.strip()} is no key. Keys are such as K:D, K:Am, K:Edor or K:none.")
    letter, sign, attached = match.groups() if match else ("C", "", "")
    words = [attached, *words[1:]] if attached else words[1:] if match else words
    mode, altered = _rest(words)
    major = FIFTHS.index(letter) - 1 + 7 * {"#": 1, "b": -1, "": 0}[sign]
    fifths = major + SIGNATURE_SHIFTS[mode]
    if abs(fifths) > 7:
        raise ValueError(f"K:{text.strip()} has {abs(fifths)} {'sharps' if fifths > 0 else 'flats'}; 7 is the most.")
    return Key(major * 7 % 12, mode, _signature(0 if "exp" in words else fifths, altered))


def _rest(words):
    """Mode, and accidentals as letter -> semitones, of what follows a tonic; what would move all notes is refused."""
    mode, altered = "major", {}
    for place, word in enumerate(words):
        known = MODES.get(word if len(word) == 1 else word[:3].lower())
        parts = ACCIDENTAL.findall(word)
        if not place and known:
            mode = known
        elif "".join(map("".join, parts)) == word:
            altered |= {letter.upper(): ALTERATIONS[sign] for sign, letter in parts}
        elif word.startswith(("octave=", "transpose=")):
            raise ValueError(f"K: has {word!r}, which is not read. Write the notes as they sound.")
        elif word != "exp" and not CLEF.match(word):
            raise ValueError(f"K: has {word!r}, which is neither mode, accidental nor clef.")
    return mode, altered


def _signature(fifths, others):
    # Each letter has an alteration for every seven fifths that the key has passed it.
    altered = {letter: (fifths + 6 - place) // 7 for place, letter in enumerate(FIFTHS)} | others
    return altered | {letter.lower(): by for letter, by in altered.items()}


def read_metre(text: str) -> tuple[int, int]:
    """Reads an M: field: `6/8`, `(2+3)/8`, `C` or `C|`.

    Raises:
        ValueError: It is no metre, or free.
    """
    text = text.strip()
    if text in ("C", "C|"):
        return (4, 4) if text == "C" else (2, 2)
    match = METRE.fullmatch(text)
    if not match:
        raise ValueError(f"M:{text} is no metre, and bars need one. Metres are such as M:4/4, M:6/8 or M:C.")
    metre = sum(map(number, match[1].split("+"))), number(match[2])
    bar_ticks(metre)
    return metre


def read_unit(text: str) -> Fraction:
    """Reads an L: field: `1/8`, as a part of a whole note.

    Raises:
        ValueError: It is no length above 0.
    """
    match = FRACTION.fullmatch(text.strip())
    if not match or not number(match[1]) or not number(match[2] or "1"):
        raise ValueError(f"L:{text.strip()} is no length of a note. Lengths are such as L:1/8.")
    return Fraction(number(match[1]), number(match[2] or "1"))


def default_unit(metre: tuple[int, int]) -> Fraction:
    """Returns the length of a note where L: is missing."""
    return Fraction(1, 16) if Fraction(*metre) < Fraction(3, 4) else Fraction(1, 8)


def read_tempo(text: str, unit: Fraction) -> float:
    """Reads a Q: field: `1/4=120`, `"Slow" 3/8=100`, or `120` units a minute; words alone leave the tempo as it is.

    Returns:
        Quarters a minute.

    Raises:
        ValueError: It is no tempo above 0.
    """
    plain = re.sub(r'"[^"]*"', " ", text).strip()
    if not plain:
        return DEFAULT_TEMPO
    match = TEMPO.fullmatch(plain)
    try:
        units, beats, count = match.groups() if match else ("", "", "0")
        beat = sum(map(read_unit, beats.split())) if beats else unit * number(units or "1")
        tempo = float(4 * beat * Fraction(count))
    except ValueError:
        tempo = 0
    if not 0 < tempo <= LARGEST:
        raise ValueError(f"Q:{text.strip()} is no tempo. Tempos are such as Q:1/4=120.")
    return tempo


def number(text: str) -> int:
    """Returns a whole number of a file.

    Raises:
        ValueError: It is absurdly large.
    """
    if len(text) > 7 or int(text) > LARGEST:
        raise ValueError(f"{text[:20]} is more than any number in a tune can be.")
    return int(text)
