"""Stepping: a prompt's ids -> the ids that follow, one by one, by a bundle's signature `step`."""

import functools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from rnnkit.answers import answer
from rnnkit.decoding.draws import draw, keys_of
from rnnkit.layers.embedding import END, NEVER_WRITTEN
from rnnkit.predicting.chances import allowed, drawn, less_repeated
from rnnkit.predicting.manner import Manner

PORTION = 64
"""Draws made at a time."""


class Stepper:
    """A loaded model that reads and writes token by token.

    Args:
        model: A SavedModel with `encode`, `step` and `join`.
        sizes: Sizes of the states of `step` by name.
    """

    def __init__(self, model, sizes: Mapping[str, int]):
        self._encode, self._step, self._join = (model.signatures[name] for name in ("encode", "step", "join"))
        self._sizes = sizes

    def ids(self, prompt: bytes) -> list[int]:
        """Returns the ids of a text."""
        return self._encode(text=tf.constant([prompt]))["ids"].numpy()[0].tolist()

    def spelled(self, ids: Sequence[int]) -> bytes:
        """Returns the text of ids."""
        return self._join(ids=tf.constant([ids], tf.int32))["text"].numpy()[0]

    def tokens(self, prompt: bytes, ids: Sequence[int], manner: Manner) -> Iterator[tuple[int, float]]:
        """Writes what follows a prompt.

        Args:
            prompt: The text.
            ids: Its ids.
            manner: How; the stops are not heeded here.

        Yields:
            Each id, that of the end last where it is written, and the log probability of all so far with the prompt's.
        """
        states = {name: tf.zeros([1, size]) for name, size in self._sizes.items()}
        draws = _draws(manner.seed, prompt, len(ids))
        how = {"temperature": manner.temperature, "top_k": manner.top_k, "top_p": manner.top_p}
        token, total, history = END, 0.0, np.zeros(len(ids) + manner.length, np.int32)
        for step in range(len(history)):
            written = history[:step]
            answered = self._step(ids=tf.constant([token], tf.int32), **states)
            # The states go from call to call as they are: only the chances are looked at.
            states = {name: answered[name] for name in self._sizes}
            chances = less_repeated(answered["log_probability"].numpy()[0], written, manner.repetition_penalty)
            if step < len(ids):
                token = ids[step]
            else:
                logits = allowed(chances, written, banned=NEVER_WRITTEN, blocked_ngram=manner.blocked_ngram)
                token = drawn(logits, next(draws), **how)
            total += float(chances[token])
            if step >= len(ids):
                yield token, total
                if token == END:
                    return
            history[step] = token


def _draws(seed, prompt, first):
    """Yields the numbers that `rnnkit.language.generator` draws from step `first` on."""
    key = keys_of(tf.constant(prompt))
    while True:
        yield from _portion()(tf.constant([0, seed], tf.int32), key, tf.constant(first)).numpy()
        first += PORTION


@functools.cache
def _portion():
    """Traces the drawing of a portion once: op by op it would take as long as the model."""

    def portion(seed, key, first):
        steps = tf.range(first, first + PORTION)
        return tf.map_fn(lambda step: draw(seed, step, key), steps, fn_output_signature=tf.float32)

    number = tf.TensorSpec([], tf.int32)
    return tf.function(portion, input_signature=[tf.TensorSpec([2], tf.int32), number, number], autograph=False)


def generated(function, texts: Sequence[str], manner: Manner) -> dict[str, np.ndarray]:
    """Writes on many texts at once, by a bundle's signature `generate`: `generated` and `log_probability (rows,)`."""
    how = {
        "length": tf.constant(manner.length),
        "temperature": tf.constant(manner.temperature),
        "top_k": tf.constant(manner.top_k),
        "top_p": tf.constant(manner.top_p),
        "seed": tf.constant([0, manner.seed]),
    }
    return answer(functools.partial(function, **how), {"text": texts})
