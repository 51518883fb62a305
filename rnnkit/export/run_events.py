"""Events on a device: texts <-> ids in C or A, what may come next of a tune, and what is played.

Beside run_music.py, as run_events.py; needs numpy. It is told by preparation.json what the training knew.
"""

import re

import numpy as np

UNKNOWN, END, FIRST = 1, 3, 4
NOTHING, STOP, STYLE, KEY, METRE, BAR, FROM, CHORD, NOTE, REST, GOES_ON, DURATION = range(12)
"""Kinds of events, as the tables have them."""
SPACES = re.compile(r"[\t\n\v\f\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
MIDI_NOTE = re.compile("n(0|[1-9][0-9]{0,2})")
EVENT = re.compile(r"(style:|key:|metre:|from:|ch:|n|d)(.*)|([|r~])", re.DOTALL)
ASKED = {"style": STYLE, "key": KEY, "metre": METRE}
HIGHEST, TICKS = 127, 24
"""The last pitch of MIDI, and the ticks of a quarter."""


class Words:
    """Texts of events -> ids of the same in C or A, as the graph of the training makes them, and back."""

    def __init__(self, how):
        self.names, self.modes, self.moves = how["names"], how["modes"], how["moved"]
        self.spelled = ["", "\ufffd", "", "", *how["words"]]
        self.known = {word: number for number, word in enumerate(how["words"], FIRST)}
        names, modes, qualities = ("|".join(map(re.escape, how[name])) for name in ("names", "modes", "qualities"))
        self.parts = re.compile(f"(?:(key:)({names})(_(?:{modes}))|(ch:)({names})({qualities}))")

    def split(self, text):
        return [word for word in SPACES.split(text) if word]

    def ids(self, words):
        by = self.shift(words)
        return [self.known.get(self.moved(word, by), UNKNOWN) for word in words]

    def shift(self, words):
        """Returns by how many semitones words are moved, which their first key says."""
        first = next((word for word in words if word.startswith("key:") and word != "key:"), "")
        parts = self.parts.fullmatch(first) if self.moves else None
        return (self.modes[parts[3][1:]] - self.names.index(parts[2]) + 5) % 12 - 5 if parts else 0

    def moved(self, word, by):
        """Returns a word so many semitones higher; a note that would leave what MIDI has goes the other way."""
        if by and (parts := self.parts.fullmatch(word)):
            prefix, name, rest = (part for part in parts.groups() if part is not None)
            return prefix + self.names[(self.names.index(name) + by) % 12] + rest
        if by and MIDI_NOTE.fullmatch(word) and (pitch := int(word[1:])) <= HIGHEST:
            octave = 0 if 0 <= pitch + by <= HIGHEST else 12 if by > 0 else -12
            return f"n{pitch + by - octave}"
        return word

    def key(self, text):
        """Returns the word of a key such as D, F#m, Bb_major or 'A dorian'."""
        found = re.fullmatch(r"([A-G])([#b]?)(m|[ _][a-z]+|)", text.strip()[:1].upper() + text.strip()[1:])
        mode = {"": "major", "m": "minor"}.get(found[3], found[3][1:]) if found else ""
        if mode not in self.modes:
            raise ValueError(f"key must be such as D, F#m, Bb_major or A_dorian. Got {text!r}.")
        tonic = self.names.index(found[1]) + {"": 0, "#": 1, "b": -1}[found[2]]
        return f"key:{self.names[tonic % 12]}_{mode}"


class Grammar:
    """What may come next, by tables of what each id is."""

    def __init__(self, tables):
        self.tables = {name: np.array(table) for name, table in tables.items()}
        kind = self.tables["kind"]
        self.ids, self.kinds = np.arange(len(kind)), [kind == each for each in range(12)]
        # Training may have had no bars.
        self.bar = int(self.kinds[BAR].argmax()) or END
        self.in_bars = kind >= BAR
        self.inner = self.kinds[NOTE] | self.kinds[REST] | self.kinds[GOES_ON]

    def begin(self):
        return dict.fromkeys(("kind", "pitch", "key", "sounding", "on_tonic", "upbeat"), 0)

    def after(self, number, before):
        """Returns the states after an id."""
        kind, pitch = int(self.tables["kind"][number]), int(self.tables["pitch"][number])
        if kind == STOP:
            before = self.begin()
        # What training doesn't have is taken for what may stand there.
        now = {**before, "kind": kind or int(self.tables["guessed"][before["kind"]]), "pitch": -1}
        if kind == KEY:
            now["key"] = number
        elif kind == NOTE:
            on_tonic = int(pitch % 12 == self.tables["tonic"][now["key"]])
            now = {**now, "pitch": pitch, "sounding": 1, "on_tonic": on_tonic}
        elif kind == REST:
            now["sounding"] = 0
        elif kind == FROM:
            now["upbeat"] = 1
        return now

    def enough(self, now, clock, asked):
        """Whether a tune has its bars, the last one begun; an upbeat is none."""
        return bool(clock[1] - now["upbeat"] > asked["bars"] - 0.5)

    def allowed(self, now, clock, asked):
        """Returns which ids may come next, `(ids,)`; `clock` has ticks since the bar began, bars, ticks of a bar."""
        table, kinds, enough = self.tables, self.kinds, self.enough(now, clock, asked)
        position, bar, length = (round(float(value)) for value in clock[:3])
        may = table["follows"][now["kind"]] & (~kinds[NOTE] | (table["pitch"] > now["pitch"]))
        may = self.without(may, {FROM: bar != 1, GOES_ON: not now["sounding"], STOP: not enough})
        if not asked["right_bars"] and bar > 0:
            may |= kinds[STOP] | self.in_bars
        for name, kind in ASKED.items():
            if asked[name]:
                may &= ~kinds[kind] | (self.ids == asked[name])
        # A style that is asked for comes first.
        may = self.without(may, {KEY: asked["style"] and now["kind"] in (NOTHING, STOP), BAR: enough})
        if asked["in_key"]:
            may &= ~kinds[NOTE] | table["scale"][now["key"]][table["class"]]
        if asked["right_bars"]:
            may &= table["fills"] | (self.ids == asked["metre"])
        if asked["right_bars"] and length > 0:
            may &= self.right(now, length - position, enough and asked["on_tonic"])
        if not may.any():
            # What is begun is ended, then the bar or the tune.
            opened = now["kind"] in (NOTE, REST, GOES_ON)
            may = kinds[DURATION if opened else STOP if enough else BAR]
        return may if may.any() else kinds[STOP]

    def without(self, may, never):
        """Takes away kinds that may never come."""
        for kind, forbidden in never.items():
            may = may & ~self.kinds[kind] if forbidden else may
        return may

    def right(self, now, left, strict):
        """Returns which ids leave a bar that can be filled, to its end and no further; if strict, on the tonic."""
        table, kinds = self.tables, self.kinds
        longest = len(table["fillable"]) - 1
        left = min(max(left, 0), longest)
        may = ~(kinds[BAR] | kinds[STOP]) if left else ~(self.inner | kinds[CHORD])
        after = np.clip(left - table["ticks"], -1, longest)
        fits = (after >= 0) & table["fillable"][np.maximum(after, 0)]
        may &= ~kinds[DURATION] | fits
        # An upbeat leaves something of its bar.
        may &= ~kinds[FROM] | (fits & (after > 0))
        tonic = table["tonic"][now["key"]]
        if strict and tonic >= 0:
            lands = np.where(kinds[NOTE], table["class"] == tonic, bool(now["on_tonic"]))
            may &= ~self.inner | lands | table["splittable"][left]
            may &= ~(kinds[DURATION] & (after == 0) & (not now["on_tonic"]))
        return may


class Tune:
    """What the words of a tune say so far; `known` are `Words`."""

    def __init__(self, known):
        self.known, self.metre, self.key = known, (4, 4), (0, "major")
        self.notes, self.chords, self.bars, self.headers = [], {}, [], []
        self.last, self.held, self.now, self.before = [], None, 0, ""

    def take(self, word):
        """Takes the next word; returns whether it can stand there."""
        match = EVENT.fullmatch(word)
        kind, value, mark = match.groups("") if match else ("", "", "")
        number = int(value) if re.fullmatch("[0-9]{1,6}", value) else None
        before, self.before = self.before, kind or mark
        if kind in ("style:", "key:", "metre:"):
            # What stands before it are others of its kind.
            return before == (self.headers or [""])[-1] and self.header(kind, value)
        if kind == "from:":
            return number is not None and before == "|" and self.bars == [0]
        if kind == "n":
            right = number is not None and number <= HIGHEST and not isinstance(self.held, str)
            self.held = {number, *(self.held or ())} if right else self.held
            return right
        if kind == "d":
            return bool(number and self.held) and self.lasts(number)
        right = self.held is None and bool(mark or self.known.parts.fullmatch(word))
        if kind == "ch:":
            self.chords[self.now] = value
        elif mark == "|":
            self.bars += [self.now] if self.now not in self.bars[-1:] else []
        else:
            self.held = mark
        return right

    def header(self, kind, value):
        if kind in self.headers:
            return False
        self.headers.append(kind)
        if kind == "key:":
            name, _, mode = value.partition("_")
            if name not in self.known.names or mode not in self.known.modes:
                return False
            self.key = self.known.names.index(name), mode
        elif kind == "metre:":
            found = re.fullmatch("([0-9]{1,6})/([0-9]{1,6})", value)
            beats, unit = map(int, found.groups()) if found else (0, 0)
            if not beats or not unit or 4 * TICKS * beats % unit:
                return False
            self.metre = beats, unit
        return True

    def lasts(self, ticks):
        """Ends what is held after so many ticks."""
        self.bars = self.bars or [self.now]
        if self.held == "~":
            for note in self.last:
                note[1] += ticks
        else:
            self.last = [] if self.held == "r" else [[self.now, ticks, pitch] for pitch in sorted(self.held)]
            self.notes += self.last
        self.now, self.held = self.now + ticks, None
        return True

    def told(self):
        """Returns what `midi_bytes` takes."""
        whole, bars = 4 * TICKS * self.metre[0] // self.metre[1], [bar for bar in self.bars if bar < self.now]
        return {
            "notes": [tuple(note) for note in self.notes],
            "metre": self.metre,
            "key": self.key,
            "chords": [(start, name) for start, name in self.chords.items() if start < self.now],
            "upbeat": bars[1] if len(bars) > 1 and bars[1] < whole else 0,
            "ticks": TICKS,
        }


def played(words, known):
    """Returns what `midi_bytes` takes of a tune's words; `known` are `Words`.

    Raises:
        ValueError: A word can't stand where it does.
    """
    tune = Tune(known)
    for place, word in enumerate(words, 1):
        if not tune.take(word):
            raise ValueError(f"event {place}, {word!r}, can't stand there")
    return tune.told()
