"""Preparing: the train split's pictures and captions -> models that decode pictures and give ids, or classes."""

import keras
import numpy as np

from rnnkit.captioning.core import ENCODER, build_encoder
from rnnkit.captioning.settings import LABEL, RESIDUAL, ROWS
from rnnkit.features import growth
from rnnkit.features.images import DecodeImages
from rnnkit.features.labels import label_lookup
from rnnkit.features.piece_learning import MOST_WORDS, grow_pieces, learn_pieces
from rnnkit.features.pieces import RESERVED, Pieces
from rnnkit.messages import few_of
from rnnkit.recipe import Parent, Preparation

DECODE, PIECES = "decode", "pieces"
"""Names of the layers."""
SMALLEST, LARGEST, UNIT = 8, 128, 4
"""Of sides that are chosen from the data: the fewest and most pixels, and what they are multiples of."""


def prepare_captions(train, settings, reporter) -> Preparation:
    """Learns from the train split what pictures are decoded to, and the pieces or classes of its captions.

    Args:
        train: Rows of pictures, with `sizes`, `grey` and `captions`.
        settings: Of `PictureSettings`, `CaptionSettings` and `TrainingSettings`.
        reporter: Tells a person what goes on.
    """
    own = settings.encoder in (RESIDUAL, ROWS)
    side = settings.image_size or usual_side(train.sizes)
    facts = {"height": side, "width": side, "channels": 1 if own and train.grey.all() else 3}
    initial = {}
    if settings.encoder_weights != "none":
        with reporter.task(f"taking weights of {settings.encoder}"):
            weights = build_encoder(facts, settings, settings.encoder_weights).get_weights()
        initial[ENCODER] = weights
    notes = (f"pictures are looked at as {side} x {side} pixels, {'grey' if facts['channels'] == 1 else 'in colour'}.",)
    features = image_features(facts, settings)
    if settings.answer == LABEL:
        return _of_classes(features, facts, classes_of(train), initial=initial, notes=notes)
    with reporter.task("learning pieces"):
        how = {"normalization": settings.normalization, "lower": settings.lower}
        texts = [[text for texts in train.captions for text in texts]]
        size, least = settings.vocabulary or None, settings.least_count
        pieces, scores = learn_pieces(texts, kind=settings.pieces, size=size, least=least, seed=settings.seed, **how)
    return _of_pieces(features, facts, pieces, scores, settings, initial=initial, notes=notes)


def usual_side(sizes: np.ndarray) -> int:
    """Returns the side to look at pictures of `sizes (n, 2)` by: that of most, in steps of 4, `LARGEST` at most."""
    usual = int(np.median(np.asarray(sizes).max(1)))
    return min(max(SMALLEST, round(usual / UNIT) * UNIT), LARGEST)


def image_features(facts, settings) -> keras.Model:
    """Returns the model from encoded pictures `(batch,)` to `pixels (batch, height, width, channels)` uint8."""
    image = keras.Input((), dtype="string", name="image")
    shape = {name: facts[name] for name in ("height", "width", "channels")}
    decode = DecodeImages(**shape, fit=settings.fit, most_pixels=settings.most_pixels, name=DECODE)
    return keras.Model({"image": image}, {"pixels": decode(image)}, name="features")


def classes_of(rows) -> list[str]:
    """Returns the different captions, in order, each of which is a class."""
    return sorted({text for texts in rows.captions for text in texts})


def grow_captions(parent: Parent, train, settings, reporter) -> Preparation:
    """Goes on from a parent's pieces, which new words join, or from its classes."""
    features, facts = parent.preparation.features, dict(parent.preparation.facts)
    if settings.answer == LABEL:
        old, new = parent.preparation.labels, tuple(classes_of(train))
        carried = {"classes": growth.map_labels(old, new)}
        return _of_classes(features, facts, new, carried=carried, notes=growth.label_notes(old, new))
    layer = parent.preparation.target.get_layer(PIECES)
    with reporter.task("looking for new pieces"):
        texts = [[text for texts in train.captions for text in texts]]
        new = grow_pieces(layer, texts, most=settings.vocabulary or MOST_WORDS)
    pieces, matrix = growth.grow_vocabulary(layer.pieces, new, most=len(new), reserved=len(RESERVED), unknown=None)
    notes = (f"pieces that join: {few_of(new)}.",) if new else ()
    carried = {"vocabulary": matrix}
    return _of_pieces(features, facts, pieces, layer.scores, settings, carried=carried, notes=notes)


def _of_classes(features, facts, names, **rest):
    facts = {**facts, "classes": len(names)}
    return Preparation(features, label_lookup(list(names)), facts, ("pixels",), tuple(names), **rest)


def _of_pieces(features, facts, pieces, scores, settings, **rest):
    how = {"kind": settings.pieces, "normalization": settings.normalization, "lower": settings.lower}
    layer = Pieces(pieces, scores, length=settings.length, start=False, name=PIECES, **how)
    text = keras.Input((), dtype="string", name="written")
    target = keras.Model(text, layer(text), name="target")
    return Preparation(features, target, {**facts, "vocabulary": layer.size}, ("pixels",), **rest)
