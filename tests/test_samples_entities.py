"""Tests of the embedded sentences with names: what a name is, the words around it tell, and the name itself doesn't."""

import importlib
import random
import re
from collections import Counter, defaultdict
from itertools import groupby
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parent.parent / "data"
WORDS_AS_NAMES = "may will hope rose reading apple mark bill grace chase target amber dawn pearl orange robin".split()


@pytest.fixture(scope="module")
def sentences():
    """Each a list of `(word, tag)`."""
    blocks = (DATA / "entities.conll").read_text(encoding="utf-8").split("\n\n")
    return [[tuple(line.split(" ")) for line in block.splitlines()] for block in blocks]


@pytest.fixture(scope="module")
def split(sentences):
    """Train and test sentences of one fixed split, 80 and 20 %."""
    shuffled = random.Random(7).sample(sentences, len(sentences))
    return shuffled[600:], shuffled[:600]


@pytest.fixture
def grammar(monkeypatch):
    """The module that composes the sentences."""
    monkeypatch.syspath_prepend(str(DATA))
    return importlib.import_module("entity_grammar")


def spans(tags):
    """`(label, start, stop)` of each entity of BIO tags."""
    places = [place for place, tag in enumerate(tags) if tag.startswith("B-")]
    for start in places:
        stop = start + 1
        while stop < len(tags) and tags[stop].startswith("I-"):
            stop += 1
        yield tags[start][2:], start, stop


def entities(sentence):
    """`(label, words)` of each entity."""
    words, tags = zip(*sentence, strict=True)
    return [(label, words[start:stop]) for label, start, stop in spans(tags)]


def f1(predicted, truth):
    """Micro F1 of entities, each side a list of sets of spans."""
    right = sum(len(one & other) for one, other in zip(predicted, truth, strict=True))
    return 2 * right / (sum(map(len, predicted)) + sum(map(len, truth)))


def test_there_are_3000_different_sentences_of_3_to_40_words_in_less_than_900_kb(sentences):
    texts = {" ".join(word for word, _ in sentence) for sentence in sentences}
    assert len(texts) == len(sentences) == 3000
    lengths = list(map(len, sentences))
    assert 3 <= min(lengths) <= max(lengths) <= 40
    assert (DATA / "entities.conll").stat().st_size < 900_000


def test_every_line_is_a_word_and_a_tag_and_no_tag_goes_on_with_what_has_not_begun(sentences):
    for sentence in sentences:
        before = "O"
        for pair in sentence:
            assert len(pair) == 2 and all(pair), sentence
            word, tag = pair
            assert re.fullmatch(r"\w+|[.,?&]", word), word
            assert re.fullmatch(r"O|[BI]-(PER|LOC|ORG|WORK)", tag), tag
            assert not tag.startswith("I-") or before[2:] == tag[2:], sentence
            before = tag


def test_each_label_has_a_fair_share_and_some_entities_touch(sentences):
    counts = Counter(label for sentence in sentences for label, _ in entities(sentence))
    assert set(counts) == {"PER", "LOC", "ORG", "WORK"}
    assert min(counts.values()) > 0.15 * counts.total()
    touching = sum(
        tag.startswith("B-") and before != "O"
        for sentence in sentences
        for (_, before), (_, tag) in zip(sentence, sentence[1:], strict=False)
    )
    assert touching > 80


def test_some_sentences_have_no_capital(sentences):
    lower = sum(all(word == word.lower() for word, _ in sentence) for sentence in sentences)
    assert 0.08 < lower / len(sentences) < 0.18


def test_the_article_fits_the_sound_that_follows(sentences):
    texts = (" ".join(word for word, _ in sentence) for sentence in sentences)
    assert [text for text in texts if re.search(r"\b(?:a [aeiou]|an [^aeiou])", text)] == []


@pytest.mark.parametrize("word", WORDS_AS_NAMES)
def test_a_word_that_is_a_name_is_also_none(sentences, word):
    tags = Counter(tag != "O" for sentence in sentences for one, tag in sentence if one.lower() == word)
    assert min(tags[True], tags[False]) >= 2


def test_many_names_are_of_several_kinds(sentences):
    kinds = defaultdict(set)
    for sentence in sentences:
        for label, words in entities(sentence):
            if len(words) == 1:
                kinds[words].add(label)
    assert Counter(map(len, kinds.values()))[4] > 20


def test_about_a_third_of_the_entities_of_a_held_out_part_were_never_seen(split):
    train, test = split
    known = {words for sentence in train for _, words in entities(sentence)}
    unseen = [words not in known for sentence in test for _, words in entities(sentence)]
    assert 0.28 < sum(unseen) / len(unseen) < 0.5


def test_nearly_every_word_but_names_of_a_held_out_part_was_seen(split):
    train, test = split
    known = {word.lower() for sentence in train for word, tag in sentence if tag == "O"}
    unknown = [word.lower() not in known for sentence in test for word, tag in sentence if tag == "O"]
    assert sum(unknown) < 0.005 * len(unknown)


@pytest.mark.parametrize("name", ["Zul", "Will", "Rose"])
def test_where_all_names_are_the_same_a_sentence_still_has_one_reading(grammar, name):
    """Drawn again and again with one name for people, places, firms and works, many come up more than once."""
    rng, readings, again = random.Random(5), {}, 0
    names = grammar.Names(rng)
    names.draw = lambda kind: name
    for _ in range(12):
        for sentence in grammar.sentences(rng, rows=1500, names=names):
            words, tags = zip(*sentence, strict=True)
            again += words in readings
            assert readings.setdefault(words, tags) == tags, " ".join(words)
    assert again > 2000


def test_a_list_of_names_falls_short(split):
    """Longest match, left to right, of entities of the training part that are one there more often than not."""
    train, test = split
    labels, seen = defaultdict(Counter), Counter()
    for sentence in train:
        for label, words in entities(sentence):
            labels[words][label] += 1
    longest = max(map(len, labels))
    for sentence in train:
        seen.update(part for _, _, part in parts([word for word, _ in sentence], longest) if part in labels)
    listed = {
        words: counts.most_common(1)[0][0] for words, counts in labels.items() if 2 * counts.total() > seen[words]
    }
    predicted = [set(matches([word for word, _ in sentence], listed, longest)) for sentence in test]
    truth = [set(spans([tag for _, tag in sentence])) for sentence in test]
    assert 0.3 < f1(predicted, truth) < 0.6


def parts(words, longest):
    for start in range(len(words)):
        for stop in range(min(start + longest, len(words)), start, -1):
            yield start, stop, tuple(words[start:stop])


def matches(words, listed, longest):
    done = 0
    for start, found in groupby(parts(words, longest), key=lambda part: part[0]):
        match = next(((stop, part) for _, stop, part in found if part in listed), None)
        if start >= done and match:
            done, part = match
            yield listed[part], start, done


def test_the_most_frequent_tag_of_a_word_falls_short(split):
    train, test = split
    tags = defaultdict(Counter)
    for word, tag in (pair for sentence in train for pair in sentence):
        tags[word][tag] += 1
    usual = {word: counts.most_common(1)[0][0] for word, counts in tags.items()}
    predicted = [set(spans([usual.get(word, "O") for word, _ in sentence])) for sentence in test]
    truth = [set(spans([tag for _, tag in sentence])) for sentence in test]
    assert 0.2 < f1(predicted, truth) < 0.6
