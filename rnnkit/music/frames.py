"""Frames: piece -> piano roll (frames, pitches), which pitches sound in each step of time -> piece."""

import numpy as np

from rnnkit.music.pieces import HIGHEST as HIGHEST_PITCH
from rnnkit.music.pieces import LOWEST as LOWEST_PITCH
from rnnkit.music.pieces import Note, Piece, bar_ticks

LOWEST, HIGHEST = 21, 108
"""Keys of a piano."""


def roll_of(piece: Piece, *, step: int, lowest: int = LOWEST, highest: int = HIGHEST) -> np.ndarray:
    """Writes a piece's notes as a piano roll; its chords are left out.

    Both ends of a note move to the nearest frame, half way to the later one, so that notes which follow one another
    still do; a note that would vanish lasts one frame. Notes of one pitch that touch or overlap become one.

    Args:
        piece: What is played.
        step: Ticks from a frame to the next, `pieces.TICKS` a quarter.
        lowest, highest: Pitches of the first and the last column.

    Returns:
        `(frames, highest - lowest + 1)` booleans, True where a pitch sounds when the frame begins. Frames reach to
        the end of the last bar, or of a note that goes on after it.

    Raises:
        ValueError: A note is outside of the pitches, or `step` or these are none.
    """
    _check_step(step)
    if not LOWEST_PITCH <= lowest <= highest <= HIGHEST_PITCH:
        raise ValueError(
            f"lowest and highest must rise, from {LOWEST_PITCH} to {HIGHEST_PITCH}. Got {lowest} and {highest}."
        )
    spans = [_span(note, step) for note in piece.notes]
    frames = max([-(-piece.bars[-1] // step), *(end for _, end in spans)])
    roll = np.zeros((frames, highest - lowest + 1), bool)
    for note, (first, end) in zip(piece.notes, spans, strict=True):
        if not lowest <= note.pitch <= highest:
            raise ValueError(
                f"{piece.source or piece.title or 'A piece'}: pitch {note.pitch} lies outside of the roll, {lowest} to "
                f"{highest}. Widen it by lowest and highest, or transpose the piece."
            )
        roll[first:end, note.pitch - lowest] = True
    return roll


def _span(note, step):
    """Gives the first frame of a note and the one after its last."""
    first, end = ((2 * tick + step) // (2 * step) for tick in (note.start, note.start + note.duration))
    return first, max(end, first + 1)


def _check_step(step):
    if step < 1:
        raise ValueError(f"step must be at least 1 tick. Got {step}.")


def piece_of(
    roll: np.ndarray,
    *,
    step: int,
    metre: tuple[int, int] = (4, 4),
    tonic: int = 0,
    mode: str = "major",
    tempo: float = 120.0,
    lowest: int = LOWEST,
) -> Piece:
    """Reads a piano roll as a piece of whole bars.

    Each run of frames in which a pitch sounds is one note: a roll doesn't tell a repeated note from a long one.
    `roll_of(piece_of(roll))`, by the same step and pitches, is the roll, and after it the empty frames that fill its
    last bar.

    Args:
        roll: `(frames, pitches)`, booleans or 0 and 1.
        step: Ticks from a frame to the next.
        metre, tonic, mode, tempo: Of the piece.
        lowest: Pitch of the first column.

    Returns:
        The piece; at least one bar, which is empty where the roll has no frames.

    Raises:
        ValueError: `roll` is no roll, its pitches are not all from 0 to 127, or `step` or `metre` is none.
    """
    _check_step(step)
    bar = bar_ticks(metre)
    roll = _checked_roll(roll, lowest)
    frames = len(roll)
    edges = np.diff(roll.astype(np.int8), axis=0, prepend=0, append=0)
    # By pitch, then by time: the n-th beginning of a pitch belongs to its n-th end.
    pitches, firsts = np.nonzero(edges.T > 0)
    ends = np.nonzero(edges.T < 0)[1]
    spans = zip(firsts.tolist(), ends.tolist(), pitches.tolist(), strict=True)
    notes = [Note(first * step, (end - first) * step, lowest + pitch) for first, end, pitch in spans]
    notes.sort(key=lambda note: (note.start, note.pitch))
    bars = tuple(range(0, bar * max(1, -(-frames * step // bar)) + 1, bar))
    return Piece(tuple(notes), bars, metre, tonic=tonic, mode=mode, tempo=tempo)


def _checked_roll(roll, lowest):
    roll = np.asarray(roll)
    if roll.ndim != 2:
        raise ValueError(f"A roll must have the shape (frames, pitches). Got {roll.shape}.")
    if not (roll.dtype == bool or np.isin(roll, (0, 1)).all()):
        odd = roll[~np.isin(roll, (0, 1))][0]
        raise ValueError(f"A roll must hold booleans, or 0 and 1. Got {odd}. Compare probabilities with draws first.")
    if lowest < LOWEST_PITCH or lowest + roll.shape[1] - 1 > HIGHEST_PITCH:
        raise ValueError(
            f"Pitches must be {LOWEST_PITCH} to {HIGHEST_PITCH}. Got {roll.shape[1]} columns from {lowest} on. "
            "Say the pitch of the first by lowest."
        )
    return roll.astype(bool)
