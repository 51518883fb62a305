"""Scores of generated music: pieces -> are bars as long as the metre says, are notes in the key, are they as a test's.

Rules first: bars, key and close, which a human's piece keeps nearly always; score the test pieces too, since books have
their faults. Then two distributions, pitch classes and durations, and how far those of generated pieces are from those
of the test pieces (both as of Yang & Lerch 2020, https://doi.org/10.1007/s00521-018-3849-7, who compare histograms of
each piece; here a set has one).
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from rnnkit.music.pieces import MODES, Piece

TOLERANCE = 1e-6
"""By which the shares of a distribution may miss 1."""


def music_scores(generated: Sequence[Piece], test: Sequence[Piece]) -> dict[str, float]:
    """Scores generated pieces by themselves, and by their distance to pieces that a human made.

    Args:
        generated: In any keys. For distances that mean something, in about the modes and metres of the test pieces.
        test: That the model wasn't trained on.

    Returns:
        `bar_validity`, `tune_validity`, `in_key` and `ends_on_tonic`, shares of the generated pieces, higher is better;
        `pitch_class_distance` and `duration_distance` between the two sets, 0 to 1, lower is better.

    Raises:
        ValueError: A list is empty.
    """
    _check_pieces(generated, "generated")
    _check_pieces(test, "test")
    return {
        "bar_validity": right_bars(generated),
        "tune_validity": right_tunes(generated),
        "in_key": in_key_share(generated),
        "ends_on_tonic": ends_on_tonic(generated),
        "pitch_class_distance": histogram_distance(pitch_class_histogram(generated), pitch_class_histogram(test)),
        "duration_distance": histogram_distance(duration_histogram(generated), duration_histogram(test)),
    }


def right_bars(pieces: Sequence[Piece]) -> float:
    """Returns the share of bars, of all pieces together, that are as long as the metre says.

    A first bar may be shorter, an upbeat, and a last bar shorter by just that. 0 where there is no bar.

    Raises:
        ValueError: There is no piece.
    """
    bars = [right for piece in _check_pieces(pieces) for right in piece.right_bars]
    return sum(bars) / len(bars) if bars else 0.0


def right_tunes(pieces: Sequence[Piece]) -> float:
    """Returns the share of pieces that have bars, all of them as long as the metre says, see `right_bars`.

    Raises:
        ValueError: There is no piece.
    """
    bars = [piece.right_bars for piece in _check_pieces(pieces)]
    return sum(bool(right) and all(right) for right in bars) / len(bars)


def in_key_share(pieces: Sequence[Piece]) -> float:
    """Returns the share of notes, of all pieces together, in the scale of their piece's key; 0 without notes.

    Raises:
        ValueError: There is no piece.
    """
    inside = [degree in MODES[piece.mode] for piece in _check_pieces(pieces) for degree in _degrees(piece)]
    return sum(inside) / len(inside) if inside else 0.0


def ends_on_tonic(pieces: Sequence[Piece]) -> float:
    """Returns the share of pieces whose last note is the tonic: of notes that begin together, the lowest.

    A piece without notes doesn't end on it.

    Raises:
        ValueError: There is no piece.
    """
    ends = [piece.notes and min(piece.notes, key=lambda note: (-note.start, note.pitch)) for piece in pieces]
    pairs = zip(_check_pieces(pieces), ends, strict=True)
    return sum(bool(end) and (end.pitch - piece.tonic) % 12 == 0 for piece, end in pairs) / len(pieces)


def pitch_class_histogram(pieces: Sequence[Piece]) -> np.ndarray:
    """Returns the share of notes at each number of semitones above their piece's tonic, `(12,)`.

    Each note counts once, however long. All 0 where there is no note.

    Raises:
        ValueError: There is no piece.
    """
    degrees = [degree for piece in _check_pieces(pieces) for degree in _degrees(piece)]
    return np.bincount(np.array(degrees, np.int64), minlength=12) / max(1, len(degrees))


def duration_histogram(pieces: Sequence[Piece]) -> dict[int, float]:
    """Returns the share of notes of each duration in ticks, rising; empty where there is no note.

    Raises:
        ValueError: There is no piece.
    """
    counts = Counter(note.duration for piece in _check_pieces(pieces) for note in piece.notes)
    return {ticks: count / counts.total() for ticks, count in sorted(counts.items())}


def histogram_distance(
    p: Mapping[int, float] | Sequence[float] | np.ndarray, q: Mapping[int, float] | Sequence[float] | np.ndarray
) -> float:
    """Measures how far two distributions are from each other: the total variation distance.

    It is the share that would have to move from one value to another: 0 if they are the same, 1 if they have no value
    in common. To one of nothing (empty, or all 0) any other is 1 away.

    Args:
        p, q: Shares, by value in dicts or by place in arrays `(values,)`.

    Raises:
        ValueError: The shares don't add up to 1, one is below 0, or the arrays aren't of one length.
    """
    if isinstance(p, Mapping) and isinstance(q, Mapping):
        values = sorted({*p, *q})
        p, q = ([shares.get(value, 0.0) for value in values] for shares in (p, q))
    elif isinstance(p, Mapping) or isinstance(q, Mapping):
        raise ValueError("Distributions must be two dicts or two arrays. Got one of each.")
    p, q = _checked_shares(p), _checked_shares(q)
    if p.shape != q.shape:
        raise ValueError(f"Distributions must have a share for each value. Got {len(p)} and {len(q)} shares.")
    if p.any() != q.any():
        return 1.0
    return min(1.0, float(np.abs(p - q).sum()) / 2)


def _checked_shares(shares):
    shares = np.asarray(shares, float)
    if shares.ndim != 1:
        raise ValueError(f"A distribution must have one axis, of values. Got the shape {shares.shape}.")
    total = float(shares.sum())
    if not (shares >= 0).all() or not (total == 0 or math.isclose(total, 1, abs_tol=TOLERANCE)):
        raise ValueError(
            f"Shares must be at least 0 and add up to 1. Got {total:g} in all, the least {shares.min():g}. "
            "Divide counts by their sum."
        )
    return shares


def _degrees(piece):
    """Returns the semitones of each note above the tonic, 0 to 11."""
    return [(note.pitch - piece.tonic) % 12 for note in piece.notes]


def _check_pieces(pieces, name="pieces"):
    if not len(pieces):
        raise ValueError(f"{name} must hold at least 1 piece. Got 0.")
    return pieces
