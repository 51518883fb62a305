"""Row readings: a table whose rows are moments -> readings in the order of time, with what is told of true windows."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from rnnkit.detecting.labels import UNNAMED, row_kinds, runs
from rnnkit.detecting.readings import Readings
from rnnkit.detecting.remarks import on_order, on_rows, on_sensors_like_labels, usual_step
from rnnkit.detecting.settings import NONE, DetectionSourceSettings
from rnnkit.detecting.true_windows import TrueWindows
from rnnkit.messages import few_of
from rnnkit.series.cells import Texts
from rnnkit.series.columns import Columns

# What `load` does but for the label, which is no number and no category: "0" and "spike" may stand in one column.
from rnnkit.series.loading import Loader
from rnnkit.series.opening import open_source
from rnnkit.series.roles import Roles, check_column, find_roles, named, names_in, roles_of
from rnnkit.series.rows import Rows
from rnnkit.series.stamps import check_zone
from rnnkit.sources.table import Meter

LABELS = ("label", "anomaly")
"""Names of columns that are taken for labels, and never for sensors unless they are named."""
WORDS = (
    ("Name another --target", "Name other --sensors"),
    ("Name the target:", "Name the sensors:"),
    ("Targets must hold", "Sensors must hold"),
    (", a target, has", ", a sensor, has"),
    ("are not forecast", "are not watched"),
    (" to forecast", " to watch"),
    ("--target", "--sensors"),
    ("--past", "--label"),
)
"""What is a target to forecasts is a sensor here."""


@dataclasses.dataclass(frozen=True)
class _Label:
    """The label of each row: its column, the different cells, and `(rows,)` places in these."""

    column: str
    names: list[str]
    codes: np.ndarray


def read_table(
    data,
    settings: DetectionSourceSettings,
    meter: Meter,
    facts: dict | None = None,
    *,
    true: TrueWindows | None = None,
    lenient: bool = False,
) -> Readings:
    """Reads and checks a table.

    Args:
        data: A path or a DataFrame.
        settings: Which column is what.
        meter: Counts what is read.
        facts: A model's, whose columns, period and kinds are taken; see `detection_facts`.
        true: The file of true windows, which then takes the place of a label.
        lenient: Take a table without the label's column, or which `true` does not name, as one of which nothing is
            known.

    Raises:
        ValueError, LookupError, OSError: As the message says.
    """
    try:
        rows, label, notes = _loaded(data, settings, meter, facts, lenient)
    except (ValueError, LookupError) as error:
        if type(error) not in (ValueError, LookupError):
            raise
        raise type(error)(_in_our_words(str(error.args[0]))) from None
    order = np.lexsort((rows.seconds, rows.series))
    readings = _in_order(rows, order, facts)
    notes += [*map(_in_our_words, rows.notes), *on_order(rows), *on_rows(readings, facts)]
    if true is not None:
        readings, more = _with_windows(readings, data, true, lenient)
        notes += more
    elif label is not None:
        readings = _with_labels(readings, label, order, settings)
    elif not facts and not settings.sensors.strip():
        notes += on_sensors_like_labels(readings)
    return dataclasses.replace(readings, notes=tuple(notes))


def _in_our_words(text):
    for theirs, ours in WORDS:
        text = text.replace(theirs, ours)
    return text


def _loaded(data, settings, meter, facts, lenient) -> tuple[Rows, _Label | None, list[str]]:
    check_zone(settings.time_zone)
    given = "" if settings.label.strip() == NONE else settings.label.strip()
    source = open_source(data, settings.format(), _used(settings, given, facts), settings.time)
    stamp = source.stamp()
    label, notes = _label(settings, given, source, facts, lenient)
    asked = settings.of_series(label)
    if facts:
        roles = roles_of(Columns.from_dict(facts["columns"]), asked, source)
    else:
        roles, more = _roles(asked, source, (label, *LABELS))
        notes += more
    texts = (*roles.texts, label) if label else roles.texts
    present = [name for name in roles.values if roles.of(name) in source.columns]
    sheet = source.read(tuple(map(roles.of, texts)), tuple(map(roles.of, present)), meter)
    if not len(sheet.places):
        raise ValueError(f"{sheet.name} has no rows. It must have one for each moment.")
    rows = Loader(sheet, roles, asked, facts, source, stamp).rows()
    if not label:
        return rows, None, notes
    column = sheet.texts[roles.of(label)]
    if not isinstance(column, Texts):
        raise ValueError(
            f"{sheet.name}: column {label!r} holds times. Labels are 0 and 1 or names of kinds: name another --label."
        )
    kept = np.searchsorted(sheet.places, rows.places)
    return rows, _Label(label, column.names, column.codes[kept]), notes


def _used(settings, label, facts) -> tuple[str, ...]:
    """Returns the names of columns that are asked for, as the file has them."""
    if not facts:
        return named(settings.of_series(label))
    theirs, model = settings.format().columns, facts["columns"]
    return tuple(theirs.get(name, name) for name in (*names_in(model["time"]), *model["targets"]))


def _label(settings, given, source, facts, lenient) -> tuple[str, list[str]]:
    """Returns the name of the column that tells where anomalies are, "" where there is none or it isn't to be read."""
    theirs = settings.format().columns
    there = {name for name in (given, *LABELS) if name and theirs.get(name, name) in source.columns}
    busy = {*names_in(settings.sensors), *names_in(settings.time), settings.id.strip()}
    if facts:
        model = facts["columns"]
        busy = {*model["targets"], *names_in(model["time"]), model["id"]}
    if given:
        if facts and given in busy:
            raise ValueError(
                f"Column {given!r} can have one role, and the model reads it already. Name another --label."
            )
        if given not in there and (facts or lenient):
            return "", [f"{source.name} has no column {given!r}; nothing is known of its true windows."]
        check_column(source.name, source.columns, theirs, given)
        return given, []
    if settings.windows or settings.label.strip() == NONE:
        return "", []
    return next((name for name in LABELS if name in there and name not in busy), ""), []


def _roles(asked, source, hidden: Sequence[str]) -> tuple[Roles, list[str]]:
    """Gives columns their roles; where no sensors are named, all others may be sensors, but for the hidden ones."""
    roles = dataclasses.replace(find_roles(asked, source), past=())
    if asked.target.strip():
        return roles, []
    ours = {file: name for name, file in roles.theirs.items()}
    left = [name for column in source.columns if (name := ours.get(column, column)) not in roles.texts]
    sensors = tuple(name for name in left if name not in hidden)
    for name in dict.fromkeys(sensors):
        check_column(source.name, source.columns, roles.theirs, name)
    if not sensors:
        raise ValueError(
            f"{source.name} has no column left to watch, beside {few_of([*roles.texts, *left])}. "
            "Name it: --sensors temperature"
        )
    unread = [name for name in left if name in hidden and name != asked.past]
    notes = []
    if unread:
        notes.append(
            f"{source.name}: {few_of(unread)} is not watched, as it looks like a label. If it is none: --sensors "
            f"{unread[0]},…"
        )
    return dataclasses.replace(roles, targets=sensors, open=True), notes


def _in_order(rows: Rows, order, facts) -> Readings:
    series = rows.series[order]
    readings = Readings(
        name=rows.name,
        columns=rows.columns,
        zone=rows.zone,
        ids=rows.ids,
        starts=np.searchsorted(series, np.arange(len(rows.ids) + 1)).astype(np.int64),
        seconds=rows.seconds[order],
        values=rows.values[order],
        kinds=None,
        kind_names=tuple(facts["kind_names"]) if facts else (),
        windows=(),
        places=rows.places[order],
        unit=rows.unit,
        period=facts["period"] if facts else 1,
        whole=False,
        notes=(),
        sha256=rows.sha256,
        source=rows.source,
        stamp=rows.stamp,
    )
    return readings if facts else dataclasses.replace(readings, period=usual_step(readings))


def _with_labels(readings: Readings, label: _Label, order, settings) -> Readings:
    where = f"{readings.name}: column {label.column!r}"
    codes = label.codes[order]
    kinds, names = row_kinds(label.names, codes, normal=settings.normal, where=where, known=readings.kind_names)
    windows = runs(kinds, readings.starts)
    return dataclasses.replace(readings, kinds=kinds, kind_names=names, windows=windows)


def _with_windows(readings: Readings, data, true: TrueWindows, lenient) -> tuple[Readings, list[str]]:
    try:
        found, notes = true.place(data, readings)
    except LookupError:
        if not lenient:
            raise
        return readings, [f"{readings.name}: {true.name} names none of its series; nothing is known of true windows."]
    told = sorted({kind for *_, kind in found} - set(readings.kind_names))
    names = (*readings.kind_names, *told) or (UNNAMED,)
    kinds = np.full(len(readings.seconds), -1, np.int16)
    windows = tuple((first, last, names.index(kind)) for first, last, kind in found)
    for first, last, kind in windows:
        kinds[first : last + 1] = kind
    return dataclasses.replace(readings, kinds=kinds, kind_names=names, windows=windows), list(notes)
