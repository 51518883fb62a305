"""Loading: a table -> rows with their seconds, series and checked values, or a line that says what is wrong."""

import dataclasses
import re
from collections.abc import Sequence

import numpy as np

from rnnkit.messages import few_of
from rnnkit.series.cells import Texts, Values, is_missing
from rnnkit.series.columns import Columns
from rnnkit.series.frequency import anchored, parse_frequency
from rnnkit.series.opening import open_source
from rnnkit.series.roles import Roles, find_roles, named, roles_of
from rnnkit.series.rows import Rows
from rnnkit.series.settings import SeriesSettings
from rnnkit.series.sheet import Sheet
from rnnkit.series.stamps import NONE, check_zone, read_stamps
from rnnkit.sources.table import Meter

GROUPED = re.compile(r"[-+]?\d[\d.,' ]*")
"""A number with a comma before its decimals, or with marks between thousands."""


def load(data, settings: SeriesSettings, meter: Meter | None = None, facts: dict | None = None, *, optional=()) -> Rows:
    """Reads and checks a table.

    Args:
        data: A path or a DataFrame.
        settings: Which column is what.
        meter: Counts what is read.
        facts: A model's, whose columns and categories are taken; see `series_card`.
        optional: Columns of the model that may be absent.

    Raises:
        ValueError, LookupError, OSError: As the message says.
    """
    check_zone(settings.time_zone)
    used = named(settings)
    if facts:
        model = facts["columns"]
        theirs = settings.format().columns
        used = tuple(theirs.get(name, name) for name in (*model["time"].split(","), *model["targets"]))
    source = open_source(data, settings.format(), used, settings.time)
    stamp = source.stamp()
    if facts:
        roles = roles_of(Columns.from_dict(facts["columns"]), settings, source, optional=optional)
    else:
        roles = find_roles(settings, source)
    present = [name for name in roles.values if roles.of(name) in source.columns]
    sheet = source.read(tuple(map(roles.of, roles.texts)), tuple(map(roles.of, present)), meter or Meter())
    if not len(sheet.places):
        raise ValueError(f"{sheet.name} has no rows. It must have one for each step.")
    return Loader(sheet, roles, settings, facts, source, stamp).rows()


class Loader:
    """A sheet, and which of its columns is what -> its rows, checked; or a line that says what is wrong."""

    def __init__(self, sheet: Sheet, roles: Roles, settings, facts, source, stamp):
        self.sheet, self.roles, self.settings, self.facts = sheet, roles, settings, facts
        self.source, self.stamp, self.notes, self.unseen = source, stamp, [], set()
        if source.guessed:
            self.notes.append(
                f"{sheet.name}: its first line is taken for a row, as all its cells are numbers or times; "
                f"columns are called {few_of(source.columns, 3)}. If it is a header: --header yes"
            )

    def rows(self) -> Rows:
        sheet = self.sheet
        columns = {
            name: sheet.values[self.roles.of(name)] for name in self.roles.values if self.roles.of(name) in sheet.values
        }
        categorical = self._kinds(columns)
        good, stamps = self._stamps()
        good = self._ids_filled(good)
        if not good.any():
            raise ValueError(f"{sheet.name} has no row that can be used: {sheet.faults}.")
        if sheet.faults.total:
            self.notes.append(sheet.faults.note(sheet.name))
        series, ids = self._series(good)
        names = self.roles.columns(categorical)
        values = self._numbers(columns, names.numeric, good)
        categories, category_names = self._coded(columns, names.categories, good, "category_names")
        static = self._numbers(columns, names.static, good)
        static_codes, static_names = self._coded(columns, names.static_categories, good, "static_names")
        seconds, zone = self._seconds(stamps, series, good)
        return Rows(
            name=sheet.name,
            columns=names,
            zone=zone,
            seconds=seconds,
            places=sheet.places[good],
            unit=sheet.unit,
            series=series,
            ids=ids,
            values=values,
            categories=categories,
            category_names=category_names,
            static_values=self._constant(static, series, ids, names.static),
            static_categories=self._constant(static_codes, series, ids, names.static_categories),
            static_names=static_names,
            notes=tuple(self.notes),
            sha256=sheet.sha256,
            source=self.source,
            stamp=self.stamp,
            made=stamps is None,
            unseen=frozenset(self.unseen),
        )

    def _kinds(self, columns) -> frozenset[str]:
        """Tells categories from numbers; drops columns that nobody asked for and that aren't numbers."""
        if self.facts:
            known = self.facts["columns"]
            return frozenset(known["past_categories"] + known["future_categories"] + known["static_categories"])
        if self.roles.open:
            dropped = [name for name in self.roles.targets if columns[name].categorical or columns[name].empty]
            kept = tuple(name for name in self.roles.targets if name not in dropped)
            if not kept:
                raise ValueError(
                    f"{self.sheet.name} has no column of numbers to forecast: {few_of(dropped)} hold texts or nothing. "
                    "Name the target: --target y"
                )
            if dropped:
                self.notes.append(f"{self.sheet.name}: columns without numbers are not forecast: {few_of(dropped)}.")
            self.roles = dataclasses.replace(self.roles, targets=kept, open=False)
        covariates = (*self.roles.past, *self.roles.future, *self.roles.static)
        for name in self.roles.targets:
            if columns[name].empty:
                raise ValueError(f"{self.sheet.name}: column {name!r} has no value at all. Name another --target.")
        return frozenset(name for name in covariates if columns[name].categorical)

    def _stamps(self):
        sheet = self.sheet
        good = np.ones(len(sheet.places), bool)
        if not self.roles.time:
            return good, None
        columns = [sheet.texts[self.roles.of(name)] for name in self.roles.time]
        stamps = read_stamps(columns, self.roles.time, self.settings.time_zone)
        self.notes += stamps.notes
        if len(stamps.bad):
            self._bad_stamps(stamps, columns)
            good[stamps.bad] = False
        return good, stamps

    def _bad_stamps(self, stamps, columns):
        bad, name = stamps.bad, ",".join(self.roles.time)
        place = self.sheet.places[bad[0]]
        cell = " ".join(_cell(column, bad[0]) for column in columns)
        others = f", and {len(bad) - 1:,} more" if len(bad) > 1 else ""
        if not self.settings.skip_bad_rows or len(bad) == len(self.sheet.places):
            hint = f"The others are {stamps.way}. " if stamps.way and stamps.way != "parts" else ""
            if cell.isdecimal() and not hint:
                hint = "If it numbers the rows: --time row --start 2024-03-01 --frequency 1h. "
            raise ValueError(
                f"{self.sheet.name}, {self.sheet.unit} {place}: column {name!r} has {cell!r}, which is no "
                f"time{others}. {hint}Write it as 2024-03-01 12:00:00, or pass --skip-bad-rows to leave such rows out."
            )
        self.notes.append(
            f"{self.sheet.name}: left out {len(bad):,} rows whose {name!r} is no time "
            f"({self.sheet.unit} {place}: {cell!r}{', …' if others else ''})."
        )

    def _ids_filled(self, good):
        if not self.roles.id:
            return good
        column = self.sheet.texts[self.roles.of(self.roles.id)]
        empty = np.array([not name for name in column.names], bool)[column.codes]
        if not empty.any():
            return good
        place = self.sheet.places[np.argmax(empty)]
        if not self.settings.skip_bad_rows:
            raise ValueError(
                f"{self.sheet.name}, {self.sheet.unit} {place}: column {self.roles.id!r}, which tells series apart, "
                f"is empty; {np.count_nonzero(empty):,} such rows. Fill it, or pass --skip-bad-rows to leave them out."
            )
        self.notes.append(
            f"{self.sheet.name}: left out {np.count_nonzero(empty):,} rows without {self.roles.id!r} "
            f"({self.sheet.unit} {place}, …)."
        )
        return good & ~empty

    def _series(self, good):
        if not self.roles.id:
            return np.zeros(np.count_nonzero(good), np.int32), ("",)
        column = self.sheet.texts[self.roles.of(self.roles.id)]
        # " a" and "a" are one series.
        names = column.names
        places = {}
        codes = np.array([places.setdefault(name, len(places)) for name in names], np.int32)[column.codes[good]]
        used, codes = np.unique(codes, return_inverse=True)
        ids = list(places)
        return codes.astype(np.int32), tuple(ids[place] for place in used)

    def _numbers(self, columns, names: Sequence[str], good) -> np.ndarray:
        values = np.full((np.count_nonzero(good), len(names)), np.nan, np.float32)
        for place, name in enumerate(names):
            if name in columns:
                self._check_numbers(name, columns[name])
                values[:, place] = columns[name].numbers[good]
        return values

    def _check_numbers(self, name, column: Values):
        role = "a target" if name in self.roles.targets else "a column of numbers"
        for rows, fault in ((column.odd, "no number"), (column.infinite, "infinite")):
            if not len(rows):
                continue
            place, cell = (
                self.sheet.places[rows[0]],
                column.text(rows[0]) if fault != "infinite" else "an infinite value",
            )
            shown = repr(cell) if fault != "infinite" else cell
            where = f"{self.sheet.name}, {self.sheet.unit} {place}: column {name!r}"
            if not self.settings.skip_bad_rows:
                more = f"; so are {len(rows) - 1:,} more of its cells" if len(rows) > 1 else ""
                which = f", which is {fault}" if fault != "infinite" else ""
                mend = "Mend it, leave the cell empty, or pass --skip-bad-rows to take such cells as missing."
                if isinstance(cell, str) and GROUPED.fullmatch(cell):
                    mend = "Write numbers as 1234.5: a point before the decimals, nothing between thousands."
                elif column.categorical and name in self.roles.targets:
                    mend = "Targets must hold numbers: name other columns with --target."
                raise ValueError(f"{where}, {role}, has {shown}{which}{more}. {mend}")
            self.notes.append(f"{where}: {len(rows):,} cells taken as missing, the first of them {shown}.")

    def _coded(self, columns, names: Sequence[str], good, key):
        codes = np.full((np.count_nonzero(good), len(names)), -1, np.int32)
        found = []
        for place, name in enumerate(names):
            own, categories = columns[name].coded() if name in columns else (None, ())
            if self.facts:
                known = self.facts[key][place]
                places = {category: code for code, category in enumerate(known)}
                unseen = [category for category in categories if category not in places]
                if unseen:
                    self.unseen.add(name)
                    self.notes.append(
                        f"{self.sheet.name}: {name!r} has {few_of(unseen)}, unseen in training; taken as missing."
                    )
                if own is not None:
                    own = np.array([*(places.get(category, -1) for category in categories), -1], np.int32)[own]
                categories = tuple(known)
            if own is not None:
                codes[:, place] = own[good]
            found.append(categories)
        return codes, tuple(found)

    def _constant(self, rows, series, ids, names):
        """Returns the first value of each series; refuses a column that changes within one."""
        _, first = np.unique(series, return_index=True)
        values = rows[first]
        same = (rows == values[series]) | (np.isnan(rows) & np.isnan(values[series]))
        if not same.all():
            row, column = np.argwhere(~same)[0]
            which = f" of series {ids[series[row]]!r}" if ids != ("",) else ""
            raise ValueError(
                f"{self.sheet.name}: column {names[column]!r} is static, but it changes{which} "
                f"from one row to another. Name it under --past or --future instead of --static."
            )
        return values

    def _seconds(self, stamps, series, good):
        if stamps is not None:
            return stamps.seconds[good], stamps.zone
        import pandas as pd

        start = Texts()
        start.take([self.settings.start])
        first = read_stamps([start], ("start",), self.settings.time_zone)
        if first.seconds[0] == NONE:
            raise ValueError(
                f"start must be a time such as 1990-01-01 or 1990-01-01 12:00. Got {self.settings.start!r}."
            )
        frequency = anchored(parse_frequency(self.settings.frequency), first.seconds)
        number = pd.Series(series).groupby(series, sort=False).cumcount().to_numpy()
        return frequency.seconds(frequency.ticks(first.seconds) + number), first.zone


def _cell(column, row):
    if isinstance(column, Texts):
        text = column.names[column.codes[row]]
        return "" if is_missing(text) and not text else text
    return str(column.times[row])
