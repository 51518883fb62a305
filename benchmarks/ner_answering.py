"""Answering: a bundle and the test sentences as raw texts -> sentences/s of the SavedModel, ms of one on a device.

Each runs in a process of its own: the SavedModel with TensorFlow alone, as `tf.saved_model.load` gives it; the device's
file with run.py alone, without TensorFlow.
"""

import importlib.util
import os
import pathlib
import statistics
import time
from collections.abc import Sequence

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
BATCH = 32
WARMING = 64
"""Sentences answered before any is timed, one at a time."""


def read_texts(path: str, sentences: int) -> list[str]:
    """Returns the first sentences of a file, 0 for all, each as its tokens joined by spaces."""
    from rnnkit.tagging.reading import read_tagged_rows

    texts = [" ".join(tokens) for tokens in read_tagged_rows(path).tokens]
    return texts[: sentences or None]


def by_saved_model(path: str, texts: Sequence[str], passes: int, threads: int) -> list[dict]:
    """Answers texts from strings to the spans of each, as NumPy arrays.

    Returns:
        A row for each way of asking: batches in the order of the file, batches of like length, one at a time.
    """
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    begin = time.perf_counter()
    # Kept while its signature is asked: that alone wouldn't keep the variables.
    model = tf.saved_model.load(path)
    signature = model.signatures["serving_default"]
    load_seconds = time.perf_counter() - begin

    def ask(batch):
        return {name: output.numpy() for name, output in signature(text=tf.constant(batch)).items()}

    alike = sorted(texts, key=len)
    ways = {
        f"SavedModel, batch {BATCH}, in file order": (texts, BATCH),
        f"SavedModel, batch {BATCH}, sorted by length": (alike, BATCH),
        "SavedModel, one at a time": (texts, 1),
    }
    seconds, answers = {way: [] for way in ways}, {}
    for turn in range(passes + 1):
        for way, (order, size) in ways.items():
            # One at a time takes long, and has as many measurements as sentences in a single turn.
            if size > 1 or turn <= 1:
                taken, answers[way] = _asked(ask, order if turn or size > 1 else order[:WARMING], size)
                seconds[way] += [taken] if turn else []
    rows = []
    for way, (_, size) in ways.items():
        rates = [len(texts) / sum(taken) for taken in seconds[way]]
        row = {"way": way, "batch": size, "threads": threads, "sentences": len(texts), "load_seconds": load_seconds}
        row |= {"per_second": statistics.median(rates), "lowest": min(rates), "highest": max(rates)}
        row |= {"entities": sum(int(answer["count"].sum()) for answer in answers[way])}
        row |= {"tokens": sum(int((answer["token"] != b"").sum()) for answer in answers[way])}
        rows.append(row | (_latency(seconds[way]) if size == 1 else {}))
    return rows


def _asked(ask, texts, size):
    """Returns the seconds of each batch, and its answer."""
    seconds, answers = [], []
    for start in range(0, len(texts), size):
        begin = time.perf_counter()
        answers.append(ask(texts[start : start + size]))
        seconds.append(time.perf_counter() - begin)
    return seconds, answers


def on_device(folder: str, texts: Sequence[str], passes: int, threads: int) -> dict:
    """Answers texts one by one by the run.py of a bundle's edge/, from bytes to the spans."""
    begin = time.perf_counter()
    spec = importlib.util.spec_from_file_location("run", pathlib.Path(folder) / "run.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    model = script.Model(pathlib.Path(folder), "model.tflite", threads)
    load_seconds = time.perf_counter() - begin
    raw = [text.encode("utf-8") for text in texts]
    for text in raw[:WARMING]:
        model.answer(text)
    turns, answers = [], []
    for _ in range(passes):
        taken, answers = _asked(lambda one: model.answer(one[0]), raw, 1)
        turns.append(taken)
    rates = [len(texts) / sum(taken) for taken in turns]
    told = {"batch": 1, "threads": threads, "sentences": len(texts), "load_seconds": load_seconds}
    told |= {"per_second": statistics.median(rates), "lowest": min(rates), "highest": max(rates)}
    return told | {"entities": sum(int(np.sum(answer["count"])) for answer in answers)} | _latency(turns)


def _latency(turns):
    """Returns the median and the 95th percentile of what one sentence takes, over all turns."""
    seconds = [one for taken in turns for one in taken]
    return {"median_ms": 1e3 * statistics.median(seconds), "p95_ms": 1e3 * statistics.quantiles(seconds, n=20)[-1]}
