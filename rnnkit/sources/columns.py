"""Columns: the recipe's names and the file's -> which cells to take, or a message that says which is which."""

import difflib
import shlex
from collections.abc import Callable, Mapping, Sequence

from rnnkit.messages import did_you_mean, listed

SHOWN = 20
SAMPLE = 50
"""Rows looked at to guess which column is which."""


def check_names(columns: Mapping[str, str], known: Sequence[str]) -> None:
    """Refuses a mapping that names what the recipe doesn't know, or one column twice.

    Raises:
        LookupError: A name isn't among `known`.
        ValueError: Two names stand for the same column.
    """
    for name in columns:
        if name not in known:
            raise LookupError(
                f"--columns names {name!r}, which this recipe does not read. {did_you_mean(name, known)}"
                f"Known: {listed(known)}."
            )
    taken = [columns.get(name, name) for name in known]
    for column in taken:
        if taken.count(column) > 1:
            names = listed(name for name in known if columns.get(name, name) == column)
            raise ValueError(f"--columns must give each name a column of its own. Got {column!r} for {names}.")


def has_header(header: str, columns: Mapping[str, str], first: Sequence[str]) -> bool:
    """Says whether the first line of a table holds names; see `Format.header`."""
    if header != "auto":
        return header == "yes"
    given = list(columns.values())
    return not given or not all(column.isdecimal() for column in given) or all(column in first for column in given)


def find_columns(
    name: str,
    found: Sequence[str],
    wanted: Sequence[str],
    columns: Mapping[str, str],
    sample: Callable[[], list[list[str]]],
    *,
    target: str | None,
    counted: bool = False,
) -> list[int]:
    """Returns where in `found` each of `wanted` stands.

    Args:
        name: The table's, for messages.
        found: The table's columns.
        wanted: The recipe's names.
        columns: See `Format.columns`.
        sample: Gives a few rows, to guess by.
        target: Which of `wanted` is the target, if any.
        counted: There is no header, and `found` is "0", "1", …

    Raises:
        LookupError: A column isn't there.
        ValueError: A column's name is there twice.
    """
    asked = [columns.get(column, column) for column in wanted]
    for column in asked:
        if column not in found:
            raise LookupError(_missing(column, name, found, wanted, asked, sample, target, counted))
        if list(found).count(column) > 1:
            raise ValueError(
                f"{name} has {list(found).count(column)} columns named {column!r}. Give each a name of its own."
            )
    return [list(found).index(column) for column in asked]


def _missing(column, name, found, wanted, asked, sample, target, counted):
    if counted and column.isdecimal():
        last = len(found) - 1
        return f"{name} has no column {column}. Without a header columns are counted from 0; the last is {last}."
    shown = listed(c if len(c) <= 40 else c[:39] + "…" for c in found[:SHOWN])
    message = f"{name} has no column {column!r}. It has {shown}{', …' if len(found) > SHOWN else ''}."
    if len(found) == 1 and (other := next((s for s in ";|\t," if s in found[0]), None)):
        return f"{message} Its cells seem to be separated by {other!r}: write .csv with commas, .tsv with tabs."
    guess = _guess(found, wanted, asked, sample()[:SAMPLE], target)
    if not guess:
        return f"{message} It needs {len(wanted)} columns, for {listed(wanted)}."
    if not counted and any(len(c) > 40 or not c or c.isdecimal() for c in found):
        places = ",".join(f"{name}={list(found).index(c)}" for name, c in guess.items())
        return f"{message} If its first line is a row and no header: --header no --columns {places}"
    pairs = [f"{name}={c}" for name, c in guess.items() if name != c] or [f"{name}={c}" for name, c in guess.items()]
    return f"{message} Say which is which: --columns {shlex.quote(','.join(pairs))}"


def _guess(found, wanted, asked, rows, target):
    """Guesses by like names first, then by content: long texts are features, few distinct values the target."""
    guess = {name: column for name, column in zip(wanted, asked, strict=True) if column in found}
    free = [column for column in dict.fromkeys(found) if column not in guess.values()]
    if len(free) + len(guess) < len(wanted):
        return {}
    for name in (n for n in wanted if n not in guess):
        folded = {column.casefold(): column for column in free}
        if near := difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.75):
            guess[name] = folded[near[0]]
            free.remove(guess[name])
    cells = {c: [row[i] for row in rows if i < len(row)] for i, c in enumerate(found)}
    for name in (n for n in wanted if n not in guess and n != target):
        guess[name] = max(free, key=lambda column: sum(map(len, cells[column])))
        free.remove(guess[name])
    if target and target not in guess:
        guess[target] = min(free, key=lambda column: _unlike_target(cells[column]))
    return {name: guess[name] for name in wanted}


def _unlike_target(cells):
    distinct = len(set(cells))
    return distinct < 2, distinct, sum(map(len, cells))
