"""Contenders: rnnkit and flair, each in a process of its own -> what their training steps take.

Both answer the same calls: `prepare` and `train`.
"""

import concurrent.futures
import contextlib
import dataclasses
import json
import multiprocessing
import os
import pathlib
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence

import ner_ours as ours

DRIVER = pathlib.Path(__file__).resolve().with_name("ner_flair.py")
INSTALLING = "python -m venv flair && flair/bin/pip install flair"
SEED = 0


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is to be measured.

    Attributes:
        files: Of CoNLL-2003, by the setting that names each: `data`, `valid`, `test`.
        work: Folder for what is made: texts, a trained bundle. Those of an earlier call are used again.
        settings: YAML file of the model that answers.
        parts: `training`, `answering`, `device`, or some of them.
        flair: Python of an environment that has flair; None: rnnkit alone.
        steps, repeats: Gradient steps of a turn, and turns of each.
        xla: Setting of rnnkit while it trains.
        bundle: That answers; empty: one is trained.
        epochs, epoch_steps: Passes over the train split that make it, and steps of each; 0: all.
        passes: Turns of answering, after one to warm up.
        sentences: How many of the test sentences are answered; 0: all.
        quantize: Forms for devices, with commas.
        threads: Of each framework.
    """

    files: Mapping[str, pathlib.Path]
    work: pathlib.Path
    settings: str | pathlib.Path
    parts: Sequence[str]
    flair: str | None
    steps: int
    repeats: int
    xla: str
    bundle: str
    epochs: int
    epoch_steps: int
    passes: int
    sentences: int
    quantize: str
    threads: int


@contextlib.contextmanager
def own_process() -> Iterator[Callable]:
    """Starts a process that keeps what it makes; gives `call(function, *arguments)`, which runs one in it."""
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as process:
        yield lambda function, *arguments: process.submit(function, *arguments).result()


@contextlib.contextmanager
def started(asked: Asked, ways: Mapping[str, Mapping], theirs: Mapping[str, object]) -> Iterator[dict[str, object]]:
    """Starts the contenders.

    Args:
        asked: What is to be measured.
        ways: Name -> settings of rnnkit, of each way in which it is measured.
        theirs: Settings of flair's, as `ner_flair.Driven` takes them.
    """
    with contextlib.ExitStack() as stack:
        contenders = {}
        for name, settings in ways.items():
            contenders[name] = _Ours(stack.enter_context(own_process()), asked, settings)
        if asked.flair:
            train = asked.work / "train.txt"
            next(iter(contenders.values())).call(ours.write_for_flair, _paths(asked), str(train))
            contenders["flair"] = stack.enter_context(_flair(asked, {**theirs, "train": str(train)}))
        yield contenders


class _Ours:
    """rnnkit, in a process of its own."""

    def __init__(self, call, asked, settings):
        self.call, self.asked = call, asked
        self.settings = {**_paths(asked), **settings, "xla": asked.xla, "seed": SEED, "keep_by": "loss"}

    def prepare(self, steps):
        return self.call(ours.prepare, self.settings, steps, self.asked.threads)

    def train(self, steps):
        del steps
        return self.call(ours.train)


def _paths(asked):
    return {name: str(path) for name, path in asked.files.items()}


@contextlib.contextmanager
def _flair(asked, settings):
    """Starts flair's driver; its log is `flair.log` in the folder of work."""
    log = asked.work / "flair.log"
    # It would look for a folder to keep what it downloads; here it downloads nothing.
    quiet = {"FLAIR_CACHE_ROOT": str(asked.work / "flair"), "FLAIR_DEVICE": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [asked.flair, DRIVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            env=os.environ | quiet,
        )
        try:
            yield _Theirs(process, asked, settings, log)
        finally:
            process.stdin.close()
            process.wait()


class _Theirs:
    """flair, in a process and an environment of its own."""

    def __init__(self, process, asked, settings, log):
        self.process, self.log = process, log
        self.told = self._call("open", seed=SEED, threads=asked.threads, **settings)

    def prepare(self, steps):
        del steps
        return self.told

    def train(self, steps):
        taken = self._call("train", steps=steps)
        return {**taken, "first_seconds": taken["seconds"]}

    def _call(self, do, **arguments):
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps({"do": do, **arguments}), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            last = " ".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-1:])
            raise RuntimeError(f"flair stopped at {do!r}: {last} (--work DIR keeps its whole log, {self.log.name}.)")
        return json.loads(answer)
