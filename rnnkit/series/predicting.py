"""Predicting: a bundle and the history of series -> a table of what comes after it, one row a step."""

import io
import json
import os
import sys
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnnkit.predicting import Summary, check_output
from rnnkit.predicting.partial import held
from rnnkit.progress import SILENT, Reporter
from rnnkit.series.history import read_history
from rnnkit.sources.data_frames import is_data_frame

if TYPE_CHECKING:
    from rnnkit.bundle import Bundle

BATCH = 512
STDOUT = "-"


def predict_series(
    bundle: "Bundle", input, output, *, settings, as_lines: bool = False, prefix: str = "", reporter: Reporter = SILENT
) -> Summary:
    """Writes the forecasts after the last row of each series.

    Columns: the series' name where there are several, `time`, each target's forecast under its own name, and its
    quantiles, such as `temperature_0.1`. A file appears under its name when it is whole.

    Args:
        bundle: The model.
        input: Table of the history, with the rows of the horizon where columns are known ahead; a path or a DataFrame.
        output: Ends in .csv, .jsonl, either also .gz, or .parquet; "-" for standard output.
        settings: Of the bundle, with what is given for reading.
        as_lines: Write JSON lines to standard output, rather than csv.
        prefix: Put before the name of each forecast.
        reporter: Tells a person what goes on.

    Raises:
        ValueError, LookupError, OSError: As the message says.
    """
    target = None if output == STDOUT else check_output(output, None if is_data_frame(input) else input)
    card = bundle.card
    with reporter.task("reading", unit="bytes") as advance:
        history = read_history(input, settings, card["series"], lambda done, total: advance(done, total=total))
    for note in history.notes:
        reporter.say(f"note: {note}")
    parts, count = [], len(history.ids)
    with reporter.task("forecasting", total=count, unit="series") as advance:
        for start in range(0, count, BATCH):
            rows = slice(start, start + BATCH)
            answers = bundle.predict({name: array[rows] for name, array in history.inputs.items()})
            parts.append(_table(history.ids[rows], answers, history.targets, card, prefix))
            advance(min(start + BATCH, count))
    table = pd.concat(parts, ignore_index=True)
    if target is None:
        sys.stdout.write(_written(table, ".jsonl" if as_lines else ".csv").decode())
    else:
        shown = os.fspath(output)
        with held(target, shown) as partial:
            partial.begin()
            partial.write(_written(table, target.name.lower()))
            partial.place(None)
            partial.remove()
    horizon = card["series"]["horizon"]
    sentence = f"{output}: {count:,} series forecast, {horizon:,} steps each."
    return Summary(target, count, count, 0, sentence)


def _table(ids, answers, targets, card, prefix):
    horizon = answers["time"].shape[1]
    name = card["series"]["columns"]["id"]
    columns = {name: np.repeat(ids, horizon)} if name else {}
    columns["time"] = answers["time"].ravel()
    for place, target in enumerate(targets):
        columns[f"{prefix}{target}"] = answers["forecast"][..., place].ravel()
        for number, level in enumerate(card["levels"]):
            columns[f"{prefix}{target}_{level:g}"] = answers["quantiles"][..., place, number].ravel()
    return pd.DataFrame(columns)


def _written(table: pd.DataFrame, name: str) -> bytes:
    """Returns a table as the bytes of a file of that name; fractions with the digits that float32 holds."""
    if name.endswith(".parquet"):
        buffer = io.BytesIO()
        table.to_parquet(buffer, index=False)
        return buffer.getvalue()
    if name.removesuffix(".gz").endswith(".jsonl"):
        rows = table.astype(object).to_dict("records")
        text = "".join(f"{json.dumps({k: _short(v) for k, v in row.items()}, ensure_ascii=False)}\n" for row in rows)
    else:
        text = table.to_csv(index=False, float_format="%.7g", lineterminator="\n")
    content = text.encode("utf-8", "surrogateescape")
    if name.endswith(".gz"):
        import gzip

        return gzip.compress(content, mtime=0)
    return content


def _short(value):
    return float(f"{value:.7g}") if isinstance(value, float) else value
