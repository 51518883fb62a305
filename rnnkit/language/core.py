"""The core: ids and states -> vectors -> recurrence, forwards -> logits and states; and the same core taken apart."""

import dataclasses
from collections.abc import Mapping

import keras
import tensorflow as tf

from rnnkit.layers import recurrent_stack
from rnnkit.layers.activation_penalty import ActivationPenalty
from rnnkit.layers.adaptive_softmax import LEAST
from rnnkit.layers.embedding import VectorTable
from rnnkit.layers.exported import exported_loops
from rnnkit.layers.softmax_head import SoftmaxHead
from rnnkit.layers.stack import by_level, state_names
from rnnkit.settings import RecurrentSettings

GROUPS = {"embedding": ("embedding",), "encoder": ("recurrent",), "head": ("head",)}
"""Parts that can be frozen."""
HEAD = "head"


def sizes_of(settings) -> dict[str, int]:
    """Returns the sizes of the states by name."""
    names = ("cell", "units", "depth", "last_units")
    return state_names(**{name: getattr(settings, name) for name in names})


def build_language_model(facts: Mapping[str, int], settings) -> keras.Model:
    """Builds a core from `ids (batch, time)` and states to `logits (batch, time, vocabulary)` and states.

    Args:
        facts: `vocabulary`.
        settings: Of `RecurrentSettings` and `LanguageSettings`.

    Raises:
        ValueError: Too few tokens for the head.
    """
    _check_head(settings, facts["vocabulary"])
    ids = keras.Input((None,), dtype="int32", name="ids")
    states = {name: keras.Input((size,), name=name) for name, size in sizes_of(settings).items()}
    how = {"dropout": settings.vector_dropout, "name": "embedding"}
    if settings.tied:
        # As a table of logits too, its rows should have a length of about 1.
        how["embeddings_initializer"] = keras.initializers.RandomNormal(stddev=settings.embedding_units**-0.5)
    x, table = VectorTable(facts["vocabulary"], settings.embedding_units, **how)(ids)
    x = _dropped(x, settings.input_dropout, settings, "input_dropout")
    names = [field.name for field in dataclasses.fields(RecurrentSettings)]
    stack = {name: getattr(settings, name) for name in names}
    x, after = recurrent_stack(x, **stack, last_units=settings.last_units, states=by_level(states))
    if settings.change_penalty:
        x = ActivationPenalty(change=settings.change_penalty, name="change_penalty")(x)
    x = _dropped(x, settings.output_dropout, settings, "output_dropout")
    if settings.activation_penalty:
        x = ActivationPenalty(size=settings.activation_penalty, name="activation_penalty")(x)
    head = SoftmaxHead(facts["vocabulary"], kind=settings.head, tied=settings.tied, samples=settings.samples, name=HEAD)
    logits = head([x, table] if settings.tied else x)
    last = dict(zip(states, (state for level in after for state in level), strict=True))
    return keras.Model({"ids": ids, **states}, {"logits": logits, **last}, name="core")


def _check_head(settings, vocabulary):
    if settings.head == "adaptive" and vocabulary < LEAST:
        raise ValueError(
            f"An adaptive head is for {LEAST:,} tokens or more. There are {vocabulary:,}. Take --head full."
        )
    if settings.head == "sampled" and settings.samples >= vocabulary:
        raise ValueError(
            f"samples must be fewer than the tokens, of which there are {vocabulary:,}. Got {settings.samples:,}. "
            "Take --head full, or draw fewer."
        )


def _dropped(x, share, settings, name):
    if not share:
        return x
    kind = keras.layers.SpatialDropout1D if settings.variational_dropout else keras.layers.Dropout
    return kind(share, name=name)(x)


def check_language_model(settings) -> None:
    """Checks settings that only together are out of range.

    Raises:
        ValueError: As the message says.
    """
    if settings.bidirectional:
        raise ValueError("A language model reads forwards alone. Got bidirectional true. Leave it out.")
    if settings.class_weights != "none":
        raise ValueError(f"class_weights are of classes. Got {settings.class_weights!r}. Leave it out.")
    if settings.head == "adaptive" and settings.tied:
        raise ValueError("An adaptive head has vectors of several sizes. Got tied true. Add --no-tied.")
    if 0 < settings.vocabulary <= 4:
        raise ValueError(f"vocabulary must be more than 4, the reserved ids, or 0. Got {settings.vocabulary}.")
    shown_units(settings)


def shown_units(settings) -> list[int] | None:
    """Returns the units that a person wants to see; None where telling ones are to be chosen.

    Raises:
        ValueError: One is no number of a unit of the last layer.
    """
    if not settings.shown_units:
        return None
    chosen, count = [], settings.last_units or settings.units
    for part in settings.shown_units.split(","):
        if not part.strip().isdecimal() or int(part) >= count:
            raise ValueError(f"shown_units must be numbers from 0 to {count - 1}, as 3,17. Got {part.strip()!r}.")
        chosen.append(int(part))
    return chosen


@dataclasses.dataclass(frozen=True)
class Apart:
    """A core in the parts that training, scoring and writing need.

    Attributes:
        body: Model from ids and states, by name, to what the head reads and the states after, by name.
        head: The core's.
        sizes: Sizes of the states by name.
    """

    body: keras.Model
    head: SoftmaxHead
    sizes: Mapping[str, int]

    def begin(self, rows) -> dict[str, tf.Tensor]:
        """Returns the states `(rows, …)` before a text."""
        return {name: tf.zeros([rows, size]) for name, size in self.sizes.items()}

    def read(self, ids, states, *, training: bool = False):
        """Reads ids `(batch, time)` from states on: what the head reads, and the states after."""
        found = self.body({"ids": ids, **states}, training=training)
        read = [found["hidden"], found["table"]] if "table" in found else found["hidden"]
        return read, {name: tf.cast(found[name], tf.float32) for name in self.sizes}

    def step(self, ids, states):
        """Reads one id a row, `(batch,)`: logits `(batch, vocabulary)` and states; without a loop."""
        with exported_loops([self.body], "unrolled"):
            read, states = self.read(ids[:, None], states)
        return self.head(read)[:, 0], states


def taken_apart(core: keras.Model) -> Apart:
    """Takes a core apart; its weights stay the core's."""
    head = core.get_layer(HEAD)
    read = head.input if isinstance(head.input, (list, tuple)) else [head.input]
    named = dict(zip(("hidden", "table"), read, strict=False))
    states = {name: output for name, output in core.output.items() if name != "logits"}
    sizes = {name: output.shape[-1] for name, output in states.items()}
    return Apart(keras.Model(core.input, {**named, **states}, name="body"), head, sizes)
