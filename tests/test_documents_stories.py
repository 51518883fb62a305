"""The sample of stories: what is said first settles words that come much later; the last words before don't tell."""

import importlib
import random
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from rnnkit.documents import read_documents

DATA = Path(__file__).resolve().parent.parent / "data"
BEGIN = r"(?:Once there was|There was once|Long ago) a "
NUMBERS = "one two three four five six seven eight".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
FEMALE = {"girl", "woman", "widow", "queen", "nun"}


@pytest.fixture(scope="module")
def text():
    return (DATA / "stories.txt").read_text("utf-8")


@pytest.fixture(scope="module")
def stories(text):
    starts = [match.start() for match in re.finditer(f"^{BEGIN}", text, re.M)]
    assert len(starts) > 300
    return [text[start:stop] for start, stop in zip(starts, [*starts[1:], len(text)], strict=True)]


@pytest.fixture(scope="module")
def grammar():
    sys.path.insert(0, str(DATA))
    try:
        yield importlib.import_module("story_grammar")
    finally:
        sys.path.remove(str(DATA))


def found(pattern, story):
    """Returns the groups of the first match, which must be there."""
    return re.search(pattern, story).groups()


def test_the_same_seed_tells_the_same_stories_and_another_one_others(grammar, text):
    assert grammar.stories(random.Random("stories"), characters=300_000) == text
    assert grammar.stories(random.Random(5), characters=3_000) != text[:3_000]


def test_it_is_plain_text_in_paragraphs(text):
    assert text.isascii() and text.endswith(".\n\n")
    assert not re.search(r"[{}_]|  |\n{3}| \n|\n ", text)
    assert 290_000 < len(text) < 310_000
    assert len(set(re.findall(r"\w+", text.lower()))) < 400


def test_it_is_read_and_cut_between_lines(text):
    splits = read_documents(DATA / "stories.txt")
    parts = [
        "".join(passage for chunk in rows.chunks() for passage in chunk["text"])
        for rows in (splits.train, splits.valid, splits.test)
    ]
    assert "".join(parts) == text and all(part.endswith("\n") for part in parts)


def test_quotes_open_and_close_within_a_paragraph(text):
    for paragraph in text.split("\n\n"):
        assert re.fullmatch(r'(?:[^"]|(?:^|(?<=\s))"\S[^"]*\S"(?=\s|$))*', paragraph), paragraph


def test_pronouns_go_by_who_a_story_is_about(stories):
    for story in stories:
        kind = found(f"{BEGIN}(\\w+)", story)[0]
        he = "she" if kind in FEMALE else "he"
        other = "he" if he == "she" else "she"
        for sentence in ("was back", "took it,", "ran, ", "counted"):
            for pronoun in re.findall(rf"(?i)\b(s?he|they|it) {sentence}", story):
                assert pronoun.lower() == he, story
        friend = found(r"(?:, a |met a )(\w+)(?: called|, and asked)", story.split("\n\n", 1)[1])[0]
        assert (friend in FEMALE) != (he == "she")
        assert not re.search(rf"\b{other}\b (?:stood|whispered|woke|ran|climbed)", story, re.I)


def test_what_was_lost_is_found_and_what_was_promised_is_brought(stories):
    for story in stories:
        first, second, third, fourth = story.strip().split("\n\n")
        material, thing = found(r" [aA] (\w+) (\w+) (?:and took|most|was all)", first)
        assert f"{material} {thing}" in second and f"{material} {thing}" in third and f" {thing}" in fourth
        gift = found(r"(?:bring me|should like) (a [\w ]+?)(?: when|\.)", second)[0]
        assert gift in fourth
        words = found(r"(?i)say (\w+, \w+, \w+)", second)[0]
        assert f" {words}, and the door" in third or f": {words}." in third
        home = found(r"(by the mill|under the \w+|behind the \w+|on the hill|near the \w+|beside the \w+)", first)[0]
        count, animals = found(r"(\w+) (geese|hens|goats|cats|pigs|ponies)", first)
        assert NUMBERS.index(count) >= 1
        if returns := re.search(r"(\w+) (geese|hens|goats|cats|pigs|ponies)", fourth):
            assert returns.groups() == (count, animals) and home in fourth.lower()
        if fears := re.search(r"(?:nothing but|Only) (\w+)", first):
            assert re.search(rf"(?:there was|came) {fears[1]}\b", third)


def test_days_follow_one_another_and_counts_go_to_their_end_and_back(stories):
    climbs = 0
    for story in stories:
        days = [DAYS.index(day) for day in re.findall("|".join(DAYS), story)]
        assert [(day - days[0]) % 7 for day in days] == [0, 1, 2]
        if steps := re.search(r"(\w+) steps, and|climbed (\w+) steps", story):
            count = NUMBERS.index(steps[1] or steps[2]) + 1
            assert f": {', '.join(NUMBERS[:count])}." in story
            assert f", {', '.join(NUMBERS[count - 1 :: -1])}." in story.replace("again: ", ", ").replace(": ", ", ")
            climbs += 1
    assert 0.6 < climbs / len(stories) < 0.8


def test_a_verb_agrees_over_a_clause_whose_noun_is_of_the_other_number(stories):
    plural = {"geese", "hens", "goats", "cats", "pigs", "ponies"}
    pattern = r"The (\w+),? (?:that|which) the (\w+) had (?:fed|frightened),? (was|were) "
    seen = [match for story in stories for match in re.findall(pattern, story)]
    assert all((noun in plural) == (verb == "were") for noun, _, verb in seen)
    crossed = [(noun in plural) != thieves.endswith("s") for noun, thieves, _ in seen]
    assert len(seen) > 100 and 0.3 < sum(crossed) / len(crossed) < 0.7


RECALLED = {
    "the three words": r"(?:He|She) said (\w+), (\w+), (\w+), and the door|whispered: (\w+), (\w+), (\w+)\.",
    "the thing": r"on the floor lay the (\w+) (\w+)|(?:his|her) (\w+) (\w+)\. (?:Down|He|She)",
    "the promise": r"brought (?:him|her) a (\w+) of|got a (\w+) of",
    "the day": r"and on (\w+day)|On (\w+day)|morning, a (\w+day)|when it was (\w+day)",
    "the pronoun": r"when it was \w+day, (\w+)|glad that (\w+) was|if (\w+) has",
    "the verb": r"which the \w+ had frightened, (was|were)|that the \w+ had fed (was|were)",
    "the name": r"known of (\w+)|not lost it again, (\w+)|(\w+) had not forgotten (\w+)",
}
TOKEN = re.compile(r"\w+|[^\w\s]|\n\n")


@pytest.mark.parametrize("what", RECALLED)
def test_the_four_words_before_do_not_tell_what_is_recalled(stories, what):
    """The most frequent word after the longest context of at most four words that the training part has."""
    cut = len(stories) * 9 // 10
    after = defaultdict(Counter)
    for tokens in (TOKEN.findall(story) for story in stories[:cut]):
        for place, token in enumerate(tokens):
            for length in range(5):
                after[tuple(tokens[max(place - length, 0) : place])][token] += 1
    right = []
    for story in stories[cut:]:
        for match in re.finditer(RECALLED[what], story):
            for group in range(1, len(match.groups()) + 1):
                if match[group]:
                    before = TOKEN.findall(story[: match.start(group)])[-4:]
                    context = next(c for n in range(5) if (c := tuple(before[n:])) in after)
                    right.append(after[context].most_common(1)[0][0] == match[group])
    assert len(right) > 15
    assert sum(right) / len(right) < 0.7
