"""ABC voices: lines of music -> sounds with ticks, pitches and ties, and the bar lines between them."""

import dataclasses
from fractions import Fraction
from typing import NamedTuple

from rnnkit.music.abc_headers import ALTERATIONS, number
from rnnkit.music.abc_tokens import MOST_TURNS, ending_turns, length_ticks, tuplet
from rnnkit.music.pieces import HIGHEST, LETTERS, LOWEST, bar_ticks, chord_name

NATURALS = {letter: 60 + above for letter, above in LETTERS.items()}
NATURALS |= {letter.lower(): pitch + 12 for letter, pitch in NATURALS.items()}
"""Letter -> pitch without accidentals."""
COMPOUND = frozenset({(6, 8), (9, 8), (12, 8)})
"""Metres whose tuplets of 5, 7 and 9 stand in for 3 notes."""
ANNOTATIONS = tuple("^_<>@")
"""First letters of what stands in quotes and is no chord: they say where it is printed."""
MOST_SILENT_BARS = 200
"""Of a rest over many bars."""


@dataclasses.dataclass(slots=True)
class Sound:
    """Notes that begin and end together; silence where there are none.

    Attributes:
        line: Where it stands.
        ticks: How long it lasts; whole, unless the tune is broken.
        pitches: Rising.
        chord: That which begins here, '' for none.
        ties: Those of the pitches that go on in the next sound.
    """

    line: int
    ticks: Fraction | int
    pitches: tuple[int, ...]
    chord: str
    ties: tuple[int, ...] = ()


class Mark(NamedTuple):
    """A bar line, or what else sections begin or end with.

    Attributes:
        line: Where it stands.
        is_bar: Whether it is a bar line.
        thick: Whether it ends a section without repeating it.
        repeats: How often what was before is played again, 0 for not.
        begins: Whether what follows is to be repeated.
        turns: Those in which what follows is played, where an ending begins; else empty.
    """

    line: int
    is_bar: bool = True
    thick: bool = False
    repeats: int = 0
    begins: bool = False
    turns: frozenset[int] = frozenset()

    @property
    def is_border(self) -> bool:
        """Whether sections meet here."""
        return not self.is_bar or self.thick or self.repeats > 0 or self.begins


class Voice:
    """Sounds and marks as they are written, and what is open while they are read.

    Attributes:
        symbols: What was read.
        line: Which is read.
        metre: Beats and what a beat is; None before M: stands.
        unit: Ticks of a note without a length.
        signature: Letter -> semitones it is altered by.
    """

    def __init__(self):
        self.symbols: list[Sound | Mark] = []
        self.line = 0
        self.metre: tuple[int, int] | None = None
        self.unit: Fraction | int = 0
        self.signature: dict[str, int] = {}
        self._last: Sound | None = None
        self._chord = ""
        # Pitch without accidental -> semitones: those of this bar, and those that a tie takes over a bar line.
        self._altered: dict[int, int] = {}
        self._held: dict[int, int] = {}
        # The last sound's notes: pitch without accidental, semitones, and length as written.
        self._spelled: list[tuple[int, int, str]] = []
        self._bracket: list[tuple[int, int, str]] | None = None
        self._tied: list[tuple[int, int, str]] = []
        self._factor, self._left = Fraction(1), 0
        self._share: Fraction | None = None

    @property
    def has_sounds(self) -> bool:
        """Whether there is a note or a rest."""
        return self._last is not None

    def read(self, token) -> None:
        """Reads the next token.

        Raises:
            ValueError: It can't stand here.
        """
        reader = READERS.get(token.lastgroup)
        if reader:
            reader(self, token)

    def end_line(self) -> None:
        """Checks that no chord is open at the end of a line.

        Raises:
            ValueError: One is.
        """
        if self._bracket is not None:
            raise ValueError("a chord's '[' has no ']'.")

    def end(self) -> None:
        """Checks that the tune has notes, and a tuplet or a broken rhythm all of its own.

        Raises:
            ValueError: One is missing.
        """
        if not any(isinstance(symbol, Sound) and symbol.pitches for symbol in self.symbols):
            raise ValueError("the tune has no notes.")
        self._check_rhythm()
        if self._left:
            raise ValueError(f"the last tuplet lacks {self._left} of its notes.")

    def _note(self, token):
        _, sign, letter, octave, length = token.group("note", "accidental", "letter", "octave", "length")
        natural = NATURALS[letter] + (12 * (octave.count("'") - octave.count(",")) if octave else 0)
        if sign:
            self._altered[natural] = ALTERATIONS[sign]
        by = self._altered.get(natural)
        if by is None:
            # A tie takes an accidental over the bar line.
            by = self._held.get(natural, self.signature[letter])
        if not LOWEST <= natural + by <= HIGHEST:
            raise ValueError(f"{token[0]!r} would be pitch {natural + by}: pitches are {LOWEST} to {HIGHEST}.")
        if self._bracket is None:
            self._sound(length_ticks(length, self.unit), [(natural, by, length)])
        else:
            self._bracket.append((natural, by, length))

    def _rest(self, token):
        if self._bracket is None:
            self._sound(length_ticks(token["silence"], self.unit), [])

    def _bars(self, token):
        count = number(token["count"] or "1")
        if not 1 <= count <= MOST_SILENT_BARS:
            raise ValueError(f"{token[0]!r} is a rest of {count} bars: 1 to {MOST_SILENT_BARS} are allowed.")
        for place in range(count):
            if place:
                self.symbols.append(Mark(self.line))
            self._sound(bar_ticks(self.metre or (4, 4)), [])

    def _sound(self, ticks, notes):
        if self.metre is None:
            raise ValueError("M: is missing before the first note. Metres are such as M:4/4 or M:6/8.")
        if self._left:
            ticks *= self._factor
            self._left -= 1
        if self._share:
            ticks *= self._share
            self._share = None
        self._spelled, self._held = notes, {}
        self._last = Sound(self.line, ticks, tuple([natural + by for natural, by, _ in notes]), self._chord)
        self._chord = ""
        self.symbols.append(self._last)

    def _open(self, token):
        if self._bracket is not None:
            raise ValueError("'[' stands inside of a chord's brackets.")
        self._bracket, self._tied = [], []

    def _close(self, token):
        notes, self._bracket = self._bracket, None
        if not notes:
            raise ValueError("']' closes no chord of notes.")
        # The first note's length is the chord's, as the standard says.
        self._sound(length_ticks(notes[0][2], length_ticks(token["times"], self.unit)), notes)
        self._last.pitches = tuple(sorted(set(self._last.pitches)))
        self._tie_on(self._tied)

    def _tie(self, token):
        if self._bracket:
            self._tied.append(self._bracket[-1])
        elif self._bracket is None and self._last:
            self._tie_on(self._spelled)

    def _tie_on(self, notes):
        self._held = {natural: by for natural, by, _ in notes}
        self._last.ties = tuple([natural + by for natural, by, _ in notes])

    def _text(self, token):
        if not token["text"].startswith(ANNOTATIONS):
            self._chord = chord_name(token["text"]) or self._chord

    def _tuplet(self, token):
        if self._left:
            raise ValueError(f"{token[0]!r} begins where the tuplet before lacks {self._left} of its notes.")
        self._factor, self._left = tuplet(token["tuplet"], compound=self.metre in COMPOUND)

    def _broken(self, token):
        signs = token["broken"]
        if self._share or not self.symbols or self.symbols[-1] is not self._last or len(signs) > 3:
            raise ValueError(f"{signs!r} makes the note before it longer or shorter, and there is none.")
        short = Fraction(1, 2 ** len(signs))
        first, self._share = (2 - short, short) if signs[0] == ">" else (short, 2 - short)
        self._last.ticks *= first

    def _check_rhythm(self):
        if self._share:
            raise ValueError("'>' or '<' stands at the end of a bar, and needs a note after it.")

    def _bar(self, token):
        text, turns = token["bar"], token["following"]
        self._check_rhythm()
        self.end_line()
        self._altered.clear()
        colons = len(text) - len(text.lstrip(":"))
        only = colons == len(text)
        if colons >= MOST_TURNS:
            raise ValueError(f"{text[:20]!r} repeats too often: {MOST_TURNS} turns are the most.")
        thick = not only and text.strip(":") != "|"
        mark = Mark(self.line, True, thick, 1 if only else colons, only or text.endswith(":"))
        self.symbols.append(mark)
        if turns:
            self._ending(turns)

    def _ending_begins(self, token):
        self._ending(token["ending"])

    def _ending(self, text):
        self.symbols.append(Mark(self.line, is_bar=False, turns=ending_turns(text)))

    def part(self) -> None:
        """Notes that another part begins."""
        self.symbols.append(Mark(self.line, is_bar=False, thick=True))


READERS = {
    "note": Voice._note,
    "rest": Voice._rest,
    "bars": Voice._bars,
    "text": Voice._text,
    "ending": Voice._ending_begins,
    "bar": Voice._bar,
    "following": Voice._bar,
    "tie": Voice._tie,
    "broken": Voice._broken,
    "tuplet": Voice._tuplet,
    "open": Voice._open,
    "close": Voice._close,
}
"""Kind of a token -> what reads it; others mean nothing here."""
