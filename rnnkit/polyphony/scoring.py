"""Scoring: frames -> nats of each given all before, and the frame that was likely -> scores, beside baselines."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from rnnkit.layers import recurrent_loop
from rnnkit.metrics.frame_baselines import (
    frame_accuracy,
    frame_scores,
    frame_unigram,
    previous_frame,
    uniform_frames,
)
from rnnkit.polyphony.core import Apart, surprise, taken_apart
from rnnkit.polyphony.features import before
from rnnkit.polyphony.rolls import Rolls
from rnnkit.progress import SILENT, Reporter

ROWS = 16
"""Pieces that are read at once."""
CHUNK = 512
"""Frames of each that are read at once; the state goes on."""


def answer_rolls(preparation, core, rows: Rolls, settings, advance: Callable = lambda done: None) -> dict:
    """Answers every frame of a split, given all before it in its piece; as `Recipe.answer` says.

    Returns:
        Of the pieces one after the other: `nats (frames,)`; and `likely (frames, pitches)` bool, of each pitch what was
        more probable given the likely ones below it.
    """
    apart, done = taken_apart(core), 0
    reading, found = _reader(apart), {}
    order = np.argsort([-len(roll) for roll in rows.rolls], kind="stable")
    for start in range(0, len(order), ROWS):
        places = order[start : start + ROWS]
        answers = _read(reading, apart, [rows.rolls[place] for place in places])
        for row, place in enumerate(places.tolist()):
            size = len(rows.rolls[place])
            found[place] = {name: array[row, :size] for name, array in answers.items()}
        done += len(places)
        advance(done)
    return {name: np.concatenate([found[place][name] for place in range(len(rows))]) for name in found[0]}


def _read(reading, apart, rolls):
    """Reads pieces side by side, from their first frames on: name -> `(pieces, longest, …)`."""
    frames = np.zeros((len(rolls), len(rolls[0]), apart.pitches), np.float32)
    for row, roll in zip(frames, rolls, strict=True):
        row[: len(roll)] = roll
    states, parts, earlier = apart.begin(len(rolls)), [], before(frames)
    for start in range(0, frames.shape[1], CHUNK):
        chunk = slice(start, start + CHUNK)
        *answers, states = reading(tf.constant(earlier[:, chunk]), tf.constant(frames[:, chunk]), states)
        parts.append([answer.numpy() for answer in answers])
    nats, likely = (np.concatenate(each, axis=1) for each in zip(*parts, strict=True))
    return {"nats": nats, "likely": likely > 0}


def _reader(apart: Apart):
    frames = tf.TensorSpec([None, None, apart.pitches], tf.float32)
    states = {name: tf.TensorSpec([None, size], tf.float32) for name, size in apart.sizes.items()}

    # Traced once, for pieces of any number and length.
    @tf.function(input_signature=[frames, frames, states], autograph=False)
    def reading(earlier, frames, states):
        with recurrent_loop("plain"):
            conditions, states = apart.read(earlier, states)
        flat, notes = (tf.reshape(each, [-1, each.shape[-1]]) for each in (conditions, frames))
        shape = tf.shape(frames)
        nats = tf.reshape(surprise(apart.logits(flat, notes), notes), shape[:2])
        return nats, tf.reshape(apart.likely(flat), shape), states

    return reading


def judge_rolls(answers: Mapping[str, np.ndarray], truth: Sequence[np.ndarray], labels, settings) -> dict[str, float]:
    """Scores answers to frames.

    Args:
        answers: `nats`, and perhaps `likely`, of frames one after the other, or by piece and padded at its end.
        truth: What sounds in each piece, `(frames, pitches)`.
        labels, settings: Not used.

    Returns:
        `frame_nll`, the mean of nats; and `frame_accuracy`, where what was likely is known.
    """
    scores = frame_scores(_by_piece(answers["nats"], truth, 1))
    if "likely" in answers:
        scores["frame_accuracy"] = frame_accuracy(_by_piece(answers["likely"], truth, 2), truth)
    return scores


def _by_piece(values, truth, rank):
    sizes = [len(roll) for roll in truth]
    if np.ndim(values) == rank:
        return np.split(values, np.cumsum(sizes)[:-1])
    return [row[:size] for row, size in zip(values, sizes, strict=True)]


def score_frame_baselines(splits, preparation, settings, reporter: Reporter = SILENT) -> dict:
    """Scores the baselines on the test split; as `Recipe.baselines` says.

    Returns:
        `uniform`, all frames equally probable; `unigram`, each pitch as often as in train; `previous_frame`, as often
        as after it did or didn't sound: name -> `{"test": scores}`.
    """
    train, test = splits.train.truth(), splits.test.truth()
    models = {
        "uniform": uniform_frames(preparation.facts["pitches"]),
        "unigram": frame_unigram(train),
        "previous_frame": previous_frame(train),
    }
    found = {}
    for name, model in models.items():
        answers = {
            "nats": np.concatenate([model.nats(roll) for roll in test]),
            "likely": np.concatenate([model.probabilities(roll) > 0.5 for roll in test]),
        }
        found[name] = {"test": judge_rolls(answers, test, (), settings)}
    return found
