"""Words of two invented languages, side by side; the English gloss is a note for the reader and appears in no row.

A noun has a gender in each language, and the two have nothing to do with each other. Any likeness to a word of a real
language is chance.
"""

from typing import NamedTuple


class Noun(NamedTuple):
    """A noun: stems and genders, `o` or `a` in the first language, `o`, `i` or `e` in the second."""

    gloss: str
    first: str
    first_gender: str
    second: str
    second_gender: str


PEOPLE = (
    Noun("king", "tavir", "o", "brusk", "o"),
    Noun("weaver", "selun", "a", "knolv", "i"),
    Noun("child", "mipar", "o", "šteb", "e"),
    Noun("soldier", "gorvan", "a", "dralm", "o"),
    Noun("queen", "neliv", "a", "vrët", "i"),
    Noun("dog", "rumal", "o", "gulk", "e"),
    Noun("smith", "dakor", "a", "trosk", "e"),
    Noun("bear", "zomir", "a", "humbr", "i"),
    Noun("teacher", "pavel", "o", "klist", "i"),
)
THINGS = (
    Noun("ship", "birut", "o", "sparg", "i"),
    Noun("stone", "kelam", "a", "drump", "o"),
    Noun("house", "zetor", "a", "hëlm", "e"),
    Noun("river", "oslin", "o", "brelt", "e"),
    Noun("cart", "punak", "a", "žork", "i"),
    Noun("tower", "tegun", "a", "stirk", "e"),
    Noun("lamp", "lovak", "a", "prusn", "i"),
    Noun("field", "mirot", "o", "vlask", "o"),
)
NAMES = (("Otmira", "a"), ("Velduk", "o"), ("Zirano", "o"), ("Ludeša", "a"))
"""Names stand unchanged in both languages, but for their case; women's count as gender `e` in the second one."""

ADJECTIVES = (
    ("old", "lum", "grav"),
    ("red", "zad", "mërk"),
    ("small", "pik", "tš"),
    ("proud", "vors", "dlun"),
    ("cold", "hesk", "frib"),
    ("heavy", "gom", "skum"),
    ("strange", "trem", "onž"),
)

TRANSITIVE = (
    ("see", "mork", "glep"),
    ("buy", "tonv", "šrom"),
    ("find", "felb", "krun"),
    ("paint", "ruts", "vilg"),
    ("follow", "dosk", "temp"),
    ("guard", "karp", "hrov"),
)
HOLD = ("pelt", {True: "brad", False: "zumk"})
"""'To hold': a word of its own in the second language for people and animals."""

INTRANSITIVE = (("sleep", "durv", "slom"), ("sing", "kelb", "ërd"), ("fall", "sumb", "knap"))
RUN = ("vask", {True: "fjel", False: "murd"})
"""'To run': a word of its own in the second language for people and animals."""

BE = ("zi", "ber")
PLACES = (("behind", "ut", "kšol"), ("near", "bem", "ombr"), ("under", "sko", "tarv"))
TIMES = (
    ("yesterday", "dalu", "ikšan", "past"),
    ("once", "olmi", "vežen", "past"),
    ("tomorrow", "siro", "atrul", "future"),
    ("soon", "tasu", "ubrem", "future"),
)
COUNTS = (("two", "bim", "dveg"), ("three", "toz", "šal"))
PERSONS = {
    (1, False): "emu",
    (2, False): "itu",
    (3, False): "ora",
    (1, True): "emui",
    (3, True): "orai",
}
"""Subject pronouns of the first language; the second has none, its verb says it."""

OBJECTS = {(1, False): ("nam", "mek"), (2, False): ("vez", "tev"), (1, True): ("namui", "mekar")}
