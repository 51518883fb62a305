"""Writer: raw text -> pieces -> search -> raw text, and its score, in one graph; the signatures that serve it."""

import dataclasses
import functools

import keras
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.decoding import Controls, Decoded
from rnnkit.features.pieces import Pieces
from rnnkit.layers.embedding import END, PADDING
from rnnkit.layers.encoder_decoder import Apart, taken_apart
from rnnkit.recipe import Preparation
from rnnkit.writing.search import SAMPLING, Search, finite

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

    @functools.cached_property
    def search(self) -> Search:
        """The search, for ids `(batch, time)`."""
        return Search(self.apart, tf.TensorSpec([None, None], tf.int32), self.controls, self.width)

    def decoded(self, ids, steps, **how) -> Decoded:
        """Searches what is to be written for ids `(batch, time)`, as `Search.decoded` says."""
        return self.search.decoded(ids, steps, **how)

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
        return {"translation": self.target.join(found.ids), "score": finite(found.scores), "cut": cut}

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
        found = self.search.sampled(ids, steps, temperature, top_k, top_p, seed)
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
        return {**self.search.begun(ids, steps), "cut": cut}

    def _steps(self):
        """Returns the signatures by which a caller goes step by step."""
        spelled = tf.TensorSpec([None, None], tf.int32, name="ids")
        return {
            "encode": Signature(self._encode, (TEXT,)),
            "step": self.search.step(),
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


def limits(ids):
    """Returns the most pieces to be written for ids `(batch, time)` that were read: none for a text without any."""
    pieces = tf.math.count_nonzero(ids, 1, dtype=tf.int32) - 2
    return tf.where(pieces > 0, 2 * pieces + 10, 0)
