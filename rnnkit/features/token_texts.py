"""Token texts: tokens, or tags, of a sentence <-> one text in which they stand apart."""

from collections.abc import Iterable, Sequence

BETWEEN = "\x1f"
"""U+001F, the unit separator: stands behind each token of a text that is given as tokens."""


def joined_tokens(sentences: Iterable[Sequence[str]]) -> list[str]:
    """Returns each sentence's tokens, or tags, as one text that is cut at `BETWEEN`; in a token that is a space."""
    return ["".join(f"{token.replace(BETWEEN, ' ')}{BETWEEN}" for token in tokens) for tokens in sentences]


def cut_tokens(text: str) -> list[str]:
    """Returns the tokens of such a text."""
    return text.removesuffix(BETWEEN).split(BETWEEN)
