"""A composer that nobody trained, whose weights are large enough to have opinions."""

import dataclasses

import numpy as np

from rnnkit.layers.embedding import END
from rnnkit.music.composer import composer_of
from rnnkit.music.core import build_event_model
from rnnkit.music.preparing import prepare_events
from rnnkit.music.settings import ComposingSettings, EventSettings
from rnnkit.settings import RecurrentSettings, setting

TEXTS = [
    "style:jig key:C_major metre:6/8 | from:60 n55 d12 | ch:C n60 d24 n64 d12 n67 d36 | ch:G7 n62 n65 d24 r d12 ~ d36",
    "style:réel key:A_minor metre:4/4 | ch:Am n69 d24 n72 d24 n76 d48 | ch:Em n71 d48 ~ d12 n68 d36 | ch:Am n57 d96",
    "key:A_dorian metre:3/4 | n69 n72 d8 n71 d8 n74 d8 r d48",
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(RecurrentSettings, EventSettings, ComposingSettings):
    """All that a composer needs."""

    bidirectional: bool = setting(False, "Not here.")
    units: int = setting(5, "State size.")
    embedding_units: int = setting(7, "Size of an event's vector.")
    attention_units: int = setting(6, "Size of queries, keys and values.")
    bars_back: int = setting(3, "Bars that are looked back at.")
    events_back: int = setting(11, "Events that are remembered.")
    seed: int = setting(0, "Of what is drawn.")


@dataclasses.dataclass(frozen=True)
class _Tunes:
    texts: list

    def chunks(self):
        yield {"text": self.texts}


def toy_composer(texts=TEXTS, scale=0.6, **how):
    """Returns the composer and its core; `how` are settings."""
    how = Settings(**how)
    preparation = prepare_events(_Tunes(list(texts)), how, None)
    core = build_event_model(preparation.facts, how)
    core.get_layer("clock").set_weights(preparation.initial["clock"])
    random = np.random.default_rng(3)
    for weight in core.trainable_weights:
        drawn = random.normal(0, scale, weight.shape)
        if weight.shape == (preparation.facts["vocabulary"],):
            # Seldom, so that there is a tune to compare.
            drawn[END] -= 2
        weight.assign(drawn)
    return composer_of(preparation, core, how), core
