"""Rows of a model of tunes: tunes -> those kept in a bundle, and primers as they may be asked."""

from rnnkit.sources.some import drawn

KEPT_EVENTS = 150
"""Of a tune that is kept in a bundle."""
PRIMER_EVENTS = 20


def kept_tunes(rows, most: int, seed: int) -> list[dict]:
    """Draws tunes by chance and keeps how each begins."""
    return [{"text": _beginning(row["text"], KEPT_EVENTS)} for row in drawn(rows, most, seed)]


def primers(rows, count: int) -> dict[str, list[str]]:
    """Returns how the first tunes begin."""
    chunk = next(rows.chunks(count))
    return {"text": [_beginning(text, PRIMER_EVENTS) for text in chunk["text"][:count]]}


def _beginning(text, events):
    """Cuts a text of events after a duration, if there is one, so that nothing is left open."""
    words = text.split()
    if len(words) <= events:
        return text
    end = max((place for place, word in enumerate(words[:events], 1) if word.startswith("d")), default=events)
    return " ".join(words[:end])
