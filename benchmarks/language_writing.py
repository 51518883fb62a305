"""Writing: a bundle -> characters/s of one stream by the SavedModel, token by token; and by the run.py of an export.

Each runs in a process of its own, run.py without TensorFlow. Each turn has its own seed.
"""

import importlib.util
import pathlib
import statistics
import time
from collections.abc import Callable

import numpy as np

STEP = "SavedModel, step"
END, RESERVED = 3, 4
"""The id that a text begins after, and how many ids stand for no token."""
TRIES = 100


def by_saved_model(path: str, count: int, passes: int, threads: int) -> list[dict]:
    """Writes by the bare signature `step`, by it as `rnnkit predict --stream` does, and by `generate`.

    Args:
        path: The bundle.
        count: Characters, or tokens if they are none, of a turn.
        passes: Turns, after one to warm up.
        threads: Of TensorFlow.
    """
    from rnnkit.quiet import import_tensorflow

    import_tensorflow()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    import rnnkit
    from rnnkit.predicting.writing_on import write_on

    begin = time.perf_counter()
    bundle = rnnkit.load(path)
    signatures = bundle.model.signatures
    load_seconds = time.perf_counter() - begin

    def streamed(seed):
        return "".join(write_on(bundle, "", length=count, temperature=1.0, seed=seed))

    def generated(seed):
        found = signatures["generate"](
            text=tf.constant([""]),
            length=tf.constant(count),
            temperature=tf.constant(1.0),
            top_k=tf.constant(0),
            top_p=tf.constant(1.0),
            seed=tf.constant([0, seed]),
        )
        return found["generated"].numpy()[0].decode("utf-8", "replace")

    ways = {
        STEP: lambda seed: _stepped(signatures, count, seed),
        "SavedModel, step, by predict --stream": lambda seed: _enough(streamed, count, seed),
        "SavedModel, generate": lambda seed: _enough(generated, count, seed),
    }
    rows = [{"way": way, **_timed(write, passes)} for way, write in ways.items()]
    return [{**row, "threads": threads, "load_seconds": load_seconds} for row in rows]


def _stepped(signatures, count, seed):
    """Draws tokens at temperature 1, one by one; returns the text."""
    import tensorflow as tf

    step, random, token, ids = signatures["step"], np.random.default_rng(seed), END, []
    specs = step.structured_input_signature[1]
    states = {name: tf.zeros([1, spec.shape[1]]) for name, spec in specs.items() if name != "ids"}
    for _ in range(count):
        found = step(ids=tf.constant([token], tf.int32), **states)
        states = {name: found[name] for name in states}
        chances = np.exp(found["log_probability"].numpy()[0])
        chances[:RESERVED] = 0
        sums = chances.cumsum()
        token = min(int(sums.searchsorted(random.random() * sums[-1], side="right")), len(sums) - 1)
        ids.append(token)
    return signatures["join"](ids=tf.constant([ids], tf.int32))["text"].numpy()[0].decode("utf-8", "replace")


def _enough(write: Callable[[int], str], count: int, seed: int) -> str:
    """Writes texts, for one may end early, until they have `count` characters together."""
    text = ""
    for further in range(TRIES):
        text += write(TRIES * seed + further)
        if len(text) >= count:
            return text
    raise RuntimeError(f"{TRIES} texts have {len(text):,} characters together: the model ends them at once.")


def _timed(write, passes):
    """Returns characters/s of turns after the first."""
    rates, characters = [], 0
    for turn in range(passes + 1):
        begin = time.perf_counter()
        text = write(turn)
        seconds = time.perf_counter() - begin
        rates += [len(text) / seconds] if turn else []
        characters += len(text) if turn else 0
    told = {"per_second": statistics.median(rates), "lowest": min(rates), "highest": max(rates)}
    return told | {"characters": characters, "text": text[:200]}


def on_device(folder: str, count: int, passes: int, threads: int) -> dict:
    """Writes by the run.py of a bundle's edge/."""
    begin = time.perf_counter()
    spec = importlib.util.spec_from_file_location("run", pathlib.Path(folder) / "run.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    model = script.Model(pathlib.Path(folder), "model.tflite", threads)
    load_seconds = time.perf_counter() - begin

    def written(seed):
        return "".join(model.write(b"", length=count, temperature=1.0, seed=seed))

    told = _timed(lambda seed: _enough(written, count, seed), passes)
    return {**told, "threads": threads, "load_seconds": load_seconds}
