"""Scan: one pass over a table -> label codes, hashes of the features, the faults, and the rows if they are few."""

import array
import dataclasses
import hashlib
import sys
from collections.abc import Sequence

import numpy as np

from rnnkit.sources.cells import undecodable
from rnnkit.sources.faults import Fault, FaultLog
from rnnkit.sources.table import Meter, Table

MOST_CLASSES = 50_000
LEFT_OUT = -1


@dataclasses.dataclass(frozen=True)
class Scan:
    """What is known of a table after one pass: 12 bytes a row, plus the rows themselves if they are few.

    Attributes:
        table: Where the rows are read again.
        features: Names of the feature columns.
        target: Name of the target column.
        codes: `(rows,)` int32, places in `names`; -1 for a row left out.
        hashes: `(rows,)` uint64 of the features, equal where they are.
        names: The labels, in order.
        texts: One list of all rows for each feature, or None where they are too many to keep.
        sha256: Of the bytes of the files, or of hashes and labels where there are no files.
        faults: The rows left out.
        stamp: The table's when it was scanned.
    """

    table: Table
    features: tuple[str, ...]
    target: str
    codes: np.ndarray
    hashes: np.ndarray
    names: tuple[str, ...]
    texts: list[list[str]] | None
    sha256: str
    faults: FaultLog
    stamp: object


def scan(table: Table, features: Sequence[str], target: str, *, memory_limit: int, skip: bool, meter: Meter) -> Scan:
    """Reads and checks every row of `table` once.

    Args:
        table: Its cells are the features, then the target.
        features, target: Names of the cells.
        memory_limit: Most bytes of text to keep in memory.
        skip: Leaves bad rows out instead of refusing the table.
        meter: Counts and digests what is read.

    Raises:
        ValueError: There are bad rows, no rows at all, or too many labels.
    """
    meter.begin()
    stamp = table.stamp()
    pass_ = _Pass(table, features, target, memory_limit)
    for place, cells in table.records(meter):
        if type(cells) is Fault:
            pass_.leave_out(place, cells)
        else:
            pass_.take(place, cells)
    if not pass_.codes:
        raise ValueError(f"{table.name} has no rows. It must have one line for each example.")
    if pass_.faults.total and not skip:
        raise ValueError(pass_.faults.refusal(table.name))
    if pass_.faults.total == len(pass_.codes):
        raise ValueError(f"{table.name} has no row that can be used: {pass_.faults}.")
    names, codes = _sorted(pass_.labels, np.frombuffer(pass_.codes, np.int32))
    hashes = np.frombuffer(pass_.hashes, "<u8")
    if not meter.digested:
        meter.digest(hashes.tobytes())
        meter.digest(codes.tobytes())
        meter.digest("\0".join(names).encode())
    sha256 = meter.hexdigest()
    return Scan(table, tuple(features), target, codes, hashes, names, pass_.texts, sha256, pass_.faults, stamp)


class _Pass:
    def __init__(self, table, features, target, memory_limit):
        self.codes = array.array("i")
        self.hashes = bytearray()
        self.labels = {}
        self.texts = [[] for _ in features]
        self.faults = FaultLog(table.unit)
        self._table, self._target, self._room = table, target, memory_limit
        self._columns = (*features, target)

    def take(self, place, cells):
        *texts, label = cells
        for text in texts:
            if not text or text.isspace():
                return self.leave_out(place, self._missing(cells))
        try:
            key = (texts[0] if len(texts) == 1 else "\0".join(texts)).encode()
            code = self.labels.get(label)
            if code is None:
                if not label or label.isspace():
                    return self.leave_out(place, self._missing(cells))
                code = self._new(label)
        except UnicodeEncodeError as error:
            return self.leave_out(place, undecodable(error.object, self._table.encoding))
        # Python's own hash() differs from process to process.
        self.hashes += hashlib.blake2b(key, digest_size=8).digest()
        self.codes.append(code)
        if self.texts:
            self._keep(texts)

    def leave_out(self, place, fault):
        self.faults.add(place, fault)
        self.hashes += bytes(8)
        self.codes.append(LEFT_OUT)
        for column in self.texts or ():
            column.append("")

    def _missing(self, cells):
        return Fault(f"no {next(n for n, cell in zip(self._columns, cells, strict=True) if not cell.strip())}")

    def _new(self, label):
        label.encode()
        if len(self.labels) == MOST_CLASSES:
            raise ValueError(
                f"{self._table.name} has more than {MOST_CLASSES:,} different values of {self._target}, the last one "
                f"{label[:40]!r}. Is it the right column? Say which is: --columns {self._target}=…"
            )
        return self.labels.setdefault(label, len(self.labels))

    def _keep(self, texts):
        for column, text in zip(self.texts, texts, strict=True):
            column.append(text)
            self._room -= sys.getsizeof(text)
        if self._room < 0:
            self.texts = None


def _sorted(labels, codes):
    names = tuple(sorted(labels))
    new = np.full(len(names) + 1, LEFT_OUT, np.int32)
    for place, name in enumerate(names):
        new[labels[name]] = place
    return names, new[codes]
