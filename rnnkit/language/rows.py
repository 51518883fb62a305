"""Rows of a language model: passages -> those kept in a bundle, their truth, and prompts as they may be asked."""

import numpy as np

from rnnkit.sources.some import drawn

KEPT_CHARACTERS = 400
"""Of a passage that is kept in a bundle."""
PROMPT_CHARACTERS = 30


def kept_passages(rows, most: int, seed: int) -> list[dict]:
    """Draws passages by chance and keeps how each begins."""
    return [{"text": row["text"][:KEPT_CHARACTERS]} for row in drawn(rows, most, seed)]


def truth_of(rows) -> np.ndarray:
    """Returns the characters of kept passages, as `judge_passages` takes them."""
    return np.array([len(row["text"]) for row in rows])


def prompts(rows, count: int) -> dict[str, list[str]]:
    """Returns how the first passages begin."""
    chunk = next(rows.chunks(count))
    return {"text": [text[:PROMPT_CHARACTERS] for text in chunk["text"][:count]]}
