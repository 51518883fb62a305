"""Chances: one step's log probabilities -> those a token may be drawn by -> its id, in NumPy.

The rules are those of `rnnkit.decoding`: the same draws choose the same tokens.
"""

from collections.abc import Sequence

import numpy as np

TINY, HUGE = np.float32(1e-30), np.float32(1e30)
"""Temperature in place of 0, by which all chances but the highest become 0; and in place of all that are higher."""


def less_repeated(log_probability: np.ndarray, written: np.ndarray, penalty: float) -> np.ndarray:
    """Multiplies the log probabilities of tokens written by the penalty, each once, and normalises them again.

    Keskar et al. (2019), section 4.1, https://arxiv.org/abs/1909.05858; there it is logits, which aren't served.

    Args:
        log_probability: `(vocabulary,)`.
        written: `(time,)`, ids, the prompt's among them.
        penalty: From 1, none, up.
    """
    if penalty == 1:
        return log_probability
    logits = log_probability.copy()
    logits[written] = log_probability[written] * np.float32(penalty)
    highest = logits.max()
    return logits - (highest + np.log(np.exp(logits - highest).sum()))


def allowed(
    log_probability: np.ndarray, written: np.ndarray, *, banned: Sequence[int], blocked_ngram: int = 0
) -> np.ndarray:
    """Puts -inf at ids that are banned, and at those that would write a run of `blocked_ngram` tokens again.

    Raises:
        ValueError: None is left, or the model answers no numbers.
    """
    logits = log_probability.copy()
    logits[list(banned)] = -np.inf
    if blocked_ngram and len(written) >= blocked_ngram:
        logits[_ends_of_runs(written, blocked_ngram)] = -np.inf
    if not np.isfinite(logits.max()):
        raise ValueError(f"The model gives no token a probability after {len(written):,} tokens. Train it again.")
    return logits


def _ends_of_runs(written, size):
    """Finds the tokens that have stood after the `size - 1` tokens written last."""
    runs = np.lib.stride_tricks.sliding_window_view(written, size)
    last = written[len(written) - size + 1 :]
    return runs[(runs[:, :-1] == last).all(1), -1]


def drawn(logits: np.ndarray, draw: float, *, temperature: float, top_k: int, top_p: float) -> int:
    """Draws an id.

    Args:
        logits: `(vocabulary,)`, -inf where a token may not be drawn.
        draw: From 0 to 1, 1 excluded.
        temperature: Logits are divided by it; 0 takes the most probable token, drawn where several are equally so.
        top_k: Only so many of the most probable are drawn, and those as probable as the last of them; 0 for all.
        top_p: Of those, only the fewest whose probabilities sum to it, and those as probable as the last of them.
    """
    scaled = (logits - logits.max()) / np.float32(np.clip(temperature, TINY, HUGE))
    if 0 < top_k < len(scaled):
        scaled = np.where(scaled >= np.partition(scaled, -top_k)[-top_k], scaled, -np.inf)
    chances = np.exp(scaled, dtype=np.float64)
    if top_p < 1:
        ranked = np.sort(chances)[::-1]
        sums = np.cumsum(ranked)
        lowest = ranked[min(np.searchsorted(sums, top_p * sums[-1]), len(ranked) - 1)]
        chances = np.where(chances >= lowest, chances, 0)
    sums = np.cumsum(chances)
    return int(np.searchsorted(sums, draw * sums[-1], side="right"))
