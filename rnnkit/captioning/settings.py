"""Settings of what looks at pictures, and of what is said of them."""

import dataclasses

from rnnkit.layers.decoder_cells import check_decoder_cell
from rnnkit.settings import Settings, setting
from rnnkit.writing.settings import WritingSettings

TEXT, LABEL = "text", "label"
RESIDUAL, ROWS = "residual", "rows"
"""Encoders that are no network of `keras.applications`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PictureSettings(Settings):
    """Pictures: their size, the encoder, and how they are varied while training."""

    image_size: int = setting(
        0, "Pixels a side that are looked at; 0: as most train pictures have, 128 at most.", at_least=0, at_most=4096
    )
    fit: str = setting(
        "squash",
        "How a picture becomes a square: squashed whole, whole with black beside it, or its middle.",
        choices=("squash", "pad", "crop"),
    )
    encoder: str = setting(
        RESIDUAL,
        "What looks: residual, a small network; rows, a recurrence line by line; or a name of keras.applications.",
    )
    encoder_weights: str = setting(
        "none",
        "Weights of an encoder of keras.applications: none, imagenet (fetched), or a file.",
    )
    filters: int = setting(16, "Features of the residual network's first convolution.", at_least=1)
    encoder_depth: int = setting(1, "Residual blocks of each stage.", at_least=1)
    halvings: int = setting(0, "How often the residual network halves the sides; 0: to about 8 places.", at_least=0)
    look: str = setting(
        "grid",
        "What the decoder sees: a grid of places, by attention, or one vector for the whole picture.",
        choices=("grid", "vector"),
    )
    flip: bool = setting(False, "Mirror half of the pictures while training; not where left and right are told.")
    shift: float = setting(0.05, "Most that pictures are moved while training, in sides.", at_least=0.0, below=1.0)
    zoom: float = setting(0.05, "Most by which pictures grow or shrink while training.", at_least=0.0, below=1.0)
    brighten: float = setting(0.1, "Most by which brightness and contrast vary in training.", at_least=0.0, below=1.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CaptionSettings(WritingSettings):
    """What is said of a picture, and how it is searched."""

    answer: str = setting(
        TEXT,
        "What is answered: text, written piece by piece, or label, of which each caption is one.",
        choices=(TEXT, LABEL),
    )
    pieces: str = setting(
        "word", "Pieces that captions are written in.", choices=("bpe", "unigram", "word", "character")
    )
    vocabulary: int = setting(0, "Most pieces, the reserved ids included; 0: as many as the data teach.", at_least=0)
    least_count: int = setting(1, "Fewest occurrences of a word or character that becomes a piece.", at_least=1)
    normalization: str = setting("nfc", "Unicode form of the captions.", choices=("none", "nfc", "nfkc"))
    lower: bool = setting(True, "Lower-case captions.")
    length: int = setting(40, "Most pieces of a caption; the rest is cut.", at_least=1)
    embedding_units: int = setting(64, "Size of a piece's vector.", at_least=1)
    word_dropout: float = setting(0.0, "Share of pieces read as unknown while training.", at_least=0.0, below=1.0)
    captions_at_once: int = setting(
        5, "Most captions of a picture in a batch; of more, others are drawn each epoch.", at_least=1
    )
    decoder_units: int = setting(0, "State size of the decoder; 0: units.", at_least=0)
    attention: str = setting(
        "bahdanau",
        "How the decoder looks at the picture: bahdanau before each step, the others after.",
        choices=("bahdanau", "dot", "general", "concat"),
    )
    attention_units: int = setting(64, "Size of the inner layer of bahdanau and concat; 0: the decoder's.", at_least=0)
    balance: float = setting(
        0.0, "Weight of the penalty that has all places of a picture looked at alike, over all steps.", at_least=0.0
    )
    beam_width: int = setting(3, "Hypotheses kept at each step of the search; 1: greedy.", at_least=1, at_most=100)
    keep_by: str = setting(
        "cider_d",
        "What an epoch's weights are kept by on valid: a score of what is written, or the loss.",
        choices=("cider_d", "bleu_4", "exact_match", "loss"),
    )
    scored_pairs: int = setting(1_000, "Most valid pictures captioned after each epoch, to be kept by.", at_least=1)


def check(settings) -> None:
    """Checks settings that only together are out of range.

    Raises:
        ValueError: As the message says.
    """
    if settings.answer == TEXT:
        check_decoder_cell(settings.cell)
        if settings.activation != "tanh":
            raise ValueError(f"activation must be tanh for a decoder. Got {settings.activation!r}.")
        if settings.coverage and settings.balance:
            raise ValueError(
                f"balance is of attention that has no memory of itself, and coverage is one. Got balance "
                f"{settings.balance}. Leave one of them out."
            )
    if settings.class_weights != "none":
        raise ValueError(f"class_weights must be none here. Got {settings.class_weights!r}. Leave it out.")
    own = settings.encoder in (RESIDUAL, ROWS)
    if own and settings.encoder_weights != "none":
        raise ValueError(
            f"encoder_weights are of a network of keras.applications, and the encoder is {settings.encoder!r}. Got "
            f"{settings.encoder_weights!r}. Leave them out, or name such a network: --encoder EfficientNetB0."
        )
    if not own:
        from rnnkit.captioning.applications import check_application

        check_application(settings.encoder, settings.encoder_weights)


STRUCTURE = (
    *("image_size", "fit", "encoder", "filters", "encoder_depth", "halvings", "look"),
    *("answer", "pieces", "normalization", "lower", "embedding_units"),
    *("decoder_units", "decoder_depth", "attention", "attention_units", "input_feeding", "coverage", "tied"),
    *("cell", "units", "depth", "bidirectional", "residual", "layer_normalization", "activation"),
)
"""Those that fix the preparation and the shape of the core."""
