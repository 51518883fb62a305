"""Generator: a prompt -> tokens drawn one by one -> a text, in one graph; and the signatures that serve it.

What is drawn depends on the seed and the prompt alone, not on what else is asked in a batch: the same question has the
same answer.
"""

import dataclasses
import functools
from collections.abc import Callable

import keras
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.decoding import Controls, beam_search
from rnnkit.decoding.draws import draw, keys_of
from rnnkit.decoding.rows import write_rows
from rnnkit.decoding.sampling import drawn as chosen
from rnnkit.language.core import Apart, taken_apart
from rnnkit.language.settings import stops_of
from rnnkit.language.units import Units, units_of
from rnnkit.layers.embedding import END, NEVER_WRITTEN, PADDING
from rnnkit.recipe import Preparation

TEXT = tf.TensorSpec([None], tf.string, name="text")
IDS = tf.TensorSpec([None], tf.int32, name="ids")
NUMBERS = (
    tf.TensorSpec([], tf.float32, name="temperature"),
    tf.TensorSpec([], tf.int32, name="top_k"),
    tf.TensorSpec([], tf.float32, name="top_p"),
    tf.TensorSpec([2], tf.int32, name="seed"),
)


@dataclasses.dataclass(frozen=True)
class Generator:
    """A language model as it is served.

    Attributes:
        units: Of its texts.
        apart: The core.
        how: `written`, `temperature`, `top_k`, `top_p` and `seed`, where a caller doesn't say; `prompt`, most tokens of
            one that are read, the last ones.
        controls: What a search favours and what it may not write.
        stops: Texts that end what is written.
    """

    units: Units
    apart: Apart
    how: dict
    controls: Controls
    stops: tuple[str, ...] = ()

    def step(self, ids, states, t, shared=()):
        """Is the step that `rnnkit.decoding` asks for."""
        del t, shared
        logits, states = self.apart.step(ids, states)
        return logits, states, None

    def prompts(self, text) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the ids of prompts that are read, `(batch, time)`, padded on the right, and how many, `(batch,)`."""
        ids = tf.RaggedTensor.from_tensor(self.units.ids(text), padding=PADDING)[:, -self.how["prompt"] :]
        return ids.to_tensor(PADDING), tf.cast(ids.row_lengths(), tf.int32)

    @functools.cached_property
    def drawn(self) -> Callable:
        """Draws what follows prompts; traced once for all signatures that ask for it.

        `(ids (batch, time), steps (batch,), temperature, top_k, top_p, seed (2,), keys (batch,)) -> ids, scores`: the
        prompts, padded on the right, and the most tokens, the prompt's among them; rows of the same key draw the same.
        """
        numbers = [tf.TensorSpec(spec.shape, spec.dtype) for spec in NUMBERS]
        row = tf.TensorSpec([None], tf.int32)

        @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32), row, *numbers, row], autograph=False)
        def drawn(ids, steps, temperature, top_k, top_p, seed, keys):
            def choose(logits, t, places):
                mine = tf.gather(keys, places)
                draws = tf.map_fn(lambda key: draw(seed, t, key), mine, fn_output_signature=tf.float32)
                return chosen(logits, draws, temperature, top_k, top_p)

            batch = tf.shape(ids)[0]
            how = {"start": END, "end": END, "controls": self.controls, "prefix": ids, "shared": ()}
            found = write_rows(choose, self.step, self.apart.begin(batch), batch=batch, steps=steps, **how)
            return found.ids[:, 0], found.scores[:, 0]

        return drawn

    def written(self, text, length, temperature, top_k, top_p, seed) -> dict[str, tf.Tensor]:
        """Returns `generated (batch,)`, what follows prompts, and `log_probability` of prompt and text."""
        ids, read = self.prompts(text)
        how = (
            tf.convert_to_tensor(x, spec.dtype)
            for x, spec in zip((temperature, top_k, top_p, seed), NUMBERS, strict=True)
        )
        found, scores = self.drawn(ids, read + length, *how, keys_of(text))
        return {"generated": self._after(found, read), "log_probability": scores}

    def _after(self, ids, read):
        """Spells what comes after the prompt, up to a text that stops it."""
        steps = tf.range(tf.shape(ids)[1])
        text = self.units.join(tf.where(steps < read[:, None], PADDING, ids))
        for stop in self.stops:
            text = tf.strings.split(text, sep=stop, maxsplit=1)[:, :1].to_tensor("", shape=[None, 1])[:, 0]
        return text

    def serving(self, text, seed=None) -> dict[str, tf.Tensor]:
        """Writes as the settings say; by another seed `(2,)` where one is given."""
        length, *how = (self.how[name] for name in ("written", "temperature", "top_k", "top_p"))
        return self.written(text, length, *how, tf.constant([0, self.how["seed"]]) if seed is None else seed)

    def searched(self, text, length, beam_width) -> dict[str, tf.Tensor]:
        """Returns the most probable text that a beam search finds, and its log probability with the prompt's."""
        ids, read = self.prompts(text)
        batch = tf.shape(ids)[0]
        found = beam_search(
            self.step,
            self.apart.begin(batch),
            batch=batch,
            width=beam_width,
            steps=read + length,
            start=END,
            end=END,
            controls=self.controls,
            prefix=ids,
            shared=(),
        )
        return {"generated": self._after(found.ids[:, 0], read), "log_probability": found.scores[:, 0]}

    def scored(self, text) -> dict[str, tf.Tensor]:
        """Returns what texts cost.

        `perplexity (batch,)`; `token` and `log_probability (batch, time)` of each token, '' and 0 after the last;
        `tokens (batch,)`. A text is read as if nothing stood before it, and its end isn't counted; of an empty one the
        perplexity is 1.
        """
        ids = self.units.ids(text)
        # A loop over no steps at all fails.
        ids = tf.pad(ids, [[0, 0], [0, tf.cast(tf.shape(ids)[1] == 0, tf.int32)]])
        before = tf.pad(ids, [[0, 0], [1, 0]], constant_values=END)[:, :-1]
        read, _ = self.apart.read(before, self.apart.begin(tf.shape(ids)[0]))
        losses = self.apart.head.losses_of(read, ids)
        tokens = tf.math.count_nonzero(ids, 1, dtype=tf.int32)
        mean = tf.reduce_sum(losses, 1) / tf.cast(tf.maximum(tokens, 1), tf.float32)
        return {
            "perplexity": tf.exp(tf.minimum(mean, 80.0)),
            "log_probability": 0.0 - losses,
            "token": self.units.tokens(ids),
            "tokens": tokens,
        }

    def one(self, ids, *states) -> dict[str, tf.Tensor]:
        """Reads one id a row: `log_probability (batch, vocabulary)` of the next, and the states after."""
        logits, after = self.apart.step(ids, dict(zip(self.apart.sizes, states, strict=True)))
        return {"log_probability": tf.nn.log_softmax(logits), **after}

    def signatures(self) -> dict[str, Signature]:
        """Returns the ways in which it is served.

        `serving_default`: text -> generated, log_probability, as the settings say; `generate` the same, the caller
        says how. `search`: by a beam. `score`: text -> perplexity, token, log_probability. `step`: ids, states ->
        log_probability, states; the first states are zeros, the first id that of the end. `encode`: text -> ids;
        `join`: ids -> text.
        """
        length = tf.TensorSpec([], tf.int32, name="length")
        width = tf.TensorSpec([], tf.int32, name="beam_width")
        states = [tf.TensorSpec([None, size], tf.float32, name=name) for name, size in self.apart.sizes.items()]
        spelled = tf.TensorSpec([None, None], tf.int32, name="ids")
        return {
            "serving_default": Signature(self.serving, (TEXT,)),
            "generate": Signature(self.written, (TEXT, length, *NUMBERS)),
            "search": Signature(self.searched, (TEXT, length, width)),
            "score": Signature(self.scored, (TEXT,)),
            "step": Signature(self.one, (IDS, *states)),
            "encode": Signature(lambda text: {"ids": self.units.ids(text)}, (TEXT,)),
            "join": Signature(lambda ids: {"text": self.units.join(ids)}, (spelled,)),
        }


def generator_of(preparation: Preparation, core: keras.Model, settings) -> Generator:
    """Puts a generator together from what a recipe has prepared, built and trained.

    Args:
        preparation: Its `features` have a layer `tokens`.
        core: As `build_language_model` builds it.
        settings: Of `GeneratingSettings`, and a seed.
    """
    names = ("written", "temperature", "top_k", "top_p", "seed", "prompt")
    penalties = ("repetition_penalty", "blocked_ngram")
    controls = Controls(banned=NEVER_WRITTEN, **{name: getattr(settings, name) for name in penalties})
    how = {name: getattr(settings, name) for name in names}
    return Generator(units_of(preparation.features), taken_apart(core), how, controls, stops_of(settings.stop))
