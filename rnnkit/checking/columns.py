"""Columns: the cells of each column, chunk by chunk -> how full it is, whether it varies, what it looks like."""

import collections
import re
from collections.abc import Sequence

from rnnkit.checking.findings import Finding, Tally, counted, percent, quoted
from rnnkit.checking.hashing import DistinctCount, hashes_of

MOST_VALUES = 1_000
"""Different values of a column that are told apart one by one."""
MARKS = frozenset("NA N/A n/a na NaN nan NULL null None none nil #N/A #NA ? - -- . <NA> missing".split())
"""What people write for a missing value."""
NEARLY_EMPTY = 0.05
LEAST_ROWS = 20
"""Rows from which on a column is judged by its values."""
NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?%?")


class Column:
    """What is known of one column of a table.

    Attributes:
        name: The file's.
        rows: Cells fed.
        missing: Those that are empty or white space.
        marks: Those that stand for a missing value, such as `N/A`.
        values: How often each value occurs; None where there are more than `MOST_VALUES`.
    """

    def __init__(self, name: str):
        self.name, self.rows = name, 0
        self.missing, self.marks = Tally(), Tally()
        self.values: collections.Counter | None = collections.Counter()
        self._distinct = DistinctCount()
        self._spaced = self._numbers = self._codes = 0
        self._whole, self._rising, self._least, self._most = True, True, None, None

    def take(self, cells: Sequence[str], places: Sequence[int | str]) -> None:
        """Adds the cells of some rows."""
        self.rows += len(cells)
        filled = []
        for cell, place in zip(cells, places, strict=True):
            if not cell or cell.isspace():
                self.missing.add(place)
            else:
                filled.append(cell)
                if cell in MARKS:
                    self.marks.add(place)
        if filled:
            if self.values is not None:
                self.values.update(filled)
                if len(self.values) > MOST_VALUES:
                    self.values = None
            self._distinct.take(hashes_of(filled))
            self._take_kinds(filled)
            self._take_whole(filled)

    def _take_kinds(self, cells):
        for cell in cells:
            if " " in cell:
                self._spaced += 1
            elif NUMBER.fullmatch(cell):
                self._numbers += 1
            elif len(cell) <= 64 and any(map(str.isdecimal, cell)):
                self._codes += 1

    def _take_whole(self, cells):
        self._whole = self._whole and all(cell.isdecimal() and len(cell) < 19 for cell in cells)
        if self._whole:
            numbers = list(map(int, cells))
            row = numbers if self._most is None else [self._last, *numbers]
            self._rising = self._rising and all(a < b for a, b in zip(row, row[1:], strict=False))
            self._least = min(numbers if self._least is None else [self._least, *numbers])
            self._most = max(numbers if self._most is None else [self._most, *numbers])
            self._last = numbers[-1]

    @property
    def filled(self) -> int:
        """Cells that hold something."""
        return self.rows - self.missing.count

    @property
    def exact(self) -> bool:
        """Whether `distinct` is no estimate."""
        return self.values is not None or self._distinct.exact

    @property
    def distinct(self) -> int:
        """Different values, nearly."""
        return len(self.values) if self.values is not None else min(int(self._distinct), self.filled)

    @property
    def like_an_id(self) -> bool:
        """Whether nearly each cell has a value of its own that says nothing: a running number or a code."""
        if self.filled < LEAST_ROWS or self.distinct < (0.99 if self.exact else 0.9) * self.filled:
            return False
        if self._whole:
            return self._rising or self._most - self._least < 2 * self.filled
        return self._codes > 0.9 * self.filled

    @property
    def numeric(self) -> bool:
        """Whether every cell that holds something holds a number."""
        return self.filled > 0 and self._numbers == self.filled

    def kind(self) -> str:
        """Says in a word or two what the column looks like."""
        if not self.filled:
            return "empty"
        if self.distinct == 1 and self.filled > 1:
            return "constant"
        if self.like_an_id:
            return "id"
        if self._spaced > self.filled / 2:
            return "text"
        if self._numbers > 0.9 * self.filled:
            return "numbers"
        return "few values" if self.values is not None and self.distinct <= max(self.filled / 3, 2) else "words"


def column_findings(
    columns: Sequence[Column], unit: str, *, inputs: Sequence[str], target: str | None, times: Sequence[str] = ()
) -> list[Finding]:
    """Returns what is odd about single columns.

    Args:
        columns: Fed to the end.
        unit: What places are counted in.
        inputs: Names of those the recipe reads to answer.
        target: Name of the one to be predicted, if it is there.
        times: Names of those that hold times.
    """
    findings = []
    for column in columns:
        read = column.name in (*inputs, target)
        findings += _empty(column, unit, read)
        findings += _marks(column, unit, read)
        if column.filled >= LEAST_ROWS and column.distinct == 1 and column.name != target:
            value = quoted(list(column.values))
            message = f"column {column.name!r} has one value only, {value}, in all {counted(column.filled, 'row')}."
            findings.append(Finding("constant_column", "warning" if read else "note", message))
        elif column.like_an_id and column.name not in times and column.name != target:
            findings.append(_id(column, read))
    return findings


def _empty(column, unit, read):
    # Empty cells of what the recipe reads are counted as bad rows, for run leaves such rows out or refuses.
    if read or not column.rows:
        return []
    name = f"column {column.name!r}"
    if not column.filled:
        return [Finding("empty_column", "note", f"{name} is empty in all {counted(column.rows, 'row')}.")]
    if column.filled < NEARLY_EMPTY * column.rows:
        share = percent(column.filled, column.rows)
        return [Finding("nearly_empty_column", "note", f"{name} is nearly empty: {share} of its cells hold something.")]
    return []


def _marks(column, unit, read):
    # A column of many marks, such as of part-of-speech tags or answers with "none", means them.
    if not column.marks.count or (column.values is not None and column.distinct == 1):
        return []
    found = sorted(set(column.values or ()) & MARKS)
    message = (
        f"column {column.name!r} has {counted(column.marks.count, 'cell')} "
        f"{f'of {quoted(found)}' if found else 'such as NA or null'} ({column.marks.where(unit)}), "
        "which look like missing values and are read as they stand."
    )
    mend = f"Empty such cells of {column.name!r} if they mean that nothing is known." if read else ""
    return [Finding("missing_marks", "warning" if read else "note", message, tuple(column.marks.places), mend)]


def _id(column, read):
    about = "each row has a value of its own" if column.exact else "about each row has a value of its own"
    message = f"column {column.name!r} looks like an id: {about}, a running number or a code."
    mend = f"Name another column than {column.name!r} in --columns, if this is not what is meant." if read else ""
    return Finding("id_column", "warning" if read else "note", message, mend=mend)


class GivesAway:
    """Finds out whether the values of one column fix those of the target.

    Args:
        name: The column's.
    """

    def __init__(self, name: str):
        self.name, self._targets, self._rows = name, {}, 0

    def take(self, cells: Sequence[str], targets: Sequence[str]) -> None:
        """Adds some rows; those where either is missing say nothing."""
        if self._targets is None:
            return
        known = self._targets
        for cell, target in zip(cells, targets, strict=True):
            if cell.strip() and target.strip():
                if known.setdefault(cell, target) != target:
                    self._targets = None
                    return
                self._rows += 1
        if len(known) > MOST_VALUES:
            self._targets = None

    def finding(self, target: str, *, read: bool) -> Finding | None:
        """Returns what there is to say of `target`'s being known from the column."""
        values = self._targets
        if values is None or len(values) < 2 or self._rows < max(LEAST_ROWS, 4 * len(values)):
            return None
        if len(set(values.values())) < 2:
            return None
        pairs = ", ".join(f"{value[:20]!r} is {values[value][:20]!r}" for value in list(values)[:3])
        message = (
            f"column {self.name!r} gives {target!r} away: each of its {len(values)} values goes with one {target} only "
            f"({pairs}{', …' if len(values) > 3 else ''})."
        )
        if read:
            mend = f"Leave {self.name!r} out of --columns unless it will be known when answers are asked for."
            return Finding("gives_target_away", "warning", message, mend=mend)
        return Finding("gives_target_away", "note", f"{message} The recipe does not read it.")
