"""Preparing pairs: the train split's texts -> pieces of both sides -> models that turn raw texts into ids."""

import itertools
from collections.abc import Iterable, Mapping

import keras

from rnnkit.features import growth
from rnnkit.features.piece_learning import MOST_WORDS, grow_pieces, learn_pieces
from rnnkit.features.pieces import RESERVED, Pieces
from rnnkit.messages import few_of
from rnnkit.recipe import Parent, Preparation

NAME = "pieces"


def prepare_pairs(train, settings, reporter) -> Preparation:
    """Learns the pieces of both sides from the train split.

    Args:
        train: Rows of pairs.
        settings: Of `PieceSettings` and `TrainingSettings`.
        reporter: Tells a person what goes on.
    """
    how = {"kind": settings.pieces, "size": settings.vocabulary or None}
    how |= {"least": settings.least_count, "seed": settings.seed}
    cases = {"text": settings.lower, train.target: settings.lower_written}
    sides = [tuple(cases)] if settings.joint else [(name,) for name in cases]
    learnt = []
    for side in sides:
        with reporter.task(f"learning pieces of {' and '.join(side)}", total=len(train), unit="rows") as advance:
            texts = _texts(train, side, advance)
            clean = {"normalization": settings.normalization, "lower": cases[side[0]]}
            learnt.append(learn_pieces(texts, **how, **clean))
    return _preparation(learnt, settings, {})


def _texts(rows, sides, advance) -> Iterable[list[str]]:
    done = 0
    for chunk in rows.chunks():
        yield list(itertools.chain.from_iterable(chunk[side] for side in sides))
        done += len(chunk[rows.target])
        advance(done)


def _preparation(learnt, settings, carried: Mapping, notes=()) -> Preparation:
    """Makes the two models of what was learnt: `(pieces, scores)` of both sides, or of each."""
    shared = {"kind": settings.pieces, "normalization": settings.normalization, "length": settings.length, "name": NAME}
    source = Pieces(*learnt[0], lower=settings.lower, **shared)
    target = Pieces(*learnt[-1], lower=settings.lower_written, start=False, **shared)
    facts = {"vocabulary": source.size} | ({"written_vocabulary": target.size} if len(learnt) > 1 else {})
    text, written = (keras.Input((), dtype="string", name=name) for name in ("text", "written"))
    features = keras.Model({"text": text}, {"ids": source(text)}, name="features")
    return Preparation(
        features, keras.Model(written, target(written), name="target"), facts, ("ids",), carried=carried, notes=notes
    )


def grow_preparation(parent: Parent, train, settings, reporter) -> Preparation:
    """Goes on from a parent's pieces: characters, or words, that it has never met join them."""
    models = parent.preparation.features, parent.preparation.target
    layers = [model.get_layer(NAME) for model in models]
    if settings.joint:
        layers, sides = layers[:1], [("text", train.target)]
    else:
        sides = [("text",), (train.target,)]
    learnt, carried, notes = [], {}, []
    for layer, side, fact in zip(layers, sides, ("vocabulary", "written_vocabulary"), strict=False):
        with reporter.task(f"looking for new pieces of {' and '.join(side)}", total=len(train), unit="rows") as advance:
            new = grow_pieces(layer, _texts(train, side, advance), most=settings.vocabulary or MOST_WORDS)
        pieces, carried[fact] = growth.grow_vocabulary(
            layer.pieces, new, most=len(new), reserved=len(RESERVED), unknown=None
        )
        learnt.append((pieces, layer.scores))
        if new:
            notes.append(f"pieces that join those of {' and '.join(side)}: {few_of(new)}.")
    return _preparation(learnt, settings, carried, tuple(notes))


def check_pieces(settings) -> None:
    """Checks settings of pieces that only together are out of range.

    Raises:
        ValueError: As the message says.
    """
    if 0 < settings.vocabulary <= len(RESERVED):
        raise ValueError(
            f"vocabulary must be more than {len(RESERVED)}, the reserved ids, or 0 for as many as the data teach. "
            f"Got {settings.vocabulary}."
        )
    if settings.joint and settings.lower != settings.lower_written:
        raise ValueError(
            f"Joint pieces are cased alike on both sides. Got lower {str(settings.lower).lower()}, lower_written "
            f"{str(settings.lower_written).lower()}. Set both, or --no-joint."
        )
