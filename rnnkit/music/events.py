"""Events: a piece <-> words, each an event: where a bar begins, a chord, notes, how long they last.

    style:jig key:D_major metre:6/8 | from:60 n69 d12 | ch:D n74 d24 n78 d12 r d12 ch:A7 ~ d24 | …

`n74` is a note of that pitch, several stand in rising order; `r` a rest; `~` what sounded goes on; `d24` says for how
many ticks, 24 a quarter. `from:60` begins a short first bar where it stands in a whole one.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction

from rnnkit.music.pieces import HIGHEST as HIGHEST_PITCH
from rnnkit.music.pieces import MODES, NAMES, TICKS, Harmony, Note, Piece, bar_ticks, chord_name, moved_chord

BAR, REST, GOES_ON = "|", "r", "~"
STYLE, KEY, METRE, FROM, CHORD, NOTE, DURATION = "style:", "key:", "metre:", "from:", "ch:", "n", "d"
LIKE_MINOR = ("minor", "dorian", "phrygian", "locrian")
"""Modes whose tonic is moved to A; that of others to C."""
HEADER = (STYLE, KEY, METRE)


def key_word(tonic: int, mode: str) -> str:
    """Returns the word of a key, such as `key:F#_minor`."""
    return f"{KEY}{NAMES[tonic]}_{mode}"


def shift_of(tonic: int, mode: str) -> int:
    """Returns the semitones, -5 to 6, by which a piece is moved to C or A."""
    return ((9 if mode in LIKE_MINOR else 0) - tonic + 5) % 12 - 5


def moved_word(word: str, by: int) -> str:
    """Returns a word in a key so many semitones higher; '' for a note that leaves what MIDI has."""
    if word.startswith(KEY):
        name, _, mode = word.removeprefix(KEY).partition("_")
        return key_word((NAMES.index(name) + by) % 12, mode)
    if word.startswith(CHORD):
        return CHORD + moved_chord(word.removeprefix(CHORD), by)
    if word.startswith(NOTE) and word != NOTE:
        pitch = int(word.removeprefix(NOTE)) + by
        return f"{NOTE}{pitch}" if 0 <= pitch <= HIGHEST_PITCH else ""
    return word


def key_words() -> list[str]:
    """Returns the words of all keys."""
    return [key_word(tonic, mode) for tonic in range(12) for mode in MODES]


def style_word(style: str) -> str:
    """Returns the word of a style, its white space joined."""
    return STYLE + "_".join(style.lower().split())


def encode_piece(piece: Piece) -> list[str]:
    """Writes a piece as words, in its own key.

    Raises:
        ValueError: Its notes overlap, or some that start together don't end together: see `melody_of`; or some lie
            outside of its bars.
    """
    words = [style_word(piece.style)] if piece.style.strip() else []
    words += [key_word(piece.tonic, piece.mode), METRE + "/".join(map(str, piece.metre))]
    groups, chords = _groups(piece), dict(piece.chords)
    edges = sorted({edge for start, (end, _) in groups.items() for edge in (start, end)} | {*chords, *piece.bars})
    sounding = 0
    ends = piece.bars[1:]
    for number, (begin, end) in enumerate(zip(piece.bars[:-1], ends, strict=True)):
        words.append(BAR)
        if not number and end - begin < piece.bar_ticks:
            words.append(f"{FROM}{piece.bar_ticks - (end - begin)}")
        own = [edge for edge in edges if begin <= edge <= end]
        for first, last in zip(own[:-1], own[1:], strict=True):
            if first in chords:
                words.append(CHORD + chords[first])
            if first in groups:
                sounding, pitches = groups[first]
                words += [f"{NOTE}{pitch}" for pitch in pitches]
            else:
                words.append(GOES_ON if first < sounding else REST)
            words.append(f"{DURATION}{last - first}")
    return words


def _groups(piece):
    """Returns start -> end and pitches of the notes that start together."""
    found: dict[int, tuple[int, list[int]]] = {}
    last = 0
    for note in sorted(piece.notes):
        end = note.start + note.duration
        if note.start in found:
            if found[note.start][0] != end:
                raise ValueError(f"{piece.source}: notes that start at tick {note.start} don't end together.")
            if note.pitch not in found[note.start][1]:
                found[note.start][1].append(note.pitch)
        elif note.start < last:
            raise ValueError(f"{piece.source}: a note at tick {note.start} starts before another has ended.")
        elif end > piece.bars[-1]:
            raise ValueError(
                f"{piece.source}: a note at tick {note.start} lasts to tick {end}, "
                f"after the last bar, {piece.bars[-1]}."
            )
        else:
            found[note.start] = end, [note.pitch]
        last = end
    return found


def decode_words(words: Iterable[str], *, title: str = "", tempo: float = 120.0, source: str = "") -> Piece:
    """Reads words as a piece; what `encode_piece` wrote comes back as it was.

    Raises:
        ValueError: A word is none, or stands where it can't.
    """
    reading = _Reading(source or "events")
    for place, word in enumerate(words):
        reading.take(word, place)
    return reading.piece(title, tempo)


class _Reading:
    """What was read so far."""

    def __init__(self, source):
        self.source = source
        self.notes, self.chords, self.bars = [], [], []
        self.metre, self.tonic, self.mode, self.style = (4, 4), 0, "major", ""
        self.now, self.pitches, self.last = 0, None, []
        self.before, self.headers = "", []

    def take(self, word, place):
        if word.startswith(HEADER):
            self._header(word, place)
        elif word == BAR:
            self._none_open(word, place)
            # A bar that nothing stood in is none.
            if not self.bars or self.bars[-1] != self.now:
                self.bars.append(self.now)
        elif word.startswith(FROM):
            number_in(word, FROM, self.source, place)
            if self.before != BAR or self.bars != [0]:
                raise _misplaced(self.source, place, word)
        elif word.startswith(CHORD):
            self._none_open(word, place)
            self.chords = [chord for chord in self.chords if chord.start != self.now]
            self.chords.append(Harmony(self.now, _chord(word, self.source, place)))
        elif word in (REST, GOES_ON):
            self._none_open(word, place)
            self.pitches = word
        elif word.startswith(DURATION):
            self._last_for(number_in(word, DURATION, self.source, place), place)
        elif word.startswith(NOTE):
            pitch = number_in(word, NOTE, self.source, place)
            if pitch > HIGHEST_PITCH or isinstance(self.pitches, str):
                raise _misplaced(self.source, place, word)
            self.pitches = [*(self.pitches or ()), pitch]
        else:
            raise _misplaced(self.source, place, word)
        self.before = word

    def _header(self, word, place):
        kind = next(prefix for prefix in HEADER if word.startswith(prefix))
        if self.before and not self.before.startswith(tuple(self.headers)) or kind in self.headers:
            raise _misplaced(self.source, place, word)
        self.headers.append(kind)
        if word.startswith(STYLE):
            self.style = word.removeprefix(STYLE).replace("_", " ")
        elif word.startswith(KEY):
            name, _, self.mode = word.removeprefix(KEY).partition("_")
            if name not in NAMES or self.mode not in MODES:
                raise _misplaced(self.source, place, word)
            self.tonic = NAMES.index(name)
        else:
            self.metre = read_metre(word, self.source, place)

    def _none_open(self, word, place):
        if self.pitches is not None:
            raise _misplaced(self.source, place, word)

    def _last_for(self, duration, place):
        if self.pitches is None or not duration:
            raise _misplaced(self.source, place, f"{DURATION}{duration}")
        if not self.bars:
            self.bars.append(self.now)
        if self.pitches == GOES_ON:
            self.notes[len(self.notes) - len(self.last) :] = self.last = [
                note._replace(duration=note.duration + duration) for note in self.last
            ]
        elif self.pitches == REST:
            self.last = []
        else:
            self.last = [Note(self.now, duration, pitch) for pitch in sorted(set(self.pitches))]
            self.notes += self.last
        self.now += duration
        self.pitches = None

    def piece(self, title, tempo):
        bars = [bar for bar in self.bars if bar < self.now]
        chords = tuple(chord for chord in self.chords if chord.start < self.now)
        return Piece(
            notes=tuple(self.notes),
            bars=(*bars, self.now),
            metre=self.metre,
            chords=chords,
            tonic=self.tonic,
            mode=self.mode,
            tempo=tempo,
            title=title,
            style=self.style,
            source=self.source,
        )


def number_in(word: str, prefix: str, source: str = "events", place: int = 0) -> int:
    """Returns the number that a word has after its prefix.

    Raises:
        ValueError: It has none.
    """
    digits = word.removeprefix(prefix)
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 6:
        raise _misplaced(source, place, word)
    return int(digits)


def read_metre(word: str, source: str = "events", place: int = 0) -> tuple[int, int]:
    """Returns the metre that a word such as `metre:6/8` says.

    Raises:
        ValueError: It says none.
    """
    beats, _, unit = word.removeprefix(METRE).partition("/")
    try:
        metre = number_in(beats, ""), number_in(unit, "")
        bar_ticks(metre)
    except ValueError:
        raise _misplaced(source, place, word) from None
    return metre


def _chord(word, source, place):
    name = word.removeprefix(CHORD)
    if not name or chord_name(name) != name:
        raise _misplaced(source, place, word)
    return name


def _misplaced(source, place, word):
    return ValueError(
        f"{source}: event {place + 1}, {word!r}, can't stand there. Events are such as: key:D_major metre:6/8 | ch:D "
        "n74 d24 r d12 …, a note or rest before each duration."
    )


def bar_faults(piece: Piece) -> Iterator[str]:
    """Yields what is wrong with the lengths of bars, see `Piece.right_bars`."""
    whole = Fraction(piece.bar_ticks, TICKS)
    for number, right in enumerate(piece.right_bars, 1):
        if not right:
            quarters = Fraction(piece.bars[number] - piece.bars[number - 1], TICKS)
            yield f"bar {number} has {quarters} quarters where the metre says {whole}"
