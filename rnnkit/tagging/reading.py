"""Reading: what the user named -> checked train, valid and test sentences, with a card of where they come from."""

import dataclasses
import hashlib
from collections.abc import Callable

import numpy as np

from rnnkit.messages import few_of
from rnnkit.sources.splits import PARTS, Splits
from rnnkit.sources.splitting import LEAST_GROUPS
from rnnkit.sources.table import Meter
from rnnkit.tagging.cutting import cut
from rnnkit.tagging.locate import find_source, find_sources, path_of
from rnnkit.tagging.rows import TaggedRows
from rnnkit.tagging.scan import TaggedScan, scan_tagged
from rnnkit.tagging.settings import TaggedSettings


@dataclasses.dataclass(frozen=True)
class TaggedSplits(Splits):
    """Three splits of tagged sentences; see `Splits`.

    The card also has `scheme`, what the tags of train were written in ("none" where each stands alone), and
    `labels`, those of its entities, or its tags, in order.
    """

    train: TaggedRows
    valid: TaggedRows
    test: TaggedRows
    scans: tuple[TaggedScan, ...] = ()


def read_tagged(
    data,
    valid=None,
    test=None,
    settings: TaggedSettings | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> TaggedSplits:
    """Reads, checks and splits sentences with their tags.

    Sentences of equal tokens are all in one split. Where the data have 20 documents or more, so are those of one
    document; sentences of valid and test that another one has before them are left out then.

    Args:
        data: A path of a file of columns, of a table with one token a row, of rows with lists of tokens and tags or
            texts with spans, or of a folder; a DataFrame; or `tfds:NAME`.
        valid, test: A file or DataFrame, used as it is, instead of what `data` may hold.
        settings: How they are read; they are cut by its `seed`, where it has one.
        progress: `progress(done, total)` in bytes.

    Raises:
        ValueError: Sentences, tags or the format are not as they must be, or there is nothing to learn.
        LookupError: A column isn't there.
        OSError: A file isn't there or can't be read.
    """
    settings = settings or TaggedSettings()
    format = settings.format()
    sources = find_sources(data, format)
    for name, given in (("valid", valid), ("test", test)):
        if given is not None:
            sources[name] = find_source(given, format, name)
    meter = Meter(progress, sum(source.size for source in sources.values()))
    scans = {"train": scan_tagged(sources["train"], settings, meter)}
    for name, source in sources.items():
        if name != "train":
            scans[name] = scan_tagged(source, settings, meter, like=scans["train"].scheme)
    meter.finish()
    _check_labels(scans["train"])
    splits, notes = _cut(scans, settings)
    notes = (*(note for scan in scans.values() for note in scan.notes), *notes, *_compared(scans))
    rows = {name: len(split) for name, split in splits.items()}
    digests = [scan.sha256 for scan in scans.values()]
    sha256 = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    labels = sorted(scans["train"].labels())
    card = {"path": path_of(data), "rows": rows, "sha256": sha256, "scheme": scans["train"].scheme, "labels": labels}
    return TaggedSplits(**splits, card=card, notes=notes, scans=tuple(scans.values()))


def _check_labels(train: TaggedScan):
    labels, table = train.labels(), train.table
    if train.scheme == "none" and len(labels) == 1:
        raise ValueError(
            f"{table.name} has one tag only in column {table.tags}: {few_of(list(labels))}. There must be at least 2 "
            "to tell apart. Is it the right column? Say which is: --columns tags=…"
        )
    if not labels:
        raise ValueError(
            f"{table.name} has no entity: all {sum(map(len, train.tags)):,} tags in column {table.tags} are 'O'. "
            "Is it the right column? Say which is: --columns tags=…"
        )


def _cut(scans, settings):
    train = scans["train"]
    shares = {PARTS[name]: getattr(settings, f"{name}_share") for name in ("valid", "test") if name not in scans}
    parts, notes = cut(train, shares, getattr(settings, "seed", 0))
    splits = {}
    for name, part in PARTS.items():
        whole = name != "train" and name in scans
        splits[name] = scans[name].rows() if whole else train.rows(parts == part)
        if not len(splits[name]):
            raise ValueError(
                f"{train.table.name} has {len(train.tokens)} sentences ({len(np.unique(train.hashes))} different "
                f"ones), too few to cut {name} sentences out of. At least {LEAST_GROUPS} different ones are needed. "
                "Add sentences, or give --valid and --test files."
            )
    return splits, notes


def _compared(scans) -> tuple[str, ...]:
    """Compares splits of their own with train: refuses those with tags of another kind; returns remarks."""
    train, notes = scans["train"], []
    known = train.labels()
    for name, scan in scans.items():
        if name == "train":
            continue
        if (scan.scheme == "none") != (train.scheme == "none"):
            kinds = {True: "tags that each stand alone", False: "entities"}
            raise ValueError(
                f"{scan.table.name} has {kinds[scan.scheme == 'none']} in column {scan.table.tags} and "
                f"{train.table.name} {kinds[train.scheme == 'none']} in column {train.table.tags}. Name the same "
                "column of both: --columns tags=…, or say what the tags are: --scheme bio, say."
            )
        if scan.scheme != train.scheme:
            notes.append(f"{scan.table.name}: its tags are read as {scan.scheme}, those of train as {train.scheme}.")
        if new := {label: count for label, count in scan.labels().items() if label not in known}:
            count = sum(new.values())
            notes.append(
                f"{scan.table.name}: {count:,} token{'s' * (count != 1)} tagged {few_of(list(new))}, which train never "
                "has; they count as missed."
            )
        if seen := int(np.isin(scan.hashes, train.hashes).sum()):
            notes.append(
                f"{scan.table.name}: {seen:,} of {len(scan.hashes):,} sentences are also in train; scores on them "
                "flatter."
            )
    return tuple(notes)


def read_tagged_rows(
    data, settings: TaggedSettings | None = None, progress: Callable[[int, int], object] | None = None
) -> TaggedRows:
    """Reads and checks one source of tagged sentences, to be scored and not split.

    Takes and raises what `read_tagged` does, but a folder and `tfds:NAME`; sentences without any entity will do.
    """
    settings = settings or TaggedSettings()
    source = find_source(data, settings.format(), "data")
    meter = Meter(progress, source.size)
    scan = scan_tagged(source, settings, meter)
    meter.finish()
    return scan.rows(notes=scan.notes)
