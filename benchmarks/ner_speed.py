"""Speed of tagging: CoNLL-2003 -> tokens/s of training beside flair, sentences/s of answering, ms on a device.

In training both have the same sentences, sizes and batches of 32. rnnkit runs in processes of its own; so does flair,
in an environment of its own, see `ner_contenders.py`.
"""

import hashlib
import json
import pathlib
import shutil
import statistics
from collections.abc import Iterator, Mapping, Sequence

import ner_answering as answering
from measuring import RNNKIT, measured
from ner_contenders import SEED, Asked, own_process, started
from translate_speed import by_turns, spread

SIZES = (
    # What it is, rnnkit's settings, flair's.
    ("vector of a word, learnt", {"embedding_units": 100}, {"words.embedding_length": 100}),
    (
        "words known: all of train, as they are written",
        {"lower": False, "digits": False, "shapes": False, "least_count": 1},
        {"words.min_freq": 1},
    ),
    # In rnnkit a letter's vector has 25 features, too.
    (
        "letters: BiLSTM, both states together",
        {"characters": "lstm", "character_units": 50},
        {"letters.char_embedding_dim": 25, "letters.hidden_size_char": 25},
    ),
    (
        "sentence: BiLSTM, state of each direction",
        {"cell": "lstm", "depth": 1, "units": 128, "bidirectional": True},
        {"tagger.rnn_type": "LSTM", "tagger.rnn_layers": 1, "tagger.hidden_size": 128},
    ),
    ("linear chain beside", {"windows": 0}, {}),
    # flair would have a square layer between vectors and BiLSTM; rnnkit has none.
    ("layer between", {}, {"tagger.reproject_embeddings": False}),
    ("head, over BIOES", {"head": "crf"}, {"tagger.use_crf": True, "tagger.tag_format": "BIOES"}),
    # flair has one rate before and behind the BiLSTM.
    (
        "dropout of vectors and outputs",
        {"embedding_dropout": 0.3, "dropout": 0.3},
        {"tagger.dropout": 0.3, "tagger.locked_dropout": 0.0},
    ),
    ("dropout of words", {"word_dropout": 0.05}, {"tagger.word_dropout": 0.05}),
    ("sentences in a batch", {"batch_size": 32, "token_budget": 0}, {"batch_size": 32}),
    (
        "optimiser",
        {"optimizer": "adam", "learning_rate": 1e-3, "schedule": "constant", "warmup": 0.0, "clip_norm": 5.0},
        {"optimizer": "Adam", "learning_rate": 1e-3, "max_grad_norm": 5.0},
    ),
)
WAYS = {"rnnkit": {}, "rnnkit, letters by convolution": {"characters": "cnn"}}
"""Ways of rnnkit, and their settings apart from `SIZES`: letters as flair reads them, and as the recipe does."""


def measure(asked: Asked) -> Iterator[dict]:
    """Yields a row for each part and way."""
    if "training" in asked.parts:
        yield from _training(asked)
    if {"answering", "device"} & set(asked.parts):
        bundle = _bundle(asked)
        texts = answering.read_texts(str(asked.files["test"]), asked.sentences)
        if "answering" in asked.parts:
            yield from _answering(asked, bundle, texts)
        if "device" in asked.parts:
            yield from _device(asked, bundle, texts)


def settings(side: int) -> dict[str, object]:
    """Returns the sizes of one side, 0 for rnnkit and 1 for flair, by their names there."""
    return {name: value for _, *sides in SIZES for name, value in sides[side].items()}


def size_lines() -> list[dict[str, str]]:
    """Returns the table of sizes, as it is printed."""

    def told(values):
        return ", ".join(f"{name.rpartition('.')[2]} {value}" for name, value in values.items())

    return [{"same in both": about, "rnnkit": told(first), "flair": told(second)} for about, first, second in SIZES]


def figure(rows: Sequence[Mapping]) -> float | None:
    """Returns the number by which a part is judged: of the first way, that which the issue names."""
    first = rows[0]
    return {"training": first.get("times_flair"), "answering": first["per_second"], "device": first.get("median_ms")}[
        first["part"]
    ]


def lines(rows: Sequence[Mapping]) -> list[dict[str, str]]:
    """Returns the lines of the table of one part."""
    return [_line(row) | (_of_training(row) if row["part"] == "training" else _of_answers(row)) for row in rows]


def _line(row):
    unit = "tokens/s" if row["part"] == "training" else "sentences/s"
    rates = {unit: "per_second", "lowest": "lowest", "highest": "highest"}
    return {"way": row["way"]} | {title: f"{row[name]:,.0f}" for title, name in rates.items()}


def _of_training(row):
    told = {
        "times flair": f"{row['times_flair']:.2f}" if row["times_flair"] else "",
        "parameters": f"{row['parameters']:,}",
        "vocabulary": f"{row['vocabulary']:,}",
        "first s": f"{row['first_seconds']:.1f}",
        "steps": row["steps"],
        "tokens a sentence": f"{row['tokens'] / row['batched']:.2f}",
        "padding": f"{1 - row['tokens'] / row['padded']:.0%}",
    }
    return told | ({"without loading": f"{row['without_loading']:,.0f}"} if "without_loading" in row else {})


def _of_answers(row):
    told = {"threads": row["threads"], "load s": f"{row['load_seconds']:.2f}", "entities": f"{row['entities']:,}"}
    if "median_ms" in row:
        told |= {"p50 ms": f"{row['median_ms']:.2f}", "p95 ms": f"{row['p95_ms']:.2f}"}
    return told | ({"MB": f"{row['bytes'] / 1e6:.2f}"} if "bytes" in row else {})


def _training(asked):
    ways = {name: {**settings(0), **own} for name, own in WAYS.items()}
    with started(asked, ways, _nested(settings(1))) as contenders:
        told = {name: one.prepare(asked.steps) for name, one in contenders.items()}
        counts = {name: each["sentences"] for name, each in told.items()}
        if len(set(counts.values())) > 1:
            raise RuntimeError(f"Not all have the same sentences to train on: {counts}.")
        calls = {name: lambda one=one: one.train(asked.steps) for name, one in contenders.items()}
        taken = by_turns(calls, asked.repeats)
    rates = {name: [each["tokens"] / each["seconds"] for each in turns[1:]] for name, turns in taken.items()}
    theirs = statistics.median(rates["flair"]) if "flair" in rates else None
    for name, turns in taken.items():
        last = turns[-1]
        row = {"part": "training", "way": name, **told[name], **spread(rates[name])}
        row |= {key: last[key] for key in ("steps", "tokens", "padded", "loss")} | {"batched": last["sentences"]}
        row |= {"seconds": [each["seconds"] for each in turns[1:]], "first_seconds": turns[0]["first_seconds"]}
        if "loading_seconds" in last:
            inner = [each["tokens"] / (each["seconds"] - each["loading_seconds"]) for each in turns[1:]]
            row["without_loading"] = statistics.median(inner)
        yield row | {"times_flair": theirs and statistics.median(rates[name]) / theirs}


def _nested(flat):
    """Turns `{"words.min_freq": 1, "batch_size": 32}` into `{"words": {"min_freq": 1}, "batch_size": 32}`."""
    tree = {}
    for name, value in flat.items():
        *parent, leaf = name.split(".")
        (tree.setdefault(parent[0], {}) if parent else tree)[leaf] = value
    return tree


def _bundle(asked):
    """Returns the bundle that answers: the one named, or one that is trained, unless there is one of these settings."""
    from rnnkit import bundle

    if asked.bundle:
        return bundle.load(asked.bundle)
    key = hashlib.sha256(pathlib.Path(asked.settings).read_bytes()).hexdigest()[:8]
    out = asked.work / f"rnnkit-{key}-{asked.epochs}-{asked.epoch_steps}"
    if not (out / "ner").is_dir():
        flags = [part for name, path in asked.files.items() for part in (f"--{name}", path)]
        few = ["--epochs", asked.epochs, "--steps-per-epoch", asked.epoch_steps, "--seed", SEED]
        measured([*RNNKIT, "run", "ner", "--config", asked.settings, *flags, *few, "--out", out])
    return bundle.load(out / "ner")


def _answering(asked, bundle, texts):
    with own_process() as call:
        rows = call(answering.by_saved_model, str(bundle.path), texts, asked.passes, asked.threads)
    for row in rows:
        yield {"part": "answering", **row, **_described(asked, bundle)}


def _device(asked, bundle, texts):
    """Exports a copy, so that a bundle of somebody's keeps the edge/ that it has."""
    copy = asked.work / "exported" / "1"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(bundle.path, copy)
    for kind in (kind.strip() for kind in asked.quantize.split(",")):
        cost = measured([*RNNKIT, "export", copy, "--to", "tflite", "--quantize", kind, "--json"])
        told = json.loads(cost.output.splitlines()[-1])
        made = told["variants"][-1]
        kept = {"quantize": kind, "bytes": made["bytes"], "parity": told["variants"], "export_seconds": cost.seconds}
        for threads in sorted({1, asked.threads}):
            with own_process() as call:
                row = call(answering.on_device, str(copy / "edge"), texts, asked.passes, threads)
            way = f"run.py, {kind}, {threads} thread{'s' * (threads > 1)}"
            yield {"part": "device", "way": way, **row, **kept, **_described(asked, bundle)}


def _described(asked, bundle):
    kept = {name: bundle.card[name] for name in ("parameters", "epochs", "settings")}
    return kept | {"bundle": asked.bundle or "trained", "scores": bundle.card["scores"]["test"]}
