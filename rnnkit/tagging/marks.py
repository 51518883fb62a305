"""Marks: spans as doccano, spaCy, Prodigy and Label Studio write them -> labels and code points of a text."""

import itertools
from collections.abc import Mapping, Sequence

from rnnkit.sources.faults import Fault
from rnnkit.tagging.sentences import TextSpan, tag_text, text_fault

STARTS, STOPS = ("start", "start_offset", "begin"), ("end", "end_offset", "stop")
LABELS = ("label", "labels", "type", "tag", "entity", "entity_group")
UNREADABLE = Fault(
    "a span of no known form", hint="A span is [start, end, label], or an object with start, end and label. "
)
FOREIGN = Fault(
    "offsets that are not those of the text they quote", hint="Offsets must count Unicode code points, from 0. "
)


def read_spans(text: str, marks: object) -> tuple[list[TextSpan], int] | Fault:
    """Reads what is marked in a text.

    Args:
        text: What offsets are of.
        marks: A list of `[start, end, label]` and of objects with `start`, `end`, `label` (or their other names);
            None for none. Where one quotes its text, offsets that only fit it as units of UTF-16, as JavaScript
            counts, are taken for those.

    Returns:
        The spans without white space at their ends and without copies, and how many were counted in UTF-16;
        or why they can't be used.
    """
    if marks is None:
        return [], 0
    if not isinstance(marks, (list, tuple)):
        return UNREADABLE
    found, recounted = {}, 0
    for mark in marks:
        span = _read(mark)
        if type(span) is not Fault:
            span, moved = _fitted(text, span, mark.get("text") if isinstance(mark, Mapping) else None)
            recounted += moved
        if type(span) is Fault:
            return span
        found[span.label, span.start, span.stop] = span
    return list(found.values()), recounted


def _read(mark):
    if isinstance(mark, Mapping):
        start, stop, label = (_first(mark, names) for names in (STARTS, STOPS, LABELS))
    elif isinstance(mark, Sequence) and not isinstance(mark, str) and len(mark) >= 3:
        start, stop, label = mark[:3]
    else:
        return UNREADABLE
    if isinstance(label, list):
        if len(label) > 1:
            return Fault("a span of more than one label", shown(label), "Each span must have one label. ")
        label = label[0] if label else None
    if type(start) is not int or type(stop) is not int:
        return Fault("offsets that are no whole numbers", f"{shown(start)} and {shown(stop)}")
    if not isinstance(label, str) or not tag_text(label):
        return Fault("a span without a label", shown(label))
    return text_fault(label, "utf-8") or TextSpan(tag_text(label), start, stop)


def _first(mark, names):
    return next((mark[name] for name in names if mark.get(name) is not None), None)


def shown(value: object) -> str:
    """Returns a value for messages, cut to 60 characters."""
    try:
        text = repr(value)
    except RecursionError:
        text = f"a deep {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:59]}…"


def _fitted(text, span, quoted):
    """Returns a span trimmed and within its text, or a Fault; and whether it had to be counted in UTF-16."""
    moved = False
    if isinstance(quoted, str) and _plain(text[max(span.start, 0) : max(span.stop, 0)]) != _plain(quoted):
        other = _from_utf_16(text, span)
        if other is None or _plain(text[other.start : other.stop]) != _plain(quoted):
            return Fault(FOREIGN.kind, f"{span.start}-{span.stop} for {shown(quoted)}", FOREIGN.hint), False
        span, moved = other, True
    if not 0 <= span.start <= span.stop <= len(text):
        return Fault(
            "offsets beyond the text",
            f"{span.start}-{span.stop} ({span.label}) of {len(text)} characters",
            "Offsets must count Unicode code points, from 0, and the end is the first one after. ",
        ), False
    held = text[span.start : span.stop]
    start = span.start + len(held) - len(held.lstrip())
    return TextSpan(span.label, start, start + len(held.strip())), moved


def _plain(text):
    # Label Studio quotes a line feed as two characters.
    return " ".join(text.replace("\\n", "\n").split())


def _from_utf_16(text, span):
    """Returns a span counted in units of UTF-16 as one of code points, None where it ends within one."""
    ends = [0, *itertools.accumulate(1 + (character > "\uffff") for character in text)]
    places = {unit: point for point, unit in enumerate(ends)}
    if span.start not in places or span.stop not in places:
        return None
    return TextSpan(span.label, places[span.start], places[span.stop])
