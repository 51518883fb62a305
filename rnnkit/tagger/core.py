"""The core: ids, letters and shapes of tokens -> vectors -> recurrence -> what each tag, or each move, weighs.

Beside it stands a linear chain over windows of words, fitted before; `Blend` weighs the two after training.
"""

import dataclasses
from collections.abc import Mapping

import keras
import tensorflow as tf

from rnnkit.features.tags import KINDS, entity_moves
from rnnkit.features.token_features import LETTER_IDS, SHAPE_IDS
from rnnkit.features.token_windows import COUNT
from rnnkit.layers import Blend, WindowScores, character_convolution, embedding, pool, recurrent_stack
from rnnkit.layers.crf import CRF, CRFLoss
from rnnkit.layers.hierarchy import EachSentence
from rnnkit.layers.stack import check_cell
from rnnkit.settings import RecurrentSettings
from rnnkit.training.objectives import Objective
from rnnkit.training.writing_objective import mean_cross_entropy

SHAPE_UNITS, LETTER_UNITS = 8, 25
SCORES, CHAIN, BLEND = "windows_scores", "windows_chain", "blend"
"""Layers beside the recurrence: scores of windows of words, the moves of their chain, and what weighs the two parts."""
GROUPS = {
    "embedding": ("embedding", "characters", "letters", "shapes"),
    "encoder": ("recurrent",),
    "head": ("emissions", "crf"),
    "windows": ("windows_",),
}
"""Parts that can be frozen."""


def build_tagger(facts: Mapping[str, int], settings) -> keras.Model:
    """Builds a core from `ids (batch, time)`, `letters (batch, time, letters)` and `shapes (batch, time)`.

    With windows also from `windows (batch, time, COUNT)`. With the head crf it gives log potentials
    `(batch, time, tags, tags)`, with softmax logits `(batch, time, tags)`.

    Args:
        facts: `vocabulary`, `tags`, and `entities`, 1 where these are entities' and 0 where they are plain ones; with
            windows `windows`, the number of their ids.
        settings: Of `RecurrentSettings` and `TaggerSettings`.
    """
    inputs = {"ids": keras.Input((None,), dtype="int32", name="ids")}
    # Dropout comes once over all that is read of a token.
    parts = [
        embedding(
            inputs["ids"],
            vocabulary=facts["vocabulary"],
            units=facts.get("embedding_units", settings.embedding_units),
            word_dropout=settings.word_dropout,
            trainable=not settings.freeze_vectors,
        )
    ]
    if settings.characters != "none":
        inputs["letters"] = keras.Input((None, settings.letters), dtype="int32", name="letters")
        parts.append(_spelled(inputs["letters"], settings))
    if settings.shapes:
        inputs["shapes"] = keras.Input((None,), dtype="int32", name="shapes")
        parts.append(
            keras.layers.Embedding(SHAPE_IDS, SHAPE_UNITS, mask_zero=True, name="shapes_embedding")(inputs["shapes"])
        )
    x = keras.layers.Concatenate(name="tokens")(parts) if len(parts) > 1 else parts[0]
    if settings.embedding_dropout:
        x = keras.layers.Dropout(settings.embedding_dropout, name="tokens_dropout")(x)
    names = [field.name for field in dataclasses.fields(RecurrentSettings)]
    x = recurrent_stack(x, **{name: getattr(settings, name) for name in names})
    x = keras.layers.Dropout(settings.dropout, name="dropout")(x)
    y = keras.layers.Dense(facts["tags"], dtype="float32", name="emissions")(x)
    if settings.head == "crf":
        y = CRF(moves_of(facts), dtype="float32", name="crf")(y)
    if settings.windows:
        inputs["windows"] = keras.Input((None, COUNT), dtype="int32", name="windows")
        y = Blend(name=BLEND)([y, _linear(inputs, facts, settings)])
    return keras.Model(inputs, y, name="core")


def _linear(inputs, facts, settings):
    scores = WindowScores(facts["windows"], facts["tags"], name=SCORES)(inputs["windows"])
    if settings.head != "crf":
        return scores
    real = keras.ops.not_equal(inputs["ids"], 0)
    return CRF(moves_of(facts), dtype="float32", trainable=False, name=CHAIN)(scores, mask=real)


def _spelled(letters, settings):
    if settings.characters == "cnn":
        return character_convolution(letters, size=LETTER_IDS, units=settings.character_units)
    x = keras.layers.Embedding(LETTER_IDS, LETTER_UNITS, mask_zero=True, name="letters_embedding")(letters)
    word = keras.Input((None, LETTER_UNITS), name="word")
    y = recurrent_stack(word, units=-(-settings.character_units // 2), name="characters")
    return EachSentence(
        keras.Model(word, pool(y, by="last", bidirectional=True), name="characters_word"), name="characters"
    )(x)


def moves_of(facts: Mapping[str, int]):
    """Returns which tag may follow which; None where all may."""
    # When it is told which weights stand for tags, a core is built with any number of them.
    entities = facts["entities"] and (facts["tags"] - 1) % len(KINDS) == 0
    return entity_moves(facts["tags"]) if entities else None


def tagging(head: str, label_smoothing: float = 0.0) -> Objective:
    """Returns the loss of a row by its targets `(batch, time)`, from 1, 0 where padded.

    With a CRF the negative log-likelihood of the row's tags, divided by their number, so that weights of rows by
    their length make a batch's loss that of each tag; without it the mean cross-entropy.
    """
    if head == "crf":
        chain = CRFLoss(padding=0)

        def loss(targets, potentials):
            count = tf.math.count_nonzero(targets, 1, dtype=tf.float32)
            return chain.call(targets, potentials) / tf.maximum(count, 1.0)

        return Objective(train=loss, valid=loss)

    def of_tags(targets, logits, smoothing):
        return mean_cross_entropy(tf.maximum(targets - 1, 0), logits, targets > 0, smoothing)

    return Objective(
        train=lambda targets, logits: of_tags(targets, logits, label_smoothing),
        valid=lambda targets, logits: of_tags(targets, logits, 0.0),
    )


def check_tagger(settings) -> None:
    """Checks settings that only together are out of range.

    Raises:
        ValueError: As the message says.
    """
    check_cell(settings.cell, settings.activation, settings.recurrent_weight_dropout)
    if settings.head == "crf" and settings.label_smoothing:
        raise ValueError(
            f"label_smoothing is of tags chosen each by itself. Got {settings.label_smoothing} with the head crf. "
            "Leave it 0, or take --head softmax."
        )
    if settings.class_weights != "none":
        raise ValueError(
            f"class_weights are of rows, and a row has many tags. Got {settings.class_weights!r}. Leave it out."
        )
