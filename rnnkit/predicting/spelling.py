"""Spelling: ids, one by one -> the text that each adds, in whole characters, up to a text that stops it."""

import codecs
from collections.abc import Callable, Sequence

WINDOW = 128
"""Ids that are joined at most, save where these are nothing but spaces: what comes before them stays as it is."""


class Spelling:
    """Spells ids one by one as they are spelled together.

    Args:
        join: Ids -> the bytes of their text.
        before: Ids that stand before, whose text isn't given again.
    """

    def __init__(self, join: Callable[[Sequence[int]], bytes], before: Sequence[int] = ()):
        self._join, self._ids = join, list(before)
        self._text = join(self._ids) if self._ids else b""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, id: int) -> str:
        """Returns the text that an id adds; the first bytes of a character wait for the others."""
        if len(self._ids) >= WINDOW:
            self._forget()
        self._ids.append(id)
        text = self._join(self._ids)
        new = text[len(self._text) :]
        self._text = max(self._text, text, key=len)
        return self._decoder.decode(new)

    def rest(self) -> str:
        """Returns what waits at the end: U+FFFD for a character that isn't whole."""
        return self._decoder.decode(b"", final=True)

    def _forget(self):
        kept = self._ids[-WINDOW // 2 :]
        text = self._join(kept)
        # Spaces at its start would be lost.
        if text and self._text.endswith(text):
            self._ids, self._text = kept, text


class Stops:
    """Holds back what may be the beginning of a text that stops it.

    Args:
        texts: That stop it, none of them empty; where two are whole at once, the one that begins first does.
    """

    def __init__(self, texts: Sequence[str]):
        self._texts, self._held, self.found = texts, "", False

    def add(self, text: str) -> str:
        """Returns what is sure to be before a stop; nothing more once one was `found`."""
        if self.found:
            return ""
        whole = self._held + text
        if places := [place for stop in self._texts if (place := whole.find(stop)) >= 0]:
            self._held, self.found = "", True
            return whole[: min(places)]
        size = max((self._begun(whole, stop) for stop in self._texts), default=0)
        sure = len(whole) - size
        self._held = whole[sure:]
        return whole[:sure]

    def rest(self) -> str:
        """Returns what was held back, for no stop came of it."""
        held, self._held = self._held, ""
        return held

    def _begun(self, text, stop):
        """Counts the last characters of the text that a stop begins with."""
        sizes = range(min(len(stop) - 1, len(text)), 0, -1)
        return next((size for size in sizes if text.endswith(stop[:size])), 0)
