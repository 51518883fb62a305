"""Texts: what was written -> scripts, and marks of a wrong encoding, of HTML, of characters nobody meant."""

import collections
import functools
import re
import unicodedata
from collections.abc import Sequence

from rnnkit.checking.findings import Finding, Tally, counted, percent

OTHER_SHARE = 0.01
"""Share of the rows from which on other scripts, tags and the like are more than a remark."""
NO_LETTERS = bytes(set(range(256)) - set(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
LOOK_ALIKES = re.compile(r"[A-Za-z][\u0370-\u052f]|[\u0370-\u052f][A-Za-z]")

# The second byte of UTF-8 as latin-1 shows it, or cp1252.
_NEXT = "[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
MOJIBAKE = re.compile(
    f"[ÂÃÄÅ]{_NEXT}|(?:[ÐÑ]{_NEXT}){{2,}}|[âã]{_NEXT}{{2}}|(?:[ä-é]{_NEXT}{{2}}){{2,}}|ð[Ÿ\x9f]{_NEXT}{{2}}|ï»¿"
)
TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}|#\d{1,6}|#[xX][0-9a-fA-F]{1,6});")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
LATE_CONTROL = re.compile(r"[\x80-\x9f]")
INVISIBLE = re.compile(r"[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
PATTERNS = {
    "html_tags": (TAG, True),
    "html_entities": (ENTITY, True),
    "control_characters": (CONTROL, True),
    "mojibake": (MOJIBAKE, False),
    "latin1_controls": (LATE_CONTROL, False),
    "replacement_characters": (re.compile("\ufffd"), False),
    "invisible_characters": (INVISIBLE, False),
    "look_alikes": (LOOK_ALIKES, False),
}
"""Kind of finding -> its pattern, and whether a text of ASCII alone can match it."""
SUSPECT = re.compile(r"[<&\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@functools.cache
def script(character: str) -> str:
    """Returns the script of a letter, such as `Latin` or `Greek`; an empty text for what is no letter.

    By the first word of its Unicode name; Chinese and Japanese letters are one script, `CJK`.
    """
    if unicodedata.category(character)[0] != "L":
        return ""
    name = unicodedata.name(character, "").removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ")
    first = name.partition(" ")[0].partition("-")[0]
    if first in ("CJK", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC"):
        return "CJK"
    # Signs such as the micro and the ordinals belong to any script.
    return "" if first in ("", "MICRO", "MODIFIER", "FEMININE", "MASCULINE", "SCRIPT") else first.capitalize()


class TextChecks:
    """What the texts of one column are made of.

    Attributes:
        rows, characters: Texts fed, and their characters.
        letters: Script -> letters of it.
        scripts: Script -> the rows in which it occurs.
        seen: Kind of finding -> the rows in which its pattern occurs.
    """

    def __init__(self, name: str, unit: str):
        self.name, self.unit, self.rows, self.characters = name, unit, 0, 0
        self.letters = collections.Counter()
        self.scripts = collections.defaultdict(Tally)
        self.seen = collections.defaultdict(Tally)
        self.examples = {}

    def take(self, texts: Sequence[str], places: Sequence[int | str]) -> None:
        """Adds some texts."""
        self.rows += len(texts)
        self.characters += sum(map(len, texts))
        for text, place in zip(texts, places, strict=True):
            ascii = text.isascii()
            if not ascii or SUSPECT.search(text):
                self._look(text, place, ascii)
            if ascii:
                latin = len(text.encode().translate(None, NO_LETTERS))
                if latin:
                    self.letters["Latin"] += latin
                    self.scripts["Latin"].add(place)
            else:
                self._count(text, place)

    def _look(self, text, place, ascii):
        for kind, (pattern, in_ascii) in PATTERNS.items():
            if (in_ascii or not ascii) and (found := pattern.search(text)):
                self.seen[kind].add(place)
                self.examples.setdefault(kind, found[0])

    def _count(self, text, place):
        counts = collections.Counter()
        for character, count in collections.Counter(BEYOND_ASCII.findall(text)).items():
            if name := script(character):
                counts[name] += count
        counts["Latin"] += len(text.encode("ascii", "ignore").translate(None, NO_LETTERS))
        for name, count in counts.items():
            if count:
                self.letters[name] += count
                self.scripts[name].add(place)

    @property
    def main_script(self) -> str:
        """The script of most letters; empty where there are none."""
        return self.letters.most_common(1)[0][0] if self.letters else ""

    def shares(self) -> dict[str, float]:
        """Returns each script's share of the letters, the largest first."""
        total = sum(self.letters.values())
        return {name: count / total for name, count in self.letters.most_common()}

    def findings(self, encoding: str = "utf-8", markup: str = "") -> list[Finding]:
        """Returns what is odd about the texts.

        Args:
            encoding: As the file was read.
            markup: The setting that says what becomes of tags, if there is one.
        """
        return [*self._script_findings(), *self._marks(encoding, markup)]

    def _script_findings(self):
        others = [name for name in self.shares() if name != self.main_script]
        if not others:
            return []
        rows = {name: self.scripts[name] for name in others}
        total = sum(self.letters.values())
        parts = [
            f"{name} in {counted(tally.count, 'row')} ({percent(self.letters[name], total)} of the letters; "
            f"{tally.where(self.unit)})"
            for name, tally in list(rows.items())[:5]
        ]
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        message = f"{self.name}: most letters are {self.main_script}; there are also {', '.join(parts)}{more}."
        most = max(tally.count for tally in rows.values())
        severe = most >= OTHER_SHARE * self.rows
        mend = "Rare scripts become unknown words: leave such rows out, or give more of them." if severe else ""
        places = tuple(place for tally in rows.values() for place in tally.places)[:3]
        return [Finding("other_scripts", "warning" if severe else "note", message, places, mend)]

    def _marks(self, encoding, markup):
        findings = []
        for kind in PATTERNS:
            tally = self.seen.get(kind)
            if tally:
                what, mend, grave = _meaning(kind, encoding, markup)
                shown = ascii(self.examples[kind]) if kind in UNSEEN else repr(self.examples[kind])
                message = (
                    f"{self.name}: {counted(tally.count, 'row')} ({percent(tally.count, self.rows)}) with {what}, "
                    f"such as {shown[:60]} ({tally.where(self.unit)})."
                )
                severe = grave and (grave == "always" or tally.count >= OTHER_SHARE * self.rows)
                severity = "warning" if severe else "note"
                findings.append(Finding(kind, severity, message, tuple(tally.places), mend if severe else ""))
        return findings


UNSEEN = ("control_characters", "latin1_controls", "invisible_characters", "replacement_characters")


def _meaning(kind, encoding, markup):
    """Returns what a kind is, what mends it, and whether it is grave: never, "often" or "always"."""
    utf8 = encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig")
    if kind == "html_tags":
        removed = markup == "drop"
        mend = "Take tags out of the texts" + (": --markup drop." if markup == "keep" else " before.")
        return "HTML tags" + (", which are left out" if removed else ""), mend, "" if removed else "often"
    return {
        "html_entities": ("HTML entities", "Turn entities into characters before (Python: html.unescape).", "often"),
        "control_characters": ("control characters", "Take control characters out of the texts.", "often"),
        "mojibake": (
            "characters that were UTF-8 and were read as another encoding",
            "Write the file anew from its source, or mend it (Python: text.encode('cp1252').decode('utf-8'))."
            if utf8
            else "Read the file as what it seems to be: --encoding utf-8.",
            "always",
        ),
        "latin1_controls": (
            "control characters that cp1252 has marks for",
            "If the file was written on Windows: --encoding cp1252." if not utf8 else "Write the file anew as UTF-8.",
            "always",
        ),
        "replacement_characters": (
            "U+FFFD, which stands for a character that was lost before",
            "Write the texts anew from their source: what U+FFFD replaced can't be told.",
            "often",
        ),
        "invisible_characters": ("characters that nobody sees", "", ""),
        "look_alikes": (
            "words that mix Latin with Greek or Cyrillic letters",
            "Write each word in one script: look-alikes make words that nobody else writes.",
            "often",
        ),
    }[kind]
