"""Captioner: encoded pictures -> pixels -> search -> captions and their scores, in one graph; and the signatures."""

import dataclasses
import functools

import keras
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.captioning.core import Apart, looked_at, taken_apart
from rnnkit.captioning.preparing import DECODE, PIECES
from rnnkit.decoding import Controls
from rnnkit.features.images import DecodeImages
from rnnkit.features.pieces import Pieces
from rnnkit.recipe import Preparation
from rnnkit.writing.search import SAMPLING, Search, finite

IMAGE = tf.TensorSpec([None], tf.string, name="image")


@dataclasses.dataclass(frozen=True)
class Captioner:
    """A core with what decodes pictures, and the pieces of captions.

    Attributes:
        decode: From encoded pictures to pixels.
        target: Pieces of captions.
        apart: The core.
        controls: What the search favours.
        width: Of the beam.
    """

    decode: DecodeImages
    target: Pieces
    apart: Apart
    controls: Controls
    width: int

    @functools.cached_property
    def search(self) -> Search:
        """The search, for pixels `(batch, height, width, channels)`."""
        shape = [None, *self.apart.encoder.input_shape[1:]]
        return Search(self.apart, tf.TensorSpec(shape, tf.uint8), self.controls, self.width)

    def read(self, image) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns pixels, the most pieces to be written, and whether a picture could be decoded, `(batch,)` each."""
        pixels, readable = self.decode.inspected(image)
        return pixels, tf.where(readable, self.target.length, 0), readable

    def write(self, image, width=None) -> dict[str, tf.Tensor]:
        """Returns `caption`, `score` and `readable` of pictures, `(batch,)` each."""
        pixels, steps, readable = self.read(image)
        return {**self.written(pixels, steps, width=width), "readable": readable}

    def written(self, pixels, steps, width=None) -> dict[str, tf.Tensor]:
        """Returns `caption` and `score` of pixels, at most `steps (batch,)` pieces."""
        found = self.search.decoded(pixels, steps, width=width)
        return {"caption": self.target.join(found.ids[:, 0]), "score": found.scores[:, 0]}

    def signatures(self) -> dict[str, Signature]:
        """Returns the ways in which it is served, but for the one that takes a beam width.

        `nbest`: `image -> caption, score (batch, width)`. `attention`: `image -> caption, written (batch, steps)`, the
        pieces, and `weights (batch, steps, rows, columns)`, where each was looked at. `sample`: drawn by chance.
        `encode` and `step` go step by step, and `join` spells ids.
        """
        spelled = tf.TensorSpec([None, None], tf.int32, name="ids")
        return {
            "serving_default": Signature(self.write, (IMAGE,)),
            "nbest": Signature(self._nbest, (IMAGE,)),
            "attention": Signature(self.attention, (IMAGE,)),
            "sample": Signature(self._sample, (IMAGE, *SAMPLING)),
            "encode": Signature(self._encode, (IMAGE,)),
            "step": self.search.step(),
            "join": Signature(lambda ids: {"caption": self.target.join(ids)}, (spelled,)),
        }

    def _nbest(self, image):
        pixels, steps, readable = self.read(image)
        found = self.search.decoded(pixels, steps, best=self.width)
        return {"caption": self.target.join(found.ids), "score": finite(found.scores), "readable": readable}

    def attention(self, image) -> dict[str, tf.Tensor]:
        """Returns captions, their pieces, and where each was looked at, as `signatures` says."""
        pixels, steps, readable = self.read(image)
        found = self.search.decoded(pixels, steps)
        written, weights = found.ids[:, 0], found.weights[:, 0]
        shape = tf.concat([tf.shape(weights)[:2], self.apart.grid], 0)
        return {
            "caption": self.target.join(written),
            "written": self.target.tokens(written),
            "weights": tf.reshape(weights, shape),
            "readable": readable,
        }

    def _sample(self, image, temperature, top_k, top_p, seed):
        pixels, steps, readable = self.read(image)
        found = self.search.sampled(pixels, steps, temperature, top_k, top_p, seed)
        return {"caption": self.target.join(found.ids[:, 0]), "score": found.scores[:, 0], "readable": readable}

    def _encode(self, image):
        pixels, steps, readable = self.read(image)
        return {**self.search.begun(pixels, steps), "readable": readable}


def captioner_of(preparation: Preparation, core: keras.Model, settings) -> Captioner:
    """Puts a captioner together from what was prepared, built and trained.

    Args:
        preparation: As `prepare_captions` makes it.
        core: As `build_captioner` builds it.
        settings: Of `CaptionSettings`.
    """
    decode, target = preparation.features.get_layer(DECODE), preparation.target.get_layer(PIECES)
    return Captioner(decode, target, taken_apart(core), settings.controls(), settings.beam_width)


@dataclasses.dataclass(frozen=True)
class Classifier:
    """A core that tells classes apart, with what decodes pictures.

    Attributes:
        decode: From encoded pictures to pixels.
        core: From pixels to logits.
        labels: Names of the classes.
    """

    decode: DecodeImages
    core: keras.Model
    labels: tuple[str, ...]

    def answer(self, image) -> dict[str, tf.Tensor]:
        """Returns `label`, `probability (batch, classes)` and `readable` of encoded pictures `(batch,)`.

        A picture that can't be decoded has the empty label, and no class is likelier than another.
        """
        pixels, readable = self.decode.inspected(image)
        probability = self.probability(pixels)["probability"]
        label = tf.gather(tf.constant(self.labels), tf.argmax(probability, -1))
        alike = tf.fill(tf.shape(probability), 1 / len(self.labels))
        return {
            "label": tf.where(readable, label, ""),
            "probability": tf.where(tf.expand_dims(readable, -1), probability, alike),
            "readable": readable,
        }

    def probability(self, pixels) -> dict[str, tf.Tensor]:
        """Returns the `probability (batch, classes)` of pixels."""
        logits = looked_at(lambda pixels: self.core({"pixels": pixels}, training=False), pixels)
        return {"probability": tf.nn.softmax(logits)}

    def signatures(self) -> dict[str, Signature]:
        """Returns the way in which it is served."""
        return {"serving_default": Signature(self.answer, (IMAGE,))}


def classifier_of(preparation: Preparation, core: keras.Model) -> Classifier:
    """Puts a classifier together from what was prepared, built and trained."""
    return Classifier(preparation.features.get_layer(DECODE), core, tuple(preparation.labels))
