"""Says what a scene shows: digits, how many of each, how they lie -> the captions that are true of it.

A meaning is all that a caption tells. What it doesn't tell (where on the canvas, whether two equal digits lie beside
each other or one above the other) is left to the drawing.
"""

import dataclasses
import itertools

SINGULAR = (
    "a zero",
    "a one",
    "a two",
    "a three",
    "a four",
    "a five",
    "a six",
    "a seven",
    "an eight",
    "a nine",
)
PLURAL = ("zeros", "ones", "twos", "threes", "fours", "fives", "sixes", "sevens", "eights", "nines")
COUNTS = {2: "two", 3: "three"}
CONVERSE = {"above": "below", "left of": "right of"}
BETWEEN = "between"
PAIR_COUNTS = ((1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (3, 1))


@dataclasses.dataclass(frozen=True)
class Meaning:
    """What a caption tells.

    Attributes:
        relation: "above", "left of" or "between".
        first: Digit and count of the group that is above, left of or, one digit, between.
        second: Digit and count of the other group.
    """

    relation: str
    first: tuple[int, int]
    second: tuple[int, int]

    @property
    def company(self) -> tuple[tuple[int, int], ...]:
        """Both groups, however they lie."""
        return tuple(sorted((self.first, self.second)))


def meanings() -> list[Meaning]:
    """Returns all meanings, each once: what a converse says is the same meaning."""
    digits = list(itertools.permutations(range(10), 2))
    pairs = [
        Meaning(relation, (first, counts[0]), (second, counts[1]))
        for relation in CONVERSE
        for counts in PAIR_COUNTS
        for first, second in digits
    ]
    return pairs + [Meaning(BETWEEN, (first, 1), (second, 2)) for first, second in digits]


def captions(meaning: Meaning) -> tuple[str, str]:
    """Returns the two captions that are true of `meaning`, and of no other."""
    first, second = _words(*meaning.first), _words(*meaning.second)
    told = f"{first} {meaning.relation} {second}"
    if meaning.relation == BETWEEN:
        return told, f"{second} with {first} between them"
    return told, f"{second} {CONVERSE[meaning.relation]} {first}"


def _words(digit, count):
    return SINGULAR[digit] if count == 1 else f"{COUNTS[count]} {PLURAL[digit]}"
