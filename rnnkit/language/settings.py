"""Settings of a language model: its tokens, its windows, its core, what it writes and how it is scored."""

import dataclasses

from rnnkit.settings import Settings, setting

HEADS = ("full", "sampled", "adaptive")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenSettings(Settings):
    """What a text is cut into."""

    tokens: str = setting("character", "What is predicted.", choices=("character", "word", "bpe", "unigram"))
    vocabulary: int = setting(
        0,
        "Most tokens, the reserved ids included; in fine-tuning, most that join; 0: all characters, 30,000 words, "
        "or as many pieces as the data teach.",
        at_least=0,
    )
    least_count: int = setting(1, "Fewest occurrences of a character or word that is known.", at_least=1)
    lower: bool = setting(False, "Lower-case first; not for characters.")
    punctuation: str = setting(
        "split", "Marks in words: each a word of its own, dropped, or left on words.", choices=("split", "drop", "keep")
    )
    markup: str = setting("keep", "Tags such as <br /> in words.", choices=("drop", "keep"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class LanguageSettings(Settings):
    """The core and its training."""

    window: int = setting(100, "Tokens over which the gradient goes back; the state goes on.", at_least=1)
    random_windows: bool = setting(False, "Draw the length of each window around `window` (Merity et al. 2017).")
    embedding_units: int = setting(64, "Size of a token's vector.", at_least=1)
    last_units: int = setting(0, "State size of the last recurrent layer; 0: units.", at_least=0)
    tied: bool = setting(True, "Score tokens by the vectors that they are read by.")
    head: str = setting(
        "full", "Softmax over all tokens, over sampled ones while training, or adaptive.", choices=HEADS
    )
    samples: int = setting(512, "Tokens that a sampled softmax draws.", at_least=1)
    vector_dropout: float = setting(0.0, "Share of tokens whose vectors are 0 for a batch.", at_least=0.0, below=1.0)
    input_dropout: float = setting(0.0, "Share of the vectors' features dropped.", at_least=0.0, below=1.0)
    output_dropout: float = setting(0.0, "Share dropped after the last layer.", at_least=0.0, below=1.0)
    activation_penalty: float = setting(0.0, "Penalty on the squares of the last layer's outputs (AR).", at_least=0.0)
    change_penalty: float = setting(0.0, "Penalty on their changes from step to step (TAR).", at_least=0.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GeneratingSettings(Settings):
    """What is written, where a caller doesn't say."""

    written: int = setting(200, "Most tokens written after a prompt.", at_least=1, at_most=100_000)
    temperature: float = setting(0.8, "Chances are sharper below 1; 0: always the most probable.", at_least=0.0)
    top_k: int = setting(0, "Only so many of the most probable tokens are drawn; 0: all.", at_least=0)
    top_p: float = setting(1.0, "Only the tokens that make up this share of the chances.", above=0.0, at_most=1.0)
    repetition_penalty: float = setting(
        1.0, "What logits of written tokens are divided by; 1: nothing.", at_least=1.0, at_most=100.0
    )
    blocked_ngram: int = setting(0, "No run of so many tokens is written twice; 0: any may be.", at_least=0)
    prompt: int = setting(500, "Most tokens of a prompt that are read, the last ones.", at_least=1)
    stop: str = setting("", "Texts that end what is written, with | between; \\n is a line end. Empty: none.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComparingSettings(Settings):
    """How a language model is scored and looked at."""

    ngram_order: int = setting(
        0, "Longest n-grams of the baseline; 0: 5 of words and pieces, 7 of characters.", at_least=0, at_most=12
    )
    cache: int = setting(0, "Tokens of a neural cache beside the model when it is scored; 0: none.", at_least=0)
    shown_units: str = setting("", "Units of the last layer drawn over a text, as 3,17; empty: telling ones.")


STRUCTURE = (
    *("tokens", "lower", "punctuation", "markup"),
    *("embedding_units", "last_units", "tied", "head"),
)
"""Those that a model trained further can't change."""


def stops_of(stop: str) -> tuple[str, ...]:
    """Returns the texts that a setting `stop` names."""
    return tuple(spelled_out(each) for each in stop.split("|") if each)


def spelled_out(stop: str) -> str:
    """Returns a text as it was meant, where a line end was written as \\n."""
    return stop.replace("\\n", "\n")
