"""ABC's music lines: a line -> its tokens, notes and rests, chords, bar lines, tuplets and the rest."""

import functools
import re
from collections.abc import Iterator
from fractions import Fraction

from rnnkit.music.abc_headers import number

LENGTH = r"\d*/*\d*"
TOKEN = re.compile(
    rf"""
    (?P<space> [\s\\`$]+ | y[\d/]* )
    | (?P<note> (?P<accidental> \^\^? | __? | = )? (?P<letter> [A-Ga-g] ) (?P<octave> [,']* ) (?P<length> {LENGTH} ) )
    | (?P<rest> [zx] (?P<silence> {LENGTH} ) )
    | (?P<bars> [ZX] (?P<count> \d* ) )
    | "(?P<text> [^"]* )"
    | \[(?P<field> [A-Za-z] : [^\]]* )\]
    | \[(?P<ending> \d[\d,-]* )
    | (?P<bar> (?: :*\| | \[\| ) [|\]:]* | ::+ ) (?P<following> \d[\d,-]* )?
    | (?P<tie> \.?- )
    | (?P<broken> >+ | <+ )
    | \((?P<tuplet> \d+ (?: : \d* ){{0,2}} )
    | (?P<slur> \.?\( | \) )
    | (?P<grace> \{{ [^}}]* \}} )
    | (?P<open> \[\+? )                                # Nottingham's books have [+GB] for [GB].
    | (?P<close> \] (?P<times> {LENGTH} ) )
    | (?P<mark> [.~H-Wuv] | ![^!\s|]+! | \+[a-z][a-z.()<>]+\+ | ! )
    """,
    re.VERBOSE,
)
"""The kind of a token is the name of its last outer group."""
MOST_TURNS = 16
"""In which a section is played."""


def tokens(text: str) -> Iterator[re.Match]:
    """Yields the tokens of a line of music, comments taken away.

    Raises:
        ValueError: Something in it is no music.
    """
    end = 0
    for match in TOKEN.finditer(text):
        if match.start() != end:
            break
        end = match.end()
        yield match
    if end < len(text):
        rest = text[end : end + 12]
        raise ValueError("'&' begins another voice, and one is read." if rest[0] == "&" else f"{rest!r} is no music.")


def is_music(text: str) -> bool:
    """Says whether a line is music: it has a bar line, and nothing that is none."""
    try:
        return any(token.lastgroup in ("bar", "following") for token in list(tokens(text)))
    except ValueError:
        return False


@functools.lru_cache(4096)
def length_ticks(text: str, unit: Fraction | int) -> Fraction | int:
    """Returns so many times a unit, as `3/2`, `/` or `` say, as an int where it is one.

    Raises:
        ValueError: It is 0, or no length.
    """
    above, slashes, below = re.fullmatch(r"(\d*)(/*)(\d*)", text).groups()
    parts = number(below) if below else 2 ** min(len(slashes), 20)
    times = number(above) if above else 1
    if not parts or not times or (below and len(slashes) > 1):
        raise ValueError(f"{text!r} is no length of a note. Lengths are such as 2, 3/2 or /.")
    ticks = unit * Fraction(times, parts)
    return int(ticks) if ticks.denominator == 1 else ticks


def ending_turns(text: str) -> frozenset[int]:
    """Returns the turns in which an ending is played, of `1`, `1,3` or `1-3`.

    Raises:
        ValueError: It names none, or more than a tune can have.
    """
    turns = set()
    for part in text.strip(",-").split(","):
        ends = [number(end) if end else 0 for end in part.split("-")]
        if len(ends) > 2 or not 1 <= ends[0] <= ends[-1] <= MOST_TURNS:
            raise ValueError(f"[{text} is no ending. Endings are such as [1, [2 or [1,3; {MOST_TURNS} is the most.")
        turns.update(range(ends[0], ends[-1] + 1))
    return frozenset(turns)


def tuplet(text: str, *, compound: bool) -> tuple[Fraction, int]:
    """Reads `3`, `3:2` or `3:2:4`, what follows a tuplet's parenthesis.

    Args:
        text: As written.
        compound: Whether the metre's beats have three parts.

    Returns:
        What its notes' lengths are multiplied by, and how many these are.

    Raises:
        ValueError: One of the numbers is 0 or absurd.
    """
    notes, into, last = (text.split(":") + ["", ""])[:3]
    usual = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}.get(number(notes), 3 if compound else 2)
    place, into, last = number(notes), number(into or str(usual)), number(last or notes)
    if not (0 < place <= 64 and 0 < into <= 64 and 0 < last <= 64):
        raise ValueError(f"({text} is no tuplet. Tuplets are such as (3abc or (3:2:2a2b.")
    return Fraction(into, place), last
