"""Splits: a table of series -> train, valid and test windows, split by time alone."""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterator

import numpy as np

from rnnkit.series.checks import check_series, check_targets, without_short, would_do
from rnnkit.series.cutting import boundaries, cut, spaced
from rnnkit.series.facts import scales_for, series_card
from rnnkit.series.filling import fill_gaps
from rnnkit.series.frequency import Frequency
from rnnkit.series.grid import build_panel
from rnnkit.series.loading import load
from rnnkit.series.panel import Panel
from rnnkit.series.rows import Rows
from rnnkit.series.scales import learn_scales
from rnnkit.series.settings import SeriesSettings
from rnnkit.series.stamp_texts import stamp_text
from rnnkit.series.windows import Windows
from rnnkit.sources.data_frames import is_data_frame
from rnnkit.sources.splits import Splits
from rnnkit.sources.table import Meter

NAMES = ("train", "valid", "test")


@dataclasses.dataclass(frozen=True)
class SeriesSplits(Splits):
    """Three splits of windows; see `Splits`.

    Attributes:
        settings: They were cut by.
        limits: Ticks at which train, valid and test begin in the panel of `train`, and the end.
        sources: What was read, with the stamp and hash of then.
    """

    settings: SeriesSettings | None = None
    limits: tuple[int, ...] = ()
    sources: tuple[Rows, ...] = ()

    def changed(self) -> tuple[str, ...]:
        """Returns a remark for each file that is no longer as it was when it was read."""
        remarks = []
        for rows in self.sources:
            try:
                same = rows.source.stamp() == rows.stamp
            except OSError:
                same = False
            if not same:
                remarks.append(
                    f"{rows.name} has changed during the run; what was read had SHA-256 {rows.sha256[:12]}…."
                )
        return tuple(remarks)

    def edges(self, count: int) -> list[int]:
        """Returns the ticks between which the blocks of `folds` lie, which asks whether there can be so many.

        Raises:
            ValueError: As `folds`.
        """
        if len(self.limits) != 4:
            raise ValueError("A backtest needs a test part cut from the data. Leave --valid and --test out.")
        test, end = self.limits[2:]
        edges = np.linspace(test, end, count + 1).round().astype(np.int64).tolist()
        if count < 1 or np.diff(edges).min() < self.settings.horizon:
            raise ValueError(
                f"backtest must be between 1 and {(end - test) // self.settings.horizon}, so that each block has "
                f"{self.settings.horizon} steps or more; the test part has {end - test:,}. Got {count}."
            )
        return edges

    def folds(self, count: int) -> "Iterator[SeriesSplits]":
        """Yields splits for a walk-forward backtest, the earliest first.

        The test part is cut into `count` blocks of equal time; the windows of a block are its test,
        all before it is train and valid, in the proportion they have here. Scales are learnt anew.

        Raises:
            ValueError: A block is shorter than the horizon, or the test is a file of its own.
        """
        edges = self.edges(count)
        train, valid, test, _ = self.limits
        share = (test - valid) / (test - train)
        for begin, stop in zip(edges, edges[1:], strict=False):
            middle = begin - max(round(share * (begin - train)), 1)
            yield _splits(self.train.panel, self.settings, (train, middle, begin, stop), self.card, self.sources, [])


def read_splits(
    data,
    valid=None,
    test=None,
    settings: SeriesSettings | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> SeriesSplits:
    """Reads a table of series and cuts it by time.

    The windows of a split are all those whose whole horizon lies within its steps; the look-back may
    reach back into the split before. All series are cut at the same times. A `valid` or `test` of
    its own is used as it is, its windows wholly inside it.

    Args:
        data: A path or a DataFrame.
        valid, test: The same; None to cut them out of `data`.
        settings: Which column is what, and how it is read.
        progress: `progress(done, total)` in bytes.

    Raises:
        ValueError: Values, stamps or settings are not as they must be.
        LookupError: A column isn't there.
        OSError: A file isn't there or can't be read.
    """
    settings = settings or SeriesSettings()
    meter = Meter(progress, sum(_size(table) for table in (data, valid, test)))
    rows = load(data, settings, meter)
    panel, notes = build_panel(rows, settings)
    notes = [*rows.notes, *notes]
    panel, remarks = without_short(panel, settings, rows.name)
    notes += remarks
    check_targets(panel, settings, rows.name)
    given = {name: table for name, table in (("valid", valid), ("test", test)) if table is not None}
    limits = _limits(panel, settings, given)
    card = {"path": "DataFrame" if is_data_frame(data) else os.fspath(data)}
    splits = _splits(panel, settings, limits, card, (rows,), notes, tuple(given))
    facts = series_card(splits.train)
    parts, sources = {}, [rows]
    for name, table in given.items():
        parts[name], more, source = _given(table, settings, facts, splits.train, name, meter)
        notes += more
        sources.append(source)
    meter.finish()
    return _finished(splits, parts, sources, notes, card)


def _size(table):
    try:
        return os.path.getsize(table)
    except (TypeError, OSError, ValueError):
        return 0


def _limits(panel, settings, given):
    """Returns the ticks at which the parts that `data` holds begin, and the end."""
    if list(given) == ["valid"]:
        # The one part that is cut is the test.
        settings = dataclasses.replace(settings, valid_share=settings.test_share)
    return boundaries(panel, settings, parts=3 - len(given))


def _splits(panel: Panel, settings, limits, card, sources, notes, given=()) -> SeriesSplits:
    """Fills, scales and cuts a panel into those parts that aren't given."""
    panel = fill_gaps(panel, settings.gaps, limits[1:-1])
    inside = (panel.ticks >= limits[0]) & (panel.ticks < limits[1])
    name = sources[0].name
    notes += check_series(panel, settings, inside, name)
    scales = learn_scales(panel, settings.season or panel.frequency.season, inside)
    cut_here = [part for part in NAMES if part not in given]
    parts = {}
    for part, begin, end in zip(cut_here, limits[:-1], limits[1:], strict=True):
        cuts, dropped = cut(panel, settings, begin, end, settings.stride if part == "train" else 1)
        _check_windows(cuts, dropped, settings, begin, end, panel, part, name)
        if dropped:
            notes.append(f"{name}: {dropped:,} windows of {part} left out, as their targets are wholly unknown.")
        parts[part] = Windows(panel, _scored(cuts, settings, part, name, notes), settings, scales, (begin, end))
    rows = {part: len(windows) for part, windows in parts.items()}
    parts = {part: parts.get(part, parts["train"]) for part in NAMES}
    card = {**card, "rows": rows}
    return SeriesSplits(
        **parts, card=card, notes=tuple(notes), settings=settings, limits=limits, sources=tuple(sources)
    )


def _scored(cuts, settings, part, name, notes):
    if part == "train":
        return cuts
    kept = spaced(cuts, settings.most_scored)
    if len(kept) < len(cuts):
        notes.append(
            f"{name}: {len(kept):,} of {len(cuts):,} {part} windows are scored, evenly spaced; all: --most-scored 0"
        )
    return kept


def _check_windows(cuts, dropped, settings, begin, end, panel, part, name):
    if len(cuts):
        return
    inside = (panel.ticks >= begin) & (panel.ticks < end)
    steps = int(np.bincount(panel.series()[inside], minlength=1).max()) if inside.any() else 0
    window, horizon = settings.window, settings.horizon
    if dropped:
        raise ValueError(
            f"{name}: all {dropped:,} windows of {part} have targets that are wholly unknown. "
            "Take another --split, or a longer --window or --horizon."
        )
    if part == "train":
        raise ValueError(
            f"{name} has {steps:,} steps to train on, and window + horizon are {window} + {horizon} = "
            f"{window + horizon}. {would_do(steps, horizon)}, or add rows, or give train more of them (--split)."
        )
    raise ValueError(
        f"{name} has {steps:,} steps for {part}, and the horizon is {horizon}. "
        f"Give it more (--{part}-share, --split) or take a shorter --horizon."
    )


def _given(table, settings, facts, train: Windows, name, meter):
    """Reads a split that is a file of its own."""
    windows, rows = windows_of(table, settings, facts, name, meter)
    notes, earliest = list(windows.notes), windows.panel.seconds[windows.cuts].min()
    if earliest <= train.panel.seconds[train.inside].max():
        first = stamp_text(np.array([earliest]))[0].decode()
        notes.append(f"{rows.name}: its windows begin at {first}, before train ends; scores on them may flatter.")
    return windows, notes, rows


def windows_of(table, settings, facts: dict, name: str, meter: Meter) -> tuple[Windows, Rows]:
    """Reads other data by what a model knows of its own; all windows wholly inside it, as far as they are scored."""
    rows = load(table, settings, meter, facts)
    panel, notes = build_panel(rows, settings, Frequency.from_dict(facts["frequency"]))
    panel = fill_gaps(panel, settings.gaps, ())
    cuts, dropped = cut(panel, settings, int(panel.ticks.min()), int(panel.ticks.max()) + 1)
    notes = [*rows.notes, *notes]
    if not len(cuts):
        steps = int(panel.lengths.max())
        unknown = f", and the targets of all {dropped:,} windows are unknown" if dropped else ""
        raise ValueError(
            f"{rows.name} has {steps:,} steps, and a window with its horizon takes "
            f"{settings.window} + {settings.horizon}{unknown}. Add rows."
        )
    if dropped:
        notes.append(f"{rows.name}: {dropped:,} windows left out, as their targets are wholly unknown.")
    cuts = _scored(cuts, settings, name, rows.name, notes)
    windows = Windows(panel, cuts, settings, scales_for(facts, panel))
    windows.notes = tuple(notes)
    return windows, rows


def _finished(splits, parts, sources, notes, card):
    digests = [rows.sha256 for rows in sources]
    splits = dataclasses.replace(splits, **parts)
    panel = splits.train.panel
    first, last = (stamp_text(np.array([edge]))[0].decode() for edge in (panel.seconds.min(), panel.seconds.max()))
    card |= {
        "rows": {name: len(getattr(splits, name)) for name in NAMES},
        "sha256": digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest(),
        "steps": panel.steps,
        "series": len(panel.ids),
        "frequency": panel.frequency.text,
        "span": [first, last],
    }
    return dataclasses.replace(splits, card=card, notes=tuple(notes), sources=tuple(sources))
