"""Table pass: the rows of one table, chunk by chunk, all columns -> all that can be known without a model.

Kept are 20 bytes and a place for each row, 8 bytes for each time, and what is counted.
"""

import array
import collections
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from rnnkit.checking.columns import Column, GivesAway, column_findings
from rnnkit.checking.duplicates import Keys, folded, within
from rnnkit.checking.encodings import EncodingGuess
from rnnkit.checking.findings import Finding, Places, Tally, counted, percent
from rnnkit.checking.hashing import rows_of
from rnnkit.checking.texts import TextChecks
from rnnkit.checking.times import TimeColumn
from rnnkit.sources.cells import undecodable
from rnnkit.sources.faults import Fault

MOST_LABELS = 50_000


class TablePass:
    """Looks at the rows of one table.

    Args:
        name: The table's.
        unit: What places are counted in.
        columns: Names of its columns, all that are fed.
        inputs: Names of those the recipe reads to answer.
        target: Name of the one to be predicted; None where there is none.
        encoding: As the table is read.

    Attributes:
        rows: Rows fed, the bad ones included.
        bad: Kind of fault -> rows that `run` can't use, and what may mend them.
        labels: Target -> usable rows.
        columns: One `Column` for each.
    """

    def __init__(
        self,
        name: str,
        unit: str,
        columns: Sequence[str],
        *,
        inputs: Sequence[str] = (),
        target: str | None = None,
        encoding: str = "utf-8",
    ):
        self.name, self.unit, self.encoding = name, unit, encoding
        self.inputs = [column for column in inputs if column in columns]
        self.target = target if target in columns else None
        self.rows, self.labels = 0, collections.Counter()
        self.bad: dict[str, tuple[Tally, Fault]] = {}
        self.columns = [Column(column) for column in columns]
        self.times = [TimeColumn(column, unit) for column in columns]
        self.texts = {column: TextChecks(_titled(name, column), unit) for column in self.inputs}
        self._away = {column: GivesAway(column) for column in columns if column != self.target} if self.target else {}
        self._places_in = {column: place for place, column in enumerate(columns)}
        self._exact, self._near, self._targets = bytearray(), bytearray(), array.array("i")
        self._codes, self._places = {}, Places()
        self._guess = EncodingGuess(encoding)

    def take(self, records: Iterable[tuple[int | str, Sequence[str] | None, Fault | None]]) -> None:
        """Adds some rows: the place of each, its cells if it has such, and why it can't be used if that is so."""
        places, rows = [], []
        for place, cells, fault in records:
            self.rows += 1
            if cells is not None:
                fault = self._fault(cells) or fault
            if fault is not None:
                self.bad.setdefault(fault.kind, (Tally(), fault))[0].add(place)
            if cells is not None:
                places.append((place, fault is None))
                rows.append(cells)
        if rows:
            self._take(places, rows)

    def _fault(self, cells):
        """Returns what keeps `run` from using a row, as its own reading finds it."""
        wanted = [column for column in (*self.inputs, self.target) if column]
        for column in wanted:
            cell = cells[self._places_in[column]]
            if not cell or cell.isspace():
                return Fault(f"no {column}")
        for column in wanted:
            cell = cells[self._places_in[column]]
            if not cell.isascii():
                try:
                    cell.encode()
                except UnicodeEncodeError:
                    return self._guess.take(undecodable(cell, self.encoding), cell)
        return None

    def _take(self, marked, rows):
        columns = list(zip(*rows, strict=True))
        places = [place for place, _ in marked]
        for column, times, cells in zip(self.columns, self.times, columns, strict=True):
            column.take(cells, places)
            times.take(cells, places)
        if self._away:
            targets = columns[self._places_in[self.target]]
            for name, away in self._away.items():
                away.take(columns[self._places_in[name]], targets)
        usable = [row for row, (_, fine) in enumerate(marked) if fine]
        if usable and self.inputs:
            self._take_usable([places[row] for row in usable], columns, usable)

    def _take_usable(self, places, columns, usable):
        inputs = [[columns[self._places_in[name]][row] for row in usable] for name in self.inputs]
        for texts, cells in zip(self.texts.values(), inputs, strict=True):
            texts.take(cells, places)
        self._exact += rows_of(inputs).tobytes()
        self._near += rows_of([[folded(cell) for cell in cells] for cells in inputs]).tobytes()
        self._places.extend(places)
        if self.target:
            targets = [columns[self._places_in[self.target]][row] for row in usable]
            self._targets.extend(self._codes.setdefault(target, len(self._codes)) for target in targets)
            if len(self.labels) <= MOST_LABELS:
                self.labels.update(targets)

    @property
    def keys(self) -> Keys:
        """The hashes of the usable rows."""
        exact, near = np.frombuffer(bytes(self._exact), np.uint64), np.frombuffer(bytes(self._near), np.uint64)
        targets = np.frombuffer(bytes(self._targets), np.int32) if self.target else None
        return Keys(self.name, self.unit, exact, near, targets, self._places)

    @property
    def usable(self) -> int:
        """Rows that `run` can use."""
        return self.rows - sum(tally.count for tally, _ in self.bad.values())

    @property
    def mean_characters(self) -> float:
        """Characters in the inputs of a usable row."""
        return sum(texts.characters for texts in self.texts.values()) / max(len(self._places), 1)

    def bad_findings(self, *, skip: bool) -> list[Finding]:
        """Returns a finding for each kind of bad row.

        Args:
            skip: Whether such rows are left out, rather than the table refused.
        """
        findings = []
        for kind, (tally, fault) in self.bad.items():
            rows = counted(tally.count, "row")
            detail = f": {fault.detail}" if fault.detail else ""
            share, places = percent(tally.count, self.rows), tally.where(self.unit)
            message = f"{self.name}: {rows} ({share}) with {kind} ({places}{detail})."
            mend = self._guess.hint(kind) or fault.hint.strip()
            if not skip and tally.count < self.rows / 2:
                mend = f"{mend or 'Mend the bad rows.'} Or leave such rows out: --skip-bad-rows."
            severity = "warning" if skip else "error"
            findings.append(Finding("bad_rows", severity, message, tuple(tally.places), mend))
        return findings

    def findings(self, *, markup: str = "") -> list[Finding]:
        """Returns what is odd about the columns, the texts, the times and equal rows."""
        times = [column for column in self.times if column.way is not None]
        named = [column.name for column in times]
        findings = column_findings(self.columns, self.unit, inputs=self.inputs, target=self.target, times=named)
        for name, away in self._away.items():
            if finding := away.finding(self.target, read=name in self.inputs):
                findings.append(finding)
        if self.inputs:
            findings += within(self.keys)
        for texts in self.texts.values():
            findings += texts.findings(self.encoding, markup)
        for column in times:
            findings += column.findings(read=column.name in (*self.inputs, self.target))
        return findings

    def facts(self) -> Mapping[str, object]:
        """Returns what was counted, ready for JSON."""
        kinds = {column.name: column.way for column in self.times if column.way is not None}
        return {
            "name": self.name,
            "rows": self.rows,
            "usable": self.usable,
            "columns": {
                column.name: {
                    "kind": "times" if column.name in kinds else column.kind(),
                    "missing": column.missing.count,
                    "distinct": column.distinct,
                }
                for column in self.columns
            },
            "scripts": {name: texts.shares() for name, texts in self.texts.items()},
        }


def _titled(name, column):
    return f"{name}, {column}"
