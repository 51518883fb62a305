"""Preparing: train's tunes -> its events -> a model that turns a raw text of events into ids; a child's go on."""

import keras

from rnnkit.features import growth
from rnnkit.features.event_words import EventWords, learn_events
from rnnkit.features.pieces import RESERVED
from rnnkit.language.units import NAME, units_of
from rnnkit.messages import few_of
from rnnkit.music.grammar import clock_table
from rnnkit.recipe import Parent, Preparation


def prepare_events(train, settings, reporter) -> Preparation:
    """Learns the events of the train split.

    Args:
        train: Tunes.
        settings: Of `EventSettings`.
        reporter: Tells a person what goes on.

    Raises:
        ValueError: No event is frequent enough.
    """
    words = _learnt(train, settings)
    if not words:
        raise ValueError(f"No event occurs {settings.least_count:,} times. Give more tunes, or lower --least-count.")
    return _preparation(words, settings.moved)


def grow_events(parent: Parent, train, settings, reporter) -> Preparation:
    """Goes on from a parent's events: those that it has never met join them."""
    old = units_of(parent.preparation.features).layer
    met = _learnt(train, settings)
    new = [word for word in met if word not in set(old.pieces)]
    _, same = growth.grow_vocabulary(old.pieces, new, most=len(new), reserved=len(RESERVED), unknown=None)
    notes = (f"events that join the parent's: {few_of(new)}.",) if new else ()
    return _preparation([*old.pieces, *new], old.moved, {"vocabulary": same}, notes)


def _learnt(train, settings):
    texts = (chunk["text"] for chunk in train.chunks())
    return learn_events(EventWords(moved=settings.moved), texts, least=settings.least_count)


def _preparation(words, moved, carried=None, notes=()) -> Preparation:
    layer = EventWords(words, moved=moved, name=NAME)
    text, written = (keras.Input((), dtype="string", name=name) for name in ("text", "written"))
    features = keras.Model({"text": text}, {"ids": layer(text)}, name="features")
    target = keras.Model(written, keras.layers.Identity()(written), name="target")
    initial, facts = {"clock": [clock_table(words)]}, {"vocabulary": layer.size}
    return Preparation(features, target, facts, ("ids",), initial=initial, carried=carried or {}, notes=notes)
