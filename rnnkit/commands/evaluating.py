"""evaluate, predict and show: what can be done with a bundle."""

import csv
import json
import pathlib
import shlex
import sys

from rnnkit.commands.parsing import Parser

READING = ("columns", "header", "encoding", "quoting", "skip_bad_rows")


def evaluate_(arguments: list[str]) -> None:
    """Prints a bundle's scores on labelled rows."""
    from rich.console import Console

    from rnnkit import verbs
    from rnnkit.progress import Reporter
    from rnnkit.settings import SourceSettings

    parser = Parser(prog="rnnkit evaluate", description="Scores a bundle on labelled rows.")
    parser.add_argument("bundle", type=str, help="Folder of a bundle.")
    parser.add_argument("--data", type=str, default="", help="File, folder or tfds:NAME of labelled rows.")
    parser.add_settings(SourceSettings, only=READING)
    parser.add_argument("--json", action="store_true", help="End with one JSON object on the last line.")
    values = parser.parse(arguments)
    bundle, data, as_json = values.pop("bundle"), values.pop("data"), values.pop("json")
    if not data:
        raise ValueError("Say on which rows: rnnkit evaluate BUNDLE --data FILE.")
    scores = verbs.evaluate(bundle, data, reporter=Reporter(Console(stderr=True)), **values)
    for name, value in scores.items():
        print(f"{name:20} {value:.4f}")
    if as_json:
        print(json.dumps(scores))


def predict_(arguments: list[str]) -> None:
    """Answers values given on the line, rows of a file, or lines of standard input."""
    from rnnkit import bundle as bundles
    from rnnkit.settings import SourceSettings

    parser = Parser(prog="rnnkit predict", description="Answers values, a file's rows, or lines of standard input.")
    parser.add_argument("bundle", type=str, help="Folder of a bundle.")
    parser.add_argument("values", type=str, nargs="*", help="Values to answer, where the recipe has one input.")
    parser.add_argument("--input", type=str, default="", help="File of rows, or - for standard input, a text a line.")
    parser.add_argument("--output", type=str, default="-", help="File to write, .csv or .jsonl; - for standard output.")
    parser.add_argument("--signature", type=str, default="serving_default", help="Which signature answers.")
    parser.add_settings(SourceSettings, only=READING)
    parser.add_argument("--json", action="store_true", help="Write JSON lines.")
    values = parser.parse(arguments)
    if bool(values["values"]) == bool(values["input"]):
        raise ValueError("Give either values, or --input FILE (- for standard input), and not both.")
    bundle = bundles.load(values["bundle"])
    if values["values"]:
        chunks = iter([{name: values["values"] for name in bundle.card["inputs"][:1]}])
    else:
        chunks = _rows(bundle, values)
    if values["output"] == "-" and not values["input"] and not values["json"]:
        _print_answers(bundle, next(chunks), values["signature"])
        return
    _write(bundle, chunks, values)


def _rows(bundle, values):
    from rnnkit import sources
    from rnnkit.settings import SourceSettings

    settings = SourceSettings(**{name: values[name] for name in READING})
    return sources.read_inputs(values["input"], features=tuple(bundle.card["inputs"]), format=settings.format())


def _print_answers(bundle, columns, signature):
    answers = bundle.predict(columns, signature=signature)
    labels = bundle.card["labels"]
    for row, text in enumerate(next(iter(columns.values()))):
        best = max(range(len(labels)), key=lambda number: answers["probability"][row][number])
        print(f"{answers['label'][row]:12} {answers['probability'][row][best]:.3f}   {text}")
        if "attention" in answers:
            pairs = zip(answers["word"][row], answers["attention"][row], strict=True)
            for word, weight in ((word, weight) for word, weight in pairs if word):
                print(f"    {weight:.3f} {'█' * round(40 * float(weight)):40} {word}")


def _write(bundle, chunks, values):
    """Writes answers chunk by chunk; a file appears under its name only when whole."""
    as_lines = values["json"] or values["output"].endswith(".jsonl")
    if values["output"] == "-":
        _stream(bundle, chunks, values["signature"], sys.stdout, as_lines)
        return
    target = pathlib.Path(values["output"])
    if not target.absolute().parent.is_dir():
        raise FileNotFoundError(f"--output {str(target)!r}: there is no folder {str(target.absolute().parent)!r}.")
    partial = target.with_name(f".{target.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            count = _stream(bundle, chunks, values["signature"], file, as_lines)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    print(f"{target}: {count:,} rows", file=sys.stderr)


def _stream(bundle, chunks, signature, file, as_lines):
    count, writer = 0, None
    for columns in chunks:
        answers = bundle.predict(columns, signature=signature)
        size = len(next(iter(columns.values())))
        for row in range(size):
            cells = {name: column[row] for name, column in columns.items()}
            cells |= _cells(bundle, {name: values[row] for name, values in answers.items()}, flat=not as_lines)
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


def _cells(bundle, answer, *, flat):
    """One row's answers as plain values; probabilities under the names of their classes."""
    labels, cells = bundle.card["labels"], {}
    for name, value in answer.items():
        if not hasattr(value, "shape") or value.shape == ():
            cells[name] = value if isinstance(value, str) else value.item()
        elif labels and value.shape == (len(labels),) and name == "probability":
            named = {label: round(float(share), 6) for label, share in zip(labels, value, strict=True)}
            cells |= {f"probability_{label}": share for label, share in named.items()} if flat else {name: named}
        else:
            cells[name] = json.dumps(value.tolist(), ensure_ascii=False) if flat else value.tolist()
    return cells


def show_(arguments: list[str]) -> None:
    """Prints a bundle's card, its signatures, how to serve it, and its files."""
    from rnnkit.commands.showing import show

    parser = Parser(prog="rnnkit show", description="Says what a bundle is, how it scored and how to serve it.")
    parser.add_argument("bundle", type=str, help="Folder of a bundle.")
    parser.add_argument("--json", action="store_true", help="End with the card as one JSON object on the last line.")
    values = parser.parse(arguments)
    show(values["bundle"], as_json=values["json"])


def serving_lines(path: pathlib.Path, card: dict) -> list[str]:
    """Returns the lines that start TensorFlow Serving and ask it for an answer."""
    model = path.parent.name
    rows = [dict(zip(card["example"], values, strict=True)) for values in zip(*card["example"].values(), strict=True)]
    body = json.dumps({"instances": rows[:1]}, ensure_ascii=False)
    volume = shlex.quote(f"{path.parent.absolute()}:/models/{model}")
    return [
        f"docker run --rm -p 8501:8501 -v {volume} -e MODEL_NAME={model} tensorflow/serving",
        f"curl -d {shlex.quote(body)} http://localhost:8501/v1/models/{model}:predict",
    ]
