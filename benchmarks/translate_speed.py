"""Translation speed: Multi30k -> target tokens/s of training, sentences/s of translating, beside JoeyNMT by turns.

Both have the same sizes, the same pieces, batches of 64 pairs and plain cross-entropy. rnnkit runs in a process of its
own; so does JoeyNMT, in an environment of its own, see `translate_contenders.py`.
"""

import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

from translate_contenders import BATCH, Asked, started

SIZES = (
    # What it is, rnnkit's settings, JoeyNMT's.
    (
        "pieces of both sides, BPE",
        {"pieces": "bpe", "vocabulary": 6_000, "joint": True},
        {"model.tied_embeddings": True},
    ),
    ("pieces of a text, at most", {"length": 100}, {"data.src.max_length": 100, "data.trg.max_length": 100}),
    (
        "vector of a piece",
        {"embedding_units": 256},
        {"model.encoder.embeddings.embedding_dim": 256, "model.decoder.embeddings.embedding_dim": 256},
    ),
    ("cell", {"cell": "lstm"}, {"model.encoder.rnn_type": "lstm", "model.decoder.rnn_type": "lstm"}),
    # Both count the state of one direction: what the decoder sees has 512 features.
    (
        "encoder: layers, state of each of two directions",
        {"depth": 1, "units": 256, "bidirectional": True},
        {"model.encoder.num_layers": 1, "model.encoder.hidden_size": 256, "model.encoder.bidirectional": True},
    ),
    (
        "decoder: layers, state",
        {"decoder_depth": 1, "decoder_units": 512},
        {"model.decoder.num_layers": 1, "model.decoder.hidden_size": 512},
    ),
    # JoeyNMT's luong is the general form of Luong et al. (2015), looked up after the cell.
    ("attention", {"attention": "general"}, {"model.decoder.attention": "luong"}),
    ("input feeding", {"input_feeding": True}, {"model.decoder.input_feeding": True}),
    # JoeyNMT can tie its output layer only where a vector has the size of the decoder's state.
    ("output layer of its own", {"tied": False}, {"model.tied_softmax": False}),
    # JoeyNMT starts the decoder from both last states of the encoder, rnnkit from the mean of all.
    ("first state of the decoder", {}, {"model.decoder.init_hidden": "bridge"}),
    (
        "dropout of vectors and outputs",
        {"embedding_dropout": 0.2, "dropout": 0.2},
        {
            "model.encoder.embeddings.dropout": 0.2,
            "model.decoder.embeddings.dropout": 0.2,
            "model.decoder.hidden_dropout": 0.2,
        },
    ),
    (
        "pairs in a batch",
        {"batch_size": 64, "token_budget": 0},
        {"training.batch_size": 64, "training.batch_type": "sentence"},
    ),
    (
        "optimiser",
        {"optimizer": "adam", "learning_rate": 1e-3, "schedule": "constant", "warmup": 0.0, "clip_norm": 1.0},
        {"training.optimizer": "adam", "training.learning_rate": 1e-3, "training.clip_grad_norm": 1.0},
    ),
    (
        "loss, by its mean over tokens",
        {"label_smoothing": 0.0},
        {"training.label_smoothing": 0.0, "training.normalization": "tokens"},
    ),
    (
        "search",
        {"beam_width": 5, "length_penalty": 1.0},
        {"testing.beam_size": 5, "testing.beam_alpha": 1.0, "testing.batch_size": 32, "testing.batch_type": "sentence"},
    ),
)


def measure(asked: Asked) -> Iterator[dict]:
    """Yields a row for each part and contender."""
    with started(asked, [settings(0), settings(1)]) as both:
        if "training" in asked.parts:
            yield from _training(both, asked)
        if "translation" in asked.parts:
            yield from _translation(both, asked)


def settings(side: int) -> dict[str, object]:
    """Returns the sizes of one side, 0 for rnnkit and 1 for JoeyNMT, by their names there."""
    return {name: value for _, *sides in SIZES for name, value in sides[side].items()}


def size_lines() -> list[dict[str, str]]:
    """Returns the table of sizes, as it is printed."""

    def told(values):
        return ", ".join(f"{name.removeprefix('model.')} {value}" for name, value in values.items())

    return [{"same in both": about, "rnnkit": told(first), "JoeyNMT": told(second)} for about, first, second in SIZES]


def lines(rows: Sequence[Mapping]) -> list[dict[str, str]]:
    """Returns the lines of the table of one part."""
    return [_line(row) | _rest(row) for row in rows]


def _line(row):
    unit = "target tokens/s" if row["part"] == "training" else "sentences/s"
    return {
        "way": row["way"],
        "parameters": f"{row['parameters']:,}",
        unit: f"{row['per_second']:,.1f}",
        "lowest": f"{row['lowest']:,.1f}",
        "highest": f"{row['highest']:,.1f}",
        "times JoeyNMT": f"{row['times_joeynmt']:.2f}" if row["times_joeynmt"] else "",
        "first s": f"{row['first_seconds']:.1f}",
    }


def _rest(row):
    if row["part"] == "translation":
        told = {"BLEU": f"{row['scores']['bleu']:.1f}", "words a sentence": f"{row['words'] / row['sentences']:.1f}"}
        return told | {"epochs": row["epochs"]}
    told = {
        "steps": row["steps"],
        "tokens a pair": f"{row['tokens'] / row['sentences']:.2f}",
        "padding": f"{1 - row['tokens'] / row['padded']:.0%}",
    }
    inner = row.get("without_loading")
    return told | ({"without loading": f"{inner:,.1f}"} if inner else {})


def _training(both, asked):
    told = {name: one.prepare(asked.steps) for name, one in both.items()}
    taken = by_turns({name: lambda one=one: one.train(asked.steps) for name, one in both.items()}, asked.repeats)
    rates = {name: [each["tokens"] / each["seconds"] for each in turns[1:]] for name, turns in taken.items()}
    for name, turns in taken.items():
        last = turns[-1]
        row = {"part": "training", "way": name, **told[name], **spread(rates[name])}
        row |= {key: last[key] for key in ("steps", "sentences", "tokens", "padded", "loss")}
        row |= {"seconds": [each["seconds"] for each in turns[1:]], "first_seconds": turns[0]["first_seconds"]}
        if "loading_seconds" in last:
            inner = [each["tokens"] / (each["seconds"] - each["loading_seconds"]) for each in turns[1:]]
            row["without_loading"] = statistics.median(inner)
        yield row | _times(rates, name)


def _translation(both, asked):
    told = {name: one.learnt(asked.epochs, asked.epoch_steps) for name, one in both.items()}
    references = asked.test("de")
    taken = by_turns({name: one.translate for name, one in both.items()}, asked.passes)
    rates = {name: [len(references) / each["seconds"] for each in turns[1:]] for name, turns in taken.items()}
    from rnnkit.metrics.translations import score_translations

    for name, turns in taken.items():
        texts = turns[-1]["texts"]
        row = {"part": "translation", "way": name, "batch": BATCH, "sentences": len(texts), **told[name]}
        row |= {"scores": score_translations(texts, references), "words": sum(len(text.split()) for text in texts)}
        row |= {"seconds": [each["seconds"] for each in turns[1:]], "first_seconds": turns[0]["seconds"]}
        yield row | spread(rates[name]) | _times(rates, name) | {"examples": texts[:3]}


def by_turns(calls: Mapping[str, Callable[[], dict]], repeats: int) -> dict[str, list[dict]]:
    """Calls each in turn, once more than `repeats`: the first is to warm up."""
    taken = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            taken[name].append(call())
            warm = "" if turn else " (first)"
            print(f"{name:8} {taken[name][-1]['seconds']:8.2f} s{warm}", file=sys.stderr, flush=True)
    return taken


def spread(rates):
    return {"per_second": statistics.median(rates), "lowest": min(rates), "highest": max(rates)}


def _times(rates, name):
    if "JoeyNMT" not in rates:
        return {"times_joeynmt": None}
    return {"times_joeynmt": statistics.median(rates[name]) / statistics.median(rates["JoeyNMT"])}
