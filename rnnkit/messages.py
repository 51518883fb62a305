"""Wording of errors: names close to a mistyped one, lists of choices; and of examples."""

import difflib
import shlex
import textwrap
from collections.abc import Iterable, Sequence


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Returns `Did you mean 'x'? ` with the known word nearest to `word`, or an empty text."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}? " if near else ""


def listed(words: Iterable[object]) -> str:
    """Returns the words quoted and separated by commas, as errors list choices."""
    return ", ".join(repr(word) for word in words)


def few_of(words: Sequence[str], most: int = 5) -> str:
    """Returns the first words, quoted and each cut to 40 characters, and how many more there are."""
    short = [word if len(word) <= 40 else f"{word[:39]}…" for word in words[:most]]
    return listed(short) + (f" and {len(words) - most:,} more" if len(words) > most else "")


def as_argument(value: str) -> str:
    """Returns an example of a text, or of a picture, as it is typed on a command line; a long one shortened."""
    return "photo.jpg" if value.startswith("data:image/") else shlex.quote(textwrap.shorten(value, 48, placeholder=""))
