"""Rolls: pieces of one split, each a row -> what is kept of them in a bundle, and asked as an example."""

from collections.abc import Iterator, Sequence

import numpy as np

KEPT_FRAMES = 64
"""Of a piece that is kept in a bundle."""


class Rolls:
    """Piano rolls of one split; each is a row.

    Args:
        rolls: `(frames, pitches)` booleans each.
        names: Of the pieces, for pictures.
        notes: One-line remarks, for the user.

    Attributes:
        features, target, in_memory: As of other rows.
    """

    features, target, in_memory = ("roll",), "roll", True

    def __init__(self, rolls: Sequence[np.ndarray], names: Sequence[str], notes: tuple[str, ...] = ()):
        self.rolls, self.titles, self.notes = tuple(rolls), tuple(names), notes

    def __len__(self):
        return len(self.rolls)

    @property
    def frames(self) -> int:
        """Of all pieces."""
        return sum(map(len, self.rolls))

    @property
    def labels(self) -> np.ndarray:
        """`(pieces,)` of str: there are none."""
        return np.full(len(self), "", object)

    def truth(self) -> list[np.ndarray]:
        """Returns what sounds in each piece, `(frames, pitches)` booleans."""
        return list(self.rolls)

    def chunks(self, size: int = 256) -> Iterator[dict[str, list]]:
        """Yields `roll` of the pieces, `size` at a time."""
        for start in range(0, len(self), size):
            yield {"roll": list(self.rolls[start : start + size])}


def kept_rolls(rows: Rolls, most: int, seed: int) -> list[dict]:
    """Draws pieces by chance and keeps how each begins: `roll`, nested lists of 0 and 1."""
    chosen = np.sort(np.random.default_rng(seed).permutation(len(rows))[:most])
    return [{"roll": rows.rolls[place][:KEPT_FRAMES].astype(int).tolist()} for place in chosen]


def example_rolls(rows: Rolls, count: int) -> dict[str, np.ndarray]:
    """Returns how the first pieces begin, `(pieces, frames, pitches)` float32, padded with NaN."""
    first = [roll[:KEPT_FRAMES] for roll in rows.rolls[:count]]
    whole = np.full((len(first), max(map(len, first)), first[0].shape[1]), np.nan, np.float32)
    for row, roll in zip(whole, first, strict=True):
        row[: len(roll)] = roll
    return {"roll": whole}


def truth_of_rolls(rows: Sequence[dict]) -> list[np.ndarray]:
    """Returns what sounds in kept pieces."""
    return [np.array(row["roll"], bool) for row in rows]
