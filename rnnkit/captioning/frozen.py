"""Frozen encoders: what they see of each picture is computed once, and the rest is trained on that."""

import keras
import tensorflow as tf

from rnnkit.captioning.core import ENCODER, behind_encoder
from rnnkit.captioning.settings import LABEL


def see_once(core: keras.Model, train, valid, settings, reporter) -> tuple[str, ...]:
    """Runs both splits through an encoder that isn't trained, and keeps what it sees; as `Recipe.begin` says.

    Nothing is done where the encoder is trained, and where classes are told apart.
    """
    encoder = core.get_layer(ENCODER)
    if encoder.trainable_weights or settings.answer == LABEL:
        return ()
    shape = [None, *encoder.input_shape[1:]]
    seen = tf.function(lambda pixels: encoder(pixels, training=False), autograph=False)
    seen = seen.get_concrete_function(tf.TensorSpec(shape, tf.uint8))
    for split, batches in (("train", train), ("valid", valid)):
        with reporter.task(f"looking at {split}", total=len(batches.store), unit="pictures") as advance:
            batches.store.keep_grids(seen, advance)
    if train.vary:
        return ("the encoder is frozen and sees each picture once: pictures are not varied while training.",)
    return ()


def behind_frozen(core: keras.Model, train, valid, settings) -> keras.Model | None:
    """Returns the part of the core that is trained where a frozen encoder has seen all; as `Recipe.trained` says."""
    return behind_encoder(core) if train.looks == "grid" else None
