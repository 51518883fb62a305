"""Controls: what a search favours and what it may not write, as values fixed in the graph."""

import dataclasses
import numbers

import tensorflow as tf

LEAST = {"length_penalty": 0, "coverage_penalty": 0, "repetition_penalty": 1, "blocked_ngram": 0, "patience": 0}
"""The lowest value of each number."""

LEAST_COVERED = 1e-10
"""Attention counted for a position that got none at all, so that its logarithm stays finite."""


@dataclasses.dataclass(frozen=True)
class Controls:
    """Values by which a search departs from the most probable tokens.

    The score of a finished hypothesis is Wu et al. (2016), eq. 14, https://arxiv.org/abs/1609.08144:

        log P / ((5 + tokens) / 6) ** length_penalty + coverage_penalty * sum of log(min(attention got, 1))

    where log P sums the logarithms of the model's probabilities of all tokens, a prefix's and the end's among them,
    `tokens` counts the same, and the last sum is over the source positions that any attention reached. Both
    penalties count when a hypothesis ends; until then, hypotheses compete by log P. What is banned or blocked
    is left out of the choice and nothing else: the other tokens keep their probabilities. The end is never blocked.
    Where everything is banned or blocked, a beginning of a beam is given up, and other searches write id 0.

    Raises:
        ValueError: A value out of its range.
    """

    length_penalty: float = 0.0
    """From 0, no preference, up; 0.6 to 1 is usual for translation. More prefers longer hypotheses."""
    coverage_penalty: float = 0.0
    """From 0, none, up; 0.2 is usual. More prefers hypotheses that attended to all of the source."""
    repetition_penalty: float = 1.0
    """From 1, none, up: logits of tokens written before are divided by it, negative ones multiplied, before the
    softmax. Keskar et al. (2019), section 4.1, https://arxiv.org/abs/1909.05858; the formula there, which only
    divides, would favour a repeated token of negative logit."""
    blocked_ngram: int = 0
    """No sequence of so many tokens is written twice; 0 for no such rule. Paulus et al. (2018), section 2.5,
    https://arxiv.org/abs/1705.04304."""
    banned: tuple[int, ...] = ()
    """Ids never written, save by a prefix."""
    patience: float = 0.0
    """From 0 up: a beam search is also done with a sentence once `patience * width` of its hypotheses have ended, and
    as many as are asked for; 0 waits until none that goes on can win. 1 is usual: Kasai et al. (2022),
    https://arxiv.org/abs/2204.05424."""

    def __post_init__(self):
        for name, least in LEAST.items():
            value = getattr(self, name)
            if not isinstance(value, numbers.Real) or not least <= value < float("inf"):
                raise ValueError(f"{name} must be a number of at least {least}. Got {value!r}.")
        if not isinstance(self.blocked_ngram, numbers.Integral):
            raise ValueError(f"blocked_ngram must be a whole number. Got {self.blocked_ngram!r}.")
        object.__setattr__(self, "banned", tuple(self.banned))
        for value in self.banned:
            if not isinstance(value, numbers.Integral) or value < 0:
                raise ValueError(f"banned must be ids, whole numbers from 0. Got {value!r}.")


PLAIN = Controls()
"""The most probable, and nothing forbidden."""


def by_length(log_probability, tokens, controls):
    """Divides log P by the length penalty of so many tokens; both of one shape."""
    if not controls.length_penalty:
        return log_probability
    return log_probability / ((5.0 + tf.cast(tokens, tf.float32)) / 6.0) ** controls.length_penalty


def final_score(log_probability, tokens, coverage, controls):
    """Scores hypotheses at their end.

    Args:
        log_probability: `(batch, n)`, log P.
        tokens: `(batch, n)`, the end among them.
        coverage: `(batch, n, source)`, attention that each source position got; anything where it isn't counted.

    Returns:
        `(batch, n)`.
    """
    score = by_length(log_probability, tokens, controls)
    if not controls.coverage_penalty:
        return score
    # Padding got none from any hypothesis; what only some have missed counts against those.
    reached = tf.reduce_any(coverage > 0, axis=1, keepdims=True)
    covered = tf.math.log(tf.clip_by_value(coverage, LEAST_COVERED, 1.0))
    return score + controls.coverage_penalty * tf.reduce_sum(tf.where(reached, covered, 0.0), -1)


def best_score(log_probability, limit, controls):
    """Bounds the score that hypotheses of this log P can have at their end, at most `limit` tokens away.

    log P only falls, the length penalty divides least harshly at the limit, and the coverage term is at most 0.
    """
    return by_length(log_probability, limit, controls)
