"""The words of the review grammar: topics with their aspects, and adjectives by what they can describe."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Noun:
    """A thing under review, or one aspect of it."""

    phrase: str
    be: str
    kind: str


@dataclass(frozen=True)
class Topic:
    """One sort of thing that people review, with the phrases that fit it."""

    item: Noun
    unit: str
    """What stands before "one": a film, a pair."""
    tried: str
    """As in "the last film I saw"."""
    again: str
    """As in "I would see it again"."""
    aspects: tuple[Noun, ...]
    asides: tuple[str, ...]

    @property
    def pronoun(self):
        return "them" if self.item.be == "are" else "it"


def topic(item, unit, tried, again, aspects, asides):
    """Reads the table form: nouns as "phrase:be:kind", several of them split by commas."""
    nouns = tuple(Noun(*text.strip().split(":")) for text in aspects.split(","))
    return Topic(Noun(*item.split(":")), unit, tried, again, nouns, tuple(text.strip() for text in asides.split("/")))


TOPICS = (
    topic(
        "film:was:story",
        "film",
        "saw",
        "see it again",
        "plot:was:story, dialogue:was:story, ending:was:story, jokes:were:story, seats:were:room",
        "we saw the film in {name} {time} / the film was directed by {name} {name} / {name} plays the lead / "
        "the film is set in {name}, a town by the sea",
    ),
    topic(
        "novel:was:story",
        "novel",
        "read",
        "read it again",
        "plot:was:story, dialogue:was:story, first chapter:was:story, ending:was:story, binding:was:made",
        "I read the novel {time} / the novel is by {name} {name} / {name} lent it to me {time} / "
        "the story follows {name}, a baker",
    ),
    topic(
        "café:was:room",
        "café",
        "went to",
        "go back",
        "coffee:was:food, pastries:were:food, cakes:were:food, waiters:were:people, terrace:was:room, owner:was:people",
        "we had lunch there {time} / the café is called {name} / it is the one behind the station in {name} / "
        "we went with {name} {time}",
    ),
    topic(
        "restaurant:was:room",
        "restaurant",
        "ate at",
        "eat there again",
        "food:was:food, desserts:were:food, bread:was:food, waiter:was:people, dining room:was:room, salads:were:food",
        "we ate there {time} / the cook is called {name} / it is the one by the harbour in {name} / "
        "{name} had booked the table",
    ),
    topic(
        "hotel:was:room",
        "hotel",
        "stayed at",
        "stay there again",
        "rooms:were:room, breakfast:was:food, staff:were:people, lobby:was:room, beds:were:room, porter:was:people",
        "we spent three nights there {time} / the hotel is called the {name} / "
        "it stands on the main square of {name} / we were in {name} for a wedding",
    ),
    topic(
        "campsite:was:room",
        "campsite",
        "stayed at",
        "camp there again",
        "tents:were:room, huts:were:room, warden:was:people, food in the bar:was:food, neighbours:were:people",
        "we camped there {time} / the campsite lies on the river {name} / the nearest village is {name} / "
        "{name} and the children came along",
    ),
    topic(
        "phone:is:made",
        "phone",
        "had",
        "buy it again",
        "screen:is:made, camera:is:made, stand:is:made, case:is:made, help line:is:people, buttons:are:made",
        "I bought the phone {time} / the phone is made by {name} / I ordered it from {name} {time} / "
        "mine is the {name} model",
    ),
    topic(
        "shoes:are:made",
        "pair",
        "wore",
        "buy them again",
        "soles:are:made, laces:are:made, stitching:is:made, lining:is:made, heels:are:made, shop assistant:was:people",
        "I bought the shoes {time} / the shoes are made by {name} / I wore them to {name} and back / "
        "they came from a shop in {name}",
    ),
    topic(
        "headphones:are:made",
        "pair",
        "tried",
        "buy them again",
        "headband:is:made, cable:is:made, hinges:are:made, microphone:is:made, volume dial:is:made, seller:was:people",
        "I got the headphones {time} / the headphones are made by {name} / {name} gave them to me {time} / "
        "mine are the {name} kind",
    ),
    topic(
        "concert:was:story",
        "concert",
        "went to",
        "go again",
        "songs:were:story, singer:was:people, second half:was:story, hall:was:room, lyrics:were:story, "
        "ushers:were:people",
        "we went to the concert {time} / {name} {name} conducted / it was held in {name} / {name} played the cello",
    ),
    topic(
        "museum:was:room",
        "museum",
        "visited",
        "visit it again",
        "guide:was:people, talk:was:story, galleries:were:room, short film:was:story, snacks:were:food, "
        "attendants:were:people",
        "we were there {time} / the museum is named after {name} {name} / we took the bus from {name} / "
        "{name} paid for us all",
    ),
    topic(
        "ferry:was:room",
        "ferry",
        "took",
        "sail with them again",
        "crew:were:people, cabins:were:room, sandwiches:were:food, lounge:was:room, purser:was:people, buns:were:food",
        "we crossed to {name} {time} / the ship is called the {name} / it sails from {name} at dawn / "
        "{name} drove us to the pier",
    ),
    topic(
        "course:was:story",
        "course",
        "took",
        "take it again",
        "lectures:were:story, teacher:was:people, examples:were:story, classroom:was:room, tutors:were:people",
        "I took the course {time} / {name} {name} taught the course / it was held in {name} / {name} sat next to me",
    ),
    topic(
        "kettle:is:made",
        "kettle",
        "had",
        "buy it again",
        "handle:is:made, lid:is:made, switch:is:made, spout:is:made, cable:is:made, help line:is:people",
        "I bought the kettle {time} / the kettle is made by {name} / {name} gave it to me {time} / "
        "it is sold as the {name}",
    ),
)

# Plain adjectives read naturally under a negation ("not noisy"); strong ones don't settle it ("not superb").
PLAIN = {
    "any": ("good great impressive", "bad poor disappointing"),
    "story": ("gripping funny clever", "dull tedious predictable"),
    "people": ("friendly helpful polite", "rude careless grumpy"),
    "food": ("tasty fresh delicious", "bland stale unappetising"),
    "room": ("clean cosy comfortable", "dirty shabby cramped"),
    "made": ("sturdy reliable practical", "flimsy clumsy fragile"),
}
STRONG = ("excellent superb wonderful lovely", "dreadful awful terrible horrible")
RARE = {
    "any": (
        "marvellous exemplary first-rate admirable faultless outstanding terrific remarkable delightful magnificent "
        "superlative commendable",
        "abysmal lamentable woeful atrocious dire shambolic ghastly deplorable pitiful lacklustre dismal hopeless",
    ),
    "story": (
        "riveting enthralling poignant witty absorbing captivating stirring uplifting",
        "turgid plodding trite hackneyed ponderous long-winded soporific contrived",
    ),
    "people": (
        "courteous gracious obliging affable genial attentive thoughtful good-natured",
        "surly brusque snooty churlish sullen haughty offhand bad-tempered",
    ),
    "food": ("scrumptious luscious mouth-watering flavoursome", "insipid unpalatable sickly tasteless"),
    "room": ("spotless inviting snug spacious welcoming", "dingy grimy squalid musty damp"),
    "made": ("durable robust ingenious well-built dependable elegant", "rickety shoddy wobbly brittle ramshackle ugly"),
}

PEOPLE = "my sister,my brother,my neighbour,my aunt,a friend,a colleague,my cousin,my flatmate".split(",")
TIMES = (
    "last week,in March,last spring,on a rainy Sunday,over the weekend,two days ago,on my birthday,in the holidays,"
    "after work,last month,in late autumn,on New Year's Eve"
).split(",")
SYLLABLES = (
    "bra dro fel gri hul jor kel lum mav nor pel quil ros sten tov ul ven wex yar zim ar bel cor dun es fa gal har ist "
    "ka lo mir nev or pra ru sal tir um vo"
).split()
ENDINGS = "ba dane fin gard ix kova lund mere nith ova pex rusk sel thorn vik wick za".split()
