"""Pictures of entities: texts and what was found in them -> one HTML page, or lines for the terminal.

Nothing is told by colour alone: each entity has its label beside it, and what is false or missed says so.
"""

import html
import os
import pathlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.text import Text

from rnnkit.messages import listed

ENDINGS = (".html", ".htm")
COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#0072b2", "#d55e00", "#999999")
"""Told apart by the colour-blind: Okabe & Ito (2008), https://jfly.uni-koeln.de/color/."""
STYLES = ("cyan", "yellow", "green", "magenta", "blue", "red", "bright_cyan", "bright_magenta")
THEMES = {"light": ("#ffffff", "#111111", 0.42), "dark": ("#16181c", "#eeeeee", 0.38)}
"""Paper, ink, and how much of a label's colour lies behind its entities; with more, ink is hard to read on it."""
NO_ENTITY = "no entity"
STATES = ("right", "false", "missed")


class Entity(NamedTuple):
    """A span of a text: `text[start:end]` in code points, and how probable its label is, 0-1."""

    text: str
    label: str
    start: int
    end: int
    probability: float = 1.0


def entities_html(
    rows: Sequence[tuple[str, Sequence[Entity]]], *, title: str, truth: Sequence[Sequence[Entity]] | None = None
) -> str:
    """Returns a page, whole in itself, with entities marked in their texts.

    Args:
        rows: Each text and the entities found in it.
        title: Heading.
        truth: The true entities of each text. With them, a text with mistakes stands there twice, as found and as
            it is, and the legend counts what is right, false and missed.

    Raises:
        ValueError: An entity is outside its text, two overlap, or there are not as many truths as rows.
    """
    if truth is not None and len(truth) != len(rows):
        raise ValueError(f"There are {len(rows)} texts, and true entities of {len(truth)}. Give as many of each.")
    known = [()] * len(rows) if truth is None else truth
    for number, ((text, found), true) in enumerate(zip(rows, known, strict=True), start=1):
        for entities in (found, true):
            _check(text, entities, number)
    labels = sorted({entity.label for (_, found), true in zip(rows, known, strict=True) for entity in (*found, *true)})
    codes = {label: code for code, label in enumerate(labels)}
    if truth is None:
        counts = {"found": Counter(entity.label for _, found in rows for entity in found)}
        texts = [_paragraph(text, found, codes) for text, found in rows]
    else:
        counts = _compared_counts(rows, truth)
        texts = [_compared(text, found, true, codes) for (text, found), true in zip(rows, truth, strict=True)]
    parts = {"title": _escaped(title), "style": _style(), "legend": _legend(counts, codes), "texts": "\n".join(texts)}
    return PAGE.format(**parts)


def write_entities(
    path: str | pathlib.Path,
    rows: Sequence[tuple[str, Sequence[Entity]]],
    *,
    title: str,
    truth: Sequence[Sequence[Entity]] | None = None,
) -> None:
    """Writes the page of `entities_html`; it appears under its name when it is whole.

    Raises:
        ValueError: As by `entities_html`, or the file is no .html.
        OSError: It can't be written.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise ValueError(f"A page of entities must be a .html file. Got {str(path)!r}.")
    page = entities_html(rows, title=title, truth=truth)
    partial = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        partial.write_text(page, encoding="utf-8", newline="\n")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def entities_text(text: str, entities: Sequence[Entity]) -> Text:
    """Returns a text for the terminal with each entity in brackets, its label behind it: `[Ada Lovelace PER]`.

    Raises:
        ValueError: An entity is outside the text, or two overlap.
    """
    _check(text, entities, 1)
    shown = Text()
    for piece, entity in _pieces(text, entities):
        if entity is None:
            shown.append(_visible(piece))
        else:
            # By the label itself, so that it has one colour in all texts.
            style = STYLES[sum(entity.label.encode("utf-8", "replace")) % len(STYLES)]
            shown.append("[", style).append(_visible(piece), f"bold {style}")
            shown.append(f" {_visible(entity.label)}]", style)
    return shown


def draw_type_confusion(axes, labels: Sequence[str], counts) -> None:
    """Draws how many spans of each label were given which.

    Args:
        axes: Of matplotlib.
        labels: Names of the types.
        counts: `(types + 1, types + 1)`, rows true and columns answered; the last of each is no entity.
    """
    shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
    # Else a dollar would begin a formula.
    names = [label.replace("$", r"\$") for label in (*labels, NO_ENTITY)]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(names) <= 10:
        for row in range(len(names)):
            # What neither is nor was taken for an entity is no span: nothing to count.
            for column in range(len(names) if row < len(labels) else len(labels)):
                colour = "white" if shares[row, column] > 0.5 else "black"
                axes.text(column, row, f"{int(counts[row, column]):,}", ha="center", va="center", color=colour)
    places = range(len(names))
    axes.set_xticks(places, names, rotation=0 if len(names) < 4 else 90)
    axes.set_yticks(places, names)
    axes.set(xlabel="answered", ylabel="true")


def _check(text, entities, number):
    before = None
    for entity in _in_order(entities):
        span = f"{entity.label} at {entity.start}-{entity.end}"
        if not 0 <= entity.start < entity.end <= len(text):
            raise ValueError(
                f"{span} is not within text {number}. Offsets count its {len(text):,} code points, the end exclusive."
            )
        if before and entity.start < before.end:
            spans = listed([f"{before.label} at {before.start}-{before.end}", span])
            raise ValueError(f"Entities of text {number} overlap: {spans}. A picture shows one at a place.")
        before = entity


def _in_order(entities):
    return sorted(entities, key=lambda entity: (entity.start, entity.end))


def _pieces(text: str, entities: Sequence[Entity]) -> Iterator[tuple[str, Entity | None]]:
    """Yields a text in pieces, each with the entity that it is or None."""
    done = 0
    for entity in _in_order(entities):
        if done < entity.start:
            yield text[done : entity.start], None
        yield text[entity.start : entity.end], entity
        done = entity.end
    if done < len(text):
        yield text[done:], None


def _visible(text):
    """Shows what would steer a terminal or can't be written as a picture of it, a character for a character."""
    return "".join(map(_picture, text))


def _picture(character):
    code = ord(character)
    if code < 0x20 and character not in "\t\n":
        return chr(0x2400 + code)
    if 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000:
        return "\ufffd"
    return character


def _escaped(text):
    return html.escape(_visible(text))


def _key(entity):
    return entity.label, entity.start, entity.end


def _compared_counts(rows, truth):
    counts = {state: Counter() for state in STATES}
    for (_, found), true in zip(rows, truth, strict=True):
        found, true = set(map(_key, found)), set(map(_key, true))
        for state, keys in zip(STATES, (found & true, found - true, true - found), strict=True):
            counts[state].update(label for label, _, _ in keys)
    return counts


def _compared(text, found, true, codes):
    """Marks what was found, and under it what is true where that differs."""
    false = set(map(_key, found)) - set(map(_key, true))
    missed = set(map(_key, true)) - set(map(_key, found))
    shown = _paragraph(text, found, codes, state="false", of=false)
    if not false and not missed:
        return shown
    truly = _paragraph(text, true, codes, state="missed", of=missed)
    return f"<section>\n<small>found</small>{shown}\n<small>true</small>{truly}\n</section>"


def _paragraph(text, entities, codes, *, state="", of=()):
    pieces = _pieces(text, entities)
    shown = (
        _escaped(piece) if entity is None else _mark(piece, entity, codes, state if _key(entity) in of else "")
        for piece, entity in pieces
    )
    return f'<p dir="auto">{"".join(shown)}</p>'


def _mark(piece, entity, codes, state):
    told = _escaped(f"{entity.label} {state}".rstrip())
    # Faint where it is improbable, never so faint that it can't be seen.
    strength = 0.3 + 0.7 * min(max(float(entity.probability), 0.0), 1.0)
    return (
        f'<mark class="{_class(codes[entity.label], state)}" style="--p:{strength:.2f}" '
        f'title="{told}, {100 * entity.probability:.1f} %">{_escaped(piece)}<bdi>{told}</bdi></mark>'
    )


def _class(code, state=""):
    return f"l{code % len(COLOURS)} {state}".rstrip()


def _legend(counts, codes):
    head = "".join(f'<th scope="col">{state}</th>' for state in counts)
    lines = [f"<tr><td></td>{head}</tr>"]
    for label, code in codes.items():
        name = f'<th scope="row"><mark class="{_class(code)}">{_escaped(label)}</mark></th>'
        lines.append(f"<tr>{name}{''.join(f'<td>{count[label]:,}</td>' for count in counts.values())}</tr>")
    sums = "".join(f"<td>{count.total():,}</td>" for count in counts.values())
    lines.append(f'<tr><th scope="row">all</th>{sums}</tr>')
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _style():
    (paper, ink, share), (dark_paper, dark_ink, dark_share) = THEMES["light"], THEMES["dark"]
    labels = [
        f".l{code} {{ --c: {' '.join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))} }}"
        for code, colour in enumerate(COLOURS)
    ]
    themes = (
        f":root {{ color-scheme: light dark; --paper: {paper}; --ink: {ink}; --share: {share} }}\n"
        f"@media (prefers-color-scheme: dark) "
        f"{{ :root {{ --paper: {dark_paper}; --ink: {dark_ink}; --share: {dark_share} }} }}"
    )
    return "\n".join([themes, *labels, STYLE])


STYLE = """\
body { background: var(--paper); color: var(--ink); font: 1rem/2 system-ui, sans-serif; max-width: 52rem;
  margin: 2rem auto; padding: 0 1rem }
p { white-space: pre-wrap; overflow-wrap: anywhere; margin: .6rem 0 }
section { border-inline-start: .25rem solid #999999; padding-inline-start: .8rem; margin: 1rem 0 }
section p { margin: 0 }
small, bdi { font-size: .7rem }
mark { color: inherit; background: rgb(var(--c) / calc(var(--p, 1) * var(--share)));
  border-bottom: 3px solid rgb(var(--c)); border-radius: .2rem; padding: .1rem .2rem }
mark.false { border-bottom-style: double; text-decoration: line-through }
mark.missed { outline: 2px dashed rgb(var(--c)) }
bdi { display: inline-block; font-weight: bold; margin-inline-start: .35rem; text-decoration: none }
table { border-spacing: 1rem 0; text-align: end }
th { font-weight: normal; text-align: start }"""

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<h1 dir="auto">{title}</h1>
{legend}
<main>
{texts}
</main>
</body>
</html>
"""
