"""Reading: what the user named -> readings of sensors, with their true windows; three parts of them, or all as one.

table or lines -> Readings -> spans by time, or by chance where each is an example -> train, valid and test
"""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Mapping

import numpy as np

from rnnkit.detecting.line_readings import read_lines
from rnnkit.detecting.moments import moment_text
from rnnkit.detecting.parts import DetectionSplits, Part
from rnnkit.detecting.readings import Readings
from rnnkit.detecting.remarks import on_overlap, on_sensors
from rnnkit.detecting.row_readings import read_table
from rnnkit.detecting.settings import LINES, NONE, DetectionSourceSettings
from rnnkit.detecting.splitting import split_examples, split_rows, without
from rnnkit.detecting.true_windows import TrueWindows
from rnnkit.messages import few_of
from rnnkit.series.roles import check_column
from rnnkit.sources.data_frames import is_data_frame
from rnnkit.sources.splitting import LEAST_GROUPS
from rnnkit.sources.table import Meter

NAMES = ("train", "valid", "test")
LEAST_EXAMPLES = {"train": 2, "valid": 1, "test": 1}
Progress = Callable[[int, int], object]


def read_readings(
    data, settings: DetectionSourceSettings, meter: Meter | None = None, facts: Mapping | None = None
) -> Readings:
    """Reads and checks a table of sensors, or lines that are one example each.

    Args:
        data: A path or a DataFrame.
        settings: Which column is what.
        meter: Counts what is read.
        facts: A model's, to read other data as its own; see `detection_facts`. Then the true windows of the JSON file
            that the model was trained with may be of other tables: these are read as ones of which nothing is known.

    Raises:
        ValueError, LookupError, OSError: As the message says.
    """
    ours = bool(facts) and settings.windows == facts["windows"]
    true, notes = _opened(settings, lenient=ours)
    readings = _read(data, settings, meter or Meter(), facts, true, lenient=ours)
    if true and not ours:
        true.refuse_outside()
    if true and ours and true.missed:
        notes.append(f"{readings.name}: all windows of {true.name} lie outside; nothing is known of its true windows.")
        readings = dataclasses.replace(readings, kinds=None, windows=())
    return dataclasses.replace(readings, notes=(*readings.notes, *notes))


def _opened(settings, *, lenient) -> tuple[TrueWindows | None, list[str]]:
    if not settings.windows:
        return None, []
    try:
        return TrueWindows(settings.windows), []
    except OSError as error:
        if not lenient:
            raise
        return None, [f"nothing is known of true windows: {error.args[0]}"]


def _read(data, settings, meter, facts, true, *, lenient) -> Readings:
    if settings.layout == LINES:
        return read_lines(data, settings, meter, facts)
    return read_table(data, settings, meter, facts, true=true, lenient=lenient)


def detection_facts(readings: Readings, settings: DetectionSourceSettings) -> dict:
    """Returns what must be known of the data of a model to read other data alike, as plain JSON.

    Keys: `columns, category_names, static_names, zone, period, kind_names, whole, length, normal, windows`.
    """
    return {
        "columns": readings.columns.as_dict(),
        # Where columns are read, so are covariates; there are none.
        "category_names": [],
        "static_names": [],
        "zone": readings.zone,
        "period": readings.period,
        "kind_names": list(readings.kind_names),
        "whole": readings.whole,
        "length": int(readings.starts[1]) if readings.whole else 0,
        "normal": list(readings.normal),
        "windows": settings.windows,
    }


def read_part(data, settings: DetectionSourceSettings, facts: Mapping, progress: Progress | None = None) -> Part:
    """Reads other data as a model's own, all of its rows, to be scored.

    Args:
        data: A path or a DataFrame.
        settings: The model's, with the names of columns here.
        facts: Of the model; see `detection_facts`.
        progress: `progress(done, total)` in bytes.

    Returns:
        The rows, with `notes` and a `card` as that of `DetectionSplits`, `rows` in all.

    Raises:
        ValueError, LookupError, OSError: As `read_detection`.
    """
    meter = Meter(progress, _size(data))
    readings = read_readings(data, settings, meter, facts)
    meter.finish()
    card = {"path": _path(data), "rows": 0, "sha256": readings.sha256, **_described(readings)}
    part = Part(readings, readings.spans(), readings.notes, card)
    card["rows"] = len(part)
    return part


def read_detection(
    data,
    valid=None,
    test=None,
    settings: DetectionSourceSettings | None = None,
    progress: Progress | None = None,
    *,
    least_rows: int = 2,
) -> DetectionSplits:
    """Reads readings and cuts them: rows by time, examples by chance.

    A `valid` or `test` of its own is used whole. Where the settings say so, the rows of train inside true windows are
    left out, so that spans end before them and others begin after them.

    Args:
        data: A path or a DataFrame.
        valid, test: The same; None to cut them out of `data`.
        settings: Which column is what, and how it is read; with a `seed` where there is one.
        progress: `progress(done, total)` in bytes.
        least_rows: Rows that the longest span of each part must have; of examples there must be one, in train two.

    Raises:
        ValueError: Values, stamps, labels or settings are not as they must be, or there are too few rows.
        LookupError: A column isn't there, or no true windows are told of this data.
        OSError: A file isn't there or can't be read.
    """
    settings = settings or DetectionSourceSettings()
    given = {name: table for name, table in (("valid", valid), ("test", test)) if table is not None}
    meter = Meter(progress, sum(map(_size, (data, *given.values()))))
    true, _ = _opened(settings, lenient=False)
    readings = {"train": _read(data, settings, meter, None, true, lenient=bool(given))}
    facts = detection_facts(readings["train"], settings)
    for name, table in given.items():
        readings[name] = _read(table, settings, meter, facts, true, lenient=True)
    meter.finish()
    _check_told(readings, settings, data, true)
    parts, notes = _parts(readings, settings, [name for name in NAMES if name not in given])
    for name, part in parts.items():
        _check_size(part, name, least_rows, own=name in given)
    train = parts["train"]
    if not train.readings.whole:
        notes += on_sensors(train)
    notes = [note for read in readings.values() for note in read.notes] + notes
    notes += [note for name in given for note in on_overlap(train, parts[name])]
    sources = (*readings.values(), *([true] if true else []))
    card = {
        "path": _path(data),
        "rows": {name: len(parts[name]) for name in NAMES},
        "sha256": _sha256(sources),
        **_described(readings["train"]),
    }
    return DetectionSplits(**parts, card=card, notes=tuple(notes), settings=settings, sources=sources)


def _check_told(readings, settings, data, true):
    """Refuses true windows that no table has, or that lie in none."""
    first = readings["train"]
    if all(read.kinds is None for read in readings.values()):
        if true:
            true.place(data, first)
        elif label := settings.label.strip() if settings.label.strip() != NONE else "":
            check_column(first.name, first.source.columns, settings.format().columns, label)
    if true:
        true.refuse_outside()


def _parts(readings, settings, names) -> tuple[dict[str, Part], list[str]]:
    """Cuts `names` out of the data; the others are as they were given. Returns the three parts, and remarks."""
    first, notes = readings["train"], []
    if first.whole:
        spans = split_examples(first, settings, names, getattr(settings, "seed", 0))
        notes += _on_rare(first, names)
    else:
        spans = split_rows(first, settings, names)
    parts = {name: Part(first, spans[name]) for name in names}
    parts |= {name: Part(read, read.spans()) for name, read in readings.items() if name != "train"}
    parts["train"], more = _to_learn_from(parts["train"], settings)
    return {name: parts[name] for name in NAMES}, [*notes, *more]


def _to_learn_from(train: Part, settings) -> tuple[Part, list[str]]:
    """Leaves rows inside true windows out of train where they are to be, and tells of them."""
    readings, strange = train.readings, train.strange
    what, which, count, total = "rows", "in true windows", int(strange.sum()), len(strange)
    if readings.whole:
        length = int(readings.starts[1])
        what, which, count, total = "lines", "not normal", count // length, total // length
    if not count:
        return train, []
    if count == total:
        raise ValueError(
            f"{readings.name}: all {total:,} {what} of train are {which}, so there is nothing normal to learn from. "
            "Give train others (--split), or say which labels mean normal (--normal)."
        )
    told = f"{readings.name}: of {total:,} {what} of train, {count:,} are {which}"
    if not settings.normal_only:
        return train, [f"{told}; a detector learns them as usual, --train-on normal leaves them out."]
    return dataclasses.replace(train, spans=without(train.spans, readings.kinds >= 0)), [f"{told}; they are left out."]


def _on_rare(readings: Readings, names) -> list[str]:
    """Tells of kinds with too few examples to be in every part that is cut.

    Raises:
        ValueError: So few are normal.
    """
    kinds = readings.kinds[readings.starts[:-1]]
    counts = np.bincount(kinds + 1, minlength=len(readings.kind_names) + 1).tolist()
    if len(names) == 1:
        return []
    if counts[0] < LEAST_GROUPS:
        raise ValueError(
            f"{readings.name} has {counts[0]:,} lines with label {few_of(readings.normal)}, which means normal, and at "
            f"least {LEAST_GROUPS} are needed, one for each part. Add lines, or say which are normal (--normal)."
        )
    rare = [kind for kind, count in zip(readings.kind_names, counts[1:], strict=True) if 0 < count < LEAST_GROUPS]
    if not rare:
        return []
    return [f"{readings.name}: fewer than {LEAST_GROUPS} lines have label {few_of(rare)}, so not every part has one."]


def _check_size(part: Part, name, least_rows, *, own):
    readings = part.readings
    flag = f"--split, --{name}-share" if name != "train" else "--split"
    mend = "Add rows." if own else f"Give it more of them ({flag}), or add rows."
    if readings.whole:
        if len(part) < LEAST_EXAMPLES[name]:
            raise ValueError(
                f"{readings.name} has {len(part):,} lines for {name}, and at least {LEAST_EXAMPLES[name]} are needed. "
                + mend.replace("rows", "lines")
            )
        return
    longest = int(part.lengths.max(initial=0))
    if longest < least_rows:
        stretch = f", the longest stretch {longest:,}," if len(part.spans) > 1 else ""
        edges = " to ".join(moment_text(int(edge(readings.seconds)), readings.zone) for edge in (np.min, np.max))
        raise ValueError(
            f"{readings.name} has {len(part):,} rows for {name}{stretch} and at least {least_rows:,} are needed. "
            f"It has {len(readings.seconds):,} in all, from {edges}. {mend}"
        )


def _size(table):
    try:
        return os.path.getsize(table)
    except (TypeError, OSError, ValueError):
        return 0


def _path(data):
    return "DataFrame" if is_data_frame(data) else os.fspath(data)


def _sha256(sources):
    digests = [source.sha256 for source in sources]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _described(readings: Readings) -> dict:
    span = None
    if not readings.whole:
        span = [moment_text(int(edge(readings.seconds))) for edge in (np.min, np.max)]
    return {"series": len(readings.ids), "span": span, "period": readings.period}
