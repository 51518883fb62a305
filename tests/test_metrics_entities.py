"""Scores of entities against a port of conlleval, seqeval where it is installed, and counts by hand."""

import itertools
import random

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from rnnkit.metrics.entities import (
    confusion,
    known_entities,
    per_class,
    score_entities,
    score_tags,
    seen_unseen,
)
from rnnkit.tagging.schemes import Span, spans, to_tags

LABELS = ("PER", "LOC", "NORP-X", "Ämter")
LETTERS = {"bio": "BI", "iob1": "BI", "bioes": "BIES"}


def conlleval(predicted, truth):
    """conlleval's loop over lines, with the rules for E and S of its later versions: label -> right, found, true."""
    right, found, true = {}, {}, {}
    right_tags = tokens = 0
    in_correct = False
    last = last_guessed = ("O", "")
    lines = []
    for ours, theirs in zip(predicted, truth, strict=True):
        lines += [(True, tag, guess) for tag, guess in zip(theirs, ours, strict=True)] + [(False, "O", "O")]
    for real, tag, guess in lines:
        correct, guessed = ((text.partition("-")[0], text.partition("-")[2]) for text in (tag, guess))
        ends = end_of_chunk(last, correct), end_of_chunk(last_guessed, guessed)
        starts = start_of_chunk(last, correct), start_of_chunk(last_guessed, guessed)
        if in_correct:
            if ends == (True, True) and last[1] == last_guessed[1]:
                in_correct = False
                right[last[1]] = right.get(last[1], 0) + 1
            elif ends[0] != ends[1] or correct[1] != guessed[1]:
                in_correct = False
        if starts == (True, True) and correct[1] == guessed[1]:
            in_correct = True
        if starts[0]:
            true[correct[1]] = true.get(correct[1], 0) + 1
        if starts[1]:
            found[guessed[1]] = found.get(guessed[1], 0) + 1
        if real:
            right_tags += correct == guessed
            tokens += 1
        last, last_guessed = correct, guessed
    counts = {label: (right.get(label, 0), found.get(label, 0), true.get(label, 0)) for label in {*found, *true}}
    return counts, right_tags / tokens


def end_of_chunk(previous, current):
    (before, label_before), (now, label) = previous, current
    return (
        before in ("E", "S")
        or (before, now) in {("B", "B"), ("B", "S"), ("B", "O"), ("I", "B"), ("I", "S"), ("I", "O")}
        or (before not in ("O", ".") and label_before != label)
    )


def start_of_chunk(previous, current):
    (before, label_before), (now, label) = previous, current
    return (
        now in ("B", "S")
        or (before, now) in {("E", "E"), ("E", "I"), ("S", "E"), ("S", "I"), ("O", "E"), ("O", "I")}
        or (now not in ("O", ".") and label_before != label)
    )


def conlleval_f1(right, found, true):
    precision = right / found if found else 0
    recall = right / true if true else 0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0
    return {"f1": f1, "precision": precision, "recall": recall}


def generated(seed):
    """A made-up file: true tags of a scheme, and predicted ones that are like them, often faulty."""
    chance = random.Random(seed)
    scheme = ("bio", "iob1", "bioes")[seed % 3]
    labels = chance.sample(LABELS, chance.randint(1, 4))
    noise = chance.choice((0.0, 0.1, 0.4, 1.0))
    truth, predicted = [], []
    for _ in range(chance.randint(1, 23)):
        length = chance.randint(0, 13)
        entities, free = [], 0
        while free < length:
            stop = min(length, free + chance.randint(1, 4))
            if chance.random() < 0.5:
                entities.append(Span(chance.choice(labels), free, stop))
            free = stop
        truth.append(to_tags(entities, length, scheme))
        anything = ["O", *(f"{letter}-{label}" for letter in LETTERS[scheme] for label in labels)]
        predicted.append([chance.choice(anything) if chance.random() < noise else tag for tag in truth[-1]])
    truth, predicted = [*truth, ["O"]], [*predicted, ["O"]]
    return (predicted, truth) if seed % 5 else (truth, predicted)  # faulty truth, too


@pytest.mark.parametrize("seed", range(200))
def test_scores_are_those_of_conlleval(seed):
    predicted, truth = generated(seed)
    counts, accuracy = conlleval(predicted, truth)
    scores = score_entities(predicted, truth)
    assert list(scores) == ["entity_f1", "entity_precision", "entity_recall", "token_accuracy"]
    assert scores.pop("token_accuracy") == pytest.approx(accuracy)
    overall = conlleval_f1(*np.sum([*counts.values(), (0, 0, 0)], axis=0))
    assert scores == pytest.approx({f"entity_{name}": value for name, value in overall.items()})
    by_label = per_class(predicted, truth)
    assert list(by_label) == sorted(counts)
    for label, (right, found, true) in counts.items():
        assert by_label[label] == pytest.approx(conlleval_f1(right, found, true) | {"support": true}), label


def test_the_generated_files_hold_every_step_from_tag_to_tag():
    for remainder, letters in enumerate(LETTERS.values()):
        steps = {
            (before[0], after[0])
            for seed in range(remainder, 200, 3)
            for tags in itertools.chain(*generated(seed))
            for before, after in itertools.pairwise(tags)
        }
        assert steps == set(itertools.product("O" + letters, repeat=2))


def test_scores_are_those_of_seqeval():
    metrics = pytest.importorskip("seqeval.metrics")
    for seed in range(60):
        predicted, truth = generated(seed)
        scores = score_entities(predicted, truth)
        assert scores["entity_f1"] == pytest.approx(metrics.f1_score(truth, predicted, zero_division=0))
        assert scores["entity_precision"] == pytest.approx(metrics.precision_score(truth, predicted, zero_division=0))


TRUTH = [["B-PER", "I-PER", "O", "B-LOC"], ["B-ORG", "O"], ["O", "B-LOC", "I-LOC"]]
PREDICTED = [["B-PER", "I-PER", "O", "B-ORG"], ["O", "O"], ["O", "B-LOC", "O"]]


def test_an_entity_counts_only_with_both_ends_and_its_label():
    # right: PER; found: PER, ORG, LOC; true: PER, LOC, ORG, LOC
    assert score_entities(PREDICTED, TRUTH) == pytest.approx(
        {"entity_f1": 2 / 7, "entity_precision": 1 / 3, "entity_recall": 1 / 4, "token_accuracy": 6 / 9}
    )


def test_each_label_is_scored_by_itself_also_one_that_is_only_predicted():
    assert per_class([["S-A", "S-B"]], [["S-A", "O"]]) == {
        "A": {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1},
        "B": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0},
    }


@pytest.mark.parametrize("seed", range(12))
def test_precision_of_one_side_is_recall_of_the_other_and_the_order_of_sentences_is_nothing(seed):
    predicted, truth = generated(seed)
    scores, swapped = score_entities(predicted, truth), score_entities(truth, predicted)
    assert scores["entity_precision"] == swapped["entity_recall"]
    assert scores["entity_f1"] == pytest.approx(swapped["entity_f1"])
    assert score_entities(predicted[::-1], truth[::-1]) == scores
    assert set(score_entities(truth, truth).values()) == ({1.0} if any(map(spans, truth)) else {0.0, 1.0})


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("scheme", ["bio", "iob1", "bioes"])
def test_the_scheme_does_not_change_the_f1(scheme, seed):
    predicted, truth = generated(seed)
    written = [[to_tags(spans(tags), len(tags), scheme) for tags in side] for side in (predicted, truth)]
    assert score_entities(*written)["entity_f1"] == score_entities(predicted, truth)["entity_f1"]


def test_no_entity_at_all_scores_0_and_not_nothing():
    scores = score_entities([["O", "O"]], [["O", "O"]])
    assert scores == {"entity_f1": 0.0, "entity_precision": 0.0, "entity_recall": 0.0, "token_accuracy": 1.0}
    assert per_class([["O"]], [["O"]]) == {}


def test_seen_entities_are_those_with_the_words_and_the_label_of_train():
    known = known_entities([["New", "York", "and", "May"]], [["B-LOC", "E-LOC", "O", "S-PER"]])
    assert known == {("New", "York", "LOC"), ("May", "PER")}
    tokens = [["May", "likes", "New", "York"], ["May", "Day", "in", "York"]]
    truth = [["S-PER", "O", "B-LOC", "E-LOC"], ["B-MISC", "E-MISC", "O", "S-LOC"]]
    predicted = [["S-PER", "O", "O", "S-LOC"], ["S-PER", "O", "O", "S-LOC"]]
    # seen: true May and New York, found May twice; unseen: true May Day and York, found York twice
    scores = {"seen_f1": 0.5, "unseen_f1": 0.5, "seen_support": 2, "unseen_support": 2}
    assert seen_unseen(predicted, truth, tokens, known) == scores
    both = score_entities(predicted, truth, {"tokens": tokens, "known": known})
    assert both == score_entities(predicted, truth) | scores


@pytest.mark.parametrize("seed", range(12))
def test_where_all_or_nothing_is_known_one_side_is_the_whole(seed):
    predicted, truth = generated(seed)
    tokens = [[f"w{number % 7}" for number in range(len(tags))] for tags in truth]
    whole = score_entities(predicted, truth)["entity_f1"]
    everything = known_entities(tokens, truth) | known_entities(tokens, predicted)
    support = sum(len(spans(tags)) for tags in truth)
    assert seen_unseen(predicted, truth, tokens, set()) == {
        "seen_f1": 0.0,
        "unseen_f1": whole,
        "seen_support": 0,
        "unseen_support": support,
    }
    scores = seen_unseen(predicted, truth, tokens, everything)
    assert scores["seen_f1"] == whole and scores["seen_support"] == support


def test_confusion_counts_labels_on_equal_ends_and_the_rest_apart():
    labels, counts = confusion(PREDICTED, TRUTH)
    assert labels == ("LOC", "ORG", "PER")
    # one true LOC is found as ORG, the other not with its ends; ORG isn't found; one LOC is found where none is
    assert counts.tolist() == [[0, 1, 0, 1], [0, 0, 0, 1], [0, 0, 1, 0], [1, 0, 0, 0]]


@pytest.mark.parametrize("seed", range(12))
def test_confusion_holds_each_entity_once(seed):
    predicted, truth = generated(seed)
    labels, counts = confusion(predicted, truth)
    by_label = per_class(predicted, truth)
    assert list(labels) == list(by_label) and counts.shape == (len(labels) + 1,) * 2 and counts[-1, -1] == 0
    for place, label in enumerate(labels):
        assert counts[place].sum() == by_label[label]["support"]
        assert counts[place, place] == pytest.approx(by_label[label]["recall"] * by_label[label]["support"])
        assert counts[place, place] == pytest.approx(by_label[label]["precision"] * counts[:, place].sum())


def test_without_entities_the_confusion_is_one_0():
    labels, counts = confusion([["O"]], [["O"]])
    assert labels == () and counts.tolist() == [[0]]


@pytest.mark.parametrize("seed", range(5))
def test_plain_tags_are_scored_as_scikit_learn_does(seed):
    chance = random.Random(seed)
    truth = [[chance.choice("NVAP") for _ in range(chance.randint(1, 9))] for _ in range(11)]
    predicted = [[chance.choice([tag, *"NVX."]) for tag in tags] for tags in truth]
    flat = [list(itertools.chain(*side)) for side in (truth, predicted)]
    assert score_tags(predicted, truth) == pytest.approx(
        {"accuracy": accuracy_score(*flat), "macro_f1": f1_score(*flat, average="macro", zero_division=0.0)}
    )


@pytest.mark.parametrize("score", [score_entities, per_class, confusion, score_tags])
def test_tags_that_do_not_fit_are_refused_with_their_number(score):
    with pytest.raises(ValueError, match=r"tags for each of the 2 sentences\. Got 1\."):
        score([["O"]], [["O"], ["O"]])
    with pytest.raises(ValueError, match=r"Sentence 2 must have 3 tags, one for each token\. Got 2\."):
        score([["O"], ["O", "O"]], [["O"], ["O", "O", "O"]])
    with pytest.raises(ValueError, match=r"at least 1 token to score\. Got 0, in 2 sentences\."):
        score([[], []], [[], []])
    with pytest.raises(ValueError, match=r"Sentence 1 must be a list of tags\. Got one text\."):
        score(["O"], [["O"]])


def test_tokens_that_do_not_fit_the_tags_are_refused():
    with pytest.raises(ValueError, match=r"as many words as there are tags"):
        seen_unseen([["O"]], [["O"]], [["a", "b"]], set())
