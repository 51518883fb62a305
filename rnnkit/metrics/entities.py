"""Scores of tags: predicted and true tags of sentences -> precision, recall, F1 of entities, exactly conlleval's."""

import collections
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from rnnkit.tagging.schemes import Span, spans

Tags = Sequence[Sequence[str]]
"""The tags of each sentence."""


def score_entities(predicted: Tags, truth: Tags, seen: Mapping | None = None) -> dict[str, float]:
    """Scores entities as conlleval does: one counts as right where both its ends and its label are.

    Args:
        predicted, truth: Tags of each sentence, both in one scheme: BIO, IOB1 or BIOES; faulty ones are read as
            conlleval reads them.
        seen: `{"tokens": …, "known": …}`, as `seen_unseen` takes them, to add what that gives.

    Returns:
        From 0 to 1, in this order: `entity_f1`, `entity_precision`, `entity_recall`, over all labels together, each 0
        where there is nothing to divide by; `token_accuracy`, the share of tags that are the same.

    Raises:
        ValueError: There is no token, or `predicted` hasn't one tag for each tag of `truth`.

    Tjong Kim Sang & Buchholz (2000), https://aclanthology.org/W00-0726, whose conlleval multiplies by 100.
    """
    pairs = _checked(predicted, truth)
    scores = _f1(*(sum(map(len, entities)) for entities in zip(*_found(pairs), strict=True)))
    result = {f"entity_{name}": scores[name] for name in ("f1", "precision", "recall")}
    result["token_accuracy"] = _accuracy(pairs)
    return result if seen is None else result | seen_unseen(predicted, truth, seen["tokens"], seen["known"])


def _found(pairs):
    """Yields for each sentence the entities that are right, those that are predicted and those that are true."""
    for ours, theirs in pairs:
        ours, theirs = set(spans(ours)), set(spans(theirs))
        yield ours & theirs, ours, theirs


def _f1(right: int, predicted: int, true: int) -> dict[str, float]:
    precision = right / predicted if predicted else 0.0
    recall = right / true if true else 0.0
    f1 = 2.0 * precision * recall / (precision + recall) if right else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}


def _accuracy(pairs):
    tokens = sum(len(theirs) for _, theirs in pairs)
    return sum(one == other for ours, theirs in pairs for one, other in zip(ours, theirs, strict=True)) / tokens


def per_class(predicted: Tags, truth: Tags) -> dict[str, dict[str, float]]:
    """Scores the entities of each label by itself.

    Args:
        predicted, truth: As for `score_entities`.

    Returns:
        Label -> `precision`, `recall`, `f1` from 0 to 1 and `support`, how many true entities it has; labels in order,
        those that are only predicted too.
    """
    right, ours, theirs = (collections.Counter() for _ in range(3))
    for found in _found(_checked(predicted, truth)):
        for counter, entities in zip((right, ours, theirs), found, strict=True):
            counter.update(span.label for span in entities)
    return {
        label: _f1(right[label], ours[label], theirs[label]) | {"support": theirs[label]}
        for label in sorted(ours.keys() | theirs.keys())
    }


def known_entities(tokens: Iterable[Sequence[str]], tags: Iterable[Sequence[str]]) -> set[tuple[str, ...]]:
    """Returns the entities of labelled sentences, each as its tokens and, last, its label: `("New", "York", "LOC")`."""
    return {entity_key(words, span) for words, labelled in zip(tokens, tags, strict=True) for span in spans(labelled)}


def entity_key(tokens: Sequence[str], span: Span) -> tuple[str, ...]:
    """Returns the tokens of an entity and, last, its label."""
    return (*tokens[span.start : span.stop], span.label)


def seen_unseen(
    predicted: Tags, truth: Tags, tokens: Sequence[Sequence[str]], known: Collection[tuple[str, ...]]
) -> dict[str, float]:
    """Scores the entities that the train split has, with this label, apart from those it lacks.

    Args:
        predicted, truth: As for `score_entities`.
        tokens: The tokens of each sentence.
        known: The entities of the train split, as `known_entities` gives them.

    Returns:
        `seen_f1` and `unseen_f1` from 0 to 1, and `seen_support` and `unseen_support`, how many true entities there
        are of each. A predicted entity counts with those of its own words and label, right or wrong.

    Raises:
        ValueError: As `score_entities`, or a sentence hasn't as many tokens as tags.
    """
    pairs = _checked(predicted, truth)
    if [len(words) for words in tokens] != [len(theirs) for _, theirs in pairs]:
        raise ValueError("tokens must hold as many words as there are tags in each sentence. Pass the rows scored.")
    counts = {True: np.zeros(3, int), False: np.zeros(3, int)}
    for words, found in zip(tokens, _found(pairs), strict=True):
        for column, entities in enumerate(found):
            for span in entities:
                counts[entity_key(words, span) in known][column] += 1
    return {
        "seen_f1": _f1(*counts[True].tolist())["f1"],
        "unseen_f1": _f1(*counts[False].tolist())["f1"],
        "seen_support": int(counts[True][2]),
        "unseen_support": int(counts[False][2]),
    }


def confusion(predicted: Tags, truth: Tags) -> tuple[tuple[str, ...], np.ndarray]:
    """Counts entities by their true label (down) and the predicted one (across), where both have the same ends.

    Returns:
        Labels in order, and counts `(labels + 1, labels + 1)`: the last row holds predicted entities where no true one
        has these ends, the last column true ones where no predicted one has.
    """
    met = collections.Counter()
    for ours, theirs in _checked(predicted, truth):
        ours, theirs = ({(span.start, span.stop): span.label for span in spans(tags)} for tags in (ours, theirs))
        met.update((theirs.get(ends), ours.get(ends)) for ends in ours.keys() | theirs.keys())
    labels = tuple(sorted({label for pair in met for label in pair if label is not None}))
    places = {label: place for place, label in enumerate((*labels, None))}
    counts = np.zeros((len(places), len(places)), int)
    for (true, found), count in met.items():
        counts[places[true], places[found]] = count
    return labels, counts


def score_tags(predicted: Tags, truth: Tags) -> dict[str, float]:
    """Scores plain tags, such as parts of speech.

    Args:
        predicted, truth: Tags of each sentence.

    Returns:
        From 0 to 1: `accuracy`, the share of tokens whose tag is right; `macro_f1`, the plain mean of the F1 of each
        tag in the truth or among the predictions.

    Raises:
        ValueError: As `score_entities`.
    """
    pairs = _checked(predicted, truth)
    ours = collections.Counter(tag for tags, _ in pairs for tag in tags)
    theirs = collections.Counter(tag for _, tags in pairs for tag in tags)
    right = collections.Counter(
        one for tags, other_tags in pairs for one, other in zip(tags, other_tags, strict=True) if one == other
    )
    each = [_f1(right[tag], ours[tag], theirs[tag])["f1"] for tag in sorted(ours | theirs)]
    return {"accuracy": _accuracy(pairs), "macro_f1": sum(each) / len(each)}


def _checked(predicted, truth):
    """Pairs the sentences, each as predicted and as it is."""
    if len(predicted) != len(truth):
        raise ValueError(f"There must be tags for each of the {len(truth)} sentences. Got {len(predicted)}.")
    if not any(len(tags) for tags in truth):
        raise ValueError(f"There must be at least 1 token to score. Got 0, in {len(truth)} sentences.")
    for number, (ours, theirs) in enumerate(zip(predicted, truth, strict=True), start=1):
        if len(ours) != len(theirs):
            raise ValueError(f"Sentence {number} must have {len(theirs)} tags, one for each token. Got {len(ours)}.")
        if isinstance(theirs, str) or isinstance(ours, str):
            raise ValueError(f"Sentence {number} must be a list of tags. Got one text. Split it into tags.")
    return list(zip(predicted, truth, strict=True))
