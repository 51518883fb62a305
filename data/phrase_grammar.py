"""Composes phrases of two invented languages: a meaning drawn by chance -> the same sentence in each.

A sentence of the first language has one translation, but not one word by word: the second puts the verb last and the
owner first, has genders of its own, cases, and tenses where the first has adverbs of time only.
"""

from phrase_words import (
    ADJECTIVES,
    BE,
    COUNTS,
    HOLD,
    INTRANSITIVE,
    NAMES,
    OBJECTS,
    PEOPLE,
    PERSONS,
    PLACES,
    RUN,
    THINGS,
    TIMES,
    TRANSITIVE,
)

FEWEST, MOST = 3, 12
"""Words of a sentence in either language."""

FIRST_ENDINGS = {(1, False): "em", (2, False): "et", (3, False): "e", (1, True): "ema", (3, True): "en"}
SECOND_ENDINGS = {(1, False): "um", (2, False): "ut", (3, False): "a", (1, True): "umi", (3, True): "ai"}
TENSES = {"past": "ad", "present": "", "future": "il"}
CASES = {"nominative": "", "accusative": "n", "genitive": "s"}
"""Endings of articles and names; those of nouns are longer."""
PRONOUNS = {"o": "lok", "i": "lik", "e": "lek"}
"""'Him', 'her' and 'it' of the second language, by gender; the first has one word for all."""


def phrases(rng, *, rows):
    """Makes `rows` different sentences with their translations, `(text, translation)`, in random order."""
    seen, made = set(), []
    while len(made) < rows:
        first, second, mark = rng.choice(KINDS)(rng)
        text, translation = finished(first, mark), finished(second, mark)
        if text not in seen and all(FEWEST <= len(side.split()) <= MOST for side in (text, translation)):
            seen.add(text)
            made.append((text, translation))
    return made


def finished(words, mark):
    text = " ".join(words).replace(" ,", ",")
    return text[0].upper() + text[1:] + mark


class Noun:
    """A noun phrase with article or count, an adjective and an owner, each perhaps."""

    def __init__(self, rng, *, people=True, things=True, plain=False):
        self.noun = rng.choice(PEOPLE * people + THINGS * things)
        self.lives = self.noun in PEOPLE
        self.many = rng.random() < 0.35
        self.person = (3, self.many)
        self.first_gender, self.gender = self.noun.first_gender, self.noun.second_gender
        self.definite = rng.random() < 0.65
        self.count = rng.choice(COUNTS) if self.many and rng.random() < 0.35 else None
        self.adjective = rng.choice(ADJECTIVES) if rng.random() < 0.4 else None
        self.owner = None
        if self.definite and not self.count and not plain and rng.random() < 0.3:
            self.owner = drawn_name(rng) or Noun(rng, things=False, plain=True)

    def first(self):
        gender = self.first_gender
        article = ("r" if self.definite else "z") + gender + "i" * self.many
        yield self.count[1] if self.count else article
        yield self.noun.first + {"o": "in", "a": "el"}[gender] * self.many
        if self.adjective:
            yield self.adjective[1] + gender + "i" * self.many
        if self.owner:
            yield "ke"
            yield from self.owner.first()

    def second(self, case):
        if self.owner:
            yield from self.owner.second("genitive")
        elif self.count:
            yield self.count[2]
        else:
            yield ("ž" if self.definite else "š") + ("ai" if self.many else self.gender) + CASES[case]
        if self.adjective:
            yield agreeing(self.adjective, self)
        # After a count the noun itself stays singular, whatever goes with it.
        plural = "ur" * (self.many and not self.count)
        yield self.noun.second + plural + {"nominative": "", "accusative": "an", "genitive": "os"}[case]


class Name:
    """A person by name."""

    lives, many, person = True, False, (3, False)

    def __init__(self, rng):
        self.name, self.first_gender = rng.choice(NAMES)
        self.gender = {"o": "o", "a": "e"}[self.first_gender]

    def first(self):
        yield self.name

    def second(self, case):
        yield self.name + CASES[case]


class Pronoun:
    """A subject that is a pronoun in the first language and nothing but the verb's ending in the second."""

    lives = True

    def __init__(self, rng):
        self.person = rng.choice(list(PERSONS))
        self.many = self.person[1]
        self.gender = self.first_gender = "o"

    def first(self):
        yield PERSONS[self.person]

    def second(self, case):
        return iter(())


def drawn_name(rng, share=0.3):
    return Name(rng) if rng.random() < share else None


def drawn_subject(rng, *, things):
    if rng.random() < 0.25:
        return Pronoun(rng)
    return drawn_name(rng, 0.15) or Noun(rng, things=things)


def agreeing(adjective, subject):
    return adjective[2] + ("ak" if subject.many else subject.gender + "k")


class Verb:
    """A verb with its tense and negation, and the adverb that tells the tense."""

    def __init__(self, rng, stems, person):
        self.stems, self.person = stems, person
        self.time = rng.choice(TIMES) if rng.random() < 0.45 else None
        self.tense = self.time[3] if self.time else "present"
        self.late = rng.random() < 0.5
        self.negated = rng.random() < 0.25

    def first(self):
        if self.negated:
            yield "nev"
        yield self.stems[0] + FIRST_ENDINGS[self.person]

    def second(self):
        if self.negated:
            yield "ul"
        yield self.stems[1] + TENSES[self.tense] + SECOND_ENDINGS[self.person]
        if self.negated:
            yield "esk"

    def first_time(self, *, late):
        return [self.time[1]] if self.time and self.late == late else []

    def second_time(self):
        return [self.time[2]] if self.time else []


def drawn_action(rng, thing):
    """Draws a transitive verb; one is another word where what is held lives."""
    if rng.random() < 0.25:
        return HOLD[0], HOLD[1][thing.lives]
    return rng.choice(TRANSITIVE)[1:]


class Listener:
    """An object that is 'me', 'you' or 'us'."""

    lives = True

    def __init__(self, rng):
        self.words = rng.choice(list(OBJECTS.values()))

    def first(self):
        yield self.words[0]

    def second(self, case):
        yield self.words[1]


def drawn_object(rng):
    if rng.random() < 0.12:
        return Listener(rng)
    return drawn_name(rng, 0.1) or Noun(rng)


def action(rng):
    """'The old king sees the ship of the weaver': the verb goes last, the adverb first; a question turns it round."""
    subject, thing = drawn_subject(rng, things=False), drawn_object(rng)
    verb = Verb(rng, drawn_action(rng, thing), subject.person)
    first = [*subject.first(), *verb.first(), *thing.first()]
    second = [*subject.second("nominative"), *thing.second("accusative")]
    return asked_or_told(rng, verb, first, second)


def asked_or_told(rng, verb, first, second):
    early, late, time = verb.first_time(late=False), verb.first_time(late=True), verb.second_time()
    if rng.random() < 0.2:
        return [*early, "cho", *first, *late], ["ki", *verb.second(), *time, *second], "?"
    return [*early, *first, *late], [*time, *second, *verb.second()], "."


def happening(rng):
    """'The river runs near the house': a verb without object, and a place."""
    subject = drawn_subject(rng, things=True)
    stems = (RUN[0], RUN[1][subject.lives]) if rng.random() < 0.4 else rng.choice(INTRANSITIVE)[1:]
    verb = Verb(rng, stems, subject.person)
    first, second = [*subject.first(), *verb.first()], [*subject.second("nominative")]
    if rng.random() < 0.7:
        _, before, after = rng.choice(PLACES)
        place = Noun(rng, people=rng.random() < 0.3, plain=True)
        first += [before, *place.first()]
        second += [*place.second("genitive"), after]
    return asked_or_told(rng, verb, first, second)


def quality(rng):
    """'The ship of the weaver is old': the adjective agrees with a subject that may be far away."""
    subject, adjective = drawn_subject(rng, things=True), rng.choice(ADJECTIVES)
    verb = Verb(rng, BE, subject.person)
    first = [*subject.first(), *verb.first(), adjective[1] + subject.first_gender + "i" * subject.many]
    return asked_or_told(rng, verb, first, [*subject.second("nominative"), agreeing(adjective, subject)])


def two_actions(rng):
    """'The king finds the ship and buys it': the pronoun has the gender that the ship has in the second language."""
    subject, thing = drawn_subject(rng, things=False), Noun(rng, plain=True)
    verb = Verb(rng, drawn_action(rng, thing), subject.person)
    verb.late = False
    other = Verb(rng, drawn_action(rng, thing), subject.person)
    other.tense = verb.tense
    pronoun = "lakar" if thing.many else PRONOUNS[thing.gender]
    first = [*verb.first_time(late=False), *subject.first(), *verb.first(), *thing.first()]
    first += ["eb", *other.first(), "lin" if thing.many else "li"]
    second = [*verb.second_time(), *subject.second("nominative"), *thing.second("accusative"), *verb.second()]
    second += [",", "ožd", pronoun, *other.second()]
    return first, second, "."


def command(rng):
    """'Find the old ship!': the verb goes last here too."""
    thing = drawn_object(rng)
    first, second = drawn_action(rng, thing)
    whom = thing.second("accusative")
    if rng.random() < 0.3:
        return ["nev", first + "i", *thing.first()], [*whom, "ul", second + "ez", "esk"], "!"
    return [first + "i", *thing.first()], [*whom, second + "ez"], "!"


KINDS = (action,) * 5 + (happening,) * 4 + (quality,) * 3 + (two_actions,) * 3 + (command,)
