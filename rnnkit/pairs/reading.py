"""Reading: what the user named -> checked train, valid and test pairs, with a card of where they come from."""

import dataclasses
import hashlib
from collections.abc import Callable

import numpy as np

from rnnkit.pairs import filters
from rnnkit.pairs.languages import known_words, shares_known, swapped
from rnnkit.pairs.locate import find_pair_table, find_pair_tables, path_of, size_of
from rnnkit.pairs.parallel import ParallelFiles
from rnnkit.pairs.rows import PairRows
from rnnkit.pairs.scan import PairScan, scan_pairs
from rnnkit.pairs.settings import PairSettings
from rnnkit.sources.splits import PARTS, Splits
from rnnkit.sources.splitting import LEAST_GROUPS, assign
from rnnkit.sources.table import Meter

KNOWN_FROM = 100_000
"""Most pairs of train whose words are looked at, spread evenly."""
FOREIGN = 0.4
"""Share of known words below which a side is in another language, it seems."""


@dataclasses.dataclass(frozen=True)
class PairSplits(Splits):
    """Three splits of pairs; see `Splits`."""

    train: PairRows
    valid: PairRows
    test: PairRows
    scans: tuple[PairScan, ...] = ()


def read_pairs(
    data,
    valid=None,
    test=None,
    settings: PairSettings | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> PairSplits:
    """Reads, checks, filters and splits pairs of a text and its translation.

    Pairs of equal text, but for white space, are all in one split. The filters of the settings are for `data`,
    before it is cut; splits of its own, and `valid` and `test`, are used as they are.

    Args:
        data: Two paths with a comma between, what is read first; a path of a table or of a folder;
            a DataFrame; or `tfds:NAME`.
        valid, test: Two paths, a table or a DataFrame, instead of what `data` may hold.
        settings: How they are read, and which are left out; they are cut by its `seed`, where it has one.
        progress: `progress(done, total)` in bytes.

    Raises:
        ValueError: Rows or the format are not as they must be, two files differ in length, or a split has
            the languages the other way round than train.
        LookupError: A column isn't there.
        OSError: A file isn't there or can't be read.
    """
    settings = settings or PairSettings()
    format = settings.format()
    tables, notes = find_pair_tables(data, format)
    given = {name: table for name, table in (("valid", valid), ("test", test)) if table is not None}
    for name, table in given.items():
        tables[name], more = find_pair_table(table, format, name, like=tables["train"])
        notes += more
    meter = Meter(progress, size_of(tables))
    scans = {name: scan_pairs(table, skip=format.skip_bad_rows, meter=meter) for name, table in tables.items()}
    meter.finish()
    notes += tuple(scan.faults.note(scan.table.name) for scan in scans.values() if scan.faults.total)
    scans["train"], more = _filtered(scans["train"], settings)
    splits = _cut(scans, settings)
    notes += more + _compared(scans, splits["train"], given)
    rows = {name: len(split) for name, split in splits.items()}
    digests = [scan.sha256 for scan in scans.values()]
    sha256 = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    card = {"path": path_of(data), "rows": rows, "sha256": sha256}
    return PairSplits(**splits, card=card, notes=notes, scans=tuple(scans.values()))


def _filtered(scan, settings):
    out, counts = filters.left_out(scan, settings)
    if not counts:
        return scan, ()
    codes = np.where(out, -1, scan.codes)
    if not (codes >= 0).any():
        raise ValueError(filters.refusal(scan.table.name, counts))
    return dataclasses.replace(scan, codes=codes), (filters.note(scan.table.name, counts),)


def _cut(scans, settings):
    train = scans["train"]
    shares = {PARTS[name]: getattr(settings, f"{name}_share") for name in ("valid", "test") if name not in scans}
    parts = assign(train.codes, train.hashes, shares, getattr(settings, "seed", 0))
    splits = {}
    for name, part in PARTS.items():
        cut = name == "train" or name not in scans
        splits[name] = train.rows(parts == part) if cut else scans[name].rows(scans[name].codes >= 0)
        if not len(splits[name]):
            used = train.codes >= 0
            raise ValueError(
                f"{train.table.name} has {np.count_nonzero(used)} pairs "
                f"({len(np.unique(train.hashes[used]))} different texts), too few to cut {name} pairs out of. "
                f"At least {LEAST_GROUPS} different texts are needed. Add pairs, or give --valid and --test files."
            )
    return splits


def _compared(scans, train: PairRows, given) -> tuple[str, ...]:
    """Compares splits of their own with train: refuses those in the other order; returns remarks."""
    others = {name: scan for name, scan in scans.items() if name != "train"}
    if not others:
        return ()
    spread = slice(None, None, max(len(train) // KNOWN_FROM, 1))
    known = known_words(train.texts[spread]), known_words(train.translations[spread])
    notes = []
    for name, scan in others.items():
        rows = scan.rows(scan.codes >= 0)
        if swapped(rows.texts, rows.translations, *known):
            raise ValueError(_swapped(rows, name, scan.table, scans["train"].table, known, given))
        for side, texts, own in zip(("text", "translation"), (rows.texts, rows.translations), known, strict=True):
            count, (share,) = shares_known(texts, own)
            if count and share < FOREIGN:
                notes.append(
                    f"{scan.table.name}: train has {share:.0%} of the words of its side {side!r}. Is it that language?"
                )
        used = scan.hashes[scan.codes >= 0]
        if seen := int(np.isin(used, scans["train"].hashes[scans["train"].codes >= 0]).sum()):
            notes.append(
                f"{scan.table.name}: {seen:,} of {len(used):,} texts are also in train; scores on them flatter."
            )
    return tuple(notes)


def _swapped(rows, name, table, train, known, given):
    _, (straight, crossed) = shares_known(rows.texts, *known)
    ways = [f"--{name} {table.swapped()}"] if name in given and isinstance(table, ParallelFiles) else []
    ways += [f"--data {train.swapped()}"] if given and isinstance(train, ParallelFiles) else []
    mend = f"Give {' or '.join(ways)}." if ways else "Let both have the same language on the same side."
    return (
        f"{table.name} looks swapped, beside {train.name}: of its words to be read, train writes {crossed:.0%} and "
        f"reads {straight:.0%}. {mend}"
    )


def read_pair_rows(
    data, settings: PairSettings | None = None, progress: Callable[[int, int], object] | None = None
) -> PairRows:
    """Reads and checks one table of pairs, to be scored and neither filtered nor split.

    Takes and raises what `read_pairs` does, but a folder and `tfds:NAME`.
    """
    settings = settings or PairSettings()
    format = settings.format()
    table, notes = find_pair_table(data, format, "data")
    meter = Meter(progress, table.size)
    scan = scan_pairs(table, skip=format.skip_bad_rows, meter=meter)
    meter.finish()
    if scan.faults.total:
        notes += (scan.faults.note(table.name),)
    return scan.rows(scan.codes >= 0, notes)
