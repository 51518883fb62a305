"""Baselines of tagging on made-up sentences, and once on CoNLL-2003."""

import itertools
import os
import pathlib
import random
import types

import pytest
from rich.console import Console

from rnnkit.metrics import entity_baselines as module
from rnnkit.metrics.entities import score_entities
from rnnkit.metrics.entity_baselines import gazetteer, linear, most_frequent, possible_steps, score_tag_baselines
from rnnkit.progress import Reporter
from rnnkit.tagging.schemes import Span, faults, spans, to_tags

NAMES = ["Ada", "May", "Reading", "Will", "Rose", "Hope"]
BEFORE = [("in", "LOC", 2), ("said", "PER", 3), ("from", "LOC", 2), ("the", "", 1)]
"""A word, the label of the names after it, and how many there are at most."""
SETTINGS = types.SimpleNamespace(seed=0)


class TaggedRows:
    """What the baselines ask of a split."""

    features, target, names = ("tokens",), "tags", ()

    def __init__(self, tokens, tags):
        self.tokens, self.tags = tokens, tags

    def __len__(self):
        return len(self.tokens)

    def chunks(self, size=5):
        for start in range(0, len(self), size):
            yield {"tokens": self.tokens[start : start + size], "tags": self.tags[start : start + size]}


def made_up(count, seed):
    """Sentences in which the words before a name tell what it is: tokens and BIOES tags."""
    chance = random.Random(seed)
    tokens, tags = [], []
    for _ in range(count):
        words, labelled = [], []
        for _ in range(chance.randint(1, 3)):
            before, label, most = chance.choice(BEFORE)
            names = [chance.choice(NAMES) for _ in range(chance.randint(1, most))]
            words += [before, *names]
            entity = [Span(label, 1, 1 + len(names))] if label else []
            labelled += to_tags(entity, 1 + len(names), "bioes")
        tokens.append(words)
        tags.append(labelled)
    return tokens, tags


def splits(scheme="bioes", sizes=(90, 17, 31)):
    parts = [made_up(size, seed) for seed, size in enumerate(sizes)]
    if scheme == "none":
        parts = [(tokens, [[tag[0] for tag in row] for row in tags]) for tokens, tags in parts]
    train, valid, test = itertools.starmap(TaggedRows, parts)
    return types.SimpleNamespace(train=train, valid=valid, test=test, card={"scheme": scheme})


def test_only_the_linear_baseline_learns_from_context():
    results = score_tag_baselines(splits(), (), SETTINGS)
    assert list(results) == ["most_frequent", "gazetteer", "linear"]
    assert all(list(result) == ["test"] for result in results.values())
    scores = {name: result["test"]["entity_f1"] for name, result in results.items()}
    assert scores["linear"] > 0.97 > 0.6 > max(scores["most_frequent"], scores["gazetteer"])
    assert list(results["linear"]["test"]) == ["entity_f1", "entity_precision", "entity_recall", "token_accuracy"]


def test_plain_tags_have_no_gazetteer_and_scores_of_their_own():
    results = score_tag_baselines(splits("none"), (), SETTINGS)
    assert list(results) == ["most_frequent", "linear"]
    assert list(results["linear"]["test"]) == ["accuracy", "macro_f1"]
    assert results["linear"]["test"]["accuracy"] > 0.97 > results["most_frequent"]["test"]["accuracy"]


def test_the_same_seed_gives_the_same_scores(monkeypatch):
    monkeypatch.setattr(module, "EPOCHS", 2)
    assert score_tag_baselines(splits(), (), SETTINGS) == score_tag_baselines(splits(), (), SETTINGS)


def test_the_test_split_does_not_change_what_is_learnt(monkeypatch):
    monkeypatch.setattr(module, "EPOCHS", 2)
    train, valid, test = (made_up(size, seed) for seed, size in enumerate((40, 17, 31)))
    for tagger in (most_frequent(*train), gazetteer(*train), linear(train, valid, plain=False, seed=0)):
        assert tagger(test[0]) == [tagger([words])[0] for words in test[0]]
        assert tagger([["zebra"], ["in", "Ada", "", "العربية", "東京"]])[0] == ["O"]
        assert tagger([]) == []


def test_each_word_has_its_commonest_tag_of_train():
    tokens, tags = [["May", "May", "the"], ["May", "Ada"]], [["O", "S-PER", "O"], ["S-PER", "S-PER"]]
    assert most_frequent(tokens, tags, unseen="O")([["Ada", "May", "zebra"]]) == [["S-PER", "S-PER", "O"]]


def test_unseen_words_have_the_commonest_plain_tag():
    assert most_frequent([["a", "b", "c"]], [["D", "N", "N"]])([["zebra", "a"]]) == [["N", "D"]]


def looked_up(train, words):
    """Finds with a gazetteer of `(words, tags)` sentences, given as texts."""
    tokens, tags = zip(*((one.split(), other.split()) for one, other in train), strict=True)
    return " ".join(gazetteer(tokens, tags)([words.split()])[0])


def test_the_gazetteer_takes_the_longest_from_left_to_right():
    train = [("New York", "B-LOC E-LOC"), ("York Times of Leeds", "B-ORG I-ORG I-ORG E-ORG"), ("York", "S-LOC")]
    assert looked_up(train, "in New York Times of Leeds") == "O B-LOC E-LOC O O O"
    assert looked_up(train, "York Times of Leeds York Times") == "B-ORG I-ORG I-ORG E-ORG S-LOC O"
    assert looked_up(train, "new York New") == "O S-LOC O"


def test_the_gazetteer_looks_no_further_than_the_sentence():
    assert looked_up([("York", "S-LOC"), ("York Times", "B-ORG E-ORG")], "in York") == "O S-LOC"


def test_the_gazetteer_gives_the_commonest_label():
    train = [("Jordan", "S-PER"), ("Jordan", "S-LOC"), ("Jordan", "S-LOC")]
    assert looked_up(train, "Jordan") == "S-LOC"


def test_the_gazetteer_leaves_out_what_is_an_entity_no_more_often_than_not():
    assert looked_up([("May", "S-PER"), ("May", "O")], "May") == "O"
    assert looked_up([("May May May", "S-PER S-PER O")], "May") == "S-PER"
    assert looked_up([("May Day", "B-PER E-PER"), ("May Day Day", "O O O")], "May Day") == "O O"


def test_words_inside_a_longer_entity_are_not_counted_against_an_entity():
    train = [("China", "S-LOC"), ("Bank of China", "B-ORG I-ORG E-ORG"), ("Air China", "B-ORG E-ORG")]
    assert looked_up(train, "China , Bank of China") == "S-LOC O B-ORG I-ORG E-ORG"


def test_the_linear_baseline_gives_tags_without_a_fault(monkeypatch):
    monkeypatch.setattr(module, "EPOCHS", 1)
    train = [["a", "b"], ["a"], ["b", "c", "a"]], [["B-X", "E-X"], ["S-Y"], ["B-Y", "I-Y", "E-Y"]]
    tagger = linear(train, train, plain=False, seed=0)
    chance = random.Random(0)
    for length in range(1, 9):
        words = [chance.choice("abcd") for _ in range(length)]
        assert not faults(tagger([words])[0], "bioes")


@pytest.mark.parametrize("tag", ["O", "N"])
def test_one_tag_alone_is_learnt(tag):
    train = [["a", "b"], ["c"]], [[tag, tag], [tag]]
    assert linear(train, train, plain=tag == "N", seed=0)([["zebra", "a"]]) == [[tag, tag]]


def test_possible_steps_are_those_without_a_fault():
    names = ["O", *(f"{letter}-{label}" for letter in "BIES" for label in ("X", "X-Y"))]
    allowed = possible_steps(names)
    for (row, before), (column, after) in itertools.product(enumerate(names), repeat=2):
        middle = [before, after]
        full = [*opened(before), *middle, *closed(after)]
        assert allowed[row, column] == (not faults(full, "bioes")), (before, after)
    for place, name in enumerate(names):
        assert allowed[-1, place] == (name[0] in "OBS"), name
        assert allowed[place, -1] == (name[0] in "OES"), name


def opened(tag):
    return [f"B{tag[1:]}"] if tag[0] in "IE" else []


def closed(tag):
    return [f"E{tag[1:]}"] if tag[0] in "BI" else []


def test_of_too_many_sentences_some_are_drawn_and_that_is_told(monkeypatch, capsys):
    train, valid = made_up(60, 0), made_up(9, 1)
    kinds = len({tag for row in train[1] for tag in row})
    monkeypatch.setattr(module, "MOST_WORK", kinds * 50)
    monkeypatch.setattr(module, "EPOCHS", 1)
    learnt = []
    monkeypatch.setattr(module, "Windows", lambda tokens, real=module.Windows: learnt.append(tokens) or real(tokens))
    for _ in range(2):
        linear(train, valid, plain=False, seed=3, reporter=Reporter(Console(width=80)))
    assert learnt[0] == learnt[1] and 35 < sum(map(len, learnt[0])) <= 50
    count = len(learnt[0])
    assert f"note: the linear baseline learns from {count} of 60 train sentences." in capsys.readouterr().out


def test_progress_is_told_by_name_and_never_falls(monkeypatch):
    monkeypatch.setattr(module, "EPOCHS", 3)
    told = []

    class Advance:
        def __enter__(self):
            return lambda done, note="": told.append((done, note))

        def __exit__(self, *_):
            pass

    class Spy(Reporter):
        def task(self, title, *, total=None, unit=""):
            told.append((title, total))
            return Advance()

    score_tag_baselines(splits(), (), SETTINGS, Spy())
    assert told[0] == ("baselines", 6)
    assert told[1:] == [(0, "most_frequent"), (1, "gazetteer"), *((2 + done, "linear") for done in range(4))]


def read_conll(path):
    """Tokens and BIOES tags of a file of the shared task."""
    sentences = [[]]
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("-DOCSTART-") or not line.strip():
            sentences.append([])
        else:
            parts = line.split()
            sentences[-1].append((parts[0], parts[-1]))
    columns = [tuple(zip(*sentence, strict=True)) for sentence in sentences if sentence]
    return [list(words) for words, _ in columns], [to_tags(spans(tags), len(tags), "bioes") for _, tags in columns]


@pytest.fixture(scope="module")
def conll():
    """Train, valid and test of CoNLL-2003."""
    if "RNNKIT_DATA" not in os.environ:
        pytest.skip("RNNKIT_DATA is not set: it names the folder of real data sets")
    folder = pathlib.Path(os.environ["RNNKIT_DATA"], "ner", "conll2003")
    return [read_conll(folder / name) for name in ("eng.train", "eng.testa", "eng.testb")]


def test_on_conll_2003_the_gazetteer_comes_near_the_baseline_of_the_shared_task(conll):
    train, _, test = conll
    assert [sum(map(len, tokens)) for tokens, _ in (train, test)] == [203_621, 46_435]
    # Tjong Kim Sang & De Meulder (2003), https://aclanthology.org/W03-0419: 59.61 F1
    scores = score_entities(gazetteer(*train)(test[0]), test[1])
    assert scores["entity_f1"] == pytest.approx(0.60, abs=0.04)


def test_on_a_fifth_of_conll_2003_the_linear_baseline_is_far_above_the_gazetteer(conll, monkeypatch):
    monkeypatch.setattr(module, "EPOCHS", 3)
    train, valid, test = (tuple(column[::5] for column in part) for part in conll)
    scores = [
        score_entities(tagger(test[0]), test[1])["entity_f1"]
        for tagger in (gazetteer(*train), linear(train, valid, plain=False, seed=0))
    ]
    assert scores[1] > 0.75 and scores[1] > scores[0] + 0.2
