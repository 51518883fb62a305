"""Settings of texts read and written in pieces: which, how many, and how texts are cleaned before."""

import dataclasses

from rnnkit.settings import Settings, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class PieceSettings(Settings):
    """Pieces of texts that are read and texts that are written."""

    pieces: str = setting(
        "bpe", "Pieces that texts are read and written in.", choices=("bpe", "unigram", "word", "character")
    )
    vocabulary: int = setting(
        0,
        "Most pieces, of a side or joint, the reserved ids included; in fine-tuning, most that join; 0: as many as "
        "the data teach, few for little data.",
        at_least=0,
    )
    least_count: int = setting(1, "Fewest occurrences of a word or character that becomes a piece.", at_least=1)
    joint: bool = setting(True, "One set of pieces and of vectors for both sides.")
    normalization: str = setting("nfc", "Unicode form of the texts.", choices=("none", "nfc", "nfkc"))
    lower: bool = setting(False, "Lower-case what is read.")
    lower_written: bool = setting(False, "Lower-case what is written.")
    length: int = setting(100, "Pieces of a text; the rest is cut.", at_least=1)
    long_texts: str = setting(
        "cut",
        "A text of more pieces when it is to be answered: cut and said to be, or refused.",
        choices=("cut", "refuse"),
    )
    embedding_units: int = setting(64, "Size of a piece's vector.", at_least=1)
    word_dropout: float = setting(0.0, "Share of pieces read as unknown while training.", at_least=0.0, below=1.0)
    embedding_dropout: float = setting(0.0, "Share of the vectors' features dropped.", at_least=0.0, below=1.0)


FIXED = ("pieces", "joint", "normalization", "lower", "lower_written", "embedding_units")
"""Those that a model trained further can't change: they fix what its pieces and their vectors are."""
