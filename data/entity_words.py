"""Words and templates of sentences with names; any likeness of what is said of a name to who bears it is chance.

In a template `{per}`, `{loc}`, `{org}` and `{work}` are entities, `{same}` another of the subject's kind, and other
braces one of `SLOTS`. What stands around a name tells its kind: no template takes two kinds in the same words.
"""

KINDS = ("per", "loc", "org", "work")
WORDS_AS_NAMES = {
    "per": "May April Rose Will Hope Bill Mark Ivy Robin Penny Grace Joy Frank Chase".split(),
    "loc": "Reading Bath Cork Hull Jordan Lincoln Florence Paris Nice".split(),
    "org": "Apple Amazon Orange Crown Target Chase Anchor Gap".split(),
    "work": "Dawn Pearl Amber Hope Amazon Rose Emma".split(),
}
"""By the kind that they are most often; each may be any other too, but for `NEVER`."""
NEVER = {"May": ("loc",), "April": ("loc",)}
"""As places, 'In May Rose sang' could be read in two ways."""

FORMS = {
    "per": ("{name}",) * 3 + ("{name} {name}",) * 3 + ("{name} {surname}", "{title} / {name}"),
    "loc": ("{name}",) * 6 + ("{before} {name}", "{name} {landmark}"),
    "org": ("{name}",) * 5 + ("{name} {firm}", "{name} & {name}", "the / {body} of {name}"),
    "work": ("{name}",) * 3 + ("The {quality} {thing}", "The {things} of {name}", "{beginning} {name}"),
}
"""How names are made; what stands before ` / ` is outside the entity. Surnames, landmarks and firms share words."""

PREDICATES = {
    "per": (
        "married {per} {time}",
        "was born in {loc}",
        "works as a {trade} at {org}",
        "fell asleep over {work}",
        "sang in the choir",
        "forgot the keys again",
        "moved to {loc} {time}",
        "has two {children}",
        "broke an arm {time}",
        "is {number} years old",
        "never answers letters",
        "lent {per} {number} coins",
        "rose early {time}",
        "wrote to {per} {time}",
        "took a bath",
        "has lost all hope",
        "is reading {work}",
        "learned to swim in {loc}",
        "may be late for supper",
    ),
    "loc": (
        "lies on a river",
        "was flooded {time}",
        "has {number} bridges",
        "is {number} miles from {loc}",
        "elected {per} as its mayor",
        "is covered in snow",
        "has no railway station",
        "lost half its houses in a storm",
        "can be seen from the hills above {loc}",
        "was besieged in {year}",
        "is known for its roses",
        "will soon have a new harbour",
        "rose against the king in {year}",
    ),
    "org": (
        "hired {number} clerks {time}",
        "closed its office in {loc}",
        "was taken over by {org}",
        "made a loss {time}",
        "pays no dividend",
        "sued {org} over a patent",
        "opened a branch in {loc}",
        "named {per} as its director",
        "raised its prices {time}",
        "went bankrupt in {year}",
        "may cut {number} jobs",
        "will pay the bill {later}",
    ),
    "work": (
        "was reprinted {time}",
        "has {number} chapters",
        "was translated by {per}",
        "is about a {trade} from {loc}",
        "was published by {org}",
        "ends with a wedding",
        "made {per} famous",
        "is out of print",
        "is too long by half",
        "was first read aloud in {year}",
        "won a prize for its style",
        "is dedicated to {per}",
        "may be the best of his books",
    ),
}
"""After a subject of the kind; each tells the kind, mostly not in its first word."""

PLURALS = {
    "per": ("are cousins", "were seen dancing {time}", "play cards on Sunday", "rose early {time}"),
    "loc": ("were flooded {time}", "lie on the same river", "are linked by a canal", "have no railway station"),
    "org": ("merged {time}", "agreed on a common price", "share an office in {loc}", "will cut {number} jobs {later}"),
    "work": ("were reprinted {time}", "are sold in one volume", "were both translated by {per}", "are out of print"),
}
HEADS = {
    "per": ("widow", "hat", "handwriting", "bicycle", "garden"),
    "loc": ("mayor", "harbour", "market", "climate", "town hall"),
    "org": ("director", "annual report", "share price", "lawyer", "debt"),
    "work": ("author", "plot", "last page", "heroine", "second edition"),
}
"""Of whom or what it is: 'the mayor of …'."""
APPOSITIONS = {
    "per": ("a {trade} from {loc}", "the {kin} of {per}", "my {kin}"),
    "loc": ("a village near {loc}", "a port on the coast", "the home of {per}"),
    "org": ("a brewery", "a shipping line from {loc}", "a rival of {org}"),
    "work": ("a novel by {per}", "a play in three acts", "a song about {loc}"),
}
NEUTRAL = (
    "is well known",
    "was not mentioned",
    "surprised everybody",
    "is the talk of the county",
    "has changed a great deal",
    "was forgotten {time}",
    "will be missed",
    "may be the best of all",
)
"""Predicates that tell nothing of the subject's kind."""
ASIDES = (
    ", as everybody knows ,",
    ", it is said ,",
    ", against all hope ,",
    ", for once ,",
    ", and this is no rumour ,",
    ", to the surprise of {per} ,",
    ", like {same} ,",
    ", unlike {same} ,",
    "also",
    "once",
)
MENTIONS = (
    "we talked about {subject}",
    "nobody here had heard of {subject}",
    "it all began with {subject}",
    "I have never liked {subject}",
    "she was thinking of {subject}",
    "there is much to say about {subject}",
)
"""Before a subject whose kind only what follows tells."""
ADJACENT = (
    ("in {plain_loc}", "per"),
    ("in {plain_loc}", "org"),
    ("on the way to {plain_loc}", "per"),
)
"""Two entities with nothing between them: a place of one name, then a subject."""
JOINTS = (", and", ", but", ", while", "because", "although", ", so")

ORDINARY = (
    "the price of apples rose {time} .",
    "the sun rose over {loc} .",
    "apple trees grow along the road to {loc} .",
    "will {per} sing {later} ?",
    "will {org} raise its prices {later} ?",
    "will {loc} have a new harbour {later} ?",
    "may I ask who wrote {work} ?",
    "may the best of them win .",
    "hope is all that {per} has left .",
    "I hope that {org} pays its debts .",
    "there is little hope for the people of {loc} .",
    "reading is a quiet pleasure .",
    "reading {work} takes {number} hours .",
    "rose petals covered the floor .",
    "a rose grew by the gate of the old house .",
    "nobody will pay the bill .",
    "the bill came to {number} coins .",
    "grace was said before supper .",
    "mark the place on a map of {loc} .",
    "a hot bath is waiting .",
    "the cork would not come out of the bottle .",
    "dawn came late {time} .",
    "a robin sang in the ivy .",
    "ivy covers the walls of the old house .",
    "an orange lay on the table .",
    "the penny dropped {time} .",
    "a pearl was found on the beach near {loc} .",
    "it is a joy to hear {per} sing .",
    "may is the wettest month in {loc} .",
    "frank words were spoken {time} .",
    "chase the dog out of the garden .",
    "the target was missed by {number} miles .",
    "mind the gap between the boards .",
    "the letters from {loc} arrived {time} .",
    "the friends of {per} waited in the market .",
    "the nice thing about {loc} is the harbour .",
    "an anchor lay on the beach near {loc} .",
    "the amber light was on {time} .",
)
"""Names that are words, as words."""

SLOTS = {
    "time": (
        "yesterday",
        "last week",
        "in May",
        "in April",
        "on Monday",
        "on Friday",
        "in spring",
        "at dawn",
        "that evening",
        "twice",
    ),
    "later": ("tomorrow", "on Monday", "in May", "in April", "in spring", "that evening"),
    "number": "two three nine twelve thirty forty sixty".split(),
    "year": [str(year) for year in range(1881, 1990, 9)],
    "trade": "baker teacher sailor clerk gardener doctor painter judge".split(),
    "kin": "brother sister father mother cousin neighbour".split(),
    "children": ("daughters", "sons", "cats"),
    "surname": "Hill Wood Brook Mills Price Park".split(),
    "landmark": "Hill Wood Brook Park Bay".split(),
    "firm": "Mills Price Park Motors Press Brothers".split(),
    "title": "Mr Mrs Dr Captain Aunt".split(),
    "before": "Port Lake Upper New Mount".split(),
    "body": "Bank University Friends".split(),
    "quality": "Silent Amber Last Broken Cold".split(),
    "thing": "Harbour Bath Target Garden Dawn Judge".split(),
    "things": "Roses Letters Bridges Pearls Sisters".split(),
    "beginning": ("Letters from", "Waiting for", "Farewell to", "Return to"),
}
