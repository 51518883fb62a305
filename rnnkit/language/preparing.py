"""Preparing: train's texts -> units -> a model that turns a raw text into ids; and splits -> streams of ids."""

from collections.abc import Iterable, Mapping

import keras
import tensorflow as tf

from rnnkit.features import growth
from rnnkit.features.piece_learning import MOST_WORDS
from rnnkit.features.pieces import RESERVED
from rnnkit.language.units import Units, grown, learn_units, units_of
from rnnkit.layers.embedding import END
from rnnkit.messages import few_of
from rnnkit.recipe import Parent, Preparation
from rnnkit.training.streams import Stream


def prepare_texts(train, settings, reporter) -> Preparation:
    """Learns the tokens of the train split.

    Args:
        train: Passages.
        settings: Of `TokenSettings`.
        reporter: Tells a person what goes on.
    """
    with reporter.task("learning tokens", total=train.characters, unit="characters") as advance:
        units = learn_units(_texts(train, advance), settings)
    return _preparation(units, {})


def grow_texts(parent: Parent, train, settings, reporter) -> Preparation:
    """Goes on from a parent's tokens: those that it has never met join them."""
    old = units_of(parent.preparation.features)
    with reporter.task("looking for new tokens", total=train.characters, unit="characters") as advance:
        most = settings.vocabulary or MOST_WORDS
        units, new = grown(old, _texts(train, advance), most=most, least=settings.least_count)
    _, same = growth.grow_vocabulary(old.learnt, new, most=len(new), reserved=len(RESERVED), unknown=None)
    notes = (f"tokens that join the parent's: {few_of(new)}.",) if new else ()
    return _preparation(units, {"vocabulary": same}, notes)


def _preparation(units: Units, carried, notes=()) -> Preparation:
    text, written = (keras.Input((), dtype="string", name=name) for name in ("text", "written"))
    features = keras.Model({"text": text}, {"ids": units.layer(text)}, name="features")
    target = keras.Model(written, keras.layers.Identity()(written), name="target")
    return Preparation(features, target, {"vocabulary": units.size}, ("ids",), carried=carried, notes=notes)


def _texts(rows, advance) -> Iterable[list[str]]:
    done = 0
    for chunk in rows.chunks():
        yield chunk["text"]
        done += sum(map(len, chunk["text"]))
        advance(done)


def encode_passages(chunks: Iterable[Mapping], units: Units, advance=lambda done: None) -> Stream:
    """Encodes passages, once, end to end: the end's id stands where a document ends.

    Args:
        chunks: Passages, as `Passages.chunks` yields them: `text` and `ends`.
        units: Of their tokens.
        advance: Told the number of passages done.
    """

    def real(text):
        found = units.ids(text)
        return tf.ragged.boolean_mask(found, found > 0)

    # A concrete function: a new tf.function for each call would have TensorFlow warn of retracing.
    ids = tf.function(real, autograph=False).get_concrete_function(tf.TensorSpec([None], tf.string))
    stream, done = Stream(), 0
    for chunk in chunks:
        ends = tf.constant(chunk["ends"])[:, None]
        found = ids(tf.constant(chunk["text"]))
        end = tf.ragged.boolean_mask(tf.fill(tf.shape(ends), END), ends)
        whole = tf.concat([found, tf.cast(end, found.dtype)], axis=1)
        stream.append(whole.flat_values.numpy(), whole.row_lengths().numpy())
        done += len(chunk["text"])
        advance(done)
    stream.close()
    return stream
