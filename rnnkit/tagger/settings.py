"""Settings of a tagger: what is read of each token, and how the tags hang together."""

import dataclasses

from rnnkit.settings import Settings, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaggerSettings(Settings):
    """Words, letters, shapes and the head."""

    lower: bool = setting(True, "Lower-case words before they are looked up; letters are read as they are.")
    digits: bool = setting(True, "Look up words with each digit as 0; letters are read as they are.")
    vocabulary: int = setting(
        30_000, "Most words known, the reserved ids included; in fine-tuning, most that join.", at_least=4
    )
    least_count: int = setting(1, "Fewest occurrences of a word that is known.", at_least=1)
    length: int = setting(400, "Tokens read of each text; the rest is cut.", at_least=1)
    embedding_units: int = setting(100, "Size of a word's vector; that of the file with --vectors.", at_least=1)
    vectors: str = setting("", "File of word vectors in the text form of GloVe or word2vec; empty: learnt here.")
    freeze_vectors: bool = setting(False, "Keep the word vectors as they start.")
    word_dropout: float = setting(0.1, "Share of words read as unknown while training.", at_least=0.0, below=1.0)
    embedding_dropout: float = setting(0.3, "Share of what is read of a token dropped.", at_least=0.0, below=1.0)
    characters: str = setting(
        "cnn",
        "By what each token's letters are read: convolution, a BiLSTM, or nothing.",
        choices=("cnn", "lstm", "none"),
    )
    character_units: int = setting(50, "Size of the vector of a token's letters.", at_least=2)
    letters: int = setting(20, "Letters read of each token, the last ones among them.", at_least=4)
    shapes: bool = setting(True, "Read how each token is written: capitals, digits, marks.")
    windows: int = setting(
        400_000,
        "Most features of words and their neighbours weighed by a linear chain beside the recurrence; 0: none.",
        at_least=0,
    )
    head: str = setting("crf", "Tags chosen together, or each by itself.", choices=("crf", "softmax"))
    tag_scheme: str = setting("bio", "How tags of entities are written.", choices=("bio", "iob1", "bioes"))
    keep_by: str = setting(
        "score", "By what an epoch's weights are kept: the score on valid, or its loss.", choices=("score", "loss")
    )


STRUCTURE = (
    "lower",
    "digits",
    "embedding_units",
    "vectors",
    "characters",
    "character_units",
    "letters",
    "shapes",
    "windows",
    "head",
)
"""Those that a model trained further can't change."""
