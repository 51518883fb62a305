"""Contenders: rnnkit and JoeyNMT, each in a process of its own -> what their training steps and translations take.

Both answer the same calls: `prepare` and `train`, `learnt` and `translate`.
"""

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import json
import multiprocessing
import os
import pathlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence

import translate_ours as ours
import yaml
from measuring import RNNKIT, measured

DRIVER = pathlib.Path(__file__).resolve().with_name("translate_joeynmt.py")
INSTALLING = "python -m venv joey && joey/bin/pip install joeynmt"
BATCH = 32
"""Sentences that are translated at a time, in the order of the file."""
SEED = 0


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is to be measured.

    Attributes:
        data: Folder of Multi30k.
        work: Folder for what is made: texts, pieces, trained models. Those of an earlier call are used again.
        joeynmt: Python of an environment that has JoeyNMT; None: rnnkit alone.
        parts: `training`, `translation` or both.
        steps, repeats: Gradient steps of a turn, and turns of each.
        epochs, epoch_steps: Passes over the train pairs that make the models that translate, and steps of each; 0: all.
        passes: Turns of translating, after one to warm up.
        sentences: How many of the test sentences are translated; 0: all.
        threads: Of each framework.
        xla: Setting of rnnkit.
    """

    data: pathlib.Path
    work: pathlib.Path
    joeynmt: str | None
    parts: Sequence[str]
    steps: int
    repeats: int
    epochs: int
    epoch_steps: int
    passes: int
    sentences: int
    threads: int
    xla: str

    def test(self, language: str) -> list[str]:
        """Returns the test sentences in a language."""
        return ours.read_lines(self.data / f"{ours.FILES['test']}.{language}.gz")[: self.sentences or None]


@contextlib.contextmanager
def started(asked: Asked, sizes: Sequence[Mapping[str, object]]) -> Iterator[dict[str, object]]:
    """Starts the contenders.

    Args:
        asked: What is to be measured.
        sizes: Settings of rnnkit, and of JoeyNMT by dotted names.
    """
    spawn = multiprocessing.get_context("spawn")
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn))
        size = sizes[0]["vocabulary"]
        texts = asked.test("en")
        written = process.submit(ours.write_for_joeynmt, asked.data, texts, asked.work, size, SEED).result()
        contenders = {"rnnkit": _Ours(process, asked, sizes[0])}
        if asked.joeynmt:
            contenders["JoeyNMT"] = stack.enter_context(_joeynmt(asked, written, sizes[1]))
        yield contenders


class _Ours:
    """rnnkit, in a process of its own."""

    def __init__(self, process, asked, sizes):
        self.process, self.asked = process, asked
        self.settings = {**ours.files(asked.data), **sizes, "xla": asked.xla, "seed": SEED, "keep_by": "loss"}

    def prepare(self, steps):
        pieces = str(self.asked.work / "pieces.txt")
        return self._call(ours.prepare, self.settings, steps, self.asked.threads, pieces)

    def train(self, steps):
        del steps
        return self._call(ours.train)

    def learnt(self, epochs, steps):
        """Trains a bundle by `rnnkit run`, unless there is one of these settings."""
        few = {"valid": self._few("val"), "test": self._few(ours.FILES["test"])} if self.asked.sentences else {}
        chosen = {**self.settings, **few, "epochs": epochs, "steps_per_epoch": steps, "patience": epochs}
        folder = self.asked.work / f"rnnkit-{_key(chosen)}"
        if not (folder / "translate").is_dir():
            config = self.asked.work / "rnnkit.yaml"
            config.write_text(yaml.safe_dump(chosen, sort_keys=False), encoding="utf-8")
            measured([*RNNKIT, "run", "translate", "--config", config, "--out", folder])
        card = self._call(ours.load, str(folder / "translate"), self.asked.threads)
        return card | {"epochs": epochs, "steps_per_epoch": steps}

    def _few(self, name):
        """Writes the first sentences of both sides; a run scores all that it is given."""
        paths = [self.asked.work / f"few_{name}.{language}" for language in ours.LANGUAGES]
        for path in paths:
            lines = ours.read_lines(self.asked.data / f"{name}{path.suffix}.gz")[: self.asked.sentences]
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return ",".join(map(str, paths))

    def translate(self):
        return self._call(ours.translate, self.asked.test("en"), BATCH, self.settings["beam_width"])

    def _call(self, function, *arguments):
        return self.process.submit(function, *arguments).result()


@contextlib.contextmanager
def _joeynmt(asked, written, sizes):
    """Starts JoeyNMT's driver; its log is `joeynmt.log` in the folder of work."""
    config = asked.work / "joeynmt.yaml"
    described = _nested(
        {
            "name": "multi30k",
            "model_dir": str(asked.work / "joeynmt"),
            "use_cuda": False,
            "random_seed": SEED + 1,
            **written,
            "model.initializer": "xavier_uniform",
            "model.encoder.type": "recurrent",
            "model.decoder.type": "recurrent",
            # One must be named. The driver never asks it to change the step size.
            "training.scheduling": "decaying",
            "testing.eval_metrics": [],
            **sizes,
        }
    )
    config.write_text(yaml.safe_dump(described, sort_keys=False), encoding="utf-8")
    log = asked.work / "joeynmt.log"
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [asked.joeynmt, DRIVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        )
        try:
            yield _Theirs(process, asked, str(config), log, _key(sizes))
        finally:
            process.stdin.close()
            process.wait()


class _Theirs:
    """JoeyNMT, in a process and an environment of its own."""

    def __init__(self, process, asked, config, log, key):
        self.process, self.asked, self.log, self.key = process, asked, log, key
        self.told = self._call("open", config=config, threads=asked.threads)

    def prepare(self, steps):
        del steps
        return self.told

    def train(self, steps):
        taken = self._call("train", steps=steps)
        return {**taken, "first_seconds": taken["seconds"]}

    def learnt(self, epochs, steps):
        """Trains a model, unless there is one of these settings."""
        path = self.asked.work / f"joeynmt-{self.key}-{epochs}-{steps}.pt"
        if not path.is_file():
            taken = self._call("learn", epochs=epochs, steps=steps, path=str(path))
            path.with_suffix(".json").write_text(json.dumps(taken))
        self._call("load", path=str(path))
        taken = json.loads(path.with_suffix(".json").read_text())
        return self.told | {"train_seconds": taken["seconds"], "epochs": epochs, "steps_per_epoch": steps}

    def translate(self):
        return self._call("translate")

    def _call(self, do, **arguments):
        print(json.dumps({"do": do, **arguments}), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            last = " ".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-1:])
            raise RuntimeError(f"JoeyNMT stopped at {do!r}: {last} (--work DIR keeps its whole log, {self.log.name}.)")
        return json.loads(answer)


def _key(values):
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:8]


def _nested(flat: Mapping[str, object]) -> dict:
    """Turns `{"a.b": 1}` into `{"a": {"b": 1}}`."""
    tree = {}
    for name, value in flat.items():
        *parents, leaf = name.split(".")
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = value
    return tree
