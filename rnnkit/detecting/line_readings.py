"""Line readings: lines that are one example each, the label first and then its values -> readings.

The form is that of the UCR archive, https://www.cs.ucr.edu/~eamonn/time_series_data_2018/.
"""

import dataclasses

import numpy as np

from rnnkit.detecting.labels import canonical, is_number, line_kinds, most_frequent, normal_labels
from rnnkit.detecting.readings import Readings
from rnnkit.detecting.remarks import on_rows
from rnnkit.detecting.settings import DetectionSourceSettings
from rnnkit.messages import few_of
from rnnkit.series.cells import LARGEST, is_missing
from rnnkit.series.columns import Columns
from rnnkit.series.frame_source import FrameSource
from rnnkit.sources.cells import undecodable
from rnnkit.sources.data_frames import is_data_frame
from rnnkit.sources.faults import Fault, FaultLog
from rnnkit.sources.locate import existing, table_ending
from rnnkit.sources.table import Meter
from rnnkit.sources.text_lines import TextLines

VALUE = "value"
NO_NUMBER, NO_LABEL = "a value that is no number", "no label"
INFINITE = Fault("an infinite value")


@dataclasses.dataclass(frozen=True)
class _Lines:
    """Examples as they were read: the label of each, `(examples, values)` float32, and `(examples,)` places."""

    labels: list[str]
    values: np.ndarray
    places: np.ndarray
    faults: FaultLog
    name: str
    sha256: str
    source: object
    stamp: object


def read_lines(data, settings: DetectionSourceSettings, meter: Meter, facts: dict | None = None) -> Readings:
    """Reads and checks examples; each becomes a series of its own, whose steps are a second.

    Args:
        data: A path of lines, perhaps gzipped, with blanks, commas or tabs between label and values; of a .parquet
            file; or a DataFrame whose first column is the label.
        settings: Say which labels are normal.
        meter: Counts what is read.
        facts: A model's, whose kinds, normal labels and length are taken; see `detection_facts`.

    Raises:
        ValueError: Lines are not as they must be.
        LookupError: No line has a label that is said to be normal.
        OSError: The file can't be read.
    """
    framed = is_data_frame(data) or table_ending(str(data)) == ".parquet"
    read = (_from_frame if framed else _from_text)(data, settings, meter)
    if read.faults.total and not settings.skip_bad_rows:
        raise ValueError(read.faults.refusal(read.name))
    notes = [read.faults.note(read.name)] if read.faults.total else []
    if not read.labels:
        raise ValueError(f"{read.name} has no lines that can be used. It must have one for each example.")
    count, length = read.values.shape
    if facts and length != facts["length"]:
        raise ValueError(
            f"{read.name} has {length:,} values a line, and the model's examples have {facts['length']:,}. "
            "Cut them alike."
        )
    labels = [canonical(label) for label in read.labels]
    normal, more = _normal(labels, settings, facts, read.name)
    known = tuple(facts["kind_names"]) if facts else ()
    kinds, names = line_kinds(labels, normal=normal, where=f"{read.name}: its first column", known=known)
    starts = np.arange(count + 1) * length
    strange = np.flatnonzero(kinds >= 0)
    readings = Readings(
        name=read.name,
        columns=Columns("", "", (VALUE,)),
        zone="",
        ids=tuple(map(str, read.places.tolist())),
        starts=starts,
        seconds=np.tile(np.arange(length, dtype=np.int64), count),
        values=read.values.reshape(-1, 1),
        kinds=np.repeat(kinds, length),
        kind_names=names,
        windows=tuple((int(starts[row]), int(starts[row + 1]) - 1, int(kinds[row])) for row in strange),
        places=np.repeat(read.places, length),
        unit=read.faults.unit,
        period=1,
        whole=True,
        notes=(),
        sha256=read.sha256,
        source=read.source,
        stamp=read.stamp,
        normal=tuple(sorted(normal)),
    )
    return dataclasses.replace(readings, notes=(*notes, *more, *on_rows(readings)))


def _normal(labels, settings, facts, name) -> tuple[frozenset[str], list[str]]:
    """Returns the labels that mean normal, in lower case, and what is to be told of them."""
    if normal := normal_labels(settings.normal):
        if not facts and not normal & {label.casefold() for label in labels}:
            raise LookupError(
                f"{name} has no line with label {few_of(sorted(normal))}. It has {few_of(sorted(set(labels)))}. "
                "Say which of them mean normal: --normal."
            )
        return normal, []
    if facts:
        return frozenset(facts["normal"]), []
    label, count = most_frequent(labels, name)
    note = (
        f"{name}: label {label!r}, that of {count:,} of {len(labels):,} lines, is taken for normal; --normal says so."
    )
    return frozenset([label.casefold()]), [note]


def _from_text(data, settings, meter) -> _Lines:
    if existing(data).is_dir():
        raise IsADirectoryError(f"{data} is a folder. Name a file of lines.")
    table = TextLines(data, "line", settings.encoding)
    stamp, faults = table.stamp(), FaultLog(table.unit)
    labels, rows, places = [], [], []
    meter.begin()
    width = first = None
    skip = settings.header == "yes"
    for place, (text,), fault in table.rows(meter):
        cells = _cells(text)
        if not cells:
            continue
        if skip:
            skip = False
            continue
        found = fault or _fault(text, cells, settings.encoding) or _numbers(cells[1:], not places and not faults.total)
        if type(found) is not Fault and width is not None and len(found) != width:
            found = Fault("a wrong number of values", f"{len(found)} where {table.unit} {first} has {width}")
        if type(found) is Fault:
            faults.add(place, found)
            continue
        if width is None:
            width, first = len(found), place
        labels.append(cells[0])
        rows.append(found.astype(np.float32))
        places.append(place)
    values = np.stack(rows) if rows else np.zeros((0, 0), np.float32)
    return _Lines(labels, values, np.array(places, np.int64), faults, table.name, meter.hexdigest(), table, stamp)


def _cells(text):
    """Parts a line: at its commas if it has some, else at blanks and tabs."""
    if "," in text:
        return [cell.strip() for cell in text.split(",")]
    return text.split()


def _fault(text, cells, encoding) -> Fault | None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return undecodable(text, encoding)
    if is_missing(cells[0]):
        return Fault(NO_LABEL, hint="A line begins with its label. ")
    if len(cells) == 1:
        return Fault("no values", repr(cells[0][:40]), "Write blanks, commas or tabs between label and values. ")
    return None


def _numbers(cells, is_first) -> np.ndarray | Fault:
    """Returns the values of a line, NaN where one is missing."""
    try:
        values = np.array([float(cell) for cell in cells])
    except ValueError:
        missing = [is_missing(cell) for cell in cells]
        odd = next((cell for cell, gone in zip(cells, missing, strict=True) if not gone and not is_number(cell)), None)
        if odd is not None:
            hint = "If the first line is a header: --header yes. " if is_first else ""
            return Fault(NO_NUMBER, repr(odd[:40]), hint)
        values = np.array([np.nan if gone else float(cell) for cell, gone in zip(cells, missing, strict=True)])
    return INFINITE if (np.abs(values) > LARGEST).any() else values


def _from_frame(data, settings, meter) -> _Lines:
    # An index is none of the columns.
    source = FrameSource(data.reset_index(drop=True) if is_data_frame(data) else data)
    if len(source.columns) < 2:
        raise ValueError(
            f"{source.name} has {len(source.columns)} columns. The first must be the label, and the others the values."
        )
    stamp, (label, *others) = source.stamp(), source.columns
    sheet = source.read((label,), others, meter)
    column, faults = sheet.texts[label], FaultLog(sheet.unit)
    cells = [column.names[code] for code in column.codes.tolist()]
    good = np.ones(len(cells), bool)
    for row, cell in enumerate(cells):
        if is_missing(cell):
            faults.add(int(sheet.places[row]), Fault(NO_LABEL, hint="The first column is the label. "))
            good[row] = False
    for name in others:
        values = sheet.values[name]
        for row in [*values.odd.tolist(), *values.infinite.tolist()]:
            if good[row]:
                cell = values.text(row)
                fault = Fault(NO_NUMBER, f"{cell[:40]!r} in column {name!r}") if row in values.odd else INFINITE
                faults.add(int(sheet.places[row]), fault)
                good[row] = False
    numbers = np.stack([sheet.values[name].numbers for name in others], axis=1).astype(np.float32)
    labels = [cell for cell, keep in zip(cells, good.tolist(), strict=True) if keep]
    return _Lines(labels, numbers[good], sheet.places[good], faults, source.name, sheet.sha256, source, stamp)
