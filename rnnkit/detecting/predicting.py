"""Predicting: a bundle and rows as they come -> the same rows with their answers, one by one, in constant memory."""

import os
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from rnnkit import catalog
from rnnkit.detecting.answering import going_on
from rnnkit.detecting.detector import ANSWERS, Detector
from rnnkit.parts import load_parts
from rnnkit.predicting import Summary, check_output
from rnnkit.predicting.answers import Answers, Output
from rnnkit.predicting.bar import late_bar
from rnnkit.predicting.forms import CsvForm, JsonForm
from rnnkit.predicting.partial import held
from rnnkit.predicting.tally import Tally
from rnnkit.progress import SILENT, Reporter
from rnnkit.series.cells import is_missing
from rnnkit.settings import from_mapping
from rnnkit.sources.data_frames import is_data_frame
from rnnkit.sources.faults import Fault
from rnnkit.sources.portions import Portion
from rnnkit.sources.table import Meter
from rnnkit.sources.whole import WholeRows, read_whole

if TYPE_CHECKING:
    from rnnkit.bundle import Bundle

STDIN = STDOUT = "-"
SIZE = 512
"""Rows of a file that are answered at a time."""
KINDS = {"flag": ("bool", 0), "expected": ("float32", 1), "errors": ("float32", 1)}


def predict_detection(
    bundle: "Bundle", input, output, *, settings, as_lines: bool = False, prefix: str = "", reporter: Reporter = SILENT
) -> Summary:
    """Writes rows with all their cells and what the detector says of each; of several series, each has its own state.

    Rows are taken in the order they come. What comes on standard input is answered row by row; a file appears under
    its name when it is whole.

    Args:
        bundle: The model.
        input: Table of rows, "-" for standard input, or a DataFrame.
        output: Ends in .csv or .jsonl; "-" for standard output.
        settings: Of the bundle, with what is given for reading.
        as_lines: Write JSON lines to standard output, rather than csv.
        prefix: Put before the name of each answer.
        reporter: Tells a person what goes on.

    Raises:
        ValueError, LookupError, OSError: As the message says.
    """
    target = None if output == STDOUT else check_output(output, None if is_data_frame(input) else input)
    watcher = Watcher(bundle, settings)
    kind = "csv" if not is_data_frame(input) and os.fspath(input) == STDIN else None
    rows = read_whole(input, format=settings.format(), features=watcher.names, kind=kind)
    as_lines = as_lines if target is None else target.name.lower().removesuffix(".gz").endswith(".jsonl")
    form = (JsonForm if as_lines else CsvForm)(rows.table, watcher.outputs, prefix=prefix)
    tally = Tally()
    if target is None:
        for content in _contents(form, watcher, rows, tally, settings.skip_bad_rows):
            sys.stdout.write(content.decode())
            sys.stdout.flush()
    else:
        shown = os.fspath(output)
        with held(target, shown) as partial, late_bar(reporter, "reading", rows.size) as advance:
            partial.begin()
            meter = Meter()
            for content in _contents(form, watcher, rows, tally, settings.skip_bad_rows, meter):
                partial.write(content)
                advance(meter.done)
            partial.place(None)
            partial.remove()
    sentence = f"{output}: {tally.answered:,} rows answered, {watcher.flagged:,} alarms."
    return Summary(target, tally.answered + tally.failed, tally.answered, tally.failed, sentence)


def _contents(form, watcher, rows: WholeRows, tally, skip, meter=None) -> Iterator[bytes]:
    yield form.head()
    for portion in rows.portions_as_they_come() if rows.waits else rows.portions(size=SIZE, meter=meter):
        yield form.rows(*watcher.answer(portion, rows.features, tally, skip))


class Watcher:
    """A detector that goes on from row to row, with a state for each series.

    Args:
        bundle: The model.
        settings: Say the names of columns.
    """

    def __init__(self, bundle: "Bundle", settings):
        recipe = catalog.load(bundle.card["recipe"])
        preparation, core = load_parts(bundle, recipe)
        self.detector = Detector(preparation, core, from_mapping(recipe.settings, bundle.card["settings"]))
        columns = bundle.card["readings"]["columns"]
        self.time, self.id = columns["time"], columns["id"]
        if "," in self.time:
            raise ValueError(f"Rows as they come need one column of time. The model's are {self.time!r}.")
        self.sensors = tuple(columns["targets"])
        self.outputs = tuple(Output(name, *KINDS.get(name, ("float32", 0)), padded=False) for name in ANSWERS)
        self.states: dict[str, tuple] = {}
        self.flagged = 0
        self._going_on = going_on(self.detector)

    @property
    def names(self) -> tuple[str, ...]:
        """Columns that must be there."""
        return tuple(name for name in (self.time, self.id, *self.sensors) if name)

    def answer(self, portion: Portion, places: Mapping[str, int], tally: Tally, skip: bool):
        """Answers the rows of a portion, each after those before; as `Predictor.answer` does."""
        cells = {name: portion.column(place) for name, place in places.items()}
        rows = [row for row in range(len(portion)) if row not in portion.faults]
        values = np.full((len(portion), len(self.sensors)), np.nan, np.float32)
        for place, name in enumerate(self.sensors):
            for row in rows:
                values[row, place] = self._number(cells[name][row], name, row, portion)
        stamps = cells[self.time] if self.time else [""] * len(portion)
        read = [stamps[row] if row not in portion.faults else "" for row in range(len(portion))]
        seconds, readable = self.detector.clock(tf.constant(read))
        for row in rows:
            if self.time and not readable[row]:
                portion.faults[row] = Fault("no time", f"{self.time!r} has {stamps[row]!r}, which is no time")
        rows = [row for row in rows if row not in portion.faults]
        tally.add(portion.places, portion.faults)
        parts = []
        for series, own in self._by_series(cells, rows):
            answers = self._answered(series, seconds.numpy()[own], readable.numpy()[own], values[own])
            parts.append((own, answers))
        order = np.argsort([row for own, _ in parts for row in own], kind="stable")
        arrays = {name: np.concatenate([each[name] for _, each in parts])[order] for name in ANSWERS} if parts else {}
        self.flagged += int(arrays["flag"].sum()) if parts else 0
        answers = Answers(len(portion), rows, arrays, self.outputs)
        return (portion.kept(rows), answers.only()) if skip and portion.faults else (portion, answers)

    def _by_series(self, cells, rows):
        if not self.id:
            return [("", rows)] if rows else []
        found: dict[str, list] = {}
        for row in rows:
            found.setdefault(cells[self.id][row].strip(), []).append(row)
        return list(found.items())

    def _answered(self, series, seconds, readable, values):
        states, last = self.states.get(series) or (self.detector.begin(1), tf.constant(seconds[:1]))
        told = self._going_on(
            tf.constant(seconds)[None], tf.constant(readable)[None], tf.constant(values)[None], states, last
        )
        answers, *self.states[series] = told
        return {name: tensor.numpy()[0] for name, tensor in answers.items()}

    @staticmethod
    def _number(cell, name, row, portion):
        if is_missing(cell):
            return np.nan
        try:
            return float(cell)
        except ValueError:
            portion.faults[row] = Fault("no number", f"{name!r} has {cell!r}, which is no number")
            return np.nan
