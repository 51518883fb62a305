"""Scan: one pass over a table -> its pairs, hashes of the texts, and the faults."""

import dataclasses
import hashlib

import numpy as np

from rnnkit.pairs.rows import PAIR, PairRows
from rnnkit.sources.cells import undecodable
from rnnkit.sources.faults import Fault, FaultLog
from rnnkit.sources.scan import LEFT_OUT
from rnnkit.sources.table import Meter, Table


@dataclasses.dataclass(frozen=True)
class PairScan:
    """What a table holds.

    Attributes:
        table: What was read.
        texts, translations: Of each row, "" for one that can't be used.
        codes: `(rows,)` int32, 0 for a row that is used and -1 for one left out.
        hashes: `(rows,)` uint64 of the texts, equal where those are but for white space.
        sha256: Of the bytes of the files, or of the pairs where there are no files.
        faults: The rows that can't be used.
        stamp: The table's when it was read.
    """

    table: Table
    texts: list[str]
    translations: list[str]
    codes: np.ndarray
    hashes: np.ndarray
    sha256: str
    faults: FaultLog
    stamp: object

    def rows(self, chosen: np.ndarray, notes: tuple[str, ...] = ()) -> PairRows:
        """Returns those rows for which `chosen`, `(rows,)` bool, is True."""
        places = np.flatnonzero(chosen).tolist()
        return PairRows([self.texts[n] for n in places], [self.translations[n] for n in places], notes)


def scan_pairs(table: Table, *, skip: bool, meter: Meter) -> PairScan:
    """Reads and checks every row of `table`.

    Args:
        table: Its cells are a text and its translation.
        skip: Leaves rows out that can't be used instead of refusing the table.
        meter: Counts and digests what is read.

    Raises:
        ValueError: There are rows that can't be used, or none at all.
    """
    meter.begin()
    stamp = table.stamp()
    texts, translations, hashes, faults = [], [], bytearray(), FaultLog(table.unit)
    codes = []
    for place, cells in table.records(meter):
        checked = _checked(cells, table.encoding)
        if type(checked) is Fault:
            faults.add(place, checked)
        bad = type(checked) is Fault
        text, translation = ("", "") if bad else checked
        texts.append(text)
        translations.append(translation)
        hashes += bytes(8) if bad else _hashed(text)
        codes.append(LEFT_OUT if bad else 0)
    if not codes:
        raise ValueError(f"{table.name} has no rows. It must have one for each pair.")
    if faults.total and not skip:
        raise ValueError(faults.refusal(table.name))
    if faults.total == len(codes):
        raise ValueError(f"{table.name} has no row that can be used: {faults}.")
    if not meter.digested:
        for pair in zip(texts, translations, strict=True):
            meter.digest("".join(f"{len(text)}\n{text}" for text in pair).encode())
    codes, hashes = np.array(codes, np.int32), np.frombuffer(bytes(hashes), "<u8")
    return PairScan(table, texts, translations, codes, hashes, meter.hexdigest(), faults, stamp)


def _checked(cells, encoding):
    if type(cells) is Fault:
        return cells
    for name, text in zip(PAIR, cells, strict=True):
        if not text or text.isspace():
            return Fault(f"no {name}")
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                return undecodable(text, encoding)
    return cells


def _hashed(text):
    # Python's own hash() differs from process to process.
    return hashlib.blake2b(" ".join(text.split()).encode(), digest_size=8).digest()
