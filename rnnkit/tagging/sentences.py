"""Sentences: what every source of tagged text yields, before its tags are checked."""

import dataclasses
from collections.abc import Iterator, Sequence

from rnnkit.sources.cells import undecodable
from rnnkit.sources.faults import NUL, Fault
from rnnkit.sources.table import Meter


@dataclasses.dataclass(slots=True)
class TextSpan:
    """A label and where it stands in a text, in code points, from `start` up to and without `stop`."""

    label: str
    start: int
    stop: int

    def shown(self, text: str) -> str:
        """Returns it for messages, with what it holds of `text`."""
        held = text[self.start : self.stop]
        held = held if len(held) <= 40 else f"{held[:39]}…"
        return f"{held!r} ({self.start}-{self.stop}, {self.label})"


@dataclasses.dataclass(slots=True)
class Sentence:
    """One row of a source.

    Attributes:
        tokens: Empty until a text is cut into them.
        tags: As many as tokens, as they are written.
        places: Where each token stands in its source; one place where they all stand there.
        text: What the tokens are to be cut from, or None where they came as tokens.
        spans: What is marked in the text.
        document: Which document of the source it is in, counted from 1; 0 where none is told.
        recounted: How many of its spans were counted in units of UTF-16.
        unmarked: Whether it is a text that nobody has marked yet.
    """

    tokens: list[str]
    tags: list[str]
    places: Sequence[int | str]
    text: str | None = None
    spans: Sequence[TextSpan] = ()
    document: int = 0
    recounted: int = 0
    unmarked: bool = False

    def place(self, token: int = 0) -> int | str:
        """Returns where a token stands in the source."""
        return self.places[token] if len(self.places) > token else self.places[0]


Read = tuple[int | str, Sentence | Fault]
"""The place of a sentence, and it or why it can't be used; without tokens and text it is an empty one."""


class SentenceSource:
    """Where sentences are read from.

    Attributes:
        name: As the user wrote it.
        unit: What places are counted in, for messages.
        encoding: Of its texts.
        tags: What to call the column of tags in messages, as `--columns` would.
        scheme: What its tags are written in, if it is known before they are read.
        notes: Remarks on what was guessed.
        size: Bytes to be read, 0 where it isn't known.
    """

    name: str
    unit: str = "row"
    encoding: str = "utf-8"
    tags: str = "tags"
    scheme: str | None = None
    notes: tuple[str, ...] = ()
    size: int = 0

    def sentences(self, meter: Meter | None = None) -> Iterator[Read]:
        """Yields the sentences, the same in the same order each time."""
        raise NotImplementedError

    def stamp(self) -> object:
        """Returns a value that changes when the source does."""
        return None


def text_fault(text: str, encoding: str) -> Fault | None:
    """Returns why a text can't be used: half a character, bytes that weren't decoded, or a NUL."""
    if text.isascii():
        return NUL if "\0" in text else None
    try:
        text.encode()
    except UnicodeEncodeError:
        return undecodable(text, encoding)
    return NUL if "\0" in text else None


def tag_text(tag: str) -> str:
    """Returns a tag or label without white space, which tags can't have: "Job Title" becomes "Job_Title"."""
    return "_".join(tag.split())
