"""Splits: what the user named -> checked train, valid and test rows, with a card of where they come from."""

import dataclasses
import hashlib
import os
from collections.abc import Callable

import numpy as np

from rnnkit.messages import few_of
from rnnkit.sources.data_frames import is_data_frame
from rnnkit.sources.format import Format
from rnnkit.sources.locate import find_table, find_tables, unlabelled_note
from rnnkit.sources.rows import Rows
from rnnkit.sources.scan import Scan, scan
from rnnkit.sources.splitting import LEAST_GROUPS, NONE, TEST, TRAIN, VALID, assign
from rnnkit.sources.table import Meter

PARTS = {"train": TRAIN, "valid": VALID, "test": TEST}


@dataclasses.dataclass(frozen=True)
class Splits:
    """Three splits of raw rows.

    Attributes:
        train, valid, test: The rows.
        card: `path` as given, `rows` of each split, `sha256` of the bytes read.
        notes: One-line remarks for the user.
        scans: What they were cut from.
    """

    train: Rows
    valid: Rows
    test: Rows
    card: dict
    notes: tuple[str, ...] = ()
    scans: tuple[Scan, ...] = ()

    def changed(self) -> tuple[str, ...]:
        """Returns a remark for each table that is no longer as it was when it was read."""
        remarks = []
        for scanned in self.scans:
            try:
                same = scanned.table.stamp() == scanned.stamp
            except OSError:
                same = False
            if not same:
                hash = f"{scanned.sha256[:12]}…"
                remarks.append(f"{scanned.table.name} has changed during the run; what was read had SHA-256 {hash}.")
        return tuple(remarks)


def read_splits(
    data,
    *,
    valid=None,
    test=None,
    features: tuple[str, ...] = ("text",),
    target: str = "label",
    format: Format,
    valid_share: float,
    test_share: float,
    seed: int,
    memory_limit: int = 256 << 20,
    progress: Callable[[int, int], object] | None = None,
) -> Splits:
    """Reads, checks and splits labelled rows.

    Args:
        data: A path of a table, of a folder of texts by label or of a folder of splits;
            a DataFrame; or `tfds:NAME`.
        valid, test: A table or DataFrame, used as it is, instead of what `data` may hold.
        features: Names of the columns read.
        target: Name of the column to be predicted.
        format: How to read tables.
        valid_share, test_share: Shares of `data` cut out where there is no such split.
        seed: Of the cut.
        memory_limit: Bytes of text kept in memory; a larger table is read again at each pass.
        progress: `progress(done, total)` in bytes.

    Raises:
        ValueError: Rows, labels or the format are not as they must be.
        LookupError: A column isn't there.
        OSError: A file isn't there or can't be read.
    """
    tables = find_tables(data, features, target, format)
    for name, given in (("valid", valid), ("test", test)):
        if given is not None:
            tables[name] = find_table(given, features, target, format)
    meter = Meter(progress, sum(table.size for table in tables.values()))
    scans = {
        name: scan(table, features, target, memory_limit=memory_limit, skip=format.skip_bad_rows, meter=meter)
        for name, table in tables.items()
    }
    meter.finish()
    shares = {PARTS[n]: s for n, s in (("valid", valid_share), ("test", test_share)) if n not in scans}
    _check_classes(scans["train"], cut=bool(shares))
    splits = _cut(scans, shares, seed)
    rows = {name: len(split) for name, split in splits.items()}
    card = {"path": "DataFrame" if is_data_frame(data) else os.fspath(data), "rows": rows, "sha256": _sha256(scans)}
    notes = (*unlabelled_note(data), *_notes(scans))
    return Splits(**splits, card=card, notes=notes, scans=tuple(scans.values()))


def _check_classes(train: Scan, *, cut: bool):
    name, target = train.table.name, train.target
    if len(train.names) == 1:
        raise ValueError(f"{name} has one {target} only: {train.names[0]!r}. There must be at least 2 to tell apart.")
    counts = np.bincount(train.codes[train.codes >= 0], minlength=len(train.names))
    single = [label for label, count in zip(train.names, counts, strict=True) if count == 1]
    if cut and single:
        raise ValueError(
            f"{name} has one row only of {target} {few_of(single)}. Each needs 2, better {LEAST_GROUPS} or more. "
            "Add rows, leave the label out, or give --valid and --test files."
        )


def _cut(scans, shares, seed):
    train = scans["train"]
    assignment = assign(train.codes, train.hashes, shares, seed)
    splits = {}
    for name, part in PARTS.items():
        if name == "train" or name not in scans:
            splits[name] = Rows(train, assignment, part, train.names, train.codes)
            if not len(splits[name]) and shares.get(part, 1) > 0:
                raise ValueError(_too_few(train, name))
        else:
            codes = _known(scans[name], train)
            splits[name] = Rows(scans[name], np.where(codes < 0, NONE, part).astype(np.uint8), part, train.names, codes)
    return splits


def _too_few(train, name):
    rows, different = np.count_nonzero(train.codes >= 0), len(np.unique(train.hashes[train.codes >= 0]))
    return (
        f"{train.table.name} has {rows} rows ({different} different ones), too few to cut {name} rows out of. "
        f"At least {LEAST_GROUPS} different rows of one {train.target} are needed. Add rows, or give a --{name} file."
    )


def _known(given: Scan, train: Scan):
    """Returns the codes of `given` as places in the labels of `train`."""
    places = {label: place for place, label in enumerate(train.names)}
    unknown = [(label, code) for code, label in enumerate(given.names) if label not in places]
    if unknown:
        counts = {label: int(np.count_nonzero(given.codes == code)) for label, code in unknown}
        raise ValueError(
            f"{given.table.name} has {sum(counts.values())} rows of {given.target} {few_of(list(counts))}, which "
            f"{train.table.name} never has. It has {few_of(train.names)}. Add such rows to train, or mend the labels."
        )
    return np.array([*(places[label] for label in given.names), -1], np.int32)[given.codes]


def _sha256(scans):
    digests = [scanned.sha256 for scanned in scans.values()]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _notes(scans):
    notes = [scanned.faults.note(scanned.table.name) for scanned in scans.values() if scanned.faults.total]
    train = scans["train"]
    if torn := _torn(train):
        notes.append(f"{train.table.name}: {torn} inputs have more than one {train.target}, in different rows.")
    for given in (scanned for name, scanned in scans.items() if name != "train"):
        used = given.hashes[given.codes >= 0]
        if seen := int(np.isin(used, train.hashes[train.codes >= 0]).sum()):
            notes.append(f"{given.table.name}: {seen} of {len(used)} rows are also in train; scores on them flatter.")
    return notes


def _torn(train):
    """Counts the inputs that have more than one label."""
    used = train.codes >= 0
    order = np.lexsort((train.codes[used], train.hashes[used]))
    hashes, codes = train.hashes[used][order], train.codes[used][order]
    again = hashes[1:] == hashes[:-1]
    return len(np.unique(hashes[1:][again & (codes[1:] != codes[:-1])]))


def read_rows(
    data,
    *,
    features: tuple[str, ...] = ("text",),
    target: str = "label",
    format: Format,
    memory_limit: int = 256 << 20,
    progress: Callable[[int, int], object] | None = None,
) -> Rows:
    """Reads and checks one table of labelled rows, to be scored and not split.

    Takes and raises what `read_splits` does; any number of classes and rows will do.
    """
    table = find_table(data, features, target, format)
    meter = Meter(progress, table.size)
    scanned = scan(table, features, target, memory_limit=memory_limit, skip=format.skip_bad_rows, meter=meter)
    meter.finish()
    assignment = np.where(scanned.codes < 0, NONE, TEST).astype(np.uint8)
    return Rows(scanned, assignment, TEST, scanned.names, scanned.codes)
