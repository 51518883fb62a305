"""Rows: the texts of one split and their translations, from memory."""

from collections.abc import Iterator, Sequence

PAIR = ("text", "translation")
"""Names of the two columns."""


class PairRows:
    """Pairs of one split, in the order of their table.

    Args:
        texts: What is read.
        translations: What is to be written, as many.
        notes: One-line remarks on what was left out, for the user.

    Attributes:
        features: Names of the columns that are read.
        target: Name of the column that is written.
        names: Of classes: there are none.
        in_memory: Whether the rows are kept: they are.

    Raises:
        ValueError: There are not as many translations as texts.
    """

    features, target, names, in_memory = PAIR[:1], PAIR[1], (), True

    def __init__(self, texts: Sequence[str], translations: Sequence[str], notes: tuple[str, ...] = ()):
        if len(texts) != len(translations):
            raise ValueError(f"Each text must have a translation. Got {len(texts)} and {len(translations)}.")
        self.texts, self.translations, self.notes = list(texts), list(translations), notes

    def __len__(self):
        return len(self.texts)

    def truth(self) -> list[str]:
        """Returns the translation of each row."""
        return list(self.translations)

    def chunks(self, size: int = 1024) -> Iterator[dict[str, list[str]]]:
        """Yields the rows by column, `size` at a time, the last ones fewer."""
        for start in range(0, len(self), size):
            stop = start + size
            yield dict(zip(PAIR, (self.texts[start:stop], self.translations[start:stop]), strict=True))
