"""Serving: a SavedModel and SST-2 sentences -> sentences/s in batches, and how long one sentence takes."""

import os
import pathlib
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence

from measuring import context, real_data, train_on_sample

BATCH = 64


def add_flags(parser) -> None:
    """Adds the flags of this subject."""
    parser.add_argument("--bundle", help="Folder of a bundle; one is trained on the sample by default.")
    parser.add_argument("--data-folder", help="Folder of the data sets; RNNKIT_DATA by default.")
    parser.add_argument("--passes", type=int, default=9, help="Passes over the sentences, after one to warm up.")
    parser.add_argument("--threads", type=int, default=2, help="Threads of TensorFlow, within and between ops.")


def measure(arguments) -> Iterator[dict]:
    """Yields a row per way of asking."""
    where = context()
    sentences = _sentences(real_data(arguments.data_folder))
    with tempfile.TemporaryDirectory(prefix="rnnkit-serve-") as folder:
        path = arguments.bundle or train_on_sample(pathlib.Path(folder), "--epochs", "1")
        for row in _rows(path, sentences, arguments):
            yield {**row, "bundle": str(arguments.bundle or "sample"), "context": where}


def lines(rows: Sequence[Mapping]) -> list[dict]:
    """Returns the lines of the table."""
    return [_line(row) for row in rows]


def _sentences(data):
    with (data / "sentiment/sst2/test.tsv").open(encoding="utf-8") as lines:
        return [line.partition("\t")[0] for line in lines]


def _rows(path, sentences, arguments):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    import rnnkit

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    bundle = rnnkit.load(path)
    begin = time.perf_counter()
    signature = bundle.model.signatures["serving_default"]
    load_seconds = time.perf_counter() - begin

    def ask(texts):
        return {name: output.numpy() for name, output in signature(text=tf.constant(texts)).items()}

    batches = [sentences[start : start + BATCH] for start in range(0, len(sentences), BATCH)]
    ways = {
        "SavedModel, in file order": lambda: [ask(batch) for batch in batches],
        "SavedModel, sorted by length (bundle.predict)": lambda: bundle.predict(sentences),
    }
    seconds = {way: [] for way in ways}
    for turn in range(arguments.passes + 1):
        for way, call in ways.items():
            begin = time.perf_counter()
            call()
            if turn:
                seconds[way].append(time.perf_counter() - begin)
    rows = [{"way": way, "batch": BATCH, **_rates(len(sentences), taken)} for way, taken in seconds.items()]
    rows.append({"way": "SavedModel, one at a time", "batch": 1, **_latency(ask, sentences)})
    return [{**row, "load_seconds": load_seconds, "threads": arguments.threads} for row in rows]


def _rates(count, seconds):
    rates = [count / taken for taken in seconds]
    return {"per_second": statistics.median(rates), "lowest": min(rates), "highest": max(rates)}


def _latency(ask, sentences):
    seconds = []
    for sentence in sentences:
        begin = time.perf_counter()
        ask([sentence])
        seconds.append(time.perf_counter() - begin)
    parts = statistics.quantiles(seconds, n=20)
    times = {"median_ms": 1e3 * statistics.median(seconds), "p95_ms": 1e3 * parts[-1]}
    return {**_rates(len(sentences), [sum(seconds)]), **times}


def _line(row):
    line = {
        "way": row["way"],
        "batch": row["batch"],
        "sentences/s": f"{row['per_second']:,.0f}",
        "lowest": f"{row['lowest']:,.0f}",
        "highest": f"{row['highest']:,.0f}",
    }
    if "median_ms" in row:
        line |= {"median ms": f"{row['median_ms']:.2f}", "p95 ms": f"{row['p95_ms']:.2f}"}
    return line
