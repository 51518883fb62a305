"""Composes reviews: intended verdict -> construction -> clauses that lean its way or against it -> text and label.

The label is the writer's verdict, which follows from how the clauses are put together. Each adjective and each
connective serves both labels (plain adjectives about 3 times in 5 their own), so counting words or pairs falls short.
"""

from review_words import ENDINGS, PEOPLE, PLAIN, RARE, STRONG, SYLLABLES, TIMES, TOPICS

LABELS = {1: "positive", -1: "negative"}


def reviews(rng, *, rows):
    """Makes `rows` different reviews, half of them positive.

    Returns:
        A list of `(text, label)` in random order.
    """
    names, seen, made = Names(rng), set(), []
    while len(made) < rows:
        verdict = 1 if len(made) % 2 else -1
        text = Review(rng, names).text(verdict)
        if text not in seen:
            seen.add(text)
            made.append((text, LABELS[verdict]))
    rng.shuffle(made)
    return made


class Names:
    """Invents names from syllables and hands out each at most twice."""

    def __init__(self, rng):
        self.rng = rng
        self.taken = set()
        self.spare = []

    def draw(self):
        if self.spare and self.rng.random() < 0.25:
            return self.spare.pop(self.rng.randrange(len(self.spare)))
        # With fewer syllables, real places and brands come up.
        name = "".join([*self.rng.sample(SYLLABLES, 2), self.rng.choice(ENDINGS)]).capitalize()
        if name in self.taken:
            return self.draw()
        self.taken.add(name)
        self.spare.append(name)
        return name


# {be}n't gives wasn't, weren't, isn't, aren't.
AFFIRMING = (
    "{the} {be} {adj}",
    "{the} {be} {adj}",
    "{the} {be} {adj}",
    "I found {the} {adj}",
    "I have to say that {the} {be} {adj}",
    "nobody can deny that {the} {be} {adj}",
    "there is no doubt that {the} {be} {adj}",
)
AFFIRMING_TWICE_NEGATED = (
    "{the} {be} never anything but {adj}",
    "I can't say that {the} {be}n't {adj}",
    "it is not true that {the} {be} not {adj}",
)
NEGATING_PLAIN = (
    "{the} {be} not {adj}",
    "{the} {be}n't {adj}",
    "{the} {be} never {adj}",
    "{the} {be} hardly {adj}",
    "{the} {be} barely {adj}",
    "I would not call {the} {adj}",
    "I did not find {the} {adj}",
    "I can't say that {the} {be} {adj}",
)
NEGATING = (
    "{the} {be} far from {adj}",
    "{the} {be} anything but {adj}",
    "{the} {be} by no means {adj}",
    "nobody could call {the} {adj}",
    "it is simply not true that {the} {be} {adj}",
    "whoever calls {the} {adj} is mistaken",
)
CONTRASTS = (
    "{against}, but {main}",
    "{against}, but {main}",
    "{against}, yet {main}",
    "although {against}, {main}",
    "although {against}, {main}",
    "even though {against}, {main}",
    "{main}, although {against}",
    "{main}, even though {against}",
    "{main}, though {against}",
    "{against}. Even so, {main}",
    "{against}. All the same, {main}",
    "{main}. Granted, {against}",
)
DESPITES = (
    "despite the {adj} {noun}, {main}",
    "in spite of the {adj} {noun}, {main}",
    "{main} despite the {adj} {noun}",
    "{main}, in spite of the {adj} {noun}",
)
AGREEMENTS = ("{main}, and {more}", "{main}. What is more, {more}", "{main}, and besides, {more}")
VERDICTS = {
    1: ("I would {again}", "I did enjoy {it}", "I would say that I enjoyed {it}"),
    -1: ("I would not {again}", "I did not enjoy {it}", "I can't say that I enjoyed {it}"),
}
OPINIONS = (
    "{who} found {the} {against}; I found {it} {mine}",
    "{who} called {the} {against}, but I found {it} {mine}",
    "I found {the} {mine}; {who} called {it} {against}",
    "I found {the} {mine}, but {who} called {it} {against}",
    "{who} called {the} {mine}, and I agree",
    "{who} called {the} {against}, and I disagree",
)
EXPECTATIONS = (
    "I expected {a_against} {unit} and got {a_mine} one",
    "I got {a_mine} {unit} where I had expected {a_against} one",
    "what promised to be {a_against} {unit} turned out to be {a_mine} one",
    "I expected {a_mine} {unit}, and I was right",
    "I expected {a_against} {unit}, and I was wrong",
)
COMPARISONS = (
    "the last {unit} I {tried} was {against}; this one {is_} {mine}",
    "this {unit} {is_} {mine} next to the last one I {tried}, which was {against}",
    "unlike the {against} {unit} I {tried} before, this one {is_} {mine}",
    "this {unit} {is_} nothing like the {against} one I {tried} before",
    "this {unit} {is_} every bit as {mine} as the last one I {tried}",
    "this {unit} {is_} not nearly as {against} as the last one I {tried}",
)


class Review:
    """One review in the making: its topic, and what it has already used up."""

    def __init__(self, rng, names):
        self.rng = rng
        self.names = names
        self.topic = rng.choice(TOPICS)
        self.aspects = rng.sample(self.topic.aspects, len(self.topic.aspects))
        self.used = set()

    def text(self, verdict):
        """Writes the review whose writer's verdict is `verdict`, 1 or -1."""
        constructions, weights = zip(*CONSTRUCTIONS, strict=True)
        sentences = [self.rng.choices(constructions, weights)[0](self, verdict)]
        if self.rng.random() < 0.35:
            sentences.insert(self.rng.choice((0, 1)), self.aside())
        return " ".join(finished(sentence) for sentence in sentences)

    def aside(self):
        """Says something with no bearing on the verdict, mostly with a name that nobody has seen before."""
        sentence = self.rng.choice(self.topic.asides)
        while "{name}" in sentence:
            sentence = sentence.replace("{name}", self.names.draw(), 1)
        return sentence.replace("{time}", self.rng.choice(TIMES))

    def plain(self, verdict):
        return self.clause(verdict, negated=0.38)

    def agreement(self, verdict):
        frame = self.rng.choice(AGREEMENTS)
        return frame.format(main=self.clause(verdict), more=self.clause(verdict))

    def contrast(self, verdict):
        frame = self.rng.choice(CONTRASTS)
        return frame.format(against=self.clause(-verdict, negated=0.3), main=self.main_clause(verdict))

    def despite(self, verdict):
        noun = self.aspects.pop()
        # Strong words can't be denied as often as plain ones; here they serve the other label as much.
        adjective = self.pick(STRONG, -verdict)
        return self.rng.choice(DESPITES).format(adj=adjective, noun=noun.phrase, main=self.main_clause(verdict))

    def not_that(self, verdict):
        noun = self.aspects.pop()
        adjective = self.adjective(noun.kind, verdict, plain=True)
        return f"not that the {noun.phrase} {noun.be} {adjective}, but {self.main_clause(verdict)}"

    def not_only(self, verdict):
        noun = self.aspects.pop()
        first, second = self.adjective(noun.kind, verdict, plain=True), self.pick(RARE[noun.kind], verdict)
        return f"the {noun.phrase} {noun.be} not only {first} but also {second}"

    def opinion(self, verdict):
        who = self.rng.choice(PEOPLE) if self.rng.random() < 0.8 else self.names.draw()
        return self.whole(self.rng.choice(OPINIONS), verdict, who=who)

    def expectation(self, verdict):
        return self.whole(self.rng.choice(EXPECTATIONS), verdict)

    def comparison(self, verdict):
        return self.whole(self.rng.choice(COMPARISONS), verdict)

    def whole(self, frame, verdict, **slots):
        """Fills a frame about the thing as a whole: one word for the verdict, one against it."""
        topic = self.topic
        mine, against = (self.adjective(topic.item.kind, lean, plain=True) for lean in (verdict, -verdict))
        return frame.format(
            mine=mine,
            against=against,
            a_mine=with_article(mine),
            a_against=with_article(against),
            the=f"the {topic.item.phrase}",
            it=topic.pronoun,
            unit=topic.unit,
            tried=topic.tried,
            is_="was" if topic.item.be == "was" else "is",
            **slots,
        )

    def main_clause(self, verdict):
        if self.rng.random() < 0.2:
            frame = self.rng.choice(VERDICTS[verdict])
            return frame.format(again=self.topic.again, it=self.topic.pronoun)
        return self.clause(verdict, negated=0.3)

    def clause(self, lean, negated=0.3):
        """States something that leans towards 1 or -1, with chance `negated` by denying its opposite."""
        noun = self.aspects.pop()
        write = self.denial if self.rng.random() < negated else self.statement
        frame, description = write(noun.kind, lean)
        return frame.format(the=f"the {noun.phrase}", be=noun.be, adj=description)

    def denial(self, kind, lean):
        """Chooses a negating frame, and a word for the opposite of `lean` to put in it."""
        chance = self.rng.random()
        if chance < 0.1:
            return "{the} {be} neither {adj}", f"{self.adjective(kind, -lean, plain=True)} nor {self.rare(kind, -lean)}"
        if chance < 0.2:
            degree = "particularly" if lean < 0 else self.rng.choice(("particularly", "even a little"))
            return "{the} {be} not {adj}", f"{degree} {self.pick(PLAIN[kind], -lean)}"
        if chance < 0.65:
            return self.rng.choice(NEGATING_PLAIN), self.adjective(kind, -lean, plain=True)
        return self.rng.choice(NEGATING), self.adjective(kind, -lean)

    def statement(self, kind, lean):
        """Chooses an affirming frame, and a word for `lean`, often with a degree or a rarer companion."""
        chance = self.rng.random()
        if chance < 0.08:
            return self.rng.choice(AFFIRMING_TWICE_NEGATED), self.adjective(kind, lean, plain=True)
        if chance < 0.3:
            description = f"{self.adjective(kind, lean)} and {self.rare(kind, lean)}"
        elif chance < 0.45:
            degrees = ("very", "quite", "rather", "really", *(("a little",) if lean < 0 else ()))
            description = f"{self.rng.choice(degrees)} {self.pick(PLAIN[kind], lean)}"
        elif chance < 0.55:
            description = f"{self.rng.choice(('utterly', 'truly', 'simply'))} {self.pick(STRONG, lean)}"
        else:
            description = self.adjective(kind, lean)
        return self.rng.choice(AFFIRMING), description

    def adjective(self, kind, lean, plain=False):
        chance = self.rng.random()
        if chance < 0.5:
            return self.pick(PLAIN[kind], lean)
        return self.pick(PLAIN["any"] if plain or chance < 0.7 else STRONG, lean)

    def rare(self, kind, lean):
        return self.pick(RARE[self.rng.choice((kind, "any"))], lean)

    def pick(self, pair, lean):
        """Takes a word not yet used in this review from the positive or the negative half of `pair`."""
        words_left = [word for word in pair[0 if lean > 0 else 1].split() if word not in self.used]
        word = self.rng.choice(words_left)
        self.used.add(word)
        return word


CONSTRUCTIONS = (
    (Review.plain, 44),
    (Review.agreement, 16),
    (Review.contrast, 26),
    (Review.despite, 9),
    (Review.not_that, 3),
    (Review.not_only, 3),
    (Review.opinion, 7),
    (Review.expectation, 6),
    (Review.comparison, 6),
)


def with_article(adjective):
    return f"{'an' if adjective[0] in 'aeiou' else 'a'} {adjective}"


def finished(sentence):
    return sentence[0].upper() + sentence[1:] + "."
