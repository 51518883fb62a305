"""The core: pixels and target ids -> encoder -> grid of features -> decoder -> logits; or those of classes."""

import dataclasses
from collections.abc import Callable, Mapping

import keras
import tensorflow as tf

from rnnkit.captioning.applications import build_application
from rnnkit.captioning.settings import LABEL, RESIDUAL, ROWS
from rnnkit.layers import pool, recurrent_stack
from rnnkit.layers.attention_decoder import AttentionDecoder, Opened
from rnnkit.layers.encoder_decoder import TableEmbedding
from rnnkit.layers.image_layers import PlaceVectors, Present, RowsTaken, residual_network
from rnnkit.settings import RecurrentSettings
from rnnkit.writing.core import build_decoder

ENCODER, PLACES = "encoder", "places"
GROUPS = {"encoder": (ENCODER,), "embedding": ("embedding",), "decoder": ("decoder",)}
"""Parts that can be frozen."""
WANTED_PLACES = 8
"""A side of the grid that the residual network is to end with, about."""


def build_captioner(facts: Mapping[str, int], settings) -> keras.Model:
    """Builds a core that writes, or one that tells classes apart where the facts have `classes`.

    Args:
        facts: `height`, `width`, `channels`, and `vocabulary` or `classes`.
        settings: Of `PictureSettings`, `CaptionSettings` and `RecurrentSettings`.

    Returns:
        A model from `pixels (pictures, height, width, channels)`, `picture (rows,)`, the picture that each row is of,
        and `target (rows, steps)` to logits `(rows, steps, vocabulary)`; or from `pixels` to `(pictures, classes)`.
    """
    pixels = keras.Input((facts["height"], facts["width"], facts["channels"]), dtype="uint8", name="pixels")
    grid = build_encoder(facts, settings)(pixels)
    if settings.answer == LABEL:
        return keras.Model({"pixels": pixels}, _classified(grid, facts, settings), name="core")
    size, units = facts["vocabulary"], settings.decoder_units or settings.units
    layers = [keras.layers.Reshape((-1, grid.shape[-1]), name=PLACES)]
    if settings.dropout:
        layers.append(keras.layers.Dropout(settings.dropout, name="memory_dropout"))
    layers += [
        RowsTaken(name="rows"),
        Present(name="present"),
        TableEmbedding(size, settings.embedding_units, name="embedding"),
        build_decoder(size, units, settings, balance=settings.balance),
    ]
    return _writing("pixels", pixels, grid, {layer.name: layer for layer in layers}, "core")


def _writing(looked, given, grid, layers: Mapping[str, keras.layers.Layer], name: str) -> keras.Model:
    """Makes the model from an input, of which comes a grid, to logits."""
    picture = keras.Input((), dtype="int32", name="picture")
    target = keras.Input((None,), dtype="int32", name="target")
    memory = layers[PLACES](grid)
    if "memory_dropout" in layers:
        memory = layers["memory_dropout"](memory)
    memory = layers["rows"]([memory, picture])
    _, table = layers["embedding"](target)
    logits = layers["decoder"]([memory, layers["present"](memory), target, table])
    return keras.Model({looked: given, "picture": picture, "target": target}, logits, name=name)


def build_encoder(facts: Mapping[str, int], settings, weights: str | None = None) -> keras.Model:
    """Builds what looks: `(batch, height, width, channels)` uint8 -> a grid `(batch, rows, columns, features)`.

    A picture read line by line has a grid of one column; one that becomes one vector, a single place.

    Args:
        facts, settings: As for `build_captioner`.
        weights: Of a network of `keras.applications`, as `build_application` takes them.
    """
    height, width, channels = (facts[name] for name in ("height", "width", "channels"))
    pixels = keras.Input((height, width, channels), dtype="uint8", name="pixels")
    if settings.encoder == ROWS:
        x = keras.layers.Rescaling(1 / 255, name="scale")(pixels)
        x = keras.layers.Reshape((height, width * channels), name="lines")(x)
        names = [field.name for field in dataclasses.fields(RecurrentSettings)]
        x = recurrent_stack(x, **{name: getattr(settings, name) for name in names})
        x = keras.layers.Reshape((height, 1, x.shape[-1]), name="grid")(x)
    elif settings.encoder == RESIDUAL:
        x = keras.layers.Rescaling(1 / 127.5, -1.0, name="scale")(pixels)
        halvings = settings.halvings or halvings_to_few(max(height, width))
        how = {"filters": settings.filters, "depth": settings.encoder_depth, "dropout": settings.dropout}
        x = PlaceVectors(name="whereabouts")(residual_network(x, halvings=halvings, **how))
    else:
        x = build_application(settings.encoder, pixels, weights)
    if settings.look == "vector" and settings.answer != LABEL:
        x = keras.layers.GlobalAveragePooling2D(keepdims=True, name="whole")(x)
    return keras.Model(pixels, x, name=ENCODER)


def halvings_to_few(side: int) -> int:
    """Returns how often a side is halved until there are about `WANTED_PLACES` pixels left."""
    halvings = 0
    while side > 1.5 * WANTED_PLACES:
        side, halvings = -(-side // 2), halvings + 1
    return halvings


def _classified(grid, facts, settings):
    if settings.encoder == ROWS:
        x = keras.layers.Reshape((-1, grid.shape[-1]), name=PLACES)(grid)
        x = pool(x, by="last", bidirectional=settings.bidirectional)
    else:
        x = keras.layers.GlobalAveragePooling2D(name=PLACES)(grid)
    x = keras.layers.Dropout(settings.dropout, name="dropout")(x)
    return keras.layers.Dense(facts["classes"], dtype="float32", name="decoder_logits")(x)


@dataclasses.dataclass(frozen=True)
class Apart:
    """A core that writes, in the parts that a search needs.

    Attributes:
        encoder: Model from pixels `(batch, height, width, channels)` to the memory `(batch, places, features)`.
        decoder: The core's.
        table: `() -> (vocabulary, units)`, the vectors of the pieces.
        grid: Rows and columns of places.
    """

    encoder: keras.Model
    decoder: AttentionDecoder
    table: Callable
    grid: tuple[int, int]

    def begin(self, pixels) -> tuple[Opened, dict[str, tf.Tensor]]:
        """Looks at pictures: what all steps share, and the states before the first."""
        memory = looked_at(lambda pixels: self.encoder(pixels, training=False), pixels)
        opened = self.decoder.open(memory, tf.ones(tf.shape(memory)[:2], tf.int32))
        return opened, self.decoder.first_states(opened)

    def step(self, opened: Opened) -> Callable:
        """Returns the step that `rnnkit.decoding` asks for: `(ids, states, t) -> (logits, states, weights)`."""
        return lambda ids, states, t: self.shared_step(ids, states, t, opened)

    def shared_step(self, ids, states, t, opened: Opened):
        """Is that step for a search that is given `opened` as what its pictures share."""
        del t
        return self.decoder.step(opened, ids, states, self.table())


def looked_at(look: Callable, pixels):
    """Returns `look(pixels)` of pixels `(batch, height, width, channels)`, of which there may be none.

    Of no pictures oneDNN's convolutions give a tensor of the input's shape (TensorFlow 2.21): one stands in for them.
    """
    pixels = tf.convert_to_tensor(pixels)
    if pixels.shape[0]:
        return look(pixels)
    count = tf.shape(pixels)[0]
    return look(tf.pad(pixels, [[0, tf.cast(count < 1, tf.int32)], *[[0, 0]] * 3]))[:count]


def taken_apart(core: keras.Model) -> Apart:
    """Takes a core that writes apart; its weights stay the core's."""
    encoder, embedding = core.get_layer(ENCODER), core.get_layer("embedding")
    return Apart(
        keras.Model(core.input["pixels"], core.get_layer(PLACES).output),
        core.get_layer("decoder"),
        lambda: tf.cast(embedding.embeddings, tf.float32),
        tuple(encoder.output_shape[1:3]),
    )


def behind_encoder(core: keras.Model) -> keras.Model:
    """Returns the part of a core that writes from a `grid` on, in the place of `pixels`; the weights are the core's."""
    grid = keras.Input(core.get_layer(ENCODER).output_shape[1:], name="grid")
    return _writing("grid", grid, grid, {layer.name: layer for layer in core.layers}, "behind_encoder")
