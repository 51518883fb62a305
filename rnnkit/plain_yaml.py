"""Plain YAML: a file of `setting: value` lines -> a mapping of single values, and nothing else.

Tags make objects, aliases grow without limit, nested lists end in a recursion: settings need none of them, so
they are refused before they are built.
"""

import datetime
import pathlib

import yaml

LARGEST = 1 << 18
"""Bytes; all settings of a recipe with their comments are under 10,000."""
DEEPEST = 8
LINES = "Write one `setting: value` a line."

Value = str | int | float | bool | datetime.date | None


def read_plain(path: pathlib.Path) -> dict[object, Value]:
    """Reads a file of settings.

    Raises:
        ValueError: It is no YAML, holds no settings or one twice, or holds more than single values.
        OSError: It can't be read.
    """
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path} is no file of settings: it has {path.stat().st_size:,} bytes.")
    try:
        text = path.read_text(encoding="utf-8")
        fault = _fault(text)
        values = None if fault else yaml.safe_load(text)
        names = [key.value for key, _ in yaml.compose(text, yaml.SafeLoader).value] if values else []
    except (yaml.YAMLError, ValueError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f", line {line + 1}"
        reason = " ".join((getattr(error, "problem", None) or str(error)).split())
        raise ValueError(f"{path}{where}: not YAML: {reason}. {LINES}") from None
    if fault:
        raise ValueError(f"{path}{fault}")
    if not values:
        raise ValueError(f"{path} holds no settings. {LINES}")
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"{path}: {twice[0]} is there twice. Take one of the lines out.")
    return values


def _fault(text):
    """Returns what the text has beside plain values, or None."""
    faults, depth = [], 0
    for place, event in enumerate(yaml.parse(text, yaml.SafeLoader)):
        # The first two events begin the stream and the document; what comes next is all that there is.
        what = _unexpected(event) if place > 2 else _unexpected_whole(event) if place == 2 else None
        if what:
            faults.append(what)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        # A fault of grammar further on is told first, yet nothing is read to the end that only gets deeper.
        if depth > DEEPEST:
            break
    return next(iter(faults), None)


def _unexpected_whole(event):
    if isinstance(event, yaml.ScalarEvent) and event.tag is None and event.value in ("", "~", "null"):
        return None
    if isinstance(event, (yaml.MappingStartEvent, yaml.StreamEndEvent)) and getattr(event, "tag", None) is None:
        return None
    kind = "list" if isinstance(event, yaml.SequenceStartEvent) else "text"
    return f": settings are expected, one `setting: value` a line. Got {kind}."


def _unexpected(event):
    where = f", line {event.start_mark.line + 1}"
    if isinstance(event, yaml.AliasEvent):
        return f"{where}: a value must be written out. Got the alias *{event.anchor}. {LINES}"
    if getattr(event, "tag", None) not in (None, "!"):
        return f"{where}: a value must be a plain one. Got the tag {event.tag}. {LINES}"
    if isinstance(event, yaml.CollectionStartEvent):
        kind = "list" if isinstance(event, yaml.SequenceStartEvent) else "mapping"
        return f"{where}: a value must be a single one. Got a {kind}. {LINES}"
    return None
