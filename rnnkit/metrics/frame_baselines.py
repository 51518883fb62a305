"""Frame baselines: train piano rolls (frames, pitches) -> chance of each pitch in each frame -> nats, and scores.

What such rolls are: `rnnkit.music.frames`.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class PitchChances:
    """Foretells each pitch of a frame by itself, from whether it sounded in the frame before.

    Attributes:
        chances: `(2, pitches)`: how probable it is that a pitch sounds where it did not in the frame before, and
            where it did; strictly between 0 and 1.
    """

    chances: np.ndarray

    def probabilities(self, roll: np.ndarray) -> np.ndarray:
        """Returns how probable it was that each pitch sounds, `(frames, pitches)`; before the first frame none did."""
        roll = _checked(roll, self.chances.shape[1])
        return np.where(_before(roll), self.chances[1], self.chances[0])

    def nats(self, roll: np.ndarray) -> np.ndarray:
        """Returns the negative log-likelihood of each frame in nats, `(frames,)`."""
        chances = self.probabilities(roll)
        return -np.log(np.where(np.asarray(roll, bool), chances, 1.0 - chances)).sum(axis=1)


def previous_frame(train_rolls: Sequence[np.ndarray]) -> PitchChances:
    """Counts how often a pitch sounds after it did and after it did not; each of the four counts is one more than seen.

    Args:
        train_rolls: `(frames, pitches)` each, booleans or 0 and 1; before the first frame of each nothing sounds.

    Raises:
        ValueError: There is no roll, one is none, or they differ in their pitches.
    """
    rolls = _alike(train_rolls)
    now, before = np.concatenate(rolls), np.concatenate([_before(roll) for roll in rolls])
    counts = [((now & given).sum(axis=0), given.sum(axis=0)) for given in (~before, before)]
    return PitchChances(np.stack([(sounding + 1) / (frames + 2) for sounding, frames in counts]))


def frame_unigram(train_rolls: Sequence[np.ndarray]) -> PitchChances:
    """Counts how often each pitch sounds and how often not, whatever was before; each is one more than seen.

    Args and errors are those of `previous_frame`.
    """
    now = np.concatenate(_alike(train_rolls))
    return PitchChances(np.tile((now.sum(axis=0) + 1) / (len(now) + 2), (2, 1)))


def uniform_frames(pitches: int) -> PitchChances:
    """Takes all frames for equally probable.

    Raises:
        ValueError: `pitches` is below 1.
    """
    if pitches < 1:
        raise ValueError(f"pitches must be at least 1. Got {pitches}.")
    return PitchChances(np.full((2, pitches), 0.5))


def frame_scores(nats: Sequence[np.ndarray]) -> dict[str, float]:
    """Averages over all frames of all pieces, so that a long piece weighs more.

    Args:
        nats: Of each piece the negative log-likelihood of its frames, `(frames,)`.

    Returns:
        `frame_nll`, the mean in nats.

    Raises:
        ValueError: There is no frame.
    """
    every = np.concatenate([np.zeros(0), *(np.asarray(each, np.float64).reshape(-1) for each in nats)])
    if not len(every):
        raise ValueError(f"Scores need at least 1 frame. Got 0, in {len(nats)} pieces.")
    return {"frame_nll": float(every.mean())}


def frame_accuracy(predicted: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> float:
    """Computes the share of the pitches predicted or true, in all frames together, that are both.

    Accuracy of Bay, Ehmann & Downie (2009), ISMIR: true positives / (true + false positives + false negatives).

    Args:
        predicted, truth: Of each piece `(frames, pitches)`, booleans or 0 and 1.

    Returns:
        From 0 to 1; 1 where nothing is predicted and nothing true.

    Raises:
        ValueError: Pieces or their shapes differ, or something is no roll.
    """
    both, of_predicted, of_truth = _counts(predicted, truth)
    return _share(both, of_predicted + of_truth - both)


def note_f1(probabilities: Sequence[np.ndarray], rolls: Sequence[np.ndarray]) -> float:
    """Computes F1 of the pitches that are more probable than not, over all frames together.

    Args:
        probabilities: Of each piece `(frames, pitches)`, from 0 to 1.
        rolls: What is true, in the same shapes.

    Returns:
        From 0 to 1; 1 where nothing is predicted and nothing true.

    Raises:
        ValueError: Pieces or their shapes differ, something is no roll, or a probability is none.
    """
    both, of_predicted, of_truth = _counts([_probable(each) for each in probabilities], rolls)
    return _share(2 * both, of_predicted + of_truth)


def _probable(probabilities):
    probabilities = np.asarray(probabilities)
    odd = probabilities[~((probabilities >= 0) & (probabilities <= 1))]
    if odd.size:
        raise ValueError(f"Probabilities must be from 0 to 1. Got {odd.flat[0]}. Take the sigmoid of logits first.")
    return probabilities > 0.5


def _share(part, whole):
    return float(part / whole) if whole else 1.0


def _counts(predicted, truth):
    """Returns how many pitches of frames are predicted and true, predicted, and true."""
    if len(predicted) != len(truth):
        raise ValueError(f"Each piece must be predicted once. Got {len(predicted)} predicted, and {len(truth)} true.")
    counts = np.zeros(3, np.int64)
    for number, (ours, real) in enumerate(zip(predicted, truth, strict=True), 1):
        ours, real = _checked(ours), _checked(real)
        if ours.shape != real.shape:
            raise ValueError(f"Piece {number} must have the shape {real.shape}, as its truth. Got {ours.shape}.")
        counts += [(ours & real).sum(), ours.sum(), real.sum()]
    return counts


def _before(roll):
    """Returns what sounded in the frame before each, `(frames, pitches)`."""
    return np.concatenate([np.zeros_like(roll[:1]), roll[:-1]])


def _alike(rolls):
    if not len(rolls):
        raise ValueError("Frames are learnt from at least 1 roll. Got 0. Give those of the train split.")
    first = _checked(rolls[0])
    return [first, *(_checked(roll, first.shape[1]) for roll in rolls[1:])]


def _checked(roll, pitches=None):
    roll = np.asarray(roll)
    if roll.ndim != 2 or pitches not in (None, roll.shape[1]):
        raise ValueError(f"A roll must have the shape (frames, {pitches or 'pitches'}). Got {roll.shape}.")
    if roll.dtype != bool:
        odd = roll[~np.isin(roll, (0, 1))]
        if odd.size:
            raise ValueError(f"A roll must hold booleans, or 0 and 1. Got {odd.flat[0]}. Compare it with 0.5 first.")
    return roll.astype(bool)
