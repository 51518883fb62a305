"""Scan: one pass over texts -> the length of each passage, hashes of the texts, and the faults; no text is kept."""

import array
import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from rnnkit.documents import cutting
from rnnkit.documents.sources import LeaveOut, Source
from rnnkit.documents.text_blocks import NotText
from rnnkit.messages import few_of
from rnnkit.sources.faults import FaultLog
from rnnkit.sources.table import Meter


@dataclasses.dataclass(frozen=True)
class DocumentScan:
    """What is known of texts after one pass: 9 bytes a passage and 8 a text.

    A text is a file, a row or, where lines are texts of their own, a line; a unit is a file or a row.

    Attributes:
        table: Where the texts are read again.
        own: Whether each line of a unit is a text of its own.
        passage: Most characters of a passage.
        lengths: `(passages,)` int32, in characters.
        ends: `(passages,)` bool, True where a text ends with the passage.
        units: `(passages,)` int32, the unit of each.
        hashes: `(texts,)` uint64, equal where the texts are.
        unit_hashes: `(units,)` uint64, equal where their texts are; 0 for one without any.
        sha256: Of the bytes of the files, or of hashes where there are none.
        faults: The lines or rows left out.
        notes: One-line remarks on what was left out, for the user.
        stamp: The table's when it was scanned.
        cuts: Passage, before it was cut -> where it was cut in more, in characters from its start.
    """

    table: Source
    own: bool
    passage: int
    lengths: np.ndarray
    ends: np.ndarray
    units: np.ndarray
    hashes: np.ndarray
    unit_hashes: np.ndarray
    sha256: str
    faults: FaultLog
    notes: tuple[str, ...]
    stamp: object
    cuts: Mapping[int, tuple[int, ...]] = dataclasses.field(default_factory=dict)

    @property
    def codes(self) -> np.ndarray:
        """`(texts,)` int32, 0: each is used."""
        return np.zeros(len(self.hashes), np.int32)

    def read(self, chosen: np.ndarray | None = None) -> Iterator[str]:
        """Yields the passages for which `chosen`, `(passages,)` bool, is True; without it all.

        Files without one of them are not opened, nor is a file read past the last of them.

        Raises:
            OSError: The texts have changed since they were scanned.
        """
        chosen = np.ones(len(self.lengths), bool) if chosen is None else chosen
        wanted = np.zeros(len(self.unit_hashes), bool)
        wanted[self.units[chosen]] = True
        places = np.flatnonzero(wanted[self.units])
        left = int(np.count_nonzero(chosen))
        try:
            same = self.table.stamp() == self.stamp
        except OSError:
            same = False
        if not same:
            raise self._changed()
        passages = self._cut(read_passages_of(self.table, self.own, self.passage, wanted=wanted))
        # Not strict: texts that have grown or shrunk without a trace show in the lengths.
        lengths, mine = memoryview(self.lengths), memoryview(chosen)
        for place, text in zip(memoryview(places), passages, strict=False):
            if len(text) != lengths[place]:
                raise self._changed()
            if mine[place]:
                yield text
                left -= 1
                if not left:
                    return
        if left:
            raise self._changed()

    def _cut(self, passages):
        for number, (_, text, _) in enumerate(passages):
            start = 0
            for stop in self.cuts.get(number, ()):
                yield text[start:stop]
                start = stop
            yield text[start:]

    def _changed(self):
        return OSError(f"{self.table.name} has changed since it was read first. Leave it alone until the run ends.")


def read_passages_of(
    source: Source,
    own: bool,
    passage: int,
    leave_out: LeaveOut = lambda place, fault: None,
    meter: Meter | None = None,
    wanted: np.ndarray | None = None,
    blank: Callable[[int], object] = lambda lines: None,
    not_text: Callable[[NotText], object] = lambda error: None,
) -> Iterator[tuple[int, str, bool]]:
    """Yields the unit of each passage, its text, and whether a text ends with it."""
    for unit, blocks in source.read(leave_out, meter, wanted):
        if isinstance(blocks, NotText):
            not_text(blocks)
        elif own and source.units == "files":
            for text, ends in cutting.line_passages(blocks, passage, blank):
                yield unit, text, ends
        else:
            for text, ends in cutting.running_passages(blocks, passage):
                yield unit, text, ends


def scan_documents(source: Source, *, own: bool, skip: bool, meter: Meter) -> DocumentScan:
    """Reads and checks all texts of `source` once.

    Args:
        source: The texts.
        own: Each line of a file is a text of its own.
        skip: Leaves lines and rows out that can't be used instead of refusing them all.
        meter: Counts and digests what is read.

    Raises:
        ValueError: There are lines or rows that can't be used, or there is no text at all.
    """
    meter.begin()
    stamp, pass_ = source.stamp(), _Pass(source)
    passages = read_passages_of(
        source, own, cutting.PASSAGE, pass_.faults.add, meter, blank=pass_.add_blank, not_text=pass_.foreign.append
    )
    for unit, text, ends in passages:
        pass_.take(unit, text, ends)
    if pass_.faults.total and not skip:
        raise ValueError(pass_.faults.refusal(source.name))
    if not pass_.lengths:
        raise ValueError(pass_.refusal())
    hashes = np.frombuffer(pass_.hashes, "<u8")
    if not meter.digested:
        meter.digest(hashes.tobytes())
    units = np.frombuffer(pass_.units, np.int32)
    return DocumentScan(
        source,
        own,
        cutting.PASSAGE,
        np.frombuffer(pass_.lengths, np.int32),
        np.frombuffer(pass_.ends, np.bool_),
        units,
        hashes,
        _of_units(hashes, units[np.frombuffer(pass_.ends, np.bool_)]),
        meter.hexdigest(),
        pass_.faults,
        (*source.notes, *pass_.notes()),
        stamp,
    )


def _of_units(hashes, units):
    """Returns one hash for each unit, of those of its texts; 0 for one without texts."""
    result = np.zeros(int(units[-1]) + 1, np.uint64)
    starts = np.flatnonzero(np.diff(units, prepend=-1))
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(units)], strict=True):
        alone = stop == start + 1
        result[units[start]] = (
            hashes[start] if alone else int.from_bytes(_hashed(hashes[start:stop].tobytes()), "little")
        )
    return result


def _hashed(content):
    # Python's own hash() differs from process to process.
    return hashlib.blake2b(content, digest_size=8).digest()


class _Pass:
    def __init__(self, source):
        self.lengths, self.units = array.array("i"), array.array("i")
        self.ends, self.hashes = bytearray(), bytearray()
        self.faults, self.foreign, self.blank = FaultLog(source.unit), [], 0
        self._source, self._kept = source, 0
        self._begin()

    def _begin(self):
        self._digest, self._written = hashlib.blake2b(digest_size=8), False

    def take(self, unit, text, ends):
        self.lengths.append(len(text))
        self.units.append(unit)
        self.ends.append(ends)
        self._digest.update(text.encode())
        self._written = self._written or not text.isspace()
        if ends:
            if self._written:
                self.hashes += self._digest.digest()
                self._kept = len(self.lengths)
            for column in (self.lengths, self.units, self.ends):
                del column[self._kept :]
            self._begin()

    def add_blank(self, lines):
        self.blank += lines

    def refusal(self):
        name = self._source.name
        if self.faults.total:
            return f"{name} has nothing that can be used: {self.faults}."
        if len(self.foreign) == 1:
            return str(self.foreign[0])
        if self.foreign:
            return f"{name} has {len(self.foreign)} files, and none is text. {self.foreign[0]}"
        return f"{name} is empty. It must have text."

    def notes(self):
        name = self._source.name
        if self.faults.total:
            yield self.faults.note(name)
        if self.blank:
            yield f"{name}: left out {self.blank:,} blank line{'s' * (self.blank != 1)}."
        if self.foreign:
            count = len(self.foreign)
            yield f"{name}: left out {count} file{'s' * (count != 1)} that {'are' if count > 1 else 'is'} no text: " + (
                few_of([str(error).partition(" is not text")[0] for error in self.foreign], 3) + "."
            )
