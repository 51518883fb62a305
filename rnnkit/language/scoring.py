"""Scoring: passages -> the loss of each token, the state carried over the whole text -> perplexity, bits per character.

A text of up to `COLUMN` tokens is read from its first token to its last. A longer one is cut into columns, side by
side, each of which begins without what came before it: the score is a little worse for it, never better.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from rnnkit.language.core import Apart, taken_apart
from rnnkit.language.preparing import encode_passages
from rnnkit.language.units import units_of
from rnnkit.layers import recurrent_loop
from rnnkit.layers.embedding import END, UNKNOWN
from rnnkit.training.streams import Stream, StreamBatches

COLUMN = 100_000
MOST_COLUMNS = 64
WINDOW = 128


class Losses(NamedTuple):
    """What a model loses on a text.

    Attributes:
        nats: `(tokens,)`, minus the log probability of each token given all before it in its column.
        hidden: `(tokens, features)` float32, by which each token was predicted; None where they weren't asked for.
    """

    nats: np.ndarray
    hidden: np.ndarray | None


def losses_of(apart: Apart, stream: Stream, *, hidden: bool = False, advance: Callable = lambda done: None) -> Losses:
    """Reads a text once and tells what each token cost.

    Args:
        apart: The core.
        stream: The text.
        hidden: Whether to give what the tokens were predicted by.
        advance: Told the tokens done.
    """
    tokens = len(stream)
    columns = min(max(1, -(-tokens // COLUMN)), MOST_COLUMNS, max(tokens, 1))
    # What the columns leave over is read after them, by itself, as one column more would.
    batches = StreamBatches(stream, columns, WINDOW)
    parts, states, reading = [], apart.begin(columns), _reader(apart)
    for place, (start, stop) in enumerate(batches.windows(0)):
        features, _, _ = batches.batch(start, stop)
        nats, read, states = reading(features["ids"], features["target"], states)
        size = stop - start
        parts.append((nats.numpy()[:, :size], read.numpy()[:, :size] if hidden else None))
        advance(min(place + 1, len(batches)) * WINDOW * columns)
    nats = np.concatenate([part for part, _ in parts], axis=1).ravel() if parts else np.zeros(0, np.float32)
    read = np.concatenate([part for _, part in parts], axis=1) if hidden else None
    read = None if read is None else read.reshape(-1, read.shape[-1])
    if left := tokens - len(nats):
        ids = stream.ids(tokens - left - 1 if tokens > left else 0, tokens)
        more, further, _ = reading(ids[None, :-1], ids[None, 1:], apart.begin(1))
        nats = np.concatenate([nats, more.numpy()[0]])
        read = None if read is None else np.concatenate([read, further.numpy()[0]])
    return Losses(nats, read)


def _reader(apart):
    @tf.function(reduce_retracing=True, autograph=False)
    def reading(ids, targets, states):
        with recurrent_loop("plain"):
            read, states = apart.read(ids, states)
        hidden = read[0] if isinstance(read, list) else read
        return apart.head.losses_of(read, targets), hidden, states

    return reading


def answer_passages(preparation, core, rows, settings, advance) -> dict[str, np.ndarray]:
    """Returns what is judged: `nats`, `tokens`, `unknown` and `ends` of each passage, `(passages,)` each.

    As `Recipe.answer` says.
    """
    stream = encode_passages(rows.chunks(), units_of(preparation.features))
    share = len(rows) / max(len(stream), 1)
    nats = losses_of(taken_apart(core), stream, advance=lambda done: advance(min(int(done * share), len(rows)))).nats
    return sums_of(stream, nats)


def sums_of(stream: Stream, nats: np.ndarray) -> dict[str, np.ndarray]:
    """Sums what the tokens of each passage cost; see `answer_passages`."""
    places = np.repeat(np.arange(len(stream.lengths)), stream.lengths)
    ids, count = stream.ids(), len(stream.lengths)
    return {
        "nats": np.bincount(places, nats, count),
        "tokens": stream.lengths.astype(np.float64),
        "unknown": np.bincount(places, ids == UNKNOWN, count),
        "ends": np.bincount(places, ids == END, count),
    }


def judge_passages(answers: Mapping[str, np.ndarray], truth: np.ndarray, labels, settings) -> dict[str, float]:
    """Scores what tokens cost.

    Args:
        answers: `nats`, `tokens` and `ends`, `(passages,)`.
        truth: `(passages,)`, characters of each passage; an end counts as one more, as of a line.
        labels, settings: Not used.

    Returns:
        `perplexity` of a token, `token_loss` in nats, `bits_per_character`: a model that doesn't know a word pays
        for it as unknown, and thus too little: compare those of equal vocabularies alone.
    """
    nats, tokens = answers["nats"].sum(), answers["tokens"].sum()
    characters = float(np.sum(truth)) + answers["ends"].sum()
    loss = nats / max(tokens, 1)
    return {
        "perplexity": math.exp(min(loss, 700.0)),
        "bits_per_character": nats / math.log(2) / max(characters, 1),
        "token_loss": float(loss),
    }
