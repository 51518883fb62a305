"""Tells short stories: people, things and promises drawn by chance -> paragraphs that must remember them.

What comes first settles words that come much later: pronouns, names, a lost thing, three words that open a door, how
many steps there are, which day follows, what was promised. The last few words before them don't tell.
"""

from story_words import (
    ANIMALS,
    COLOURS,
    DAYS,
    FEARS,
    GIFTS,
    HOMES,
    MATERIALS,
    NAMES,
    NUMBERS,
    PEOPLE,
    PLACES,
    THIEVES,
    THINGS,
)

STEPS = range(3, 9)
"""How many steps a stair has, and from two on how many animals there are."""

BEGINNINGS = (
    "Once there was a {kind} called {name}, who lived {home} with {number} {animals}.",
    "There was once a {kind} who lived {home} with {number} {animals} and was called {name}.",
    "Long ago a {kind} called {name} kept {number} {animals} {home}.",
)
TREASURES = (
    "{He} had a {material} {thing} and took it everywhere.",
    "Of all that {he} had, {he} loved a {material} {thing} most.",
    "A {material} {thing} was all that {he} was proud of.",
)
DREADS = ("{He} feared nothing but {fear}.", "Only {fear} could frighten {him}.")
LOSSES = (
    "One {day} {he} woke, and the {material} {thing} was gone.",
    "One {day} {thieves} came and took {his} {material} {thing} away.",
)
# The verb goes by the word before the clause, not by the one next to it.
WITNESSES = (
    "The {animals} that {thieves} had fed were asleep.",
    "The {animal} that {thieves} had fed was asleep.",
    "The {animals}, which {thieves} had frightened, were nowhere to be seen.",
    "The {animal}, which {thieves} had frightened, was nowhere to be seen.",
)
FRIENDS = (
    "So {name} went to {friend}, a {friend_kind}, and asked {friend_him} for help.",
    "In the street {name} met a {friend_kind} called {friend}, and {he} told {friend_him} everything.",
)
QUESTIONS = ('"Who has my {thing}?" asked {name}.', '"Have you seen my {material} {thing}?" {he} asked.')
TALES = (
    '"I once had a {other_thing} too," said {friend}. "{Thieves} took it, and I was like you, {name}." And {friend_he} '
    "wept.",
    '"You are not the first," said {friend}, and {friend_he} told {him} of a {other_kind} called {other} who lost '
    "{other_his} {other_thing}.",
)
ADVICES = (
    '"It is in {place}," said {friend}. "Say {words}, and the door will open. But bring me {gift} when you are back."',
    '"Go to {place}," {friend_he} said, "and say {words} at the door. And do not forget me: I should like {gift}."',
)
DEPARTURES = (
    "The next morning, a {next_day}, {name} came to {place}.",
    "{Name} walked all night, and when it was {next_day}, {he} stood before {place}.",
)
STAIRS = (
    "There were {steps} steps, and {he} counted them: {up}.",
    "{He} climbed {steps} steps and counted: {up}.",
)
DOORS = ("{He} said {words}, and the door opened.", "At the door {he} whispered: {words}.")
FRIGHTS = (
    "Behind it there was {fear}, and {name} trembled.",
    "Then came {fear}, and {he} shut {his} eyes.",
)
FINDS = (
    "But on the floor lay the {material} {thing}, and {he} took it.",
    "There, on a table, {he} found {his} {material} {thing}.",
)
DESCENTS = ("Down {he} ran, {down}.", "{He} counted the steps again: {down}.")
PROMISES = (
    "On {last_day} {friend} got {gift} from {him}, as {he} had promised.",
    "{Name} had not forgotten {friend}, and on {last_day} {he} brought {friend_him} {gift}.",
)
RETURNS = (
    "Then {name} went home, where {number} {animals} waited {home}.",
    "And {home} the {number} {animals} were glad that {he} was back.",
)
ENDINGS = (
    "That is all that is known of {name} and the {material} {thing}.",
    "And if {he} has not lost it again, {name} still has {his} {thing}.",
    '"I shall never lose you again," {name} told the {thing}.',
)
PLOT = (
    (BEGINNINGS, TREASURES, (DREADS, "fears")),
    (LOSSES, (WITNESSES, "asks"), FRIENDS, QUESTIONS, (TALES, "listens"), ADVICES),
    (DEPARTURES, (STAIRS, "climbs"), DOORS, (FRIGHTS, "fears"), FINDS, (DESCENTS, "climbs")),
    (PROMISES, (RETURNS, "returns"), ENDINGS),
)
"""Paragraphs of sentences, each drawn from some; those with a word come in some stories, all or none of that word."""
CHANCES = {"fears": 0.6, "asks": 0.5, "listens": 0.4, "climbs": 0.7, "returns": 0.6}


def stories(rng, *, characters):
    """Tells stories, one after the other, until there are so many characters; an empty line after each paragraph."""
    told = []
    while characters > 0:
        told.append(story(rng))
        characters -= len(told[-1])
    return "".join(told)


def story(rng):
    """Tells one story."""
    words, happens = drawn(rng), {word: rng.random() < chance for word, chance in CHANCES.items()}
    text = ""
    for paragraph in PLOT:
        choices = [step[0] if step[1] in CHANCES else step for step in paragraph if happens.get(step[1], True)]
        text += " ".join(rng.choice(sentences).format_map(words) for sentences in choices) + "\n\n"
    return text


def drawn(rng):
    """Draws who and what a story is about, by the fields of its sentences."""
    kind, other_kind = rng.choice(list(PEOPLE)), rng.choice(list(PEOPLE))
    name, friend, other = rng.sample(NAMES, 3)
    # Of two people one is he and one is she, so that a pronoun tells who is meant.
    friend_kind = rng.choice([kind_ for kind_, pronouns in PEOPLE.items() if pronouns != PEOPLE[kind]])
    thing, other_thing = rng.sample(THINGS, 2)
    animal, thieves, day, steps = rng.choice(list(ANIMALS)), rng.choice(THIEVES), rng.randrange(7), rng.choice(STEPS)
    counted = NUMBERS[:steps]
    words = {
        **{"kind": kind, "name": name, "friend": friend, "friend_kind": friend_kind},
        **{"other": other, "other_kind": other_kind, "other_his": PEOPLE[other_kind].his, "other_thing": other_thing},
        **PEOPLE[kind]._asdict(),
        **{f"friend_{field}": word for field, word in PEOPLE[friend_kind]._asdict().items()},
        **{"home": rng.choice(HOMES), "number": rng.choice(NUMBERS[1:]), "animal": animal, "animals": ANIMALS[animal]},
        **{"material": rng.choice(MATERIALS), "thing": thing, "fear": rng.choice(FEARS), "place": rng.choice(PLACES)},
        **{"gift": rng.choice(GIFTS), "thieves": thieves, "words": ", ".join(rng.sample(COLOURS, 3))},
        **{"day": DAYS[day], "next_day": DAYS[(day + 1) % 7], "last_day": DAYS[(day + 2) % 7]},
        **{"steps": counted[-1], "up": ", ".join(counted), "down": ", ".join(reversed(counted))},
    }
    return words | {field.capitalize(): words[field].capitalize() for field in ("he", "thieves", "name")}
