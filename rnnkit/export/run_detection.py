"""Finds strange rows on a device: a stamp and values -> model.tflite, row by row -> how strange, and whether an alarm.

    python run.py < rows.jsonl      a row a line: {"time": "2024-05-01 00:00", "values": [1.5, null]}
    python run.py --csv < rows.csv  a row a line: time, then the sensors as in preparation.json; a header may come first

Needs numpy and ai-edge-litert. preparation.json says how rows were read and scaled in training, with the offsets of the
time zone; stamps are read by run_series.py, which lies beside.
"""

import argparse
import csv
import json
import os
import pathlib
import runpy
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

SINGLE = np.float32
KINDS = {"score": float, "alarm": float, "flag": bool}


class Stream:
    """A model asked row by row; it remembers what it needs, and no more."""

    def __init__(self, model):
        self.model, self.last = model, None
        self.states = {name: np.zeros(shape, kind) for name, (shape, kind) in model.states.items()}

    def step(self, time, values) -> dict:
        """Takes one row, its stamp as a text or bytes and its values, None where missing, and answers it."""
        how, model = self.model.how, self.model
        values = np.array([np.nan if value is None else value for value in values], SINGLE)
        if values.shape != (how["sensors"],):
            raise ValueError(f"A row must have {how['sensors']} values: {', '.join(how['names'])}. Got {len(values)}")
        seconds = model.clock.read(time)
        scaled, known = model.scaled(values)
        if seconds is None and not known.any():
            return model.nothing()
        first = self.last is None
        steps = 1.0
        if seconds is None:
            seconds = 0 if first else self.last + how["period"]
        if not first:
            steps = (seconds - self.last) / how["period"]
        inputs = {
            "values": scaled,
            "known": known,
            "steps": SINGLE(steps),
            "place": np.int32((seconds + how["period"] // 2) // how["period"] % how["season"]),
        }
        if how["calendar"]:
            inputs["calendar"] = model.calendar(seconds)
        self.last = seconds
        answers, self.states = model.run(inputs, self.states)
        answers["flag"] = bool(answers["alarm"] >= SINGLE(how["threshold"]))
        return {name: answers[name] for name in how["answers"]}


class Model:
    """The model and what its rows are prepared by, from the files of a folder."""

    def __init__(self, folder=pathlib.Path(__file__).parent, file="model.tflite", threads=1):
        self.how = json.loads((folder / "preparation.json").read_text("utf-8"))
        beside = runpy.run_path(str(pathlib.Path(__file__).with_name("run_series.py")))
        self.clock, self.series = beside["Clock"](**self.how["clock"]), beside["Series"]
        self.interpreter = Interpreter(str(folder / file), num_threads=threads)
        run = self.interpreter.get_signature_runner("step")
        before, after = run.get_input_details(), run.get_output_details()
        # Tensors by their numbers take half the time of the runner, beside which the interpreter can't be used.
        del run
        self.interpreter.allocate_tensors()
        self.inputs = {name: details["index"] for name, details in before.items()}
        self.shapes = {name: tuple(details["shape"]) for name, details in before.items()}
        self.outputs = {name: details["index"] for name, details in after.items()}
        self.states = {name: (self.shapes[name], before[name]["dtype"]) for name in self.how["states"]}

    def run(self, inputs, states):
        """Goes on by one row: answers and the states after."""
        run = self.interpreter
        for name, value in inputs.items():
            if name in self.inputs:
                run.set_tensor(self.inputs[name], np.reshape(value, self.shapes[name]))
        for name, value in states.items():
            run.set_tensor(self.inputs[name], value)
        run.invoke()
        answers = {}
        for name in self.how["answers"]:
            if name in self.outputs:
                value = run.get_tensor(self.outputs[name])[0]
                answers[name] = value if np.ndim(value) else value.item()
        return answers, {name: run.get_tensor(self.outputs[name]) for name in states}

    def nothing(self):
        """Returns the answers to a row that says nothing."""
        none = np.zeros(self.how["sensors"], SINGLE)
        return {name: KINDS[name](0) if name in KINDS else none for name in self.how["answers"]}

    def scaled(self, values):
        known = np.isfinite(values)
        mean, spread = (np.array(self.how[name], SINGLE) for name in ("means", "spreads"))
        return np.where(known, (np.where(known, values, 0) - mean) / spread, 0).astype(SINGLE), known.astype(SINGLE)

    def calendar(self, seconds):
        reader = self.series.__new__(self.series)
        reader.how, reader.clock = {"calendar": self.how["calendar"], "holidays": []}, self.clock
        return reader.calendar([seconds])[0]

    def stream(self):
        """Returns what takes rows one by one."""
        return Stream(self)

    def answer(self, time, values) -> dict:
        """Answers rows of one series from its beginning: name -> array `(rows, …)`."""
        stream = self.stream()
        rows = [stream.step(stamp, row) for stamp, row in zip(time, values, strict=True)]
        if not rows:
            none = np.zeros((0, self.how["sensors"]), SINGLE)
            return {name: np.zeros(0, KINDS[name]) if name in KINDS else none for name in self.how["answers"]}
        return {name: np.array([row[name] for row in rows]) for name in self.how["answers"]}


def read_lines(names, as_csv):
    """Yields stamp and values of each row of standard input."""
    if not as_csv:
        for line in sys.stdin:
            if line.strip():
                row = json.loads(line)
                yield row["time"], row["values"]
        return
    places = None
    for cells in csv.reader(sys.stdin):
        if places is None:
            header = all(name in cells for name in names)
            places = [cells.index(name) for name in names] if header else list(range(1, len(names) + 1))
            if header:
                continue
        yield cells[0], [float(cells[place]) if cells[place].strip() else None for place in places]


def main():
    """Answers rows from standard input, one by one."""
    parser = argparse.ArgumentParser(description="Answers rows of standard input, one by one.")
    parser.add_argument("--csv", action="store_true", help="Rows are lines of a table, not JSON.")
    as_csv = parser.parse_args().csv
    model = Model()
    stream, done = model.stream(), 0
    try:
        for time, values in read_lines(model.how["names"], as_csv):
            told = stream.step(time, values)
            plain = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in told.items()}
            print(json.dumps({"time": time, **plain}, ensure_ascii=False), flush=True)
            done += 1
    except (LookupError, TypeError, ValueError) as fault:
        what = f"there is no {fault}" if isinstance(fault, KeyError) else fault
        print(f"after {done} rows: {what}. A row must be a time and {len(model.how['names'])} values.", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        # Whoever reads has enough; what is buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
