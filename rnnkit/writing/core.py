"""The core: source ids and target ids -> embedding -> recurrence in both directions -> attention decoder -> logits."""

import dataclasses
from collections.abc import Mapping

import keras

from rnnkit.layers import recurrent_stack
from rnnkit.layers.attention_decoder import AttentionDecoder
from rnnkit.layers.decoder_cells import check_decoder_cell
from rnnkit.layers.embedding import WordDropout
from rnnkit.layers.encoder_decoder import TableEmbedding
from rnnkit.settings import RecurrentSettings

SIDES = ("vocabulary", "written_vocabulary")
"""Facts: number of ids of what is read and of what is written; the first alone where they are joint."""


def build_writer(facts: Mapping[str, int], settings) -> keras.Model:
    """Builds a core from `ids (batch, time)` and `target (batch, steps)` to logits `(batch, steps, vocabulary)`.

    Args:
        facts: `vocabulary`, and `written_vocabulary` where the sides are not joint.
        settings: Of `RecurrentSettings`, `PieceSettings` and `WritingSettings`.
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    target = keras.Input((None,), dtype="int32", name="target")
    read = WordDropout(settings.word_dropout, name="word_dropout")(ids) if settings.word_dropout else ids
    x, table = TableEmbedding(facts["vocabulary"], settings.embedding_units, name="embedding")(read)
    if "written_vocabulary" in facts:
        own = TableEmbedding(facts["written_vocabulary"], settings.embedding_units, name="written_embedding")
        _, table = own(target)
    if settings.embedding_dropout:
        x = keras.layers.Dropout(settings.embedding_dropout, name="embedding_dropout")(x)
    names = [field.name for field in dataclasses.fields(RecurrentSettings)]
    x = recurrent_stack(x, **{name: getattr(settings, name) for name in names})
    if settings.dropout:
        x = keras.layers.Dropout(settings.dropout, name="memory_dropout")(x)
    decoder = build_decoder(facts.get("written_vocabulary", facts["vocabulary"]), decoder_units(settings), settings)
    return keras.Model({"ids": ids, "target": target}, decoder([x, ids, target, table]), name="core")


def build_decoder(vocabulary: int, units: int, settings, *, balance: float = 0.0) -> AttentionDecoder:
    """Builds the layer `decoder`.

    Args:
        vocabulary: Number of ids that can be written.
        units: State size.
        settings: Of `RecurrentSettings` and `WritingSettings`.
        balance: As for `AttentionDecoder`.
    """
    return AttentionDecoder(
        vocabulary,
        units,
        cell=settings.cell,
        depth=settings.decoder_depth,
        residual=settings.residual,
        attention=settings.attention,
        attention_units=settings.attention_units or None,
        input_feeding=settings.input_feeding,
        coverage=settings.coverage,
        balance=balance,
        tied=settings.tied,
        dropout=settings.dropout,
        variational_dropout=settings.variational_dropout,
        word_dropout=settings.word_dropout,
        scheduled_sampling=settings.scheduled_sampling,
        name="decoder",
    )


def decoder_units(settings) -> int:
    """Returns the size of the decoder's state."""
    return settings.decoder_units or settings.units * (2 if settings.bidirectional else 1)


def check_writer(settings) -> None:
    """Checks settings that only together are out of range.

    Raises:
        ValueError: As the message says.
    """
    check_decoder_cell(settings.cell)
    memory = settings.units * (2 if settings.bidirectional else 1)
    if settings.attention == "dot" and decoder_units(settings) != memory:
        raise ValueError(
            f"attention dot compares the decoder's state with what was read, and they must have one size. "
            f"Got decoder_units {decoder_units(settings)} and {memory}. Leave decoder_units 0, or take general."
        )
    if settings.class_weights != "none":
        raise ValueError(
            f"class_weights are of classes, and here are none. Got {settings.class_weights!r}. Leave it out."
        )
    if settings.activation != "tanh":
        raise ValueError(f"activation must be tanh for a decoder. Got {settings.activation!r}.")


GROUPS = {
    "embedding": ("embedding", "written_embedding"),
    "encoder": ("recurrent",),
    "decoder": ("decoder",),
}
"""Parts that can be frozen."""
