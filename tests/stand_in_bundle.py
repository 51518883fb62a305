"""A stand-in for a bundle: answers with the length of a text, without TensorFlow; and what goes with it."""

import dataclasses
import json
import pathlib

import numpy as np
import pandas as pd

from rnnkit.predicting import files, partial
from rnnkit.progress import Reporter

ROWS = 90


def small_portions():
    """Has every portion of 7 rows noted at once."""
    files.SIZE, partial.EVERY = 7, 0.0


@dataclasses.dataclass(frozen=True)
class Lengths:
    """Stands for a bundle: answers with the length of a text, without TensorFlow."""

    version: int = 3
    path: str = "lengths/3"

    @property
    def card(self):
        outputs = {
            "label": {"dtype": "string", "shape": [None]},
            "probability": {"dtype": "float32", "shape": [None, 2]},
            "length": {"dtype": "int64", "shape": [None]},
        }
        signature = {"inputs": {"text": {"dtype": "string", "shape": [None]}}, "outputs": outputs}
        settings = {"columns": "", "header": "auto", "encoding": "utf-8", "quoting": "auto"}
        return {
            "version": self.version,
            "inputs": ["text"],
            "labels": ["odd", "even"],
            "signatures": {"serving_default": signature},
            "settings": settings,
        }

    def predict(self, rows, *, signature):
        lengths = np.array([len(text) for text in rows["text"]], np.int64)
        share = (1 / (1 + lengths)).astype(np.float32)
        label = np.array(["even" if length % 2 == 0 else "odd" for length in lengths], object)
        return {"label": label, "probability": np.stack([share, 1 - share], axis=1), "length": lengths}


class Said(Reporter):
    """Keeps what is said."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def say(self, text):
        self.lines.append(text)


def write_table(folder: pathlib.Path, kind: str) -> pathlib.Path:
    """Writes `in.KIND` of 90 rows with a number and a text, in csv and jsonl with a fault."""
    path = folder / f"in.{kind}"
    texts = [f"text {'x' * (n * 7 % 31)}" for n in range(ROWS)]
    if kind == "parquet":
        frame = pd.DataFrame({"n": pd.array(range(ROWS), "Int16"), "text": texts})
        frame["kind"] = pd.Categorical(["ab"[n % 2] for n in range(ROWS)])
        frame.to_parquet(path)
    elif kind == "jsonl":
        lines = [json.dumps({"n": n, "text": text}) for n, text in enumerate(texts)]
        lines[33], lines[80] = "{broken", '{"text": "late", "more": [1.50]}'
        path.write_text("\n".join(lines))
    else:
        lines = [f"{n},{text}" for n, text in enumerate(texts)]
        lines[20], lines[71] = "20,a,b", '71,"two\nlines"'
        path.write_text("\n".join(["n,text", *lines]))
    return path


def names(folder: pathlib.Path) -> list[str]:
    """Returns what is in a folder."""
    return sorted(path.name for path in folder.iterdir())
