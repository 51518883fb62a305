"""The core: ids of events and states -> vectors and places in the bar -> recurrence -> bars before -> logits, states.

It goes on like a language model's core, and is taken apart as one: see `rnnkit.language.core.taken_apart`.
"""

import dataclasses
from collections.abc import Mapping

import keras

from rnnkit.layers import recurrent_stack
from rnnkit.layers.bar_attention import BarAttention, kept_sizes
from rnnkit.layers.bar_clock import NAMES, BarClock
from rnnkit.layers.bar_places import BarPlaces
from rnnkit.layers.embedding import VectorTable
from rnnkit.layers.softmax_head import SoftmaxHead
from rnnkit.layers.stack import by_level, state_names
from rnnkit.settings import RecurrentSettings

GROUPS = {"embedding": ("embedding", "places"), "encoder": ("recurrent",), "head": ("bars_before", "head")}
"""Parts that can be frozen."""
CLOCK, MEMORY = "state_clock", "state_memory"


def build_event_model(facts: Mapping[str, int], settings) -> keras.Model:
    """Builds a core from `ids (batch, time)` and states to `logits (batch, time, vocabulary)` and states.

    Args:
        facts: `vocabulary`.
        settings: Of `RecurrentSettings` and `EventSettings`.
    """
    vocabulary, units = facts["vocabulary"], settings.embedding_units
    ids = keras.Input((None,), dtype="int32", name="ids")
    stack = {field.name: getattr(settings, field.name) for field in dataclasses.fields(RecurrentSettings)}
    sizes = state_names(cell=settings.cell, units=settings.units, depth=settings.depth)
    states = {name: keras.Input((size,), name=name) for name, size in sizes.items()}
    clock = keras.Input((len(NAMES),), name=CLOCK)
    vectors, _ = VectorTable(vocabulary, units, dropout=settings.vector_dropout, name="embedding")(ids)
    told, clock_after = BarClock(vocabulary, name="clock")(ids, clock)
    places = BarPlaces(vocabulary, units, name="places")(told)
    x = _dropped(keras.layers.Concatenate(name="event")([vectors, places]), settings.input_dropout, "input_dropout")
    x, after = recurrent_stack(x, **stack, states=by_level(states))
    after = dict(zip(states, (state for level in after for state in level), strict=True)) | {CLOCK: clock_after}
    states[CLOCK] = clock
    if settings.bars_back:
        how = settings.attention_units, settings.events_back
        memory = keras.Input((sum(kept_sizes(settings.units, *how)),), name=MEMORY)
        attention = BarAttention(how[0], settings.bars_back, how[1], name="bars_before")
        context, after[MEMORY] = attention(x, vectors, told, memory)
        states[MEMORY] = memory
        x = keras.layers.Concatenate(name="with_bars_before")([x, context])
    x = _dropped(x, settings.output_dropout, "output_dropout")
    logits = SoftmaxHead(vocabulary, name="head")(x)
    return keras.Model({"ids": ids, **states}, {"logits": logits, **after}, name="core")


def _dropped(x, share, name):
    return keras.layers.Dropout(share, name=name)(x) if share else x
