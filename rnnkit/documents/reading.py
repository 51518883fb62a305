"""Reading: what the user named -> checked train, valid and test passages, with a card of where they come from."""

import dataclasses
import hashlib
from collections.abc import Callable

import numpy as np

from rnnkit.documents.borders import cut_in_order
from rnnkit.documents.locate import find_source, find_sources
from rnnkit.documents.rows import Passages
from rnnkit.documents.scan import DocumentScan, scan_documents
from rnnkit.documents.settings import DocumentSettings
from rnnkit.documents.sources import path_of
from rnnkit.sources.splits import PARTS, Splits
from rnnkit.sources.splitting import LEAST_GROUPS, assign
from rnnkit.sources.table import Meter

FEW = 10_000
"""Units below which shares are of characters; above it those of units come to the same."""
FINENESS = 16
"""What the mean unit counts for where they are weighed."""


@dataclasses.dataclass(frozen=True)
class DocumentSplits(Splits):
    """Three splits of passages; see `Splits`.

    The card also has `characters`, of each split.
    """

    train: Passages
    valid: Passages
    test: Passages
    scans: tuple[DocumentScan, ...] = ()


def read_documents(
    data,
    valid=None,
    test=None,
    settings: DocumentSettings | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> DocumentSplits:
    """Reads, checks and splits texts.

    One text, and one file of lines that are texts of their own, is cut in its order: train, then valid, then test. Of
    several files, or rows, whole ones are drawn by the seed, those of equal text together, so that the shares of
    characters hold to within one of them; a file that would fill a split on its own stays in train.

    Args:
        data: A path of a text file, of a folder of them, or of a table; 'python', the sources of the standard library;
            a DataFrame; or `tfds:NAME`. A folder whose files, or folders, are called train, valid and test has splits
            of its own.
        valid, test: A path or DataFrame, used whole, instead of what `data` may hold.
        settings: How they are read; they are cut by its `seed`, where it has one.
        progress: `progress(done, total)` in bytes.

    Raises:
        ValueError: It is no text, or too little.
        LookupError: A column isn't there.
        OSError: A file isn't there or can't be read, or changes while it is read.
    """
    settings = settings or DocumentSettings()
    sources = find_sources(data, settings)
    for name, given in (("valid", valid), ("test", test)):
        if given is not None:
            sources[name] = find_source(given, settings, name)
    meter = Meter(progress, sum(source.size for source in sources.values()))
    scans = {name: _scanned(source, settings, meter) for name, source in sources.items()}
    meter.finish()
    scans["train"], parts = _cut(scans, settings)
    splits = {
        name: Passages(scans["train"], parts == part) if name == "train" or name not in scans else _all(scans[name])
        for name, part in PARTS.items()
    }
    digests = [scan.sha256 for scan in scans.values()]
    card = {
        "path": path_of(data),
        "rows": {name: len(split) for name, split in splits.items()},
        "characters": {name: split.characters for name, split in splits.items()},
        "sha256": digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest(),
    }
    notes = (*(note for scan in scans.values() for note in scan.notes), *_compared(scans))
    return DocumentSplits(**splits, card=card, notes=notes, scans=tuple(scans.values()))


def read_passages(
    data, settings: DocumentSettings | None = None, progress: Callable[[int, int], object] | None = None
) -> Passages:
    """Reads and checks texts, to be scored and not split.

    Takes and raises what `read_documents` does, but `tfds:NAME`; of a folder all files are read. Any length will do.
    """
    settings = settings or DocumentSettings()
    source = find_source(data, settings, "data")
    meter = Meter(progress, source.size)
    scan = _scanned(source, settings, meter)
    meter.finish()
    return _all(scan)


def _scanned(source, settings, meter):
    return scan_documents(source, own=settings.lines == "own", skip=settings.skip_bad_rows, meter=meter)


def _all(scan):
    return Passages(scan, np.ones(len(scan.lengths), bool), scan.notes)


def _cut(scans, settings):
    """Returns train's scan, perhaps with more passages, and the split of each of them."""
    train = scans["train"]
    shares = {PARTS[name]: getattr(settings, f"{name}_share") for name in ("valid", "test") if name not in scans}
    used = np.unique(train.units)
    if len(used) == 1:
        return cut_in_order(train, shares)
    parts = np.zeros(len(train.unit_hashes), np.uint8)
    parts[used] = _drawn(train, used, shares, getattr(settings, "seed", 0))
    if missing := [name for name, part in PARTS.items() if part in shares and part not in parts[used]]:
        different = len(np.unique(train.unit_hashes[used]))
        raise ValueError(
            f"{train.table.name} has {len(used)} {train.table.units} with text ({different} different ones), too few "
            f"to cut {missing[0]} out of. At least {LEAST_GROUPS} different ones are needed. Add some, put them "
            "into one text file, or give --valid and --test files."
        )
    return train, parts[train.units]


def _drawn(scan, used, shares, seed):
    """Draws whole units; each counts for as many rows of `assign` as its share of the characters."""
    weights = np.ones(len(used), np.int64)
    if len(used) < FEW:
        lengths = np.bincount(scan.units, scan.lengths)[used]
        weights = np.maximum(np.rint(lengths / lengths.mean() * FINENESS).astype(np.int64), 1)
    hashes = np.repeat(scan.unit_hashes[used], weights)
    parts = assign(np.zeros(len(hashes), np.int32), hashes, shares, seed)
    return parts[np.cumsum(weights) - weights]


def _compared(scans) -> list[str]:
    notes, train = [], scans["train"]
    for name, scan in scans.items():
        if name != "train" and (seen := int(np.isin(scan.hashes, train.hashes).sum())):
            notes.append(
                f"{scan.table.name}: {seen:,} of {len(scan.hashes):,} texts are also in train; scores on them flatter."
            )
    return notes
