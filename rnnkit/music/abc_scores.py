"""ABC scores: the lines of one tune -> what its fields say, and the symbols of its first voice."""

import re
from fractions import Fraction

from rnnkit.music.abc_headers import DEFAULT_TEMPO, Key, default_unit, read_key, read_metre, read_tempo, read_unit
from rnnkit.music.abc_tokens import length_ticks, tokens
from rnnkit.music.abc_voices import Voice
from rnnkit.music.pieces import TICKS

FIELD = re.compile(r"([A-Za-z+]):(?:(?<=[H-W]:)|(?![|:]))(.*)")
"""Letter and text; `a:|` is music, and `T:|` is not."""
TEXTS = frozenset("HN")
"""Fields whose text may go on in lines without a letter."""


class Score:
    """What the lines of a tune say, read one by one.

    Attributes:
        line: Which is read.
        key: That of the first note, once K: stands.
        tempo: Quarters a minute, of the header's Q: or else the first.
        voices: Names of the voices, in order; only the first is read.
    """

    def __init__(self):
        self.line = 0
        self.title = self.style = ""
        self.key: Key | None = None
        self.voice = Voice()
        self.voices: list[str] = []
        self._current = ""
        self._unit: Fraction | None = None
        self.tempo = DEFAULT_TEMPO
        self._tempo = ""
        self._last_field = ""

    def read(self, line: int, text: str) -> None:
        """Reads a line, comments taken away.

        Raises:
            ValueError: It is broken.
        """
        self.line = self.voice.line = line
        field = FIELD.match(text)
        try:
            if field:
                self._last_field = field[1]
                self._field(field[1], field[2].strip())
            elif self.key:
                self._music(text)
            elif self._last_field not in TEXTS:
                raise ValueError(f"{text[:20]!r} stands before K:, the header's last line.")
        except ValueError as error:
            raise ValueError(f"line {line}: {error}") from None

    def end(self) -> None:
        """Checks that the tune is whole.

        Raises:
            ValueError: It lacks a key or notes, or ends amid a tuplet.
        """
        try:
            if not self.key:
                raise ValueError("K: is missing, the header's last line, with the key.")
            self.voice.end()
        except ValueError as error:
            raise ValueError(f"line {self.line}: {error}") from None

    def _field(self, letter, text):
        if letter == "V":
            self._change_voice(text.split()[0] if text else "")
        elif self._is_other():
            return
        elif letter == "T":
            self.title = self.title or _plain(text)
        elif letter == "R":
            self.style = _plain(text.lower())
        elif letter == "M":
            self._change_metre(read_metre(text))
        elif letter == "L":
            self._change_unit(read_unit(text))
        elif letter == "Q":
            self._change_tempo(text)
        elif letter == "K":
            self._change_key(read_key(text))
        elif letter == "P" and self.key:
            self.voice.part()

    def _change_voice(self, name):
        if self.voice.has_sounds and not self.voices:
            self.voices.append("")
        if name not in self.voices:
            self.voices.append(name)
        self._current = name

    def _is_other(self):
        return bool(self.key and self.voices and self._current != self.voices[0])

    def _change_metre(self, metre):
        if self.voice.has_sounds and metre != self.voice.metre:
            one, other = ("/".join(map(str, each)) for each in (self.voice.metre, metre))
            raise ValueError(f"the metre changes from {one} to {other}, and a piece has one.")
        self.voice.metre = metre
        if self.key and not self._unit:
            self._change_unit(default_unit(metre))

    def _change_unit(self, unit):
        self._unit = unit
        self.voice.unit = length_ticks("", 4 * TICKS * unit)

    def _change_tempo(self, text):
        # What a number alone counts is known at the header's end.
        tempo = read_tempo(text, self._unit or Fraction(1, 8))
        if not self.key or not self._tempo:
            self._tempo, self.tempo = text, tempo

    def _change_key(self, key):
        if not self.key and self.voices:
            self._current = self.voices[0]
        if not self.voice.has_sounds:
            self.key = key
        self.voice.signature = key.signature
        if self.voice.metre and not self._unit:
            self._change_unit(default_unit(self.voice.metre))
        if not self.voice.has_sounds and self._tempo:
            self.tempo = read_tempo(self._tempo, self._unit or Fraction(1, 8))

    def _music(self, text):
        for token in tokens(text):
            if token.lastgroup == "field":
                self._field(token["field"][0], token["field"][2:].strip())
            elif not self._is_other():
                self.voice.read(token)
        self.voice.end_line()


def _plain(text):
    return " ".join(text.replace("\\%", "%").split())
