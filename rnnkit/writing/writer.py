"""Writer: raw text -> pieces -> search -> raw text, and its score, in one graph; the signatures that serve it."""

import dataclasses
import functools
from collections.abc import Callable

import keras
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.decoding import Controls, Decoded, beam_search, greedy, sample
from rnnkit.features.pieces import Pieces
from rnnkit.layers.attention_decoder import Opened
from rnnkit.layers.embedding import END, PADDING, START
from rnnkit.layers.encoder_decoder import Apart, taken_apart
from rnnkit.recipe import Preparation

TEXT = tf.TensorSpec([None], tf.string, name="text")


@dataclasses.dataclass(frozen=True)
class Writer:
    """A core with the pieces of both its sides.

    Attributes:
        source, target: Pieces of what is read and of what is written.
        apart: The core.
        controls: What the search favours.
        width: Of the beam.
        refuses: Whether a text of more than `length` pieces is refused, and not cut.
    """

    source: Pieces
    target: Pieces
    apart: Apart
    controls: Controls
    width: int
    refuses: bool = False

    def read(self, text) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns ids `(batch, time)`, most pieces to be written and whether the text was cut, `(batch,)` each."""
        cut = self.source.cut(text)
        ids = self.source(text)
        if self.refuses:
            most = f"a text has more pieces than are read, which are at most {self.source.length}"
            with tf.control_dependencies([tf.debugging.Assert(~tf.reduce_any(cut), [most])]):
                ids = tf.identity(ids)
        return ids, limits(ids), cut

    def decoded(self, ids, steps, *, width=None, best=1, prefix=None) -> Decoded:
        """Searches what is to be written for ids `(batch, time)`, at most `steps (batch,)` pieces."""
        width = self.width if width is None else width
        if isinstance(width, int) and width == best == 1:
            opened, states = self.apart.begin(ids)
            how = {"batch": tf.shape(ids)[0], "steps": steps, "start": START, "end": END, "controls": self.controls}
            return greedy(self.apart.shared_step, states, prefix=prefix, shared=opened, **how)
        prefix = tf.zeros([tf.shape(ids)[0], 0], tf.int32) if prefix is None else prefix
        return self._searched(ids, steps, tf.convert_to_tensor(width), tf.convert_to_tensor(best), prefix)

    @functools.cached_property
    def _searched(self) -> Callable:
        """Beam search, traced once for all signatures that ask for it: most of a bundle's writing is tracing."""
        row, scalar = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([], tf.int32)

        @tf.function(input_signature=[row, tf.TensorSpec([None], tf.int32), scalar, scalar, row], autograph=False)
        def searched(ids, steps, width, best, prefix):
            opened, states = self.apart.begin(ids)
            how = {"batch": tf.shape(ids)[0], "steps": steps, "start": START, "end": END, "controls": self.controls}
            return beam_search(
                self.apart.shared_step, states, width=width, best=best, prefix=prefix, shared=opened, **how
            )

        return searched

    def write(self, text, width=None) -> dict[str, tf.Tensor]:
        """Returns `translation`, `score` and `cut` of texts, `(batch,)` each."""
        ids, steps, cut = self.read(text)
        found = self.decoded(ids, steps, width=width)
        return {"translation": self.target.join(found.ids[:, 0]), "score": found.scores[:, 0], "cut": cut}

    def signatures(self) -> dict[str, Signature]:
        """Returns the ways in which it is served, but for the one that takes a beam width.

        `nbest`: `text -> translation, score (batch, width)`. `attention`: `text -> translation, read (batch, time),
        written (batch, steps)`, the pieces, and `weights (batch, steps, time)`. `sample`: drawn by chance.
        `continue`: what begins with `prefix (batch,)`. `encode` and `step` go step by step, and `join` spells ids.
        """
        return {
            "serving_default": Signature(self.write, (TEXT,)),
            "nbest": Signature(self._nbest, (TEXT,)),
            "attention": Signature(self._attention, (TEXT,)),
            "sample": Signature(self._sample, (TEXT, *SAMPLING)),
            "continue": Signature(self._continued, (TEXT, tf.TensorSpec([None], tf.string, name="prefix"))),
            **self._steps(),
        }

    def _nbest(self, text):
        ids, steps, cut = self.read(text)
        found = self.decoded(ids, steps, best=self.width)
        # A short limit leaves fewer hypotheses than asked for, whose score would be no number.
        least = tf.fill(tf.shape(found.scores), found.scores.dtype.min)
        scores = tf.where(tf.math.is_inf(found.scores), least, found.scores)
        return {"translation": self.target.join(found.ids), "score": scores, "cut": cut}

    def _attention(self, text):
        ids, steps, cut = self.read(text)
        found = self.decoded(ids, steps)
        written = found.ids[:, 0]
        return {
            "translation": self.target.join(written),
            "read": self.source.tokens(ids),
            "written": self.target.tokens(written),
            "weights": found.weights[:, 0],
            "cut": cut,
        }

    def _sample(self, text, temperature, top_k, top_p, seed):
        ids, steps, cut = self.read(text)
        opened, states = self.apart.begin(ids)
        found = sample(
            self.apart.shared_step,
            states,
            batch=tf.shape(ids)[0],
            steps=steps,
            start=START,
            end=END,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            controls=self.controls,
            shared=opened,
        )
        return {"translation": self.target.join(found.ids[:, 0]), "score": found.scores[:, 0], "cut": cut}

    def _continued(self, text, prefix):
        ids, steps, cut = self.read(text)
        begun = self.target(prefix)
        # Its end is not the text's.
        begun = tf.where(begun == END, PADDING, begun)
        steps = tf.maximum(steps, tf.math.count_nonzero(begun, 1, dtype=tf.int32) + 10)
        found = self.decoded(ids, steps, prefix=begun)
        return {"translation": self.target.join(found.ids[:, 0]), "score": found.scores[:, 0], "cut": cut}

    def _encode(self, text):
        ids, steps, cut = self.read(text)
        opened, states = self.apart.begin(ids)
        first = {"ids": tf.fill(tf.shape(steps), START), "most": steps, "cut": cut}
        return {**opened._asdict(), **states, **first}

    def _step(self, ids, memory, keys, real, *states):
        states = dict(zip(self.apart.decoder.state_sizes, states, strict=True))
        step = self.apart.step(Opened(memory, keys, real))
        logits, states, weights = step(ids, states, tf.constant(0))
        return {"log_probability": tf.nn.log_softmax(logits), "weights": weights, **states}

    def _steps(self):
        """Returns the signatures by which a caller goes step by step."""
        decoder, floats = self.apart.decoder, {}
        keys = decoder.features if decoder.way.attention == "dot" else decoder.key_kernel.shape[1]
        for name, size in {"memory": decoder.features, "keys": keys}.items():
            floats[name] = [None, None, size]
        floats |= {"real": [None, None]} | {name: [None, size] for name, size in decoder.state_sizes.items()}
        ids = tf.TensorSpec([None], tf.int32, name="ids")
        specs = [tf.TensorSpec(shape, tf.float32, name=name) for name, shape in floats.items()]
        spelled = tf.TensorSpec([None, None], tf.int32, name="ids")
        return {
            "encode": Signature(self._encode, (TEXT,)),
            "step": Signature(self._step, (ids, *specs)),
            "join": Signature(lambda ids: {"translation": self.target.join(ids)}, (spelled,)),
        }


def writer_of(preparation: Preparation, core: keras.Model, settings) -> Writer:
    """Puts a writer together from what a recipe has prepared, built and trained.

    Args:
        preparation: Its `features` have a layer `pieces`, its `target` one of that name too.
        core: As `build_writer` builds it.
        settings: Of `PieceSettings` and `WritingSettings`.
    """
    source, target = (model.get_layer("pieces") for model in (preparation.features, preparation.target))
    refuses = settings.long_texts == "refuse"
    return Writer(source, target, taken_apart(core), settings.controls(), settings.beam_width, refuses)


SAMPLING = (
    tf.TensorSpec([], tf.float32, name="temperature"),
    tf.TensorSpec([], tf.int32, name="top_k"),
    tf.TensorSpec([], tf.float32, name="top_p"),
    tf.TensorSpec([2], tf.int32, name="seed"),
)


def limits(ids):
    """Returns the most pieces to be written for ids `(batch, time)` that were read: none for a text without any."""
    pieces = tf.math.count_nonzero(ids, 1, dtype=tf.int32) - 2
    return tf.where(pieces > 0, 2 * pieces + 10, 0)
