"""Roles: settings and a table's columns -> which column is time, series, target or covariate."""

import dataclasses
import difflib
import shlex
from collections.abc import Mapping, Sequence

from rnnkit.checking.times import NAMED
from rnnkit.messages import did_you_mean, few_of, listed
from rnnkit.series.columns import Columns
from rnnkit.series.settings import SeriesSettings
from rnnkit.series.text_source import reads_as_time

ROW = "row"
PARTS = ("year", "month", "day", "hour", "minute", "second")
USUAL = ("ds", "date", "datetime", "timestamp", "time")
"""Names of time columns that are taken before others."""
SHOWN = 20


@dataclasses.dataclass(frozen=True)
class Roles:
    """Names of columns as the settings have them, before it is known which hold numbers.

    Attributes:
        time: Columns that make the stamp; none where stamps are made.
        id: Column of the series, or "".
        targets: Columns to forecast.
        past, future, static: Covariates.
        open: Whether the targets are all columns left over, of which those of texts drop out.
        theirs: Name -> name in the file, where they differ.
    """

    time: tuple[str, ...]
    id: str
    targets: tuple[str, ...]
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    open: bool = False
    theirs: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def texts(self) -> tuple[str, ...]:
        """Columns that are read as texts."""
        return self.time + ((self.id,) if self.id else ())

    @property
    def values(self) -> tuple[str, ...]:
        """Columns that are read as numbers, or categories."""
        return self.targets + self.past + self.future + self.static

    def of(self, name: str) -> str:
        """Returns a column's name in the file."""
        return self.theirs.get(name, name)

    def columns(self, categorical: frozenset[str]) -> Columns:
        """Returns the names by role, once it is known which are categories."""
        numeric, texts = {}, {}
        for role in ("past", "future", "static"):
            names = getattr(self, role)
            numeric[role] = tuple(name for name in names if name not in categorical)
            texts[f"{role}_categories"] = tuple(name for name in names if name in categorical)
        return Columns(",".join(self.time), self.id, self.targets, **numeric, **texts)


def names_in(text: str) -> tuple[str, ...]:
    """Reads names with commas between."""
    return tuple(name for part in text.split(",") if (name := part.strip()))


def named(settings: SeriesSettings) -> tuple[str, ...]:
    """Returns the names of columns that the settings hold, as the file has them."""
    theirs = settings.format().columns
    time = () if settings.time == ROW else names_in(settings.time)
    lists = (settings.id, settings.target, settings.past, settings.future, settings.static)
    names = (*time, *(name for text in lists for name in names_in(text)))
    return tuple(dict.fromkeys([*(theirs.get(name, name) for name in names), *theirs.values()]))


def find_roles(settings: SeriesSettings, source) -> Roles:
    """Gives each column its role.

    Raises:
        LookupError: A column isn't there, or none holds times.
        ValueError: A column has two roles, or there is no target.
    """
    theirs = settings.format().columns
    cells = source.sample()
    if not any(cells.values()):
        raise ValueError(f"{source.name} has no {'rows' if cells else 'columns'}. It must have a row for each step.")
    ours = {file: name for name, file in theirs.items()}
    found = [ours.get(name, name) for name in source.columns]
    sample = {ours.get(name, name): column for name, column in cells.items()}
    id = settings.id.strip() or ("unique_id" if "unique_id" in found else "")
    lists = {role: names_in(getattr(settings, role)) for role in ("target", "past", "future", "static")}
    taken = {id, *(name for names in lists.values() for name in names)}
    for name in (*theirs, *([id] if id else []), *(name for names in lists.values() for name in names)):
        check_column(source.name, source.columns, theirs, name)
    time = _time(settings, source, found, sample, taken)
    targets, open = lists["target"], False
    if not targets:
        left = tuple(
            name for name in found if name not in (*time, id, *lists["past"], *lists["future"], *lists["static"])
        )
        open = "y" not in found or "y" not in left
        targets = left if open else ("y",)
    for name in (*time, *dict.fromkeys(targets)):
        check_column(source.name, source.columns, theirs, name)
    roles = Roles(time, id, targets, lists["past"], lists["future"], lists["static"], open, theirs)
    _check(roles, source)
    return roles


def roles_of(columns: Columns, settings: SeriesSettings, source, *, optional: Sequence[str] = ()) -> Roles:
    """Returns the roles that a model's columns have in other data.

    Args:
        columns: The model's.
        settings: Of those, `columns` says what they are called here.
        source: The data.
        optional: Columns that may be absent.

    Raises:
        LookupError: A column isn't there.
    """
    theirs = settings.format().columns
    past = columns.past + columns.past_categories
    future = columns.future + columns.future_categories
    static = columns.static + columns.static_categories
    time, id = names_in(columns.time), columns.id
    for name in (*time, *columns.targets, *past, *future, *static):
        if name not in optional:
            check_column(source.name, source.columns, theirs, name)
    if id and theirs.get(id, id) not in source.columns:
        id = ""
    return Roles(time, id, columns.targets, past, future, static, False, theirs)


def check_column(table: str, found: Sequence[str], theirs: Mapping[str, str], name: str) -> None:
    """Refuses a name that is no column of the table.

    Raises:
        LookupError: It isn't there.
        ValueError: It is there twice.
    """
    column = theirs.get(name, name)
    if column not in found:
        shown = listed(other if len(other) <= 40 else f"{other[:39]}…" for other in found[:SHOWN])
        message = f"{table} has no column {column!r}. {did_you_mean(column, found)}"
        message += f"It has {shown}{', …' if len(found) > SHOWN else ''}."
        near = difflib.get_close_matches(column, found, n=1, cutoff=0.6)
        pair = f"{name}={near[0]}" if near else f"{name}=…"
        raise LookupError(f"{message} If it is called otherwise there: --columns {shlex.quote(pair)}")
    if list(found).count(column) > 1:
        count = list(found).count(column)
        raise ValueError(f"{table} has {count} columns named {column!r}. Give each a name of its own.")


def _time(settings, source, found, sample, taken):
    theirs = settings.format().columns
    if settings.time.strip() == ROW and ROW not in found:
        if not settings.start or not settings.frequency:
            raise ValueError(
                "--time row makes stamps: it needs the first and the step, such as --start 1990-01-01 --frequency 1d. "
                f"Got --start {settings.start!r} and --frequency {settings.frequency!r}."
            )
        return ()
    if settings.time.strip():
        names = names_in(settings.time)
        for name in names:
            check_column(source.name, source.columns, theirs, name)
        return names
    lower = {name.lower(): name for name in reversed(found)}
    if set(PARTS[:3]) <= lower.keys():
        return tuple(lower[part] for part in PARTS if part in lower)
    order = [lower[name] for name in USUAL if name in lower] + [name for name in found if NAMED.search(name)] + found
    for name in dict.fromkeys(order):
        if name not in taken and _holds_times(name, sample[name]):
            return (name,)
    busy = [name for name in found if name in taken and name != id and _holds_times(name, sample[name])]
    if busy:
        raise ValueError(
            f"{source.name}: column {busy[0]!r} is the only one that holds times, and it is named as something else. "
            "Leave it out there: it is the time column."
        )
    if len(found) == 1 and (mark := next((mark for mark in ";\t|" if mark in found[0]), None)):
        raise ValueError(
            f"{source.name} has the one column {found[0]!r}: its cells seem to have {mark!r} between them. "
            "Write the table with commas as .csv, or with tabs as .tsv."
        )
    near = [name for name in found if NAMED.search(name)]
    what = f"the cells of {few_of(near)} are no times" if near else f"none of its columns {few_of(found)} holds times"
    raise LookupError(
        f"{source.name} has no time column: {what}. Write times as 2024-03-01 12:00:00 and say which column they are: "
        "--time date, or make them: --time row --start 2024-03-01 --frequency 1h"
    )


def _holds_times(name, cells):
    name = "time" if name.lower() in USUAL else name
    filled = [cell for cell in cells if cell.strip()]
    if not NAMED.search(name):
        filled = ["" if cell.replace(".", "").isdecimal() else cell for cell in filled]
    return bool(filled) and 2 * sum(reads_as_time(cell, name) for cell in filled) > len(filled)


def _check(roles, source):
    if not roles.targets:
        raise ValueError(
            f"{source.name} has no column left to forecast, beside time {listed(roles.time)}. Name it: --target y"
        )
    seen = {}
    texts = {"time": roles.time, "id": (roles.id,) if roles.id else ()}
    for role, names in {
        **texts,
        "target": roles.targets,
        **{r: getattr(roles, r) for r in ("past", "future", "static")},
    }.items():
        for name in names:
            if seen.get(name) == role:
                raise ValueError(f"Column {name!r} stands twice in --{role}. Leave one out.")
            if name in seen:
                raise ValueError(
                    f"Column {name!r} can have one role. Got it as --{seen[name]} and as --{role}. Leave it out of one."
                )
            seen[name] = role
