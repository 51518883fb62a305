"""Composer: a primer, or a style, key and metre -> events drawn one by one, by the rules asked for -> a tune.

All of it is one graph. What is drawn depends on the seed and on what was asked alone, not on what else is asked in a
batch.
"""

import dataclasses
import functools
from collections.abc import Callable

import keras
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.decoding import Controls
from rnnkit.decoding.draws import draw, keys_of
from rnnkit.decoding.rows import write_rows
from rnnkit.decoding.sampling import drawn as chosen
from rnnkit.features.event_words import EventWords
from rnnkit.features.pieces import RESERVED
from rnnkit.language.core import Apart, taken_apart
from rnnkit.language.generator import IDS, TEXT, Generator
from rnnkit.language.units import Units, units_of
from rnnkit.layers.embedding import END, NEVER_WRITTEN, UNKNOWN
from rnnkit.music.core import CLOCK
from rnnkit.music.events import BAR, KEY, METRE, STYLE
from rnnkit.music.grammar import STATES, Asked, Grammar
from rnnkit.recipe import Preparation

RULE = "rule_{}"
"""Name of a state that the grammar keeps, beside those of the core."""
MOST_EVENTS = 40
"""Of a bar on average, past which a tune is given up."""
TEXTS = tuple(tf.TensorSpec([None], tf.string, name=name) for name in ("text", "style", "key", "metre"))
VARIATION = tf.TensorSpec([None], tf.int32, name="variation")
HOW = (
    tf.TensorSpec([], tf.int32, name="bars"),
    tf.TensorSpec([], tf.float32, name="temperature"),
    tf.TensorSpec([], tf.float32, name="top_p"),
    tf.TensorSpec([2], tf.int32, name="seed"),
    *(tf.TensorSpec([], tf.bool, name=name) for name in ("right_bars", "in_key", "on_tonic")),
)


@dataclasses.dataclass(frozen=True)
class Composer:
    """A model of tunes as it is served.

    Attributes:
        units: Of its events.
        apart: The core.
        how: `bars`, `temperature`, `top_p`, `seed`, `right_bars`, `in_key`, `on_tonic`, where a caller doesn't say.
    """

    units: Units
    apart: Apart
    how: dict

    @functools.cached_property
    def grammar(self) -> Grammar:
        """Of its events."""
        return Grammar(self.words.pieces)

    @property
    def words(self) -> EventWords:
        """The layer that makes ids of texts."""
        return self.units.layer

    @functools.cached_property
    def composed(self) -> Callable:
        """Draws what follows primers; traced once.

        `(ids (batch, time), style, key, metre (batch,) ids or 0, keys (batch,), bars, …) -> ids (batch, time)`: the
        primers, padded on the right.
        """
        row = tf.TensorSpec([None], tf.int32)
        specs = [tf.TensorSpec([None, None], tf.int32), row, row, row, row]

        @tf.function(
            input_signature=[*specs, *(tf.TensorSpec(each.shape, each.dtype) for each in HOW)], autograph=False
        )
        def composed(ids, style, key, metre, keys, bars, temperature, top_p, seed, right_bars, in_key, on_tonic):
            batch = tf.shape(ids)[0]
            asked = Asked(tf.fill([batch], bars), right_bars, in_key, on_tonic, style, key, metre)

            def choose(logits, t, places):
                mine = tf.gather(keys, places)
                draws = tf.map_fn(lambda key: draw(seed, t, key), mine, fn_output_signature=tf.float32)
                return chosen(logits, draws, temperature, 0, top_p)

            def step(ids, states, t, shared):
                del t
                rows = Asked(shared[0], right_bars, in_key, on_tonic, *shared[1:])
                return self._step(ids, states, rows)

            steps = tf.math.count_nonzero(ids, 1, dtype=tf.int32) + MOST_EVENTS * bars
            begun = self.apart.begin(batch)
            begun |= {RULE.format(name): state for name, state in self.grammar.begin(batch).items()}
            controls = Controls(banned=NEVER_WRITTEN)
            how = {"start": END, "end": END, "controls": controls, "prefix": ids}
            shared = (asked.bars, style, key, metre)
            return write_rows(choose, step, begun, batch=batch, steps=steps, shared=shared, **how).ids[:, 0]

        return composed

    def _step(self, ids, states, asked: Asked):
        """Reads one id a row: the logits of those that may come next, and the states after."""
        logits, after = self.apart.step(ids, {name: states[name] for name in self.apart.sizes})
        rules = self.grammar.after(ids, {name: states[RULE.format(name)] for name in STATES})
        may = self.grammar.allowed(rules, after[CLOCK], asked)
        logits = self._ending(logits, self.grammar.enough(rules, after[CLOCK], asked))
        logits = tf.where(may, logits, logits.dtype.min / 2)
        return logits, {**after, **{RULE.format(name): rules[name] for name in STATES}}, None

    def _ending(self, logits, enough):
        """Where a tune has its bars, another bar would end it."""
        bar = self.words.pieces.index(BAR) + len(RESERVED) if BAR in self.words.pieces else END
        either = tf.reduce_logsumexp(tf.gather(logits, [END, bar], axis=1), 1, keepdims=True)
        ends = tf.range(tf.shape(logits)[1])[None] == END
        return tf.where(enough & ends, either, logits)

    def tunes(self, text, style, key, metre, variation, *how) -> dict[str, tf.Tensor]:
        """Composes tunes.

        Args:
            text: `(batch,)`, events of primers, in any key; '' for none.
            style, key, metre: `(batch,)`, such as 'jig', 'D_major' and '6/8'; '' where the model is to say, as it does
                where training has no such word. They count where the primer doesn't say; `key` is also the key of what
                is written, but for its mode, which is the primer's.
            variation: `(batch,)`, of the draws: what else is the same differs by it.
            how: `HOW`.

        Returns:
            `generated (batch,)`, the events of whole tunes, the primer's among them, in the key asked for; and
            `log_probability` of them, as `score` gives it.
        """
        ids = self.units.ids(text)
        asked_key = tf.where(tf.strings.length(key) > 0, tf.strings.join([KEY, key]), "")
        shifts = self.words.shifts(tf.where(tf.strings.length(asked_key) > 0, asked_key, text))
        # A mode is asked for as the model knows it, in C or A.
        keys = self._ids(asked_key)
        style = self._ids(tf.where(tf.strings.length(style) > 0, tf.strings.join([STYLE, style]), ""))
        metre = self._ids(tf.where(tf.strings.length(metre) > 0, tf.strings.join([METRE, metre]), ""))
        how = [tf.convert_to_tensor(value, spec.dtype) for value, spec in zip(how, HOW, strict=True)]
        asked = [tf.strings.as_string(ids) for ids in (style, keys, metre, variation)]
        seeds = keys_of(tf.strings.join([text, *asked], separator="\n"))
        found = self.composed(ids, style, keys, metre, seeds, *how)
        # A tune of no events at all has none to join.
        found = tf.pad(found, [[0, 0], [0, tf.cast(tf.shape(found)[1] == 0, tf.int32)]])
        return {
            "generated": self.words.moved_back(self.units.join(found), shifts),
            "log_probability": self._log_probability(found),
        }

    def _ids(self, words):
        """Returns the ids of single words, moved by themselves, `(batch,)`; 0 where there is none, or none is known."""
        ids = tf.pad(self.units.ids(words), [[0, 0], [0, 1]])[:, 0]
        return tf.where(tf.equal(ids, UNKNOWN), 0, ids)

    def _log_probability(self, ids):
        before = tf.pad(ids, [[0, 0], [1, 0]], constant_values=END)[:, :-1]
        read, _ = self.apart.read(before, self.apart.begin(tf.shape(ids)[0]))
        return 0.0 - tf.reduce_sum(self.apart.head.losses_of(read, ids), 1)

    def serving(self, text) -> dict[str, tf.Tensor]:
        """Goes on from primers as the settings say."""
        none = tf.fill(tf.shape(text), "")
        names = ("bars", "temperature", "top_p", "seed", "right_bars", "in_key", "on_tonic")
        how = {**self.how, "seed": tf.constant([0, self.how["seed"]])}
        return self.tunes(text, none, none, none, tf.zeros(tf.shape(text), tf.int32), *(how[name] for name in names))

    @functools.cached_property
    def reading(self) -> Generator:
        """What scores and steps as a language model does."""
        how = {"written": 1, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": 0, "prompt": 1 << 30}
        return Generator(self.units, self.apart, how, Controls(banned=NEVER_WRITTEN))

    def encoded(self, text) -> dict[str, tf.Tensor]:
        """Returns ids, and by how many semitones texts were moved."""
        return {"ids": self.units.ids(text), "shift": self.words.shifts(text)}

    def joined(self, ids, shift) -> dict[str, tf.Tensor]:
        """Returns the texts of ids, in the keys they were moved from."""
        return {"text": self.words.moved_back(self.units.join(ids), shift)}

    def signatures(self) -> dict[str, Signature]:
        """Returns the ways in which it is served.

        `serving_default`: text -> generated, log_probability, as the settings say; `generate` the same, the caller
        says how. `score`: text -> perplexity, token, log_probability, tokens. `step`: ids, states -> log_probability,
        states; the first states are zeros, the first id that of the end. `encode`: text -> ids, shift; `join` back.
        """
        states = [tf.TensorSpec([None, size], tf.float32, name=name) for name, size in self.apart.sizes.items()]
        spelled = tf.TensorSpec([None, None], tf.int32, name="ids")
        return {
            "serving_default": Signature(self.serving, (TEXT,)),
            "generate": Signature(self.tunes, (*TEXTS, VARIATION, *HOW)),
            "score": Signature(self.reading.scored, (TEXT,)),
            "step": Signature(self.reading.one, (IDS, *states)),
            "encode": Signature(self.encoded, (TEXT,)),
            "join": Signature(self.joined, (spelled, tf.TensorSpec([None], tf.int32, name="shift"))),
        }


def composer_of(preparation: Preparation, core: keras.Model, settings) -> Composer:
    """Puts a composer together from what a recipe has prepared, built and trained.

    Args:
        preparation: Its `features` have a layer `tokens`.
        core: As `build_event_model` builds it.
        settings: Of `ComposingSettings`, and a seed.
    """
    names = ("bars", "temperature", "top_p", "seed", "right_bars", "in_key", "on_tonic")
    how = {name: getattr(settings, name) for name in names}
    return Composer(units_of(preparation.features), taken_apart(core), how)
