"""Quantising: times on any grid -> notes in whole ticks, their key; many voices -> the one line that events can say."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from rnnkit.music.pieces import TICKS, Note, Piece

MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
"""How well each pitch class fits a key of tonic C: Krumhansl & Kessler (1982), Psychological Review 89(4), 334-368."""
MOST_BARS = 20_000


def nearest_tick(time, per_quarter: int = 1) -> int:
    """Returns the tick nearest to a time, the later of two; exact for whole numbers and fractions.

    Args:
        time: In parts of a quarter.
        per_quarter: How many of these parts a quarter has.
    """
    return int((2 * TICKS * time + per_quarter) // (2 * per_quarter))


def quantised(spans: Iterable[tuple], per_quarter: int = 1) -> tuple[tuple[Note, ...], list[str]]:
    """Puts notes on the grid: each begins and ends at the nearest tick and lasts at least one.

    Of two notes of one pitch that overlap, the earlier ends where the later begins; of two that begin together the
    longer is kept.

    Args:
        spans: `(start, end, pitch)` each, times in parts of a quarter, whole numbers or fractions.
        per_quarter: How many of these parts a quarter has.

    Returns:
        The notes by start, then pitch, and what was changed, a line each.
    """
    notes, off, shortest, worst = [], 0, 0, 0
    for start, end, pitch in spans:
        first, last = nearest_tick(start, per_quarter), nearest_tick(end, per_quarter)
        moved = max(abs(first * per_quarter - start * TICKS), abs(last * per_quarter - end * TICKS))
        off, worst = off + (moved > 0), max(worst, moved)
        shortest += last <= first
        notes.append(Note(first, max(last - first, 1), pitch))
    told = []
    if off:
        by = f"{float(worst / per_quarter):.2g} ticks at most"
        told.append(f"{off:,} of {len(notes):,} notes lay off the grid of {TICKS} ticks a quarter; moved by {by}")
    if shortest:
        told.append(f"{shortest:,} notes had no length on the grid; they last 1 tick")
    notes, cut = apart(notes)
    if cut:
        told.append(f"{cut:,} notes overlapped another of their pitch; cut, or left out")
    return notes, told


def apart(notes: Iterable[Note]) -> tuple[tuple[Note, ...], int]:
    """Ends notes where the next of their pitch begins; returns them in order, and how many were cut or left out."""
    pitches = {}
    for note in notes:
        pitches.setdefault(note.pitch, []).append(note)
    kept, cut = [], 0
    for same in pitches.values():
        same.sort()
        for note, later in zip(same, [*same[1:], None], strict=True):
            if later and note.start + note.duration > later.start:
                cut += 1
                note = note._replace(duration=later.start - note.start)
            if note.duration:
                kept.append(note)
    return tuple(sorted(kept, key=lambda note: (note.start, note.pitch))), cut


def bars_until(end: int, bar: int, upbeat: int = 0, *, where: str) -> tuple[int, ...]:
    """Returns the first ticks of bars, and where the last ends: the first bar line at or after `end`.

    Args:
        end: Where the last note ends.
        bar: Ticks of a bar.
        upbeat: Ticks of a shorter first bar, 0 where there is none.
        where: Begins messages.

    Raises:
        ValueError: There would be too many.
    """
    count = max(-(-(end - upbeat) // bar), 0 if upbeat else 1)
    if count > MOST_BARS:
        raise ValueError(f"{where} has {count:,} bars, and {MOST_BARS:,} is the most. Cut it, or leave it out.")
    return (*([0] if upbeat else []), *(upbeat + bar * number for number in range(count + 1)))


def estimated_key(notes: Sequence[Note], *, sharps: int | None = None) -> tuple[int, str]:
    """Tells the key from how long each pitch class sounds: the profile that correlates best with it.

    Args:
        notes: At least one.
        sharps: Where the signature is known: only its major and minor key are asked; flats are negative.

    Returns:
        Pitch class of the tonic, and 'major' or 'minor'. Of equals the first of C major, C# major, … comes first.

    Raises:
        ValueError: There are no notes.

    Krumhansl (1990), Cognitive Foundations of Musical Pitch, chapter 4: the algorithm of Krumhansl and Schmuckler.
    """
    if not notes:
        raise ValueError("A key is told from notes. Got none.")
    sounding = np.bincount([note.pitch % 12 for note in notes], [note.duration for note in notes], minlength=12)
    keys = [(tonic, mode) for mode in ("major", "minor") for tonic in range(12)]
    if sharps is not None:
        keys = [(7 * sharps % 12, "major"), ((7 * sharps + 9) % 12, "minor")]
    profiles = np.array([np.roll(MAJOR if mode == "major" else MINOR, tonic) for tonic, mode in keys])
    # All correlations divide by the spread of what sounds, which would be 0 where all sound equally long.
    fit = (profiles - profiles.mean(axis=1, keepdims=True)) @ (sounding - sounding.mean()) / profiles.std(axis=1)
    return keys[int(np.argmax(np.round(fit / sounding.sum(), 9)))]


def melody_of(piece: Piece) -> tuple[Piece, int]:
    """Reduces a piece to what events can say: groups of notes that begin and end together, one after the other.

    Each group lasts as long as its highest note, yet not beyond the next group's beginning.

    Returns:
        The piece, the very same where it was so before, and how many notes were changed or left out.
    """
    notes, changed = [], 0
    groups = [list(group) for _, group in itertools.groupby(sorted(piece.notes), key=lambda note: note.start)]
    for group, later in zip(groups, [*groups[1:], None], strict=True):
        highest = max(group, key=lambda note: (note.pitch, note.duration))
        duration = min(highest.duration, later[0].start - highest.start) if later else highest.duration
        made = [Note(highest.start, duration, pitch) for pitch in sorted({note.pitch for note in group})]
        changed += len(group) - len(set(made) & set(group))
        notes += made
    if tuple(notes) == piece.notes:
        return piece, 0
    return dataclasses.replace(piece, notes=tuple(notes)), changed
