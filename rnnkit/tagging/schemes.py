"""Schemes: tags of tokens <-> spans of entities, in IOB1, BIO (IOB2), BIOES and the other letters of BIOES."""

import functools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rnnkit.messages import listed

SCHEMES = ("bio", "iob1", "bioes", "none")
"""What tags may be written in; "none" is for tags that each stand alone, such as parts of speech."""

INSIDE = "bioes"
"""The scheme of entities inside rnnkit."""
OUTSIDE = "O"
"""The tag of a token that is in no entity."""

LETTERS = {**{letter: letter for letter in "BIES"}, "L": "E", "U": "S", "W": "S", "M": "I"}
"""A tag's letter -> what it is in BIOES; BILOU, BMEWO and BMES have others for the same."""
ALLOWED = {"bio": "BI", "iob1": "BI", "bioes": "".join(LETTERS)}
BEGUN, GOING_ON = frozenset("BI"), frozenset("IE")
"""Letters after which an entity goes on, if its next tag has one of the second."""


class Span(NamedTuple):
    """An entity's label and its tokens, from `start` up to and without `stop`."""

    label: str
    start: int
    stop: int


@functools.lru_cache(1 << 14)
def split_tag(tag: str) -> tuple[str, str]:
    """Returns a tag's letter, as BIOES has it, and its label; "O" and "" for what is no tag of an entity."""
    letter, _, label = tag.partition("-")
    return (LETTERS[letter], label) if label and letter in LETTERS else (OUTSIDE, "")


def is_tag(tag: str, scheme: str) -> bool:
    """Says whether a scheme knows a tag, wherever it may stand; any tag that isn't empty is one of "none"."""
    if scheme == "none" or tag == OUTSIDE:
        return bool(tag)
    letter, _, label = tag.partition("-")
    return bool(label) and len(letter) == 1 and letter in ALLOWED[scheme]


def _goes_on(previous, tag):
    return previous[0] in BEGUN and tag[0] in GOING_ON and previous[1] == tag[1]


def recognise(sentences: Iterable[Sequence[str]]) -> str:
    """Returns which of `SCHEMES` tags are written in.

    A few tags of other forms, or in places their scheme doesn't allow, don't mislead it: "none" is where those that
    are neither O nor a letter and a label outnumber those of entities; "iob1" where more entities begin with I- than
    with B- after anything but an entity of their label. Without any entity it is "bio".
    """
    entities, others, with_i, with_b, letters = 0, 0, 0, 0, set()
    for tags in sentences:
        before = OUTSIDE, ""
        for tag in tags:
            letter, label = split_tag(tag)
            if letter != OUTSIDE:
                entities += 1
                letters.add(tag[0])
                with_i += letter == "I" and label != before[1]
                with_b += letter == "B" and label != before[1]
            elif tag != OUTSIDE:
                others += 1
            before = letter, label
    if others > entities:
        return "none"
    if letters - set("BI"):
        return "bioes"
    return "iob1" if with_i > with_b else "bio"


def spans(tags: Sequence[str]) -> list[Span]:
    """Returns the entities of one sentence, in order, as conlleval finds them in tags of any scheme but "none".

    Whatever the tags, an entity begins with B- or S-, after O, after E- or S-, and where the label is another;
    what is no tag of an entity is in none. https://www.clips.uantwerpen.be/conll2000/chunking/conlleval.txt, with S-
    as in its later versions: that one knows no S-.
    """
    found, start, before = [], 0, (OUTSIDE, "")
    for place, text in enumerate(tags):
        tag = split_tag(text)
        if not _goes_on(before, tag):
            if before[0] != OUTSIDE:
                found.append(Span(before[1], start, place))
            start = place
        before = tag
    if before[0] != OUTSIDE:
        found.append(Span(before[1], start, len(tags)))
    return found


def to_tags(spans: Iterable[Span], length: int, scheme: str) -> list[str]:
    """Writes the entities of a sentence as tags.

    Args:
        spans: Entities that share no token, in any order.
        length: Tokens of the sentence.
        scheme: "bio", "iob1" or "bioes".

    Raises:
        ValueError: A span has no token or ends beyond the sentence, two share a token, or the scheme has no entities.
    """
    _check_scheme(scheme)
    tags, before = [OUTSIDE] * length, None
    for span in sorted(spans, key=lambda span: span.start):
        label, start, stop = span
        if not 0 <= start < stop <= length:
            raise ValueError(
                f"An entity must have a token at least, within those of its sentence. Got {label!r} from {start} to "
                f"{stop} of {length}. Mend its ends."
            )
        if before and before.stop > start:
            raise ValueError(
                f"Two entities must not share a token. Got {before.label!r} from {before.start} to {before.stop} and "
                f"{label!r} from {start} to {stop}. Leave one out."
            )
        tags[start:stop] = [f"{letter}-{label}" for letter in _letters(span, before, scheme)]
        before = Span(label, start, stop)
    return tags


def _letters(span, before, scheme):
    count = span[2] - span[1]
    if scheme == "bioes":
        return "S" if count == 1 else f"B{'I' * (count - 2)}E"
    if scheme == "iob1" and not (before and before.stop == span[1] and before.label == span[0]):
        return "I" * count
    return "B" + "I" * (count - 1)


def converted(tags: Sequence[str], scheme_from: str, scheme_to: str) -> list[str]:
    """Writes tags of one scheme in another; those in places it doesn't allow are read as `spans` does.

    Raises:
        ValueError: A tag is none of its scheme, or one scheme has entities and the other has none.
    """
    if scheme_from == scheme_to == "none":
        return list(tags)
    _check_scheme(scheme_from)
    for tag in tags:
        if not is_tag(tag, scheme_from):
            raise ValueError(f"Tags must be those of {scheme_from}: {described(scheme_from)}. Got {tag!r}.")
    return to_tags(spans(tags), len(tags), scheme_to)


def _check_scheme(scheme):
    if scheme not in ALLOWED:
        raise ValueError(f"The scheme of entities must be one of {listed(ALLOWED)}. Got {scheme!r}.")


def described(scheme: str) -> str:
    """Returns what tags of a scheme look like, for messages."""
    if scheme == "none":
        return "any text"
    *most, last = (f"{letter}-LABEL" for letter in ("BIES" if scheme == "bioes" else ALLOWED[scheme]))
    return f"O, {', '.join(most)} and {last}"


def faults(tags: Sequence[str], scheme: str) -> list[tuple[int, str]]:
    """Returns the places in a sentence that its scheme doesn't allow, each once, and what is there.

    These are tags it doesn't have; in BIO an I- that doesn't go on with an entity, in IOB1 a B- that isn't right
    after an entity of its label, in BIOES a B- or I- with no end and an I- or E- with no beginning.
    """
    found = []
    for place, tag in enumerate(tags):
        if not is_tag(tag, scheme):
            found.append((place, f"{tag!r} is no tag"))
        elif scheme != "none" and tag != OUTSIDE:
            before = tags[place - 1] if place else None
            after = tags[place + 1] if place + 1 < len(tags) else None
            if fault := _misplaced(before, tag, after, scheme):
                found.append((place, fault))
    return found


def _misplaced(before, tag, after, scheme):
    letter, label = this = split_tag(tag)
    previous = split_tag(before or OUTSIDE)
    where = f"after {before}" if before else "at the start"
    if scheme == "bio":
        return f"{tag} {where}" if letter == "I" and previous[1] != label else ""
    if scheme == "iob1":
        return f"{tag} {where}" if letter == "B" and previous[1] != label else ""
    if letter in GOING_ON and not _goes_on(previous, this):
        return f"{tag} {where}"
    if letter in BEGUN and not _goes_on(this, split_tag(after or OUTSIDE)):
        return f"{tag} before {after}" if after else f"{tag} at the end"
    return ""
