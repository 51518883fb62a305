"""Speed of language models: PTB -> words/s of training beside PyTorch; characters/s of writing one stream.

Each contender runs in a process of its own. In training both have the same sizes, the preset zaremba-small's, and the
very same windows of words, with states carried on; writing is by a model of the preset char's sizes.
"""

import dataclasses
import importlib.util
import json
import pathlib
import shutil
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence

import language_ours as ours
import language_torch as theirs
import language_writing as writing
from language_quality import files_of
from measuring import RNNKIT, measured
from ner_contenders import own_process
from translate_speed import by_turns, spread

TRAINED = "zaremba-small"
"""The preset that is trained: all of its settings but those below."""
SAME = {"vocabulary": 10_003, "seed": 0}
"""All words of PTB, and four reserved ids."""
WAYS = {"rnnkit": {"xla": "yes"}, "rnnkit, loops not compiled": {"xla": "no"}}
"""Ways of rnnkit, and their settings; the first is what the preset comes to when all of its epochs are trained."""
WRITING = "char"
"""The preset of the model that writes."""
QUICK_TRAINING = {"units": 8, "embedding_units": 8}
QUICK_WRITING = ("--units", "16", "--embedding-units", "8", "--window", "10", "--batch-size", "4", "--written", "20")


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is to be measured.

    Attributes:
        data: Folder of the data sets.
        work: Folder for what is made; a bundle of an earlier call is used again.
        parts: `training`, `generation`, or one of them.
        torch: Whether PyTorch is trained, too.
        steps, repeats: Gradient steps of a turn, and turns of each.
        threads: Of each framework in training.
        bundle: That writes; empty: one is trained.
        epoch_steps: Gradient steps that it is trained for.
        characters, passes: Characters of a turn of writing, and turns.
        quantize: Forms for devices, with commas.
        quick: Tiny models, and the beginnings of the texts.
    """

    data: pathlib.Path
    work: pathlib.Path
    parts: Sequence[str]
    torch: bool
    steps: int
    repeats: int
    threads: int
    bundle: str
    epoch_steps: int
    characters: int
    passes: int
    quantize: str
    quick: bool

    def files(self, text: str) -> dict[str, pathlib.Path]:
        """Returns the files of a text by the setting that names each."""
        return files_of(text, self.data, self.work if self.quick else None)


def has_torch() -> bool:
    """Says whether PyTorch is installed."""
    return importlib.util.find_spec("torch") is not None


def measure(asked: Asked) -> Iterator[dict]:
    """Yields a row for each part and way."""
    if "training" in asked.parts:
        yield from _training(asked)
    if "generation" in asked.parts:
        bundle = pathlib.Path(asked.bundle) if asked.bundle else _bundle(asked)
        yield from _by_saved_model(asked, bundle)
        yield from _on_device(asked, bundle)


def figure(row: Mapping) -> float | None:
    """Returns the number by which a row is judged; None where it isn't."""
    if row["judged"] is None:
        return None
    return row["times_torch"] if row["part"] == "training" else row["per_second"]


def lines(rows: Sequence[Mapping]) -> list[dict[str, str]]:
    """Returns the lines of the table of one part."""
    return [_line(row) | (_of_training(row) if row["part"] == "training" else _of_writing(row)) for row in rows]


def _line(row):
    unit = "words/s" if row["part"] == "training" else "characters/s"
    rates = {unit: "per_second", "lowest": "lowest", "highest": "highest"}
    return {"way": row["way"]} | {title: f"{row[name]:,.0f}" for title, name in rates.items()}


def _of_training(row):
    return {
        "times PyTorch": f"{row['times_torch']:.2f}" if row["times_torch"] else "",
        "parameters": f"{row['parameters']:,}",
        "threads": row["threads"],
        "steps": row["steps"],
        "first s": f"{row['first_seconds']:.1f}",
        "loss": f"{row['loss']:.3f}",
    }


def _of_writing(row):
    told = {"threads": row["threads"], "characters": f"{row['characters']:,}", "load s": f"{row['load_seconds']:.2f}"}
    return told | ({"MB": f"{row['bytes'] / 1e6:.2f}"} if "bytes" in row else {})


def _training(asked):
    settings = SAME | (QUICK_TRAINING if asked.quick else {})
    settings |= {name: str(path) for name, path in asked.files("ptb").items()}
    windows = str(asked.work / "windows.npz")
    with own_process() as first, own_process() as second, own_process() as torch:
        calls, told = {}, {}
        for (name, own), call in zip(WAYS.items(), (first, second), strict=True):
            told[name] = call(ours.prepare, TRAINED, {**settings, **own}, asked.steps, asked.threads, windows)
            calls[name] = lambda call=call: call(ours.train)
        if asked.torch:
            sizes = {name: next(iter(told.values()))[name] for name in theirs.SIZES}
            told["PyTorch"] = torch(theirs.prepare, windows, sizes, asked.threads)
            calls["PyTorch"] = lambda: torch(theirs.train)
        taken = by_turns(calls, asked.repeats)
    rates = {name: [each["words"] / each["seconds"] for each in turns[1:]] for name, turns in taken.items()}
    base = statistics.median(rates["PyTorch"]) if asked.torch else None
    for name, turns in taken.items():
        row = {"part": "training", "way": name, **told[name], **spread(rates[name])}
        row |= {key: turns[-1][key] for key in ("steps", "words", "loss")}
        row |= {"seconds": [each["seconds"] for each in turns[1:]], "first_seconds": turns[0]["first_seconds"]}
        row |= {"times_torch": base and statistics.median(rates[name]) / base}
        yield row | {"judged": "training" if name == next(iter(WAYS)) and base else None}


def _bundle(asked):
    """Returns the bundle of a model that is trained a little, or one that an earlier call has left."""
    out = asked.work / f"written-{asked.epoch_steps}{'-quick' if asked.quick else ''}"
    home = out / WRITING
    if not home.is_dir():
        files = [part for name, path in asked.files("shakespeare").items() for part in (f"--{name}", path)]
        few = ["--epochs", 1, "--steps-per-epoch", asked.epoch_steps, "--ngram-order", 1, "--seed", 0]
        flags = [*files, *few, *(QUICK_WRITING if asked.quick else ())]
        measured([*RNNKIT, "run", "language_model", "--preset", WRITING, *flags, "--out", out])
    return max((path for path in home.iterdir() if path.name.isdecimal()), key=lambda path: int(path.name))


def _by_saved_model(asked, bundle):
    with own_process() as call:
        rows = call(writing.by_saved_model, str(bundle), asked.characters, asked.passes, 1)
    for row in rows:
        judged = "SavedModel" if row["way"] == writing.STEP else None
        yield {"part": "generation", **row, **_described(bundle), "judged": judged}


def _on_device(asked, bundle):
    """Exports a copy, so that a bundle of somebody's keeps the edge/ that it has."""
    copy = asked.work / "exported" / "1"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(bundle, copy)
    for kind in (kind.strip() for kind in asked.quantize.split(",")):
        try:
            cost = measured([*RNNKIT, "export", copy, "--to", "tflite", "--quantize", kind, "--json"])
        except RuntimeError as error:
            print(f"run.py, {kind}, is not measured: {error}", file=sys.stderr)
            continue
        told = json.loads(cost.output.splitlines()[-1])
        with own_process() as call:
            row = call(writing.on_device, str(copy / "edge"), asked.characters, asked.passes, 1)
        kept = {"quantize": kind, "bytes": told["variants"][-1]["bytes"], "parity": told["variants"]}
        kept |= {"export_seconds": cost.seconds, "judged": "device"}
        yield {"part": "generation", "way": f"run.py, {kind}", **row, **kept, **_described(bundle)}


def _described(bundle):
    card = json.loads((bundle / "assets.extra" / "card.json").read_text(encoding="utf-8"))
    kept = {name: card[name] for name in ("parameters", "facts", "epochs", "settings")}
    return kept | {"scores": card["scores"]["test"]}
