"""Preparing: the train split's tokens and tags -> vocabulary, tags, and models that turn raw rows into numbers."""

import collections

import keras
import numpy as np
import scipy.sparse

from rnnkit.features import growth
from rnnkit.features.tags import entity_labels, entity_tags, tag_numbers
from rnnkit.features.token_features import Tokens, learn_words
from rnnkit.features.token_windows import learn_windows
from rnnkit.features.vectors import embedding_from
from rnnkit.features.words import RESERVED
from rnnkit.layers.embedding import UNKNOWN
from rnnkit.recipe import Parent, Preparation
from rnnkit.tagger.serving import LAYER

READ = ("lower", "digits", "length", "letters")
"""Settings by which `Tokens` reads."""


def prepare_tagged(train, settings, reporter) -> Preparation:
    """Learns the vocabulary and the tags from the train split.

    Args:
        train: Rows with `tokens` and `tags` of each sentence; `scheme` none says that tags stand alone.
        settings: Of `TaggerSettings`.
        reporter: Tells a person what goes on.
    """
    how = {name: getattr(settings, name) for name in READ}
    vocabulary = _learnt(train, Tokens(**how), reporter, settings, settings.vocabulary)
    facts = {"vocabulary": len(vocabulary) + len(RESERVED)}
    initial, notes = {}, ()
    if settings.vectors:
        rows, note = embedding_from(settings.vectors, vocabulary, reserved=len(RESERVED), seed=settings.seed)
        initial["embedding"], notes, facts["embedding_units"] = [rows], (note,), rows.shape[1]
    windows = _windows(train, Tokens(**how), reporter, settings)
    return _preparation(vocabulary, how, windows, tags_of(train), facts, settings, train, initial=initial, notes=notes)


def tags_of(rows) -> tuple[str, ...]:
    """Returns the names of all tags that a model of these rows has: of entities four for each label, and O."""
    counts = collections.Counter(tag for tags in rows.tags for tag in tags)
    if rows.scheme == "none":
        return tuple(sorted(counts, key=lambda tag: (-counts[tag], tag)))
    return tuple(entity_tags(sorted({tag[2:] for tag in counts if tag[1:2] == "-"})))


def _learnt(train, layer, reporter, settings, size):
    with reporter.task("learning the vocabulary", total=len(train), unit="rows") as advance:
        words = learn_words(layer, train.tokens, size=size, least=settings.least_count)
        advance(len(train))
    return words


def _windows(train, layer, reporter, settings):
    """Returns the features of words and their neighbours that train has; None without `--windows`."""
    if not settings.windows:
        return None
    with reporter.task("learning windows of words", total=len(train), unit="rows") as advance:
        return learn_windows(layer, train.tokens, most=settings.windows, advance=advance)


def _preparation(vocabulary, how, windows, tags, facts, settings, train, **rest):
    text = keras.Input((), dtype="string", name="text")
    layer = Tokens(vocabulary, **{**how, "windows": 0 if windows is None else len(windows)}, name=LAYER)
    read = layer(text)
    of_words = {"ids": True, "letters": settings.characters != "none", "shapes": settings.shapes}
    kept = {**of_words, "windows": windows is not None}
    if windows is not None:
        layer.windows.assign(windows)
        facts = {**facts, "windows": 1 + len(windows)}
    features = keras.Model(
        {"text": text}, {name: read[name] for name, is_kept in kept.items() if is_kept}, name="features"
    )
    facts = {**facts, "tags": len(tags), "entities": int(train.scheme != "none")}
    return Preparation(features, tag_numbers(tags), facts, tuple(features.output), tuple(tags), **rest)


def grow_tagged(parent: Parent, train, settings, reporter) -> Preparation:
    """Goes on from a parent's: new words of the train split join its vocabulary, and new labels its labels.

    Raises:
        ValueError: One has tags of entities, and the other has plain ones.
    """
    entities = bool(parent.preparation.facts["entities"])
    check_kind(train, entities, parent.bundle.path)
    layer = parent.preparation.features.get_layer(LAYER)
    how = {**layer.how, "length": settings.length}
    limit = len(RESERVED) + len(layer.vocabulary) + settings.vocabulary
    vocabulary, same = growth.grow_vocabulary(
        layer.vocabulary,
        _learnt(train, layer, reporter, settings, limit),
        most=settings.vocabulary,
        reserved=len(RESERVED),
        unknown=UNKNOWN if parent.settings.word_dropout else None,
    )
    old, own = parent.preparation.labels, tags_of(train)
    # What the parent knows stays known: rows of its own may follow.
    new = [label for label in names_of(own, entities) if label not in names_of(old, entities)]
    tags = (*old, *(entity_tags(new)[1:] if entities else new))
    carried = {"vocabulary": same, "tags": growth.map_labels(old, tags)}
    windows = _windows(train, layer, reporter, settings)
    if windows is not None:
        known = layer.windows.known.numpy()
        windows = np.union1d(known, windows)
        carried["windows"] = _places(windows, known)
    facts = {**parent.preparation.facts, **{fact: matrix.shape[0] for fact, matrix in carried.items()}}
    notes = growth.label_notes(names_of(old, entities), names_of(tags, entities))
    return _preparation(vocabulary, how, windows, tags, facts, settings, train, carried=carried, notes=notes)


def _places(windows, known):
    """Returns which of the ids of `windows` stands for which of those of `known`, both sorted; 0 is 0 in both."""
    ids = np.concatenate([[0], 1 + np.searchsorted(windows, known)])
    shape = 1 + len(windows), 1 + len(known)
    return scipy.sparse.csr_matrix((np.ones(len(ids)), (ids, np.arange(len(ids)))), shape=shape)


def check_kind(rows, entities: bool, bundle) -> None:
    """Refuses plain tags for a model of entities, and the other way round.

    Args:
        rows: With the `scheme` that their tags were written in.
        entities: Whether the model marks entities.
        bundle: How the model is called.

    Raises:
        ValueError: They are of different kinds.
    """
    if entities != (rows.scheme != "none"):
        kinds = {True: "entities (B-, I-, O …)", False: "tags that each stand alone"}
        raise ValueError(
            f"{bundle} marks {kinds[entities]}, and the data have {kinds[not entities]}. Name another column by "
            "--columns, give --scheme, or train anew with `rnnkit run`."
        )


def names_of(tags, entities: bool) -> list[str]:
    """Returns what tags tell apart: the labels of entities, or the tags themselves."""
    return entity_labels(tags) if entities else list(tags)
