"""Rows: the pictures of one split and their captions, read when they are asked for."""

from collections.abc import Iterator, Sequence

import numpy as np

from rnnkit.images.contents import Picture

IMAGE, CAPTION = "image", "caption"
AT_ONCE = 64
"""Most pictures that are read at a time, whatever is asked for."""


class ImageRows:
    """Pictures of one split with their captions, in the order of their source.

    Args:
        pictures: Where each is.
        captions: Of each, one or more.
        sizes: `(pictures, 2)` int32, height and width after the Exif rotation.
        grey: `(pictures,)` bool, whether each is stored without colours.
        in_memory: Whether no file is read any more.
        notes: One-line remarks for the user.

    Attributes:
        features: Names of the columns that are read.
        target: Name of the column that is written.
        names: Of classes: there are none.

    Raises:
        ValueError: There are not as many captions, sizes or truths of grey as pictures.
    """

    features, target, names = (IMAGE,), CAPTION, ()

    def __init__(
        self,
        pictures: Sequence[Picture],
        captions: Sequence[Sequence[str]],
        *,
        sizes: np.ndarray,
        grey: np.ndarray,
        in_memory: bool = False,
        notes: tuple[str, ...] = (),
    ):
        counts = len(pictures), len(captions), len(sizes), len(grey)
        if len(set(counts)) > 1:
            raise ValueError(f"There must be as many pictures, captions, sizes and greys. Got {counts}.")
        self.captions = [list(texts) for texts in captions]
        self.sizes, self.grey, self.in_memory, self.notes = sizes, grey, in_memory, notes
        self._pictures = list(pictures)

    def __len__(self):
        return len(self.captions)

    def truth(self) -> list[list[str]]:
        """Returns the captions of each picture."""
        return [list(texts) for texts in self.captions]

    def content(self, place: int) -> bytes | str:
        """Returns an encoded picture, or its data URI.

        Raises:
            OSError: It can't be read any more, or has changed.
        """
        return self._pictures[place].content()

    def name(self, place: int) -> str:
        """Returns what to call a picture in messages."""
        return self._pictures[place].name

    def chunks(self, size: int = AT_ONCE) -> Iterator[dict[str, list]]:
        """Yields the rows by column, `size` at a time but no more than 64, the last ones fewer.

        Raises:
            OSError: A picture can't be read any more, or has changed.
        """
        size = min(size, AT_ONCE)
        for start in range(0, len(self), size):
            places = range(start, min(start + size, len(self)))
            contents = [self.content(place) for place in places]
            yield {IMAGE: contents, CAPTION: [list(self.captions[place]) for place in places]}
