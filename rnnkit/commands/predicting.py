"""predict: values, a file's rows or lines of standard input -> answers, chunk by chunk in constant memory."""

import contextlib
import csv
import json
import pathlib
import queue
import sys
import threading
from collections.abc import Iterable, Iterator

from rnnkit import bundle as bundles
from rnnkit import sources
from rnnkit.commands.parsing import READING, Parser
from rnnkit.messages import listed
from rnnkit.settings import SourceSettings

STDIN = "-"
CHUNK = 1_024
BAR = 40


def predict_(arguments: list[str]) -> None:
    """Answers values given on the line, rows of a file, or lines of standard input."""
    values = _parsed(arguments)
    if bool(values["texts"]) == bool(values["input"]):
        raise ValueError("Give either values, or --input FILE (- for standard input), and not both.")
    bundle = bundles.load(values["bundle"])
    signature = values["signature"]
    if values["texts"] and values["output"] == "-" and not values["json"]:
        _print_answers(bundle, values["texts"], signature)
        return
    chunks = [_column(bundle, values["texts"])] if values["texts"] else _rows(bundle, values)
    as_lines = values["json"] or values["output"].endswith(".jsonl")
    with _opened(values["output"]) as file:
        count = _write(bundle, chunks, signature, file, as_lines=as_lines)
    if values["output"] != "-":
        print(f"{values['output']}: {count:,} rows", file=sys.stderr)


def _parsed(arguments):
    parser = Parser(
        usage="rnnkit predict BUNDLE [VALUE …] [--input FILE] [--output FILE]",
        description="Answers values, a file's rows, or lines of standard input.",
    )
    parser.add_argument("bundle", type=str, metavar="BUNDLE", help="Folder of a bundle.")
    parser.add_argument("texts", type=str, nargs="*", metavar="VALUE", help="Values, where the recipe has one input.")
    parser.add_argument(
        "--input",
        type=str,
        default="",
        metavar="FILE",
        help="Table of rows; a .txt with a text a line; or - for such lines on standard input.",
    )
    parser.add_argument(
        "--output", type=str, default="-", metavar="FILE", help="File to write, .csv or .jsonl; else standard output."
    )
    parser.add_argument(
        "--signature",
        type=str,
        default="serving_default",
        metavar="NAME",
        help="Which signature answers; `rnnkit show BUNDLE` lists them.",
    )
    parser.add_reading()
    parser.add_json("Write one JSON object a row.")
    return parser.parse(arguments)


def _column(bundle, texts):
    inputs = bundle.card["inputs"]
    if len(inputs) != 1:
        raise ValueError(f"{bundle.path} takes {listed(inputs)}. Give a table with a column for each: --input FILE.")
    return {inputs[0]: texts}


def _rows(bundle, values):
    trained = {name: bundle.card["settings"][name] for name in READING if name != "skip_bad_rows"}
    given = {name: values[name] for name in READING if values[name] is not None}
    format, features = SourceSettings(**(trained | given)).format(), tuple(bundle.card["inputs"])
    if values["input"] != STDIN:
        return sources.read_inputs(values["input"], features=features, format=format)
    return _as_they_come(sources.read_inputs(STDIN, features=features, format=format, size=1))


def _as_they_come(rows: Iterable[dict[str, list[str]]]) -> Iterator[dict[str, list[str]]]:
    """Joins rows that are there already into chunks, so that a slow pipe gets each answer at once."""
    ready = queue.Queue(maxsize=CHUNK)

    def read():
        try:
            for row in rows:
                ready.put(row)
            ready.put(None)
        except BaseException as error:
            # Whatever it is, it is raised where the rows are awaited.
            ready.put(error)

    threading.Thread(target=read, daemon=True).start()
    end = {}
    while isinstance(end, dict):
        items = [ready.get()]
        while len(items) < CHUNK and not ready.empty():
            items.append(ready.get())
        end = items[-1]
        if rows_read := [item for item in items if isinstance(item, dict)]:
            yield {name: [row[name][0] for row in rows_read] for name in rows_read[0]}
    if end is not None:
        raise end


@contextlib.contextmanager
def _opened(output):
    """Opens a file that appears under its name only when whole, or standard output."""
    if output == "-":
        yield sys.stdout
        return
    target = pathlib.Path(output)
    if target.suffix not in (".csv", ".jsonl"):
        raise ValueError(f"--output must end in .csv or .jsonl. Got {output!r}.")
    if not target.absolute().parent.is_dir():
        raise FileNotFoundError(f"--output {output!r}: there is no folder {str(target.absolute().parent)!r}.")
    partial = target.with_name(f".{target.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            yield file
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _write(bundle, chunks, signature, file, *, as_lines):
    count, writer = 0, None
    for columns in chunks:
        size = len(next(iter(columns.values())))
        for row, answer in enumerate(_answers(bundle, columns, signature)):
            cells = {name: column[row] for name, column in columns.items()}
            cells |= _cells(answer, bundle.card["labels"], flat=not as_lines)
            if as_lines:
                file.write(json.dumps(cells, ensure_ascii=False) + "\n")
                continue
            if writer is None:
                writer = csv.DictWriter(file, list(cells), lineterminator="\n")
                writer.writeheader()
            writer.writerow(cells)
        file.flush()
        count += size
    return count


def _answers(bundle, columns, signature):
    """Yields each row's answers, without what pads them to the longest row of their batch."""
    answers = bundle.predict(columns, signature=signature)
    outputs = bundle.card["signatures"][signature]["outputs"]
    padded = {name for name in answers if len(outputs[name]["shape"]) > 1 and outputs[name]["shape"][1] is None}
    for row in range(len(next(iter(columns.values())))):
        answer = {name: values[row] for name, values in answers.items()}
        words = [answer[name] for name in padded if answer[name].dtype == object]
        real = max((place + 1 for texts in words for place, text in enumerate(texts) if text), default=0)
        yield {name: value[:real] if words and name in padded else value for name, value in answer.items()}


def _cells(answer, labels, *, flat):
    """One row's answers as plain values; probabilities under the names of their classes."""
    cells = {}
    for name, value in answer.items():
        value = _plain(value)
        if name == "probability" and labels and isinstance(value, list):
            named = dict(zip(labels, value, strict=True))
            cells |= {f"probability_{label}": share for label, share in named.items()} if flat else {name: named}
        else:
            cells[name] = json.dumps(value, ensure_ascii=False) if flat and isinstance(value, list) else value
    return cells


def _plain(value):
    """Returns a text, a number or nested lists of them; of fractions the digits that float32 holds."""
    if isinstance(value, str):
        return value
    if getattr(value, "ndim", 0):
        return [_plain(part) for part in value]
    value = value.item()
    return float(f"{value:.7g}") if isinstance(value, float) else value


def _print_answers(bundle, texts, signature):
    answers = _answers(bundle, _column(bundle, texts), signature)
    for text, answer in zip(texts, answers, strict=True):
        if "label" not in answer or "probability" not in answer:
            print(json.dumps(_cells(answer, bundle.card["labels"], flat=False), ensure_ascii=False))
            continue
        print(f"{answer['label']:12} {max(answer['probability']):.3f}   {text}")
        if "attention" in answer:
            for word, weight in zip(answer["word"], answer["attention"], strict=True):
                print(f"    {weight:.3f}  {'█' * round(BAR * float(weight)) or '▏':{BAR}} {word}")
