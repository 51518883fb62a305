"""Composes sentences with names: a kind of entity drawn by chance -> words that tell it, around a name that doesn't.

Most names have a kind that they are most often, and any other now and then; many occur in one or two sentences only.
What kind a name has in a sentence follows from the words around it, near or far, before or after.
"""

from entity_words import (
    ADJACENT,
    APPOSITIONS,
    ASIDES,
    FORMS,
    HEADS,
    JOINTS,
    KINDS,
    MENTIONS,
    NEUTRAL,
    NEVER,
    ORDINARY,
    PLURALS,
    PREDICATES,
    SLOTS,
    WORDS_AS_NAMES,
)
from review_words import ENDINGS, SYLLABLES

MOST = 40
"""Words of a sentence."""
LOWER = 0.12
"""Share of sentences that are written without capitals."""
RARE, OTHER = 0.33, 0.25
"""Shares of names that occur hardly ever, and of those that are mostly of another kind than here."""
FREQUENT = 24
"""Invented names of each kind that come up again and again."""
KNOWN, AGAIN = 30, 0.35
"""Whole entities of each kind that come up again and again, and their share."""


def sentences(rng, *, rows, names=None):
    """Makes `rows` different sentences, each a list of `(word, tag)` with BIO tags, in random order.

    Args:
        rng: `random.Random`.
        names: `Names` or one that draws otherwise; None for `Names`.
    """
    names = names or Names(rng)
    seen, made = set(), []
    while len(made) < rows:
        sentence = finished(rng, Sentence(rng, names).words())
        text = " ".join(word for word, _ in sentence)
        if text not in seen and len(sentence) <= MOST:
            seen.add(text)
            made.append(sentence)
    return made


def finished(rng, words):
    if rng.random() < LOWER:
        return [(word.lower(), tag) for word, tag in words]
    (first, tag), *rest = words
    return [(first[0].upper() + first[1:], tag), *rest]


class Names:
    """Draws names: words that are names too, invented ones that come up often, and ones that hardly ever do."""

    def __init__(self, rng):
        self.rng = rng
        self.taken = set()
        self.spare = []
        self.known = {kind: [] for kind in KINDS}
        self.often = {kind: WORDS_AS_NAMES[kind] + [self.invented() for _ in range(FREQUENT)] for kind in KINDS}

    def draw(self, kind):
        """Draws a name that an entity of a kind has, or has in it."""
        chance = self.rng.random()
        if chance < RARE:
            return self.rare()
        usual = kind if chance > RARE + OTHER else self.rng.choice(KINDS)
        name = self.rng.choice(self.often[usual])
        return self.draw(kind) if kind in NEVER.get(name, ()) else name

    def again(self, kind):
        """Returns an entity of a kind that was written before, a list of `(word, tag)`, or None."""
        known = self.known[kind]
        return self.rng.choice(known) if len(known) == KNOWN and self.rng.random() < AGAIN else None

    def keep(self, kind, entity):
        """Remembers the first entities of each kind."""
        if len(self.known[kind]) < KNOWN:
            self.known[kind].append(entity)

    def rare(self):
        if self.spare and self.rng.random() < 0.3:
            return self.spare.pop(self.rng.randrange(len(self.spare)))
        name = self.invented()
        self.spare.append(name)
        return name

    def invented(self):
        # With fewer syllables, real places and brands come up.
        name = "".join([*self.rng.sample(SYLLABLES, 2), self.rng.choice(ENDINGS)]).capitalize()
        if name in self.taken:
            return self.invented()
        self.taken.add(name)
        return name


class Sentence:
    """One sentence in the making, and the kind of its subject."""

    def __init__(self, rng, names):
        self.rng = rng
        self.names = names
        self.kind = rng.choice(KINDS)

    def words(self):
        """Writes the sentence as a list of `(word, tag)`."""
        constructions, weights = zip(*CONSTRUCTIONS, strict=True)
        return list(self.rng.choices(constructions, weights)[0](self))

    def filled(self, template):
        """Yields the words of a template with its braces filled."""
        for item in template.split():
            if not item.startswith("{"):
                yield item, "O"
                continue
            slot = item[1:-1]
            if slot == "plain_loc":
                yield self.names.draw("loc"), "B-LOC"
            elif slot in (*KINDS, "same", "subject"):
                yield from self.entity(slot if slot in KINDS else self.kind)
            else:
                yield from self.filled(self.rng.choice(SLOTS[slot]))

    def entity(self, kind):
        entity = self.names.again(kind)
        if entity is None:
            entity = list(self.composed(kind))
            self.names.keep(kind, entity)
        return entity

    def composed(self, kind):
        outside, _, form = self.rng.choice(FORMS[kind]).rpartition(" / ")
        yield from self.filled(outside)
        tag = "B-"
        for item in form.split():
            words = [self.names.draw(kind)] if item == "{name}" else [word for word, _ in self.filled(item)]
            for word in words:
                yield word, tag + kind.upper()
                tag = "I-"

    def predicate(self):
        return self.filled(self.rng.choice(PREDICATES[self.kind]))

    def clause(self):
        """'X, as everybody knows, has nine bridges': what X is, its predicate tells."""
        yield from self.entity(self.kind)
        if self.rng.random() < 0.4:
            yield from self.filled(self.rng.choice(ASIDES))
        yield from self.predicate()

    def telling(self):
        if self.rng.random() < 0.2:
            yield from self.filled(self.rng.choice(SLOTS["time"]))
        yield from self.clause()
        yield ".", "O"

    def joined(self):
        """'X was flooded, and Y went bankrupt.'"""
        yield from self.clause()
        yield from self.filled(self.rng.choice(JOINTS))
        self.kind = self.rng.choice(KINDS)
        yield from self.clause()
        yield ".", "O"

    def owned(self):
        """'The mayor of X was not mentioned.'"""
        yield from self.filled(f"the {self.rng.choice(HEADS[self.kind])} of {{subject}} {self.rng.choice(NEUTRAL)} .")

    def explained(self):
        """'X, a port on the coast, will be missed.'"""
        which = self.rng.choice(APPOSITIONS[self.kind])
        yield from self.filled(f"{{subject}} , {which} , {self.rng.choice(NEUTRAL)} .")

    def mentioned(self):
        """'We talked about X, which has nine chapters.'"""
        yield from self.filled(self.rng.choice(MENTIONS))
        yield from self.filled(", who" if self.kind == "per" else ", which")
        yield from self.predicate()
        yield ".", "O"

    def several(self):
        """'X, Y and Z merged in spring.'"""
        many = "{subject} , " * self.rng.choice((0, 0, 1)) + "{subject} and {subject}"
        yield from self.filled(f"{many} {self.rng.choice(PLURALS[self.kind])} .")

    def adjacent(self):
        """'In X Y broke an arm.'"""
        where, self.kind = self.rng.choice(ADJACENT)
        yield from self.filled(where)
        yield from self.clause()
        yield ".", "O"

    def ordinary(self):
        """'May is the wettest month in X.'"""
        yield from self.filled(self.rng.choice(ORDINARY))


CONSTRUCTIONS = (
    (Sentence.telling, 32),
    (Sentence.joined, 12),
    (Sentence.owned, 9),
    (Sentence.explained, 8),
    (Sentence.mentioned, 14),
    (Sentence.several, 6),
    (Sentence.adjacent, 5),
    (Sentence.ordinary, 22),
)
