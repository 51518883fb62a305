"""Words of the invented stories. The names are put together from syllables; any likeness to real ones is chance."""

from typing import NamedTuple


class Pronouns(NamedTuple):
    """The pronouns of a person."""

    he: str
    him: str
    his: str


MALE, FEMALE = Pronouns("he", "him", "his"), Pronouns("she", "her", "her")
PEOPLE = {
    "boy": MALE,
    "girl": FEMALE,
    "man": MALE,
    "woman": FEMALE,
    "widower": MALE,
    "widow": FEMALE,
    "king": MALE,
    "queen": FEMALE,
    "monk": MALE,
    "nun": FEMALE,
}
"""Who a story is about; nothing but this word says which pronouns a name has."""
NAMES = ("Bodo", "Ebru", "Fenna", "Gorrin", "Ilva", "Jorun", "Lubo", "Maren", "Osric", "Tilda", "Vessa", "Zadok")
"""Each is borne by women and by men."""
HOMES = ("by the mill", "under the bridge", "behind the church", "on the hill", "near the well", "beside the lake")
ANIMALS = {"goose": "geese", "hen": "hens", "goat": "goats", "cat": "cats", "pig": "pigs", "pony": "ponies"}
MATERIALS = ("copper", "silver", "wooden", "golden", "broken", "painted", "tiny", "leather")
THINGS = ("bell", "key", "lamp", "drum", "ring", "spoon", "mirror", "flute")
FEARS = ("thunder", "snow", "fire", "darkness", "silence", "smoke", "wind", "fog")
PLACES = ("the tower", "the castle", "the lighthouse", "the temple", "the prison", "the attic")
GIFTS = (
    *("a loaf of bread", "a jar of honey", "a pair of shoes"),
    *("a bag of salt", "a bottle of wine", "a bunch of roses"),
)
COLOURS = ("red", "green", "blue", "white", "black", "grey")
THIEVES = ("the sailors", "the sailor", "the soldiers", "the soldier", "the tailors", "the tailor")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight")
