"""Forecasts on a device: stamps and values -> the window's ticks -> model.tflite -> forecast and quantiles.

    python run.py < rows.jsonl      a window a line: {"time": ["2024-05-01 00:00", …], "values": [[1.5, null], …], …}
    python run.py --stream < …      a row a line: {"time": "2024-05-01 00:00", "values": [1.5, null], …}

Needs numpy and ai-edge-litert. preparation.json has the inputs by name, and how the training read, placed and scaled
them, with the offsets of the time zone.
"""

import argparse
import bisect
import datetime
import itertools
import json
import math
import pathlib
import re
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

DAY = 86_400
YEAR = 31_556_952
STAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:([Zz])|([+-])(\d\d)(?::?(\d\d))?)?)?",
    re.ASCII,
)


class Clock:
    """Reads and writes stamps; seconds are UTC, or `local`, or without a zone as they are."""

    def __init__(self, zone, local, changes, offsets):
        self.zone, self.local, self.changes, self.offsets = zone, local, changes, offsets
        self.edges = [change + max(offsets[place : place + 2]) for place, change in enumerate(changes)]

    def read(self, text):
        """Returns seconds since 1970, None where there is no stamp."""
        found = STAMP.fullmatch(as_text(text).strip(" \t\n\v\f\r"))
        if not found:
            return None
        try:
            moment = datetime.datetime(*(int(part or 0) for part in found.groups()[:6]))
        except ValueError:
            return None
        part, utc, sign, hours, minutes = found.groups()[6:]
        seconds = (moment - datetime.datetime(1970, 1, 1)) // datetime.timedelta(seconds=1)
        seconds += (part or "0")[0] >= "5"
        if not (utc or sign):
            return seconds if self.local or not self.zone else self.utc(seconds)
        hours, minutes = int(hours or 0), int(minutes or 0)
        if hours > 23 or minutes > 59:
            return None
        seconds -= (3600 * hours + 60 * minutes) * (-1 if sign == "-" else 1)
        return self.wall(seconds) if self.local else seconds

    def offset(self, utc):
        return self.offsets[bisect.bisect_right(self.changes, utc)]

    def wall(self, utc):
        return utc + self.offset(utc) if self.zone else utc

    def utc(self, wall):
        place = bisect.bisect_right(self.edges, wall)
        return min([wall - self.offsets[place], *self.changes[place : place + 1]])

    def write(self, seconds):
        tail = ""
        if self.zone:
            minutes = (self.offset(self.utc(seconds) if self.local else seconds) + 30) // 60
            seconds += 0 if self.local else 60 * minutes
            tail = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
        return f"{moment.isoformat(' ')}{tail}"


class Grid:
    """Seconds <-> ticks."""

    def __init__(self, kind, count, anchor):
        self.kind, self.count, self.anchor = kind, count, anchor

    def tick(self, seconds):
        if self.kind == "seconds":
            return (2 * (seconds - self.anchor) + self.count) // (2 * self.count)
        if self.kind == "months":
            day = datetime.date(1970, 1, 1) + datetime.timedelta(days=seconds // DAY)
            return (12 * day.year + day.month - 1) // self.count
        weeks, weekday = divmod(seconds // DAY + 3, 7)
        return 5 * weeks + min(weekday, 4)

    def seconds(self, tick):
        if self.kind == "seconds":
            return tick * self.count + self.anchor
        if self.kind == "months":
            year, month = divmod((tick + (self.anchor < 0)) * self.count, 12)
            return (datetime.date(year, month + 1, 1) - datetime.date(1970, 1, 1)).days * DAY + self.anchor
        weeks, weekday = divmod(tick, 5)
        return (7 * weeks + weekday - 3) * DAY + self.anchor


class Series:
    """Rows -> the model's tensors, as the graph of the training makes them."""

    def __init__(self, how):
        self.how, self.inputs, self.window, self.horizon = how, how["inputs"], how["window"], how["horizon"]
        self.clock, self.grid = Clock(**how["clock"]), Grid(**how["frequency"])
        self.ids = {
            name: [{text: number for number, text in enumerate(column, 1)} for column in columns]
            for name, columns in how["ids"].items()
        }

    def rows(self, given):
        """Returns the readable rows, each as seconds, values and categories, in the order given."""
        columns = len(self.how["scales"]["values"]["means"])
        values = numbers(given["values"]).reshape(len(given["time"]), columns)
        texts = given.get("categories") or [()] * len(values)
        rows = zip(map(self.clock.read, given["time"]), values, texts, strict=True)
        return [row for row in rows if row[0] is not None]

    def tensors(self, rows, given):
        """Returns the model's inputs by name, batch 1, and the stamps of the horizon."""
        ticks = [self.grid.tick(seconds) for seconds, _, _ in rows]
        cells, past, last = self.placed(ticks)
        columns = len(self.how["scales"]["values"]["means"])
        total, count = np.zeros((self.window, columns)), np.zeros((self.window, columns))
        texts = [["" for _ in self.ids.get("categories", ())] for _ in range(self.window)]
        for (_, values, named), cell in zip(rows, cells, strict=True):
            if cell >= 0:
                finite = np.isfinite(values)
                total[cell] += np.where(finite, values, 0)
                count[cell] += finite
                texts[cell] = [as_text(new) or old for new, old in zip(named, texts[cell], strict=True)]
        with np.errstate(invalid="ignore"):
            values = self.filled((total / count).astype(np.float32))
        tensors = dict(zip(("values", "known"), self.scaled("values", values), strict=True))
        ahead = [self.grid.seconds(last + step) for step in range(1, self.horizon + 1)]
        if self.how["calendar"]:
            tensors["calendar"] = self.calendar([self.grid.seconds(tick) for tick in past] + ahead)
        if "categories" in self.ids:
            if self.how["gaps"] != "mask":
                for before, own in itertools.pairwise(texts):
                    own[:] = [new or old for new, old in zip(own, before, strict=True)]
            tensors["categories"] = self.looked_up("categories", texts)
        for name in ("future_values", "static_values"):
            if name in self.how["scales"]:
                tensors[name] = self.scaled(name, numbers(given[name]))[0]
        if "future_categories" in self.ids:
            tensors["future_categories"] = self.looked_up("future_categories", given["future_categories"])
        if "static_categories" in self.ids:
            tensors["static_categories"] = self.looked_up("static_categories", [given["static_categories"]])[0]
        times = [self.clock.write(seconds) if rows else "" for seconds in ahead]
        return {name: tensor[None] for name, tensor in tensors.items()}, times

    def placed(self, ticks):
        """Returns the cell of each row, the window's ticks and the last one."""
        window = self.window
        if not self.how["closed"]:
            last = max(ticks, default=0)
            return [window - 1 - (last - tick) for tick in ticks], range(last - window + 1, last + 1), last
        own, missing = ticks[-window:], max(window - len(ticks), 0)
        first = own[0] if own else 1 - window + missing
        past = [*range(first - missing, first), *own]
        return range(window - len(ticks), window), past, own[-1] if own else 0

    def filled(self, values):
        if self.how["gaps"] == "mask":
            return values
        for column in values.T:
            known = np.flatnonzero(np.isfinite(column))
            for left, right in itertools.pairwise([*known, len(column)]):
                between = np.arange(1, right - left)
                if self.how["gaps"] == "interpolate" and right < len(column):
                    share = between.astype(np.float32) / np.float32(right - left)
                    column[left + 1 : right] = column[left] + share * (column[right] - column[left])
                else:
                    column[left + 1 : right] = column[left]
        return values

    def scaled(self, name, values):
        how = self.how["scales"][name]
        known, logarithm = np.isfinite(values), np.array(how["logarithm"])
        known &= ~logarithm | (values > 0)
        safe = np.where(known, values, 1)
        safe = np.where(logarithm, np.log(np.where(logarithm, safe, 1)), safe)
        mean, spread = (np.array(how[part], np.float32) for part in ("means", "spreads"))
        return np.where(known, (safe - mean) / spread, 0).astype(np.float32), known.astype(np.float32)

    def looked_up(self, name, rows):
        rows = [[as_text(text) for text in row] for row in rows]
        pairs = [zip(self.ids[name], row, strict=True) for row in rows]
        return np.array([[ids.get(text, 0) for ids, text in row] for row in pairs], np.int32)

    def calendar(self, seconds):
        return np.array(
            [self.of_moment(self.clock.wall(s) if not self.clock.local else s) for s in seconds], np.float32
        )

    def of_moment(self, shown):
        day, clock = divmod(shown, DAY)
        date = datetime.date(1970, 1, 1) + datetime.timedelta(days=day)
        weekday, of_year = date.weekday(), date.toordinal() - datetime.date(date.year, 1, 1).toordinal()
        turns = {
            "hour": clock / DAY,
            "weekday": (weekday * DAY + clock) / (7 * DAY),
            "day_of_year": (of_year * DAY + clock) / YEAR,
        }
        values = {"month": (date.month - 1) / 11 - 0.5, "weekend": weekday >= 5, "holiday": day in self.how["holidays"]}
        for name, turn in turns.items():
            values[f"{name}_sin"], values[f"{name}_cos"] = math.sin(2 * math.pi * turn), math.cos(2 * math.pi * turn)
        return [values[name] for name in self.how["calendar"]]


class Model:
    """The model and what its rows are prepared by, from the files of a folder."""

    def __init__(self, folder=pathlib.Path(__file__).parent, file="model.tflite", threads=1):
        self.series = Series(json.loads((folder / "preparation.json").read_text("utf-8")))
        self.interpreter = Interpreter(str(folder / file), num_threads=threads)
        self.run = self.interpreter.get_signature_runner()
        self.names = list(self.run.get_input_details())

    def answer(self, *inputs) -> dict:
        """Returns `time`, texts; `forecast (horizon, targets)` and `quantiles (horizon, targets, levels)`.

        Args:
            inputs: In the order of `inputs` in preparation.json: time, a list of texts; values, a list of rows; ….
        """
        given = dict(zip(self.series.inputs, inputs, strict=True))
        return self.answer_rows(self.series.rows(given), given)

    def answer_rows(self, rows, given):
        tensors, times = self.series.tensors(rows, given)
        outputs = self.run(**{name: tensors[name] for name in self.names})
        self.interpreter.reset_all_variables()
        return {"time": times, "forecast": outputs["forecast"][0], "quantiles": outputs["quantiles"][0]}

    def stream(self):
        """Returns what takes rows one by one and remembers those of the window."""
        return Stream(self)


class Stream:
    """A model asked row by row; made by `Model.stream`."""

    def __init__(self, model):
        self.model, self.rows = model, []

    def step(self, *inputs) -> dict:
        """Takes one row and answers as `Model.answer` does on all so far; time is a text, values are one row."""
        series = self.model.series
        given = dict(zip(series.inputs, inputs, strict=True))
        row = {name: [given[name]] for name in ("time", "values", "categories") if name in given}
        self.rows += series.rows(row)
        if not series.how["closed"]:
            self.rows.sort(key=lambda row: row[0])
        self.rows = self.rows[-series.window :]
        return self.model.answer_rows(self.rows, given)


def numbers(values):
    """Returns lists of numbers as an array; None becomes NaN."""
    return np.array(values, np.float32)


def as_text(value):
    """Returns a text or its bytes as a text, none as an empty one."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="Answers windows, or with --stream rows, of standard input: JSON lines."
    )
    parser.add_argument("--stream", action="store_true", help="A row a line; the window is remembered.")
    model = Model()
    answer = model.stream().step if parser.parse_args().stream else model.answer
    for number, line in enumerate(sys.stdin, 1):
        if not line.strip():
            continue
        try:
            given = json.loads(line)
            told = answer(*(given[name] for name in model.series.inputs))
        except (LookupError, TypeError, ValueError) as fault:
            what = f"there is no {fault}" if isinstance(fault, KeyError) else fault
            print(
                f"line {number}: {what}. A line must be an object of {', '.join(model.series.inputs)}.", file=sys.stderr
            )
            sys.exit(2)
        print(
            json.dumps({name: value if name == "time" else value.tolist() for name, value in told.items()}), flush=True
        )
