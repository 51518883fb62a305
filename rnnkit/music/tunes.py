"""Tunes: pieces of one split -> texts of events, as a language model reads passages."""

from collections.abc import Iterator, Sequence

import numpy as np

from rnnkit.music.events import encode_piece
from rnnkit.music.pieces import Piece


class Tunes:
    """Tunes of one split; each is a text of its own.

    Args:
        pieces: Each as the event form can say it.
        notes: One-line remarks, for the user.

    Attributes:
        texts: Of their events, in their own keys.
        features, target, names, in_memory, characters: As `rnnkit.documents.rows.Passages` has them.
    """

    features, target, names, in_memory = ("text",), "text", (), True

    def __init__(self, pieces: Sequence[Piece], notes: tuple[str, ...] = ()):
        self.pieces, self.notes = tuple(pieces), notes
        self.texts = [" ".join(encode_piece(piece)) for piece in pieces]
        self.characters = sum(map(len, self.texts))

    def __len__(self):
        return len(self.texts)

    @property
    def labels(self) -> np.ndarray:
        """`(tunes,)` of str: there are none."""
        return np.full(len(self), "", object)

    def truth(self) -> np.ndarray:
        """Returns the events of each tune, its end among them, `(tunes,)` int64."""
        return np.array([len(text.split()) + 1 for text in self.texts], np.int64)

    def chunks(self, size: int = 256) -> Iterator[dict[str, list]]:
        """Yields `text` and `ends`, True throughout, of the tunes, `size` at a time."""
        for start in range(0, len(self), size):
            chunk = self.texts[start : start + size]
            yield {"text": chunk, "ends": [True] * len(chunk)}
