"""Baselines of tagging: each word's commonest tag, the train entities looked up, a linear-chain CRF over windows."""

import collections
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from rnnkit.metrics.entities import score_entities, score_tags
from rnnkit.metrics.linear_chain import EPOCHS, MOST_WORK, drawn, fit_chain
from rnnkit.metrics.tag_windows import Windows
from rnnkit.progress import SILENT, Reporter
from rnnkit.tagging.schemes import INSIDE, OUTSIDE, Span, spans, to_tags

Sentences = Sequence[Sequence[str]]
Tagger = Callable[[Sentences], list[list[str]]]


def score_tag_baselines(
    splits, preparation, settings, reporter: Reporter = SILENT
) -> dict[str, dict[str, dict[str, float]]]:
    """Scores the baselines on the test split; as `Recipe.baselines` says.

    Args:
        splits: Rows of tokens and their tags, such as `rnnkit.tagging` reads: entities in BIOES, or plain tags, such as
            parts of speech, where the card's `scheme` is `none`.
        preparation: Not used.
        settings: Its `seed` orders the sentences, and draws them where there are too many.
        reporter: Tells a person what goes on.

    Returns:
        `most_frequent`, each word's commonest tag in train; `gazetteer`, the entities of train wherever their words
        stand, but for plain tags; `linear`, a linear-chain CRF over features of the words around, whose epoch is chosen
        on valid: name -> `{"test": scores}`, scores as from `score_entities` or, for plain tags, `score_tags`.
    """
    plain = splits.card["scheme"] == "none"
    train, valid, test = ((rows.tokens, rows.tags) for rows in (splits.train, splits.valid, splits.test))
    score = score_tags if plain else score_entities
    baselines = {
        "most_frequent": lambda advance: most_frequent(*train, unseen=None if plain else OUTSIDE),
        "gazetteer": lambda advance: gazetteer(*train),
        "linear": lambda advance: linear(
            train, valid, plain=plain, seed=settings.seed, reporter=reporter, advance=advance
        ),
    }
    if plain:
        del baselines["gazetteer"]
    results = {}
    with reporter.task("baselines", total=len(baselines) + EPOCHS) as advance:
        for done, (name, fit) in enumerate(baselines.items()):
            advance(done, name)
            tagger = fit(lambda epochs, done=done, name=name: advance(done + epochs, name))
            results[name] = {"test": score(tagger(test[0]), test[1])}
    return results


def most_frequent(tokens: Sentences, tags: Sentences, *, unseen: str | None = None) -> Tagger:
    """Gives each word the tag that it has most often in train.

    Args:
        tokens, tags: Of the train sentences.
        unseen: The tag of other words; None for the commonest of all.
    """
    counts = collections.defaultdict(collections.Counter)
    for words, labelled in zip(tokens, tags, strict=True):
        for word, tag in zip(words, labelled, strict=True):
            counts[word][tag] += 1
    commonest = {word: counter.most_common(1)[0][0] for word, counter in counts.items()}
    if unseen is None:
        unseen = collections.Counter(tag for row in tags for tag in row).most_common(1)[0][0]
    return lambda sentences: [[commonest.get(word, unseen) for word in words] for words in sentences]


def gazetteer(tokens: Sentences, tags: Sentences) -> Tagger:
    """Finds the entities of train wherever their words stand, from left to right the longest first, as BIOES.

    Each has its commonest label. Words that are, in train, an entity no more often than not are left out; where they
    are part of a longer one they aren't counted.

    Args:
        tokens, tags: Of the train sentences.

    Tjong Kim Sang & De Meulder (2003), https://aclanthology.org/W03-0419, whose baseline takes those of
    one label only.
    """
    entities = [spans(labelled) for labelled in tags]
    labels = collections.defaultdict(collections.Counter)
    for words, found in zip(tokens, entities, strict=True):
        for span in found:
            labels[tuple(words[span.start : span.stop])][span.label] += 1
    lengths = _lengths(labels)
    others = collections.Counter()
    for words, found in zip(tokens, entities, strict=True):
        for start, stop in _met(words, labels, lengths):
            if not any(span.start <= start and stop <= span.stop for span in found):
                others[tuple(words[start:stop])] += 1
    kept = {words: counter.most_common(1)[0][0] for words, counter in labels.items() if counter.total() > others[words]}
    lengths = _lengths(kept)
    return lambda sentences: [_looked_up(words, kept, lengths) for words in sentences]


def _lengths(entities: Iterable[tuple[str, ...]]) -> dict[str, list[int]]:
    """First word -> the lengths of the entities that begin with it, the longest first."""
    lengths = collections.defaultdict(set)
    for words in entities:
        lengths[words[0]].add(len(words))
    return {word: sorted(sizes, reverse=True) for word, sizes in lengths.items()}


def _met(words, entities, lengths):
    """Yields the start and stop of every stretch of words that is one of the entities, the longest first."""
    for start, word in enumerate(words):
        for size in lengths.get(word, ()):
            if start + size <= len(words) and tuple(words[start : start + size]) in entities:
                yield start, start + size


def _looked_up(words, entities, lengths):
    found, free = [], 0
    for start, stop in _met(words, entities, lengths):
        if start >= free:
            found.append(Span(entities[tuple(words[start:stop])], start, stop))
            free = stop
    return to_tags(found, len(words), INSIDE)


def linear(
    train: tuple[Sentences, Sentences],
    valid: tuple[Sentences, Sentences],
    *,
    plain: bool,
    seed: int,
    reporter: Reporter = SILENT,
    advance: Callable[[int], object] = lambda done: None,
) -> Tagger:
    """Fits a linear-chain CRF to features of the words around; entities are BIOES, and faulty tags can't come out.

    Args:
        train: Tokens and tags of sentences to learn from.
        valid: Of those that choose the epoch, by accuracy or, for entities, F1.
        plain: Whether the tags aren't entities.
        seed: Same seed, same tags.
        reporter: Told where sentences are drawn.
        advance: Called with the epochs done.
    """
    kinds = len({tag for row in train[1] for tag in row})
    tokens, tags = _drawn(*train, most=MOST_WORK // kinds, seed=seed, reporter=reporter)
    # with O every sentence can be tagged, whatever its length
    names = sorted({tag for row in tags for tag in row} | (set() if plain else {OUTSIDE}))
    numbers = {name: number for number, name in enumerate(names)}
    windows = Windows(tokens)
    x_valid, sizes = windows.matrix(valid[0]), [len(words) for words in valid[0]]

    def named(chain, x, lengths):
        return [[names[code] for code in codes] for codes in chain.decoded(x, lengths)]

    def score(chain):
        scores = (score_tags if plain else score_entities)(named(chain, x_valid, sizes), valid[1])
        return scores["accuracy" if plain else "entity_f1"]

    chain = fit_chain(
        windows.matrix(tokens),
        [len(words) for words in tokens],
        np.array([numbers[tag] for row in tags for tag in row]),
        possible=np.ones((len(names) + 1,) * 2, bool) if plain else possible_steps(names),
        epochs=EPOCHS,
        seed=seed,
        score=score,
        advance=advance,
    )
    return lambda sentences: named(chain, windows.matrix(sentences), [len(words) for words in sentences])


def _drawn(tokens, tags, *, most, seed, reporter):
    """Draws sentences of `most` tokens or a little fewer, at least one."""
    rows = drawn(np.array([len(words) for words in tokens]), most, seed)
    if len(rows) < len(tokens):
        reporter.say(f"note: the linear baseline learns from {len(rows):,} of {len(tokens):,} train sentences.")
    return [tokens[row] for row in rows], [tags[row] for row in rows]


def possible_steps(names: Sequence[str]) -> np.ndarray:
    """Tells which BIOES tag may stand before which: `(tags + 1, tags + 1)`, the last row the beginning, column the end.

    Args:
        names: The tags.
    """
    opens = [(name.partition("-")[2] if name[0] in "BI" else None) for name in names] + [None]
    goes_on = [(name.partition("-")[2] if name[0] in "IE" else None) for name in names] + [None]
    return np.array([[before == after for after in goes_on] for before in opens])
