"""What a search found: tokens, their number, scores, and where each looked."""

from typing import NamedTuple

import tensorflow as tf


class Decoded(NamedTuple):
    """Hypotheses of each sentence, the best first; `n` a sentence, `time` as many as the largest limit of tokens."""

    ids: tf.Tensor
    """`(batch, n, time)` int32; a prefix is part of it, the end is not; 0 after the last token."""
    lengths: tf.Tensor
    """`(batch, n)` int32, tokens written."""
    scores: tf.Tensor
    """`(batch, n)` float32, see `Controls`; -inf, with no tokens, where there are fewer than `n` hypotheses."""
    weights: tf.Tensor | None
    """`(batch, n, time, source)` float32, attention at each token, 0 after the last; None where the step has none."""
