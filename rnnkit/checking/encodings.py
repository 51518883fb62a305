"""Encodings: texts whose bytes could not be decoded -> in which encoding they may have been written."""

from rnnkit.sources.faults import Fault

FOREIGN_SHARE = 0.3
"""Share of bytes past ASCII from which on a text is hardly in a Latin alphabet."""


class EncodingGuess:
    """Collects undecodable texts.

    Args:
        encoding: As the file is read.
    """

    def __init__(self, encoding: str):
        self.encoding = encoding
        self._kind, self._fits, self._high, self._all = None, True, 0, 0

    def take(self, fault: Fault, text: str) -> Fault:
        """Looks at one text and returns its fault."""
        try:
            raw = text.encode(self.encoding, "surrogateescape")
            raw.decode("cp1252")
        except UnicodeError:
            self._fits = False
        else:
            self._kind = fault.kind
            self._high += sum(byte > 127 for byte in raw)
            self._all += len(raw)
        return fault

    def hint(self, kind: str) -> str:
        """Returns what to try, for faults of that kind; empty where nothing can be said."""
        if kind != self._kind:
            return ""
        if self._fits and self._high < FOREIGN_SHARE * self._all:
            return "The bytes that can't be read fit cp1252, as Windows writes it: --encoding cp1252."
        return "Say which encoding the file is in, such as --encoding cp1251, shift_jis or gb18030."
