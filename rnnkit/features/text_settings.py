"""Settings of texts read as words: how they are split, which are known, and how each becomes a vector."""

import dataclasses

from rnnkit.settings import Settings, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextSettings(Settings):
    """Words of a text and their vectors."""

    lower: bool = setting(True, "Lower-case the text.")
    punctuation: str = setting(
        "split", "Marks: words of their own, left out, or on their words.", choices=("split", "drop", "keep")
    )
    markup: str = setting("drop", "Tags such as <br />: replaced by a space, or kept.", choices=("drop", "keep"))
    vocabulary: int = setting(
        30_000, "Most words known, the reserved ids included; in fine-tuning, most that join.", at_least=4
    )
    least_count: int = setting(1, "Fewest occurrences of a word that is known.", at_least=1)
    length: int = setting(400, "Words read of each text; the rest is cut.", at_least=1)
    embedding_units: int = setting(128, "Size of a word's vector; that of the file with --vectors.", at_least=1)
    vectors: str = setting("", "File of word vectors in the text form of GloVe or word2vec; empty: learnt here.")
    freeze_vectors: bool = setting(False, "Keep the word vectors as they start.")
    characters: bool = setting(False, "Also read each word by its letters, for unseen words.")
    word_dropout: float = setting(0.1, "Share of words read as unknown while training.", at_least=0.0, below=1.0)
    embedding_dropout: float = setting(0.3, "Share of the word vectors' features dropped.", at_least=0.0, below=1.0)


FIXED = ("lower", "punctuation", "markup", "embedding_units", "vectors", "characters")
"""Those that a model trained further can't change: they fix what its words and its vectors are."""

SPLITTING = ("lower", "punctuation", "markup", "length")
"""Those by which `Words` splits a text."""
